"""A WebSocket on which everything that can send does so at once, and the bytes that its peer reads."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

import attrs
import trio
from support.strict_reader import StrictReader
from support.tls import contexts

import trioweb
from trioweb import App, Config, Deflate, Limits, Overflow, Timeouts
from trioweb.testing import RawPeer, close_frame

OFFER = ("Sec-WebSocket-Extensions", "permessage-deflate")
KERNEL_BYTES = 4096
"""The size of the kernel's buffers on each side, small so that the outbox fills."""

LIMITS = Limits(outbox_bytes=20_000, outbox_messages=12)
TIMEOUTS = Timeouts(close_seconds=1, handler_grace_seconds=0.5, drain_seconds=2, ping_interval_seconds=None)
POLICIES = {policy.name: policy for policy in Overflow}
ENDS = (trioweb.ConnectionClosed, trioweb.OutboxFull)


@attrs.define
class Piecewise:
    """An open stream: it takes pieces, and its block continues when the test says so."""

    pieces: trio.MemorySendChannel
    scope: trio.CancelScope


@attrs.define
class Story:
    """The calls that were made, in order, and their results.

    Attributes:
        entered: The handler's own messages whose `send` began, in that order.
        sent: Those whose `send` returned.
        refused: Those whose `send` raised, was cancelled or was never reached.
        flushed: Those that were sent before a `flush` that returned.
    """

    ws: trioweb.WebSocket | None = None
    server: trioweb.Server | None = None
    app: App | None = None
    is_over: trio.Event = attrs.field(factory=trio.Event)
    is_open: trio.Event = attrs.field(factory=trio.Event)
    tasks: trio.Nursery | None = None
    scopes: list[trio.CancelScope] = attrs.field(factory=list)
    streams: list[Piecewise] = attrs.field(factory=list)
    entered: list[str] = attrs.field(factory=list)
    sent: list[str] = attrs.field(factory=list)
    flushed: list[str] = attrs.field(factory=list)
    reader: StrictReader | None = None
    peer: RawPeer | None = None
    number: int = 0

    def message(self, size, is_text=True):
        self.number += 1
        text = f"{self.number}:".ljust(size, "x")
        return text if is_text else text.encode()

    # What can happen.

    async def send(self, size, is_text):
        self.start(self._send, self.message(size, is_text))

    async def send_nowait(self, size):
        message = self.message(size)
        with suppress(*ENDS):
            self.ws.send_nowait(message)
            self.entered.append(message)
            self.sent.append(message)

    async def publish(self, policy, size):
        message = "room " + self.message(size)
        self.start(partial(self.app.room(policy).publish, message, key=str(size)))

    async def open_stream(self, is_text):
        put, take = trio.open_memory_channel(20)
        with suppress(*ENDS):
            self.streams.append(Piecewise(put, self.start(self._stream, take, is_text)))

    async def piece(self, place, size):
        if self.streams:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError, trio.WouldBlock):
                self.streams[place % len(self.streams)].pieces.send_nowait(size)

    async def end_stream(self, place, how):
        if self.streams:
            stream = self.streams.pop(place % len(self.streams))
            if how == "whole":
                stream.pieces.close()
            elif how == "raise":
                with suppress(trio.BrokenResourceError, trio.WouldBlock):
                    stream.pieces.send_nowait(LookupError("a bug while streaming"))
            else:
                stream.scope.cancel()

    async def flush(self):
        self.start(self._flush)

    async def ping(self):
        self.start(self.ws.ping)

    async def cancel(self, place):
        if self.scopes:
            self.scopes.pop(place % len(self.scopes)).cancel()

    async def close(self, code):
        self.start(partial(self.ws.aclose, code, "enough"))

    async def leave(self):
        self.is_over.set()

    async def shut_down(self):
        self.start(partial(self.server.aclose, 1.0))

    async def read(self, size):
        with suppress(trio.BrokenResourceError):
            with trio.move_on_after(0.01):
                self.reader.feed(await self.peer.stream.receive_some(size))

    async def peer_closes(self):
        with suppress(trio.BrokenResourceError):
            await self.peer.send(close_frame(1000))

    # The tasks behind it.

    def start(self, what, *arguments):
        """Run a call in a task; the end of the connection is not a failure."""
        scope = trio.CancelScope()
        self.scopes.append(scope)

        async def run():
            with scope, suppress(*ENDS):
                await what(*arguments)

        self.tasks.start_soon(run)
        return scope

    async def _send(self, message):
        self.entered.append(message)
        try:
            await self.ws.send(message)
        except BaseException:
            self.entered.remove(message)
            raise
        self.sent.append(message)

    async def _flush(self):
        before = list(self.sent)
        await self.ws.flush()
        self.flushed += before

    async def _stream(self, sizes, is_text):
        with suppress(LookupError):
            async with self.ws.send_stream(text=is_text) as writer:
                async for size in sizes:
                    if isinstance(size, LookupError):
                        raise size
                    await writer.send("s" * size if is_text else b"s" * size)

    # From the first byte to the last.

    async def read_all(self):
        """Read to the end, in whatever way it comes."""
        with suppress(trio.BrokenResourceError), trio.move_on_after(5) as patience:
            while data := await self.peer.stream.receive_some():
                self.reader.feed(data)
                if self.reader.close is not None:
                    await self.peer_closes()
        assert not patience.cancelled_caught, "the server does not end the connection"


def application(story, *, compression):
    app = App(Config(limits=LIMITS, timeouts=TIMEOUTS, compression=compression))

    @app.websocket("/")
    async def everything(ws):
        story.ws = ws
        async with AsyncExitStack() as stack:
            for name, policy in POLICIES.items():
                notice = (lambda missed: f"missed {missed}") if policy is Overflow.DROP_OLDEST else None
                room = app.room(name)
                await stack.enter_async_context(room.join(ws, overflow=policy, missed_notice=notice))
            story.is_open.set()
            await story.is_over.wait()

    return app


def small_listener():
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
    return trio.SocketListener(trio.socket.from_stdlib_socket(listening))


async def small_stream(port, context=None):
    plain = trio.socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
    await plain.connect(("127.0.0.1", port))
    stream = trio.SocketStream(plain)
    return stream if context is None else trio.SSLStream(stream, context, server_hostname="localhost")


@asynccontextmanager
async def telling(*, transport="plain", compression=None):
    """Open the WebSocket over a small kernel buffer, and end it with the block."""
    story = Story()
    server_context, client_context = contexts() if transport == "TLS" else (None, None)
    story.app = application(story, compression=compression)
    async with trio.open_nursery() as nursery:
        story.server = await nursery.start(
            partial(trioweb.serve, story.app, listeners=[small_listener()], ssl_context=server_context)
        )
        async with await small_stream(story.server.port, client_context) as stream:
            story.peer = RawPeer(stream)
            await story.peer.open("/", *([OFFER] if compression else []))
            await story.is_open.wait()
            story.reader = StrictReader(
                is_compressed=compression is not None,
                keeps_context=compression is None or compression.context_takeover,
            )
            story.reader.feed(story.peer.buffer)
            async with trio.open_nursery() as story.tasks:
                yield story
                story.is_over.set()
                await story.read_all()
                story.tasks.cancel_scope.cancel()
        await story.server.aclose(0)


COMPRESSIONS = {
    "none": None,
    "each by itself": Deflate(context_takeover=False, minimum_bytes=0),
    "with context": Deflate(context_takeover=True, minimum_bytes=0),
}

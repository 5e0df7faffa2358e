"""A site in memory that can be away, answer nonsense, and come back."""

from __future__ import annotations

from contextlib import suppress

import trio
import trio.testing

import trioweb
from trioweb._client.connecting import open_connection_over
from trioweb._client.connection_loop import ConnectionLoop
from trioweb._client.options import ConnectOptions
from trioweb._client.positions import Positions
from trioweb._client.retry import Retry

AWAY = b""
STALLED = None


def refusal(status, **fields):
    """The bytes of a response that opens nothing."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} No\r\n{lines}Content-Length: 0\r\n\r\n".encode()


def closing_with(*codes):
    """A handler that closes its connections with these codes, one after another, and then echoes."""
    left = list(codes)

    async def handle(ws):
        if left:
            raise trioweb.CloseWebSocket(left.pop(0))
        async for message in ws:
            await ws.send(message)

    return handle


async def received_by(ws):
    return [message async for message in ws]


class Site:
    """Serves an app over streams in memory, except to the clients for which there is an answer.

    Attributes:
        answers: For the next clients, one each: bytes to answer with, `AWAY` or `STALLED`.
        times: When clients came, in seconds since the beginning.
        targets: What they asked for.
        ends: The close that the handler of each connection has seen.
    """

    def __init__(self, nursery):
        self._nursery = nursery
        self._began = trio.current_time()
        self.answers = []
        self.times = []
        self.targets = []
        self.ends = []
        self.streams = []
        self.handle = self.echo
        self.app = trioweb.App()
        self.app.websocket("/")(self._handle)

    async def echo(self, ws):
        async for message in ws:
            await ws.send(message)

    async def _handle(self, ws):
        await ws.accept()
        try:
            await self.handle(ws)
        finally:
            self.ends.append(ws.closed)

    async def open_connection(self, url, options):
        self.times.append(trio.current_time() - self._began)
        self.targets.append(url.target)
        ours, theirs = trio.testing.memory_stream_pair()
        self.streams.append(ours)
        answer = self.answers.pop(0) if self.answers else self.app
        self._nursery.start_soon(self._serve, theirs, answer)
        return await open_connection_over(ours, url, options)

    async def _serve(self, stream, answer):
        if answer is self.app:
            await trioweb.serve_stream(self.app, stream)
        elif answer is STALLED:
            await trio.sleep_forever()
        else:
            with suppress(trio.BrokenResourceError):  # the client has given up
                await stream.receive_some()
                await stream.send_all(answer)
            await stream.aclose()

    def loop(self, url="ws://site/", *, resume=None, config=None, **retry):
        """`reconnecting`, with the longest of all delays in place of chance."""
        return ConnectionLoop(
            url,
            ConnectOptions(config=config or trioweb.Config()),
            retry=Retry(**retry),
            positions=resume and Positions(resume),
            open_connection=self.open_connection,
            uniform=lambda least, most: most,
        )

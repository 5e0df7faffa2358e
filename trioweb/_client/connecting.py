"""From a URL, or a stream, to an open WebSocket.

    hold the engine     it may have to be started
    reach the server    dial and shake hands, as often as redirects say; or shake hands over a stream
    open                put the parts together, and hand them to the engine

Reaching is the only step that waits for others, so the deadline surrounds it, and nothing else. What follows
never waits. So no cancellation can come between the server's agreement and the hand-over: until then this module
is responsible for the connection, afterwards the engine.

If a step fails, each undoes its own: `dial` closes its socket, `Opener` the transport that it got from
`dial`, `open_connection_over` the stream that it was given, and `run` always releases the engine.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from trioweb._client.attempt import Attempt
from trioweb._client.client_closing import ClientClosing
from trioweb._client.client_intake import ClientIntake
from trioweb._client.dialing import dial
from trioweb._client.options import ConnectOptions
from trioweb._client.shared_engine import SharedEngine, shared_engine
from trioweb._client.websocket import ClientWebSocket
from trioweb._transport.engine import Engine
from trioweb._transport.stream_transport import StreamTransport
from trioweb._transport.tls_transport import TlsTransport
from trioweb._transport.transport import Transport
from trioweb._websocket.parts import put_together
from trioweb._wire.client_handshake import NONCE_BYTES, Accepted, ClientHandshake
from trioweb._wire.client_wire import ClientWire
from trioweb._wire.redirects import headers_for, redirected
from trioweb._wire.websocket_url import WebSocketURL
from trioweb.errors import HandshakeRejected
from trioweb.headers import Headers

Reach = Callable[[Engine], Awaitable[tuple[Transport, Accepted]]]

logger = logging.getLogger("trioweb")


class Opener:
    """Opens one WebSocket: reaches the server, shakes hands, puts the parts together.

    Args:
        url: Where it is.
        options: What the program asks of it.
    """

    def __init__(self, url: WebSocketURL, options: ConnectOptions) -> None:
        self._options = options
        self._attempt = Attempt(url)

    async def run(self, reach: Reach) -> ClientWebSocket:
        """Connect within `Timeouts.connect_seconds`, and open the WebSocket.

        Args:
            reach: Takes the engine, and returns what carries the bytes and what the server has agreed to.

        Raises:
            ConnectFailed: Connecting failed; `phase` says how far it got.
            HandshakeRejected: The server has refused.
        """
        shared = shared_engine()
        with self._attempt.during("TCP"):  # a descriptor for the poller may be missing
            engine = await shared.hold()
        try:
            transport, accepted = await self._in_time(engine, reach)
            return self._open(shared, engine, transport, accepted)
        except BaseException:
            shared.release()
            raise

    async def _in_time(self, engine: Engine, reach: Reach) -> tuple[Transport, Accepted]:
        # By the clock of peers: time during which this program stood still does not count against the server.
        seconds = self._options.config.timeouts.connect_seconds
        with engine.timers.move_on_after(seconds):
            return await reach(engine)
        raise self._attempt.time_out(seconds)

    async def dial(self, engine: Engine) -> tuple[Transport, Accepted]:
        """Dial and shake hands, as often as redirects ask for it."""
        attempt, first, headers = self._attempt, self._attempt.url, self._options.headers
        redirects_left = self._options.most_redirects
        while True:
            transport = await dial(attempt, attempt.url, self._options, engine)
            try:
                return transport, await self._shake_hands(transport, headers)
            except HandshakeRejected as answer:
                # A redirect gets a new connection, also to the same server. To use this one again, its response
                # would have to be read to the end, however long it is.
                transport.abort()
                target = redirected(attempt.url, answer) if redirects_left else None
                if target is None:
                    raise
            except BaseException:
                transport.abort()
                raise
            headers = headers_for(first, target, headers)
            attempt.url, attempt.pending = target, None
            redirects_left -= 1

    async def use(self, stream: trio.abc.Stream, engine: Engine) -> tuple[Transport, Accepted]:
        """Shake hands over a stream."""
        transport = StreamTransport(stream, engine.nursery)
        return transport, await self._shake_hands(transport, self._options.headers)

    async def _shake_hands(self, transport: Transport, headers: Headers) -> Accepted:
        options = self._options
        handshake = self._attempt.pending = ClientHandshake(
            self._attempt.url,
            key=os.urandom(NONCE_BYTES),
            subprotocols=options.subprotocols,
            headers=headers,
            compression=options.compression or options.config.compression,
            limits=options.config.limits,
        )
        with self._attempt.during("handshake"):
            try:
                await transport.send_all(handshake.request)
            except trio.BrokenResourceError:
                pass  # a server that refuses at once has closed, and its response is here
            while True:
                data = await transport.receive()
                if not data:
                    if isinstance(transport, TlsTransport):
                        with self._attempt.during("TLS"):
                            transport.check()
                    handshake.input_ended()
                if accepted := handshake.feed(data):
                    return accepted

    def _open(
        self, shared: SharedEngine, engine: Engine, transport: Transport, accepted: Accepted
    ) -> ClientWebSocket:
        """Put the parts together, and begin. Nothing in here waits."""
        config = self._options.config
        parts = put_together(
            transport,
            engine,
            limits=config.limits,
            timeouts=config.timeouts,
            closing_kind=ClientClosing,
            intake_kind=ClientIntake,
        )
        assert isinstance(parts.closing, ClientClosing)
        assert isinstance(parts.intake, ClientIntake)
        parts.intake.use_pump(engine.pump, transport)
        ws = self._options.kind(parts, self._attempt.url, accepted)
        wire = ClientWire(
            message_bytes=config.limits.message_bytes,
            message_fragments=config.limits.message_fragments,
            deflate=accepted.deflate,
            fast_lane=config.fast_lane,
        )
        # First of all: the connection may end while it is being opened, by a close frame right after the response.
        try:
            shared.adopt(parts.closing)
        except BaseException:
            transport.abort()
            raise
        parts.open(wire, b"", accepted.early_input)
        return ws


async def _close_now(stream: trio.abc.Stream) -> None:
    """Close a stream that may be of any kind, and may fail at this, too."""
    try:
        await trio.aclose_forcefully(stream)
    except Exception:
        logger.exception("a stream failed while it was being closed")


@trio.lowlevel.enable_ki_protection
async def open_connection(url: WebSocketURL, options: ConnectOptions) -> ClientWebSocket:
    """Connect to a server, without a block: the caller closes the connection.

    Raises:
        ConnectFailed: Connecting failed; `phase` says how far it got.
        HandshakeRejected: The server has refused.

    Cancellation: Leaves nothing open.
    """
    opener = Opener(url, options)
    return await opener.run(opener.dial)


@trio.lowlevel.enable_ki_protection
async def open_connection_over(
    stream: trio.abc.Stream, url: WebSocketURL, options: ConnectOptions
) -> ClientWebSocket:
    """Connect over a stream, without a block: the caller closes the connection.

    Raises:
        ConnectFailed: Connecting failed; `phase` says how far it got.
        HandshakeRejected: The server has refused.

    Cancellation: Leaves nothing open: the stream is closed then, as after every failure.
    """
    opener = Opener(url, options)
    try:
        return await opener.run(partial(opener.use, stream))
    except BaseException:
        await _close_now(stream)
        raise

"""Starts a session for each incoming connection, or refuses the connection.

A connection counts from here until its session has ended. There are two limits: on all connections, since
each holds memory and a descriptor, and on those of one client, so that one client cannot take the places
of all others.

Above a limit, a connection is refused with a fixed 503, because refusing it must cost less than serving it.
Closing it at once would be cheaper still, but a load balancer would conclude that the server is broken,
whereas it understands 503 with Retry-After. The number of refusals is limited too, because each holds a
descriptor for up to a second. When there are `REFUSALS_AT_A_TIME`, more connections are dropped without a
response.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from trioweb._server.client_connections import ClientConnections
from trioweb._server.context import ServerContext
from trioweb._server.incoming import IncomingConnection, accept
from trioweb._server.listeners import AnyListener
from trioweb._server.rationed import Rationed
from trioweb._server.session import Session
from trioweb._transport.carrying import transport_over
from trioweb._transport.transport import Transport

# Nobody reads the request, which may be HEAD: an empty body is right for every method (RFC 9110 §9.3.2).
REFUSAL = (
    b"HTTP/1.1 503 Too many connections\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)
REFUSALS_AT_A_TIME = 64
"""The most connections that are being refused. `Limits.connections` does not count their descriptors."""

REFUSAL_SECONDS = 1.0
"""How long a refusal may take. A client that does not read it in this time has lost interest."""

REFUSED_INPUT_BYTES = 64 * 1024
"""How much of the refused request is read and dropped: a whole head, and the beginning of a body."""


class Acceptor:
    """Starts a session for each connection, or refuses it when there are too many.

    Args:
        context: The objects that the sessions share.
        sessions: The nursery in which they run. Accepting has a nursery of its own, because it ends
            when a shutdown begins, while sessions go on.
        ssl_context: If given, it is used to speak TLS.
    """

    def __init__(
        self, context: ServerContext, sessions: trio.Nursery, ssl_context: ssl.SSLContext | None
    ) -> None:
        self._context = context
        self._nursery = sessions
        self._ssl_context = ssl_context
        self._sessions: set[Session] = set()
        self._clients = ClientConnections(context.config.limits.connections_per_client, context.proxies)
        self._refusing = 0
        self._warn_of_refusals, self._warn_of_crowds = Rationed(), Rationed()
        self._warn_of_shortage = Rationed()

    @asynccontextmanager
    async def accepting(self, listeners: Sequence[AnyListener]) -> AsyncIterator[None]:
        """Accept for as long as the block lasts, then close the listeners.

        They are closed before anything is drained. From then on the kernel refuses new clients, so a
        load balancer sends them elsewhere, while clients that are already connected are still served.
        """
        async with trio.open_nursery() as nursery:
            for listener in listeners:
                nursery.start_soon(
                    accept, listener, self._begin, self._warn_of_shortage, name="trioweb listener"
                )
            try:
                yield
            finally:
                nursery.cancel_scope.cancel()
                for listener in listeners:
                    await trio.aclose_forcefully(listener)

    def drain(self) -> None:
        """Ask every session to end, without waiting for any of them."""
        for session in list(self._sessions):  # a copy: one that is idle may end at once
            session.drain()

    def _begin(self, incoming: IncomingConnection) -> None:
        """Start a session. It never waits, so a connection is counted as soon as it is accepted."""
        instruments = self._context.instruments
        limits = self._context.config.limits
        # The limit on all connections first: if the server is full, it does not matter who connects.
        if instruments.connections >= limits.connections:
            self._warn_of_refusals(
                "refusing connections: there are %d already (Limits.connections)", limits.connections
            )
            self._refuse(incoming)
            return
        if not self._clients.enter(incoming.peer):
            self._warn_of_crowds(
                "refusing connections such as from %s, which has %d already (Limits.connections_per_client)",
                incoming.peer,
                limits.connections_per_client,
            )
            self._refuse(incoming)
            return
        instruments.connections += 1
        instruments.connections_accepted += 1
        is_encrypted = self._ssl_context is not None or incoming.is_encrypted
        session = Session(
            self._context,
            self._transport(incoming),
            incoming.peer,
            "https" if is_encrypted else "http",
            is_unix=incoming.is_unix,
            on_end=self._end,
        )
        self._sessions.add(session)
        self._nursery.start_soon(session.run, name="trioweb session")

    def _end(self, session: Session) -> None:
        """Undo the counting of `_begin`, as the last step of a session."""
        self._sessions.discard(session)
        self._context.instruments.connections -= 1
        self._clients.leave(session.peer)

    def _transport(self, incoming: IncomingConnection) -> Transport:
        return transport_over(incoming.carrier, self._context.engine, self._ssl_context)

    # Above the limit.

    def _refuse(self, incoming: IncomingConnection) -> None:
        self._context.instruments.connections_refused += 1
        if self._refusing >= REFUSALS_AT_A_TIME:
            if isinstance(incoming.carrier, socket.socket):
                incoming.carrier.close()
            else:
                self._nursery.start_soon(trio.aclose_forcefully, incoming.carrier)
            return
        self._refusing += 1
        self._nursery.start_soon(self._refuse_politely, incoming, name="trioweb refusal")

    async def _refuse_politely(self, incoming: IncomingConnection) -> None:
        """Send 503, then read on for a moment: a reset would overtake the response (RFC 9112 §9.6).

        With TLS nothing is sent. That would take a handshake, and a flood of connections would make
        the server pay for its cryptography.
        """
        transport = self._transport(incoming)
        try:
            with self._context.engine.timers.move_on_after(REFUSAL_SECONDS):
                if self._ssl_context is None:
                    await transport.send_all(REFUSAL)
                    transport.end_output()
                    discarded_bytes = 0
                    while discarded_bytes < REFUSED_INPUT_BYTES and (data := await transport.receive()):
                        discarded_bytes += len(data)
        except trio.BrokenResourceError:
            pass  # the client has left, which was the purpose
        finally:
            self._refusing -= 1
            transport.abort()

"""The WebSocket that a client holds."""

from __future__ import annotations

import attrs
import trio

from trioweb._websocket.connection import WebSocketConnection
from trioweb._websocket.parts import Parts
from trioweb._wire.client_handshake import Accepted
from trioweb._wire.websocket_url import WebSocketURL
from trioweb.closing import Close, CloseCode
from trioweb.foreign_names import CLIENT_WEBSOCKET, explaining
from trioweb.headers import Headers


@attrs.frozen
class HandshakeResponse:
    """The response that opened a WebSocket.

    Attributes:
        status: 101.
        headers: Its header fields; names match in any case.
    """

    status: int
    headers: Headers


@explaining(CLIENT_WEBSOCKET)
class ClientWebSocket(WebSocketConnection):
    """One WebSocket, on the side that has opened it.

    Any number of tasks may send, ping and close at the same time; one may receive.

    Attributes:
        response: The response that opened it.
    """

    __slots__ = ("_token", "_url", "response")

    def __init__(self, parts: Parts, url: WebSocketURL, accepted: Accepted) -> None:
        super().__init__(parts)
        self._url = url
        self._subprotocol = accepted.subprotocol
        self._token = trio.lowlevel.current_trio_token()
        self.response = HandshakeResponse(accepted.status, accepted.headers)

    def __repr__(self) -> str:
        return f"<ClientWebSocket {self._url} {self.closed or self._closing.state.name.lower()}>"

    @property
    def url(self) -> str:
        """The URL that it is connected to: after all redirects, without user and password."""
        return self._url.without_user

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the server has chosen (RFC 6455 §1.9)."""
        return self._subprotocol

    def __del__(self) -> None:
        """Close a connection that the program has forgotten: its socket would stay open otherwise.

        The garbage collector may call this anywhere: in another thread, in the middle of a write, after the
        end of the run. So nothing is done here except what Trio allows anywhere.
        """
        try:
            if not self._closing.is_over:
                self._token.run_sync_soon(self._closing.begin, Close(CloseCode.GOING_AWAY))
        except (AttributeError, trio.RunFinishedError):
            pass  # it was never complete, or has ended with its run

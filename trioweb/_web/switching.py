"""The response that accepts a handshake, as middleware sees it."""

from __future__ import annotations

from http import HTTPStatus

from trioweb._routing.route import WebSocketRoute
from trioweb._web.response import Response
from trioweb._wire.handshake import Agreement

_STATUS = int(HTTPStatus.SWITCHING_PROTOCOLS)


class SwitchingProtocols(Response):
    """101: middleware may add headers to it, or return another response in its place.

    It is sent when the handler first uses the WebSocket, and not when middleware has returned
    it: until then the handler may still answer with another response.

    Attributes:
        agreement: What was agreed on.
        route: What handles the WebSocket.
    """

    __slots__ = ("agreement", "route")

    _statuses = range(_STATUS, _STATUS + 1)

    def __init__(self, agreement: Agreement, route: WebSocketRoute) -> None:
        super().__init__(status=_STATUS)
        self.agreement = agreement
        self.route = route

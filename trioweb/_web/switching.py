"""The answer to a handshake that may be accepted."""

from __future__ import annotations

from http import HTTPStatus

import attrs

from trioweb._routing.route import WebSocketRoute
from trioweb._web.response import Response
from trioweb._wire.handshake import Accepted, negotiate_handshake
from trioweb._wire.request_head import RequestHead
from trioweb.config import Deflate

_STATUS = int(HTTPStatus.SWITCHING_PROTOCOLS)


@attrs.define(kw_only=True)
class Terms:
    """What a route says about handshakes, the application's settings filled in."""

    origins: str | tuple[str, ...] | None
    subprotocols: tuple[str, ...]
    compression: Deflate | None


class SwitchingProtocols(Response):
    """101, as middleware sees it: headers may be added, and another response returned.

    It is sent when the handler first uses the WebSocket.
    """

    __slots__ = ("accepted", "offered_subprotocols", "route")
    route: WebSocketRoute

    _statuses = range(_STATUS, _STATUS + 1)

    def __init__(self, accepted: Accepted, offered: tuple[str, ...]) -> None:
        super().__init__(status=_STATUS)
        self.accepted = accepted
        self.offered_subprotocols = offered


def switch_protocols(head: RequestHead, terms: Terms, *, scheme: str, host: str) -> SwitchingProtocols:
    """Check a handshake (RFC 6455 §4.2.1) and choose what to agree on (§4.2.2).

    Raises:
        HandshakeRejected: 400, 403 or 426.
    """
    accepted = negotiate_handshake(
        head,
        origins=terms.origins,
        scheme=scheme,
        host=host,
        subprotocols=terms.subprotocols,
        compression=terms.compression,
    )
    return SwitchingProtocols(accepted, accepted.offered_subprotocols)

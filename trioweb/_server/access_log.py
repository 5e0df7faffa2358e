"""One line for a request, two for a WebSocket, through the standard `logging`.

Everything in a line is also an attribute of its record, such as `record.status`, for logs in JSON. The text
is for people, so its form may change; programs read the attributes.

The path is logged without its query. Browsers cannot set header fields on a WebSocket, so pages put tokens
into the query, and more people read a log than are allowed to use the tokens. A client cannot forge a line
either: the wire has refused control characters in paths and methods.

The line of a request is written after its response, because only then is it known how the response ended.
Each function first checks whether the logger is enabled, so a server without an access log formats nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import Enum

import trio

from trioweb._web.address import Address
from trioweb._web.request import Request
from trioweb._web.websocket import WebSocket

logger = logging.getLogger("trioweb.access")


class Ending(Enum):
    """How a response ended. The value is the text in the line before the number of bytes."""

    COMPLETE = ""
    CLIENT_LEFT = "client left after "
    BROKEN_OFF = "broken off after "


def name_of(address: Address | None, *, is_unix: bool) -> str:
    """Return the name of a peer in the log: its address.

    A peer on a Unix socket has no address and is called `unix`. If the address is unknown, the name
    is `-`: the stream may not know it, or a trusted proxy may not have named the client.
    """
    if address is not None:
        return str(address)
    return "unix" if is_unix else "-"


def _client(request: Request) -> str:
    return name_of(request.client, is_unix=request.is_unix and not request.is_anonymous)


def response_sent(request: Request, status: int, sent_bytes: int, started: float, ending: Ending) -> None:
    """Log one request and its response.

    Args:
        request: Names the client, the method and the path.
        status: The status that was sent, which is not the handler's if its response failed.
        sent_bytes: How much of the response was handed to the network, its head included.
        started: When the head of the request had arrived.
        ending: Whether that was all of the response.
    """
    if logger.isEnabledFor(logging.INFO):
        client, seconds = _client(request), trio.current_time() - started
        logger.info(
            '%s "%s %s" %d %s%d bytes %.1f ms',
            client,
            request.method,
            request.raw_path,
            status,
            ending.value,
            sent_bytes,
            seconds * 1000,
            extra={
                "client": client,
                "method": request.method,
                "path": request.raw_path,
                "status": status,
                "is_complete": ending is Ending.COMPLETE,
                "sent_bytes": sent_bytes,
                "seconds": seconds,
            },
        )


def websocket_opened(ws: WebSocket) -> None:
    """Log that a handshake was accepted."""
    if logger.isEnabledFor(logging.INFO):
        fields = _fields(ws)
        logger.info('%s "WebSocket %s" open', fields["client"], ws.request.raw_path, extra=fields)


def websocket_closed(ws: WebSocket, code: int, started: float) -> None:
    """Log how a WebSocket ended, and the messages in each direction, with the bytes of their frames."""
    if logger.isEnabledFor(logging.INFO):
        fields, traffic, seconds = _fields(ws), ws.traffic(), trio.current_time() - started
        logger.info(
            '%s "WebSocket %s" closed %d after %.1f s, received %d messages %d bytes, sent %d messages %d bytes',
            fields["client"],
            ws.request.raw_path,
            code,
            seconds,
            traffic.received_messages,
            traffic.received_bytes,
            traffic.sent_messages,
            traffic.sent_bytes,
            extra={**fields, **traffic._asdict(), "code": code, "seconds": seconds},
        )


def _fields(ws: WebSocket) -> Mapping[str, object]:
    return {"client": _client(ws.request), "path": ws.request.raw_path}

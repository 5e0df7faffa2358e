"""One line for a request, two for a WebSocket, through the standard `logging`.

What is in a line is in its record's attributes too, for logs in JSON: `record.status`.
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

# The path is logged without its query, where tokens travel (browsers cannot set headers
# on a WebSocket, so pages put them there). The wire has refused control characters.


class Ending(Enum):
    """How an answer ended, as the line says it before its bytes."""

    COMPLETE = ""
    CLIENT_LEFT = "client left after "
    BROKEN_OFF = "broken off after "


def named(address: Address | None, *, is_unix: bool) -> str:
    """Return how the log calls a peer: by its address, `unix` without one, `-` when it is not known."""
    if address is not None:
        return str(address)
    return "unix" if is_unix else "-"


def _client(request: Request) -> str:
    return named(request.client, is_unix=request.is_unix and not request.is_anonymous)


def request_answered(request: Request, status: int, sent_bytes: int, started: float, ending: Ending) -> None:
    """Log one request and its answer.

    Args:
        request: The request.
        status: Of the answer.
        sent_bytes: What was handed to the network of the answer, its head included.
        started: When the head of the request had come.
        ending: Whether that was all of the answer.
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
    """Log how it ended, and what went each way: messages, and the bytes of their frames."""
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

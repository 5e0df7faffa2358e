"""One line for a request, two for a WebSocket, through the standard `logging`."""

from __future__ import annotations

import logging

import trio

from trioweb._web.request import Request
from trioweb._web.websocket import WebSocket

logger = logging.getLogger("trioweb.access")

# The path is logged without its query, where tokens travel (browsers cannot set headers
# on a WebSocket, so pages put them there). The wire has refused control characters.


def _client(request: Request) -> str:
    if request.client is not None:
        return str(request.client)
    return "unix" if request.is_unix else "-"


def request_answered(request: Request, status: int, sent_bytes: int, started: float) -> None:
    """Log one request and its answer."""
    if logger.isEnabledFor(logging.INFO):
        milliseconds = (trio.current_time() - started) * 1000
        logger.info(
            '%s "%s %s" %d %d bytes %.1f ms',
            _client(request),
            request.method,
            request.raw_path,
            status,
            sent_bytes,
            milliseconds,
        )


def websocket_opened(ws: WebSocket) -> None:
    """Log that a handshake was accepted."""
    if logger.isEnabledFor(logging.INFO):
        logger.info('%s "WebSocket %s" open', _client(ws.request), ws.request.raw_path)


def websocket_closed(ws: WebSocket, code: int, started: float) -> None:
    """Log how it ended, and what went each way."""
    if logger.isEnabledFor(logging.INFO):
        traffic = ws.traffic()
        logger.info(
            '%s "WebSocket %s" closed %d after %.1f s, received %d messages %d bytes, sent %d messages %d bytes',
            _client(ws.request),
            ws.request.raw_path,
            code,
            trio.current_time() - started,
            traffic.received_messages,
            traffic.received_bytes,
            traffic.sent_messages,
            traffic.sent_bytes,
        )

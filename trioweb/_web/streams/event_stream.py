"""Server-sent events: a stream that browsers read with `EventSource`."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any, cast

from trioweb._web.streams.filler import Filler
from trioweb._web.streams.server_sent_event import Data, ServerSentEvent
from trioweb._web.streams.stream import Stream
from trioweb.errors import LocalProtocolError
from trioweb.headers import HeaderSource

COMMENT = b":\n\n"
"""Browsers skip it (WHATWG HTML §9.2.7 recommends it against proxies that drop quiet connections)."""

EVENT_STREAM_FIELDS = {
    # Nothing on the way may cache, compress or collect what should arrive at once.
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}


class EventStream(Stream):
    """Send events for as long as the client listens (WHATWG HTML §9.2).

    The head leaves at once, so the browser's `onopen` fires before the first event. After a
    silence a comment is sent. It keeps proxies from dropping the connection, and reveals a
    client that is gone. The source is not disturbed.

    When the client leaves, the source is cancelled and closed. The same happens when the server
    shuts down; the response then ends properly, and browsers reconnect, with
    `request.last_event_id`. They also reconnect when the source ends; a response with status
    204 stops a browser from reconnecting.

    Args:
        source: Gives `ServerSentEvent`, or `str`, `dict` or `list` for the data alone.
        keepalive_seconds: Silence after which a comment is sent; `None` sends none.
        retry_seconds: How long browsers wait before they reconnect; some seconds
            unless given.
        headers: Header fields; `Cache-Control` and `X-Accel-Buffering` are set unless
            they are here.

    Raises:
        LocalProtocolError: A header field or `retry_seconds` cannot be sent, or
            `keepalive_seconds` is not above 0.
        TypeError: The source is not an async iterable.
    """

    __slots__ = ()

    def __init__(
        self,
        source: AsyncIterable[ServerSentEvent | Data],
        *,
        keepalive_seconds: float | None = 15.0,
        retry_seconds: float | None = None,
        headers: HeaderSource | None = None,
    ) -> None:
        _check_keepalive(keepalive_seconds)
        super().__init__(cast("AsyncIterable[str]", source), headers=headers, ends_at_shutdown=True)
        # The standard knows no other encoding than UTF-8, and no need to name it (§9.2.5).
        self.headers["content-type"] = "text/event-stream"
        for name, value in EVENT_STREAM_FIELDS.items():
            self.headers.setdefault(name, value)
        body = self._source_body
        body.opening = COMMENT
        if retry_seconds is not None:
            body.opening = ServerSentEvent(retry_seconds=retry_seconds).encode()
        if keepalive_seconds is not None:
            body.filler = Filler(COMMENT, keepalive_seconds)

    @staticmethod
    def _encode(piece: Any) -> bytes:
        if isinstance(piece, ServerSentEvent):
            return piece.encode()
        if isinstance(piece, str | dict | list):
            return ServerSentEvent(cast("Data", piece)).encode()
        raise TypeError(
            f"the source of an EventStream gave {type(piece).__name__}: "
            "expected ServerSentEvent, str, dict or list"
        )


def _check_keepalive(value: Any) -> None:
    if value is not None and not (isinstance(value, int | float) and value > 0):
        raise LocalProtocolError(f"keepalive_seconds is above 0, or None, not {value!r}")

"""A request's head as everything above the wire sees it."""

from __future__ import annotations

import attrs

from trioweb.headers import Headers


@attrs.define  # not frozen, which costs a call for each field
class RequestHead:
    """A request's line and header fields, checked (RFC 9112 §3, §5, §6).

    Attributes:
        method: A token in the case that it came in.
        target: The request target as it came (RFC 9112 §3.2).
        raw_path: Its path, undecoded; `"*"` for the asterisk form.
        query_string: What stands behind the first question mark, undecoded.
        headers: The fields as they came. `Host` is that of an absolute target, if the
            target is one (RFC 9112 §3.2.2).
        http_version: `"1.0"` or `"1.1"`.
        content_bytes: The declared length of the body, 0 without a body; `None` if it
            comes in chunks.
        is_chunked: Whether the body comes in chunks.
        expects_continue: Whether the peer holds back a body until 100 Continue.
        wants_websocket: Whether it asks to go on as a WebSocket (RFC 6455 §4.1).
    """

    method: str
    target: str
    raw_path: str
    query_string: str
    headers: Headers
    http_version: str
    content_bytes: int | None
    is_chunked: bool
    expects_continue: bool
    wants_websocket: bool

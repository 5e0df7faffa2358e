"""A request's head, as the packages above the wire see it.

The guard or h11 may have decoded the head. The result is the same object, so no other package has to know.
"""

from __future__ import annotations

import attrs

from trioweb._wire.http1.head_guard import CheckedHead
from trioweb.headers import Headers, RequestHeaders


@attrs.define  # not frozen: that would cost a call for each field
class RequestHead:
    """A request's line and header fields, checked (RFC 9112 §3, §5, §6).

    Attributes:
        method: A token, with its case unchanged.
        target: The request target, unchanged (RFC 9112 §3.2).
        raw_path: Its path, undecoded; `"*"` for the asterisk form.
        query_string: Everything after the first question mark, undecoded.
        headers: The fields, unchanged, except that an absolute target replaces `Host` (RFC 9112 §3.2.2).
        http_version: `"1.0"` or `"1.1"`.
        content_bytes: The declared length of the body, 0 without a body; `None` if it
            comes in chunks.
        is_chunked: Whether the body comes in chunks.
        expects_continue: Whether the client holds its body back until it gets 100 Continue.
        wants_websocket: Whether the client asks for a WebSocket (RFC 6455 §4.1).
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


def request_head(checked: CheckedHead, method: str, target_text: str, headers: RequestHeaders) -> RequestHead:
    """Return a head that combines its decoded parts with the results of the guard.

    The host of an absolute target takes the place of the `Host` field. The RFC requires it, and a proxy
    in front of this server has chosen its route by that host (RFC 9112 §3.2.2).
    """
    target = checked.target
    if target.authority is not None:
        others = [field for field in headers.lines() if field[0].lower() != "host"]
        headers = RequestHeaders([("Host", target.authority), *others])
    is_current = checked.http_version == "1.1"
    return RequestHead(
        method=method,
        target=target_text,
        raw_path=target.raw_path,
        query_string=target.query_string,
        headers=headers,
        http_version=checked.http_version,
        content_bytes=checked.content_bytes,
        is_chunked=checked.content_bytes is None,
        # Both are to be ignored in HTTP/1.0 (RFC 9110 §10.1.1, §7.8).
        expects_continue=is_current and checked.content_bytes != 0 and b"100-continue" in checked.expect,
        wants_websocket=is_current and b"websocket" in checked.upgrade and b"upgrade" in checked.connection,
    )

"""Responses in HTTP/1.1: status, fields and bodies in, bytes out.

An application chooses status, fields and body. Their framing depends only on the request, the status and
the length (RFC 9112 §6.3, RFC 9110 §6.4), so it is decided here and nowhere else:

| a response to                      | its body                  | the field that frames it            |
|------------------------------------|---------------------------|-------------------------------------|
| HEAD                               | none                      | that of the same response to GET    |
| a HEAD that was refused as it came | none                      | none: the connection ends           |
| anything, with 204 or 304          | none                      | none: the empty line ends it        |
| anything, with 205                 | none                      | `Content-Length: 0`, which it needs |
| other methods, of known length     | as long as that           | `Content-Length`                    |
| other methods, of unknown length   | in chunks                 | `Transfer-Encoding: chunked`        |
| the same in HTTP/1.0               | as long as the connection | none                                |

A response to a client that broke the protocol is the last one, and says `Connection: close`, because it
is not known where another request would begin.

The application's own `Content-Length` is left out, even a correct one. It could only repeat or contradict
the one above, and readers that disagree about the end of a response can be made to take part of it for
another response (RFC 9112 §11.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import h11

from trioweb._wire.http1.wire import Http1Wire
from trioweb.errors import LocalProtocolError
from trioweb.headers import check_field
from trioweb.phrases import phrase

# The statuses without a body, and the length that they declare. 204 and 304 end with the head, whatever it
# says (RFC 9112 §6.3). 205 has no content either, but its end has to be declared (RFC 9110 §15.3.6).
WITHOUT_BODY = {204: None, 205: 0, 304: None}

_FRAMING = frozenset({"content-length", "transfer-encoding", "keep-alive"})


class ResponseEncoder:
    """Frames the responses of one connection, one after the other.

    h11 does the framing, and checks that a body is as long as its `Content-Length`. If it were
    shorter, the client would take the next response for a part of this one; if it were longer, the
    other way round.

    Args:
        wire: Reads the requests of the connection. Its `h11.Connection` is used here too, and is all
            that reading and framing share.
    """

    __slots__ = ("_is_bodiless", "_wire")

    def __init__(self, wire: Http1Wire) -> None:
        self._wire = wire
        self._is_bodiless = False

    def encode_continue(self) -> bytes:
        """Return 100 Continue if the client waits for it, else nothing (RFC 9110 §10.1.1)."""
        if not self._wire.awaits_continue:
            return b""
        return self._encode(h11.InformationalResponse, status_code=100, headers=[], reason=b"Continue")

    def encode_head(
        self,
        status: int,
        headers: Iterable[tuple[str, str]],
        *,
        content_bytes: int | None,
        is_close: bool,
    ) -> bytes:
        """Return the head of the response, framed by the table above.

        Args:
            status: 200 to 599.
            headers: More fields; framing ones among them are left out.
            content_bytes: The length of the body; `None` if it is not known before the end.
            is_close: Whether this response is the connection's last. In HTTP/1.0, and after a
                mistake of the client, it always is.

        Raises:
            LocalProtocolError: `status` or a field cannot be sent, or a response was begun.
        """
        wire = self._wire
        is_for_head = wire.asks_for_head
        if is_for_head and wire.head is None:
            # Only the method was read; the rest is in doubt, and the client may expect a body after all. A
            # response without a length ends with the connection, so it is complete in either case. h11
            # frames it like that as long as it does not know whether the client speaks HTTP/1.1.
            content_bytes = None
            wire.h11.start_over()
        fields = response_fields(status, headers, content_bytes)
        # Nothing can follow input that is not a request, or whose body has failed.
        if is_close or wire.head is None or wire.has_failed:
            wire.is_last = True
        if wire.is_last:
            fields.append((b"Connection", b"close"))
        self._is_bodiless = status in WITHOUT_BODY or is_for_head
        return self._encode(h11.Response, status_code=status, headers=fields, reason=phrase(status).encode())

    def encode_body(self, data: bytes) -> bytes:
        """Return the bytes for one piece of the body; none if the response has no body.

        Raises:
            LocalProtocolError: No response was begun, or it would be longer than announced.
        """
        return b"" if self._is_bodiless or not data else self._encode(h11.Data, data=data)

    def encode_end(self) -> bytes:
        """Return the bytes that end the response.

        Raises:
            LocalProtocolError: No response was begun, or it is shorter than announced.
        """
        return self._encode(h11.EndOfMessage)

    def _encode(self, kind: Callable[..., h11.Event], **parts: Any) -> bytes:
        try:
            return self._wire.h11.connection().send(kind(**parts)) or b""
        except h11.ProtocolError as error:
            raise LocalProtocolError(f"the response cannot be sent: {error}") from error


def response_fields(
    status: int, headers: Iterable[tuple[str, str]], content_bytes: int | None
) -> list[tuple[bytes, bytes]]:
    """Return the fields to send, without `Connection: close` and `Transfer-Encoding`.

    These two depend on the connection, and are added by its encoder.

    Args:
        status: 200 to 599.
        headers: The fields to send; framing fields among them are left out.
        content_bytes: The length of the body; `None` if it is not known before the end.

    Raises:
        LocalProtocolError: `status` or a field cannot be sent.
    """
    if not 200 <= status <= 599:
        raise LocalProtocolError(f"a response has a status from 200 to 599, not {status}")
    fields: list[tuple[bytes, bytes]] = []
    offers_upgrade = False
    for name, value in headers:
        key = name.lower()
        if key not in _FRAMING:
            fields.append(_encoded_field(name, value))
            offers_upgrade = offers_upgrade or key == "upgrade"
    if offers_upgrade and not _has_upgrade_option(fields):
        fields.append((b"Connection", b"Upgrade"))
    if status in WITHOUT_BODY:
        content_bytes = WITHOUT_BODY[status]
    if content_bytes is not None:
        fields.append((b"Content-Length", b"%d" % content_bytes))
    return fields


def _has_upgrade_option(fields: list[tuple[bytes, bytes]]) -> bool:
    """Return whether a response says that its Upgrade is for this connection only (RFC 9110 §7.8).

    Without that, a proxy passes the offer on, and the client may try to upgrade its connection to the
    proxy.
    """
    return any(name.lower() == b"connection" and b"upgrade" in value.lower() for name, value in fields)


def _encoded_field(name: str, value: str) -> tuple[bytes, bytes]:
    check_field(name, value)
    return name.encode("ascii"), value.strip(" \t").encode("latin-1")

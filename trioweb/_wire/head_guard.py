"""The judge of a request's head: everything that h11 leaves open, before h11 sees it."""

from __future__ import annotations

import re

import attrs

from trioweb._wire.field_line import LineScanner, split_field
from trioweb._wire.target import Target, is_authority, parse_target
from trioweb.errors import HeadersTooLarge, RemoteProtocolError
from trioweb.headers import RequestHeaders

METHOD_BYTES = 32
"""The longest registered method has 17; beyond this it is 501 (RFC 9112 §3)."""

CONTENT_LENGTH_DIGITS = 18
"""What fits a signed 64-bit number everywhere: no two readers may disagree."""

_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}(?: |\Z)")
_LONG_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{33}")
_REQUEST_LINE = re.compile(rb"([^ ]+) ([\x21-\x7e]+) HTTP/([0-9]\.[0-9])")
_DIGITS = re.compile(rb"[0-9]{1,18}")

# A head in which every line is in order, for the usual case that it comes in one piece.
# It takes nothing that the lines one by one would not: only the way there is shorter.
_WHOLE_HEAD = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([\x21-\x7e]++) HTTP/(1\.[01])"
    rb"(\r\n(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+)\r\n"
)
_NOTED_LINE = re.compile(
    rb"\r\n(connection|content-length|expect|host|transfer-encoding|upgrade):([^\r]*)", re.IGNORECASE
)

# The fields that decide how the message is read; all others are the application's.
_NOTED = frozenset({b"connection", b"content-length", b"expect", b"host", b"transfer-encoding", b"upgrade"})

_Fields = dict[bytes, list[bytes]]

_NO_MEMBERS: frozenset[bytes] = frozenset()

# One string for all requests: each open WebSocket keeps its method.
_USUAL_METHODS = {
    name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
}


# It lives for one head, and writing to a frozen object would take longer than reading the head.
@attrs.define
class CheckedHead:
    """What the wire has to know of a head.

    Attributes:
        size_bytes: Its length, the empty line included.
        content_bytes: The declared length of the body; `None` if it comes in chunks.
        connection: The options of `Connection`, in lower case; `expect` and `upgrade` likewise.
        headers: All fields, when the head came in one piece; `None` leaves them to h11.
    """

    size_bytes: int
    method: str
    target: Target
    http_version: str
    content_bytes: int | None
    connection: frozenset[bytes]
    expect: frozenset[bytes]
    upgrade: frozenset[bytes]
    headers: RequestHeaders | None


class HeadGuard:
    """Reads one head as it arrives, and refuses it at the first byte that is wrong.

    Args:
        head_bytes: How long the head may be, from its first byte through the empty line.
        head_fields: How many fields there may be. As text, one of three bytes is fifty times as long.
    """

    __slots__ = (
        "_fields",
        "_head_bytes",
        "_head_fields",
        "_left_fields",
        "_method",
        "_scanner",
        "_target",
        "_version",
    )

    def __init__(self, head_bytes: int, head_fields: int) -> None:
        self._head_bytes = head_bytes
        self._head_fields = self._left_fields = head_fields
        self._scanner: LineScanner | None = None
        self._fields: _Fields = {}
        self._method = b""
        self._target: Target | None = None
        self._version = b""

    def check(self, data: bytearray) -> CheckedHead | None:
        """Go on reading at the front of `data`; return `None` while the head is incomplete.

        Raises:
            RemoteProtocolError: The head is malformed (400), or asks for what is not
                there (501, 505).
            HeadersTooLarge: It is longer than `head_bytes` (431, or 414 by its target), or has
                more than `head_fields` (431).
        """
        end = min(len(data), self._head_bytes)
        if self._scanner is None:
            if whole := _WHOLE_HEAD.match(data, 0, end):
                return self._check_whole(whole)
            self._scanner = LineScanner()
        if self._target is None:
            _check_method(data, end)
        while (line := self._scanner.next_line(data, end)) is not None:
            if self._target is None:
                self._target = self._read_request_line(line)
            elif line:
                self._left_fields -= 1
                if self._left_fields < 0:
                    raise self._too_many_fields()
                name, value = split_field(line)
                if name in _NOTED:
                    self._fields.setdefault(name, []).append(value)
            else:
                return self._checked_head(self._target, self._scanner.position, None)
        if end == self._head_bytes:
            # RFC 9112 §3: the target alone being too long has a status of its own.
            raise HeadersTooLarge(
                f"the head of a request is longer than {self._head_bytes} bytes (Limits.head_bytes)",
                414 if self._target is None else None,
            )
        return None

    def _check_whole(self, whole: re.Match[bytes]) -> CheckedHead:
        self._method, raw_target, self._version, lines = whole.groups()
        for name, value in _NOTED_LINE.findall(lines):
            self._fields.setdefault(name.lower(), []).append(value.strip(b" \t"))
        target = parse_target(self._method, raw_target)
        return self._checked_head(target, whole.end(), self._split_fields(lines))

    def _split_fields(self, lines: bytes) -> RequestHeaders:
        """Return the fields of a head's lines, which stand between CRLFs and are in order."""
        fields: list[tuple[str, str]] = []
        if len(lines) > 2:
            split = lines[2:-2].decode("latin-1").split("\r\n")
            if len(split) > self._head_fields:
                raise self._too_many_fields()
            for line in split:
                name, _, value = line.partition(":")
                fields.append((name, value.strip(" \t")))
        return RequestHeaders(fields)

    def _too_many_fields(self) -> HeadersTooLarge:
        return HeadersTooLarge(
            f"the head of a request has more than {self._head_fields} fields (Limits.head_fields)"
        )

    def _read_request_line(self, line: bytes) -> Target:
        match = _REQUEST_LINE.fullmatch(line)
        if match is None:
            raise RemoteProtocolError("the first line has to be `METHOD target HTTP/1.1` in ASCII", 400)
        self._method, raw_target, self._version = match.groups()
        # The preface of HTTP/2 (RFC 9113 §3.4) is made to be refused by servers of HTTP/1.1.
        if self._method == b"PRI":
            raise RemoteProtocolError("HTTP/2 without TLS and ALPN is not spoken here: use HTTP/1.1", 400)
        if self._version not in {b"1.0", b"1.1"}:
            raise RemoteProtocolError(f"HTTP/{self._version.decode()} is not spoken here: use HTTP/1.1", 505)
        return parse_target(self._method, raw_target)

    def _checked_head(self, target: Target, size_bytes: int, headers: RequestHeaders | None) -> CheckedHead:
        fields = self._fields
        _check_host(fields.get(b"host", []), self._version)
        return CheckedHead(
            size_bytes=size_bytes,
            method=_USUAL_METHODS.get(self._method) or self._method.decode(),
            target=target,
            http_version="1.1" if self._version == b"1.1" else "1.0",
            content_bytes=_content_bytes(fields, self._version),
            connection=_members(fields.get(b"connection")),
            expect=_members(fields.get(b"expect")),
            upgrade=_members(fields.get(b"upgrade")),
            headers=headers,
        )


def _check_method(data: bytearray, end: int) -> None:
    """Refuse what cannot become a request without waiting for the end of its first line."""
    if _METHOD.match(data, 0, min(end, METHOD_BYTES + 1)):
        return
    if data[0] == 0x16:  # a TLS handshake record (RFC 8446 §5.1)
        raise RemoteProtocolError("this looks like TLS, and plain HTTP is spoken here: use http://", 400)
    if _LONG_METHOD.match(data, 0, end):
        raise RemoteProtocolError(f"a method of more than {METHOD_BYTES} characters is not known", 501)
    raise RemoteProtocolError(
        "the first bytes are no request: expected a method such as GET and a space", 400
    )


def _check_host(hosts: list[bytes], version: bytes) -> None:
    """Hold RFC 9112 §3.2: exactly one `Host`, and a valid one; HTTP/1.0 may do without."""
    if len(hosts) > 1:
        raise RemoteProtocolError("more than one Host header", 400)
    if not hosts and version == b"1.1":
        raise RemoteProtocolError("a request of HTTP/1.1 needs a Host header", 400)
    if hosts and not is_authority(hosts[0]):
        raise RemoteProtocolError("the Host header has to be a host name or address and maybe a port", 400)


def _content_bytes(fields: _Fields, version: bytes) -> int | None:
    """Return how long the body is (RFC 9112 §6.3); `None` when it comes in chunks.

    Whatever two readers could understand differently is refused rather than repaired:
    the one before us, a proxy perhaps, may have understood it the other way.
    """
    lengths = fields.get(b"content-length", [])
    codings = fields.get(b"transfer-encoding", [])
    if codings:
        if lengths or version == b"1.0":  # §6.1
            raise RemoteProtocolError("Transfer-Encoding with Content-Length, or in HTTP/1.0", 400)
        if len(codings) > 1 or codings[0].lower() != b"chunked":
            raise _refused_codings(codings)
        return None
    if not lengths:
        return 0
    if len(lengths) > 1 or not _DIGITS.fullmatch(lengths[0]):
        raise RemoteProtocolError(
            f"Content-Length has to come once, as at most {CONTENT_LENGTH_DIGITS} digits", 400
        )
    return int(lengths[0])


def _refused_codings(values: list[bytes]) -> RemoteProtocolError:
    """Say what is wrong with `Transfer-Encoding`, which is not plain `chunked`."""
    codings = [coding.strip(b" \t") for coding in b",".join(values).lower().split(b",")]
    # Where such a body ends cannot be known (RFC 9112 §6.3), nor is chunked applied twice (§6.1).
    if codings[-1] != b"chunked" or b"" in codings or codings.count(b"chunked") > 1:
        return RemoteProtocolError("the last Transfer-Encoding has to be chunked, and no other one", 400)
    return RemoteProtocolError("the only Transfer-Encoding that is understood is: chunked", 501)


def _members(values: list[bytes] | None) -> frozenset[bytes]:
    """Return the members of a comma-separated list in lower case (RFC 9110 §5.6.1)."""
    if values is None:
        return _NO_MEMBERS
    return frozenset([member.strip(b" \t") for member in b",".join(values).lower().split(b",")])

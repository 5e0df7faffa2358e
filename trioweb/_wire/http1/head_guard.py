"""The guard of a request's head: it refuses everything that h11 leaves open, before h11 sees it.

There are two ways to the same result. A well-formed head that arrives in one piece is matched by a single
expression, and then the few fields that matter here are checked. Any other head is read line by line as it
arrives, and refused at the first wrong byte. The first way takes a fraction of the time and is the usual one.
The second finds out what is wrong, and does not wait for the end of a head that cannot become valid: a TLS
client that sends its hello to a plain port gets an explanation at once.

The first way must not accept a head that the second refuses. A property test feeds both the same heads.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from trioweb._wire.http1.field_line import LineScanner, split_field
from trioweb._wire.http1.target import Target, is_authority, parse_target
from trioweb.errors import HeadersTooLarge, RemoteProtocolError
from trioweb.headers import RequestHeaders

METHOD_BYTES = 32
"""The longest method that is read; the longest registered one has 17 bytes. A longer one gets 501 (RFC 9112 §3)."""

CONTENT_LENGTH_DIGITS = 18
"""The most digits that fit a signed 64-bit number. With more, some readers overflow and others do not."""

# `_METHOD` and `_LONG_METHOD` are applied to a line that is incomplete, and that may grow with each read. Both
# match a bounded number of bytes, so a client that sends byte by byte cannot make each byte cost more than the last.
_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}(?: |\Z)")
_LONG_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{33}")
_REQUEST_LINE = re.compile(rb"([^ ]+) ([\x21-\x7e]+) HTTP/([0-9]\.[0-9])")
_DIGITS = re.compile(rb"[0-9]{1,18}")

# A whole head without a mistake in its form. The quantifiers are possessive (`++`, `*+`), so that no input
# makes the match take longer than a walk over it.
_WHOLE_HEAD = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([\x21-\x7e]++) HTTP/(1\.[01])"
    rb"(\r\n(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+)\r\n"
)

# The fields that decide how the request is read. All other fields are left to the application. Both ways of
# reading a head use this set, so neither can note a field that the other one overlooks.
_NOTED = frozenset({b"connection", b"content-length", b"expect", b"host", b"transfer-encoding", b"upgrade"})
_NOTED_LINE = re.compile(rb"\r\n(" + b"|".join(sorted(_NOTED)) + rb"):([^\r]*)", re.IGNORECASE)

_Fields = dict[bytes, list[bytes]]

_NO_VALUES: Sequence[bytes] = ()
_NO_MEMBERS: frozenset[bytes] = frozenset()

# Each open WebSocket keeps its method, so all of them share one string.
_USUAL_METHODS = {
    name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
}


# Not frozen: setting the fields of a frozen object would take longer than reading the head.
@attrs.define
class CheckedHead:
    """The facts about a head that decide how the request is read.

    Attributes:
        size_bytes: The length of the head, with the empty line.
        content_bytes: The declared length of the body; `None` if it comes in chunks.
        connection: The options of `Connection`, in lower case; `expect` and `upgrade` likewise.
        headers: All fields, if the head came in one piece. `None` leaves them to h11: a second
            decoder for this rare case would have to agree with h11 in every detail.
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
        head_fields: How many fields there may be. A bound in bytes alone is not enough, because a
            field of three bytes takes about fifty times as much memory once it is decoded.
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
        """Continue reading at the front of `data`; return `None` while the head is incomplete.

        Raises:
            RemoteProtocolError: The head is malformed (400), or asks for something that this
                server does not have (501, 505).
            HeadersTooLarge: It is longer than `head_bytes` (431, or 414 if the target is to
                blame), or has more than `head_fields` fields (431).
        """
        end = min(len(data), self._head_bytes)
        if self._scanner is None:
            if whole := _WHOLE_HEAD.match(data, 0, end):
                return self._check_whole(whole)
            self._scanner = LineScanner()
        if self._target is None:  # each time, because the line has no end yet and may never get one
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
            # A target that is too long by itself has its own status (RFC 9112 §3).
            raise HeadersTooLarge(
                f"the head of a request is longer than {self._head_bytes} bytes (Limits.head_bytes)",
                414 if self._target is None else None,
            )
        return None

    def _check_whole(self, whole: re.Match[bytes]) -> CheckedHead:
        """Check the meaning of a head whose form is known to be right.

        The checks have the same order as when the head is read line by line: first the request line,
        then the number of fields, then their values. So a head with several mistakes gets the same
        error either way.
        """
        self._method, raw_target, self._version, lines = whole.groups()
        for name, value in _NOTED_LINE.findall(lines):
            self._fields.setdefault(name.lower(), []).append(value.strip(b" \t"))
        target = parse_target(self._method, raw_target)
        return self._checked_head(target, whole.end(), self._split_fields(lines))

    def _split_fields(self, lines: bytes) -> RequestHeaders:
        """Return the fields of well-formed lines, which begin and end with a CRLF.

        Latin-1 gives each byte a character, so it cannot fail, and encoding a value brings back what was
        sent. UTF-8 would refuse some values that are legal (RFC 9110 §5.5).
        """
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
        """Check the first line, without the lenience that RFC 9112 §3 allows.

        A server may skip extra whitespace in it, or accept LF alone as its end. Both have been used to
        make a proxy and a server see different requests.
        """
        match = _REQUEST_LINE.fullmatch(line)
        if match is None:
            raise RemoteProtocolError("the first line has to be `METHOD target HTTP/1.1` in ASCII", 400)
        self._method, raw_target, self._version = match.groups()
        if self._version not in {b"1.0", b"1.1"}:
            # The preface of HTTP/2 looks like a request so that servers of HTTP/1.1 refuse it (RFC 9113 §3.4).
            is_preface = self._method == b"PRI"
            spoken = "2 without TLS and ALPN" if is_preface else self._version.decode()
            raise RemoteProtocolError(
                f"this server does not speak HTTP/{spoken}: use HTTP/1.1", 400 if is_preface else 505
            )
        return parse_target(self._method, raw_target)

    def _checked_head(self, target: Target, size_bytes: int, headers: RequestHeaders | None) -> CheckedHead:
        fields = self._fields
        _check_host(fields.get(b"host", _NO_VALUES), self._version)
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
    """Refuse bytes that cannot become a request, without waiting for the end of the first line."""
    if _METHOD.match(data, 0, min(end, METHOD_BYTES + 1)):
        return
    if data[0] == 0x16:  # a TLS handshake record (RFC 8446 §5.1)
        raise RemoteProtocolError("this looks like TLS, and plain HTTP is spoken here: use http://", 400)
    # 501 and not 400, because an unknown method is legal, however long it is (RFC 9112 §3).
    if _LONG_METHOD.match(data, 0, end):
        raise RemoteProtocolError(f"a method of more than {METHOD_BYTES} characters is not known", 501)
    raise RemoteProtocolError(
        "the first bytes are not a request: expected a method such as GET and a space", 400
    )


def _check_host(hosts: Sequence[bytes], version: bytes) -> None:
    """Require exactly one valid `Host` (RFC 9112 §3.2); a request of HTTP/1.0 may have none.

    If there were two, a proxy could route by one of them and this server by the other.
    """
    if len(hosts) > 1:
        raise RemoteProtocolError("more than one Host header", 400)
    if not hosts and version == b"1.1":
        raise RemoteProtocolError("a request of HTTP/1.1 needs a Host header", 400)
    if hosts and not is_authority(hosts[0]):
        raise RemoteProtocolError("the Host header has to be a host name or address and maybe a port", 400)


def _content_bytes(fields: _Fields, version: bytes) -> int | None:
    """Return how long the body is (RFC 9112 §6.3); `None` if it comes in chunks.

    The RFC allows a server to repair some contradictions. Here all of them are refused, because a
    proxy in front of this server may have repaired them differently (§6.1, §11.2).
    """
    lengths = fields.get(b"content-length", _NO_VALUES)
    codings = fields.get(b"transfer-encoding", _NO_VALUES)
    if codings:
        if lengths or version == b"1.0":  # §6.1
            raise RemoteProtocolError("Transfer-Encoding with Content-Length, or in HTTP/1.0", 400)
        if len(codings) > 1 or codings[0].lower() != b"chunked":
            raise _refused_codings(codings)
        return None
    if not lengths:
        return 0
    # Two equal lengths could count as one (§6.3), but an honest client has no reason to send two.
    if len(lengths) > 1 or not _DIGITS.fullmatch(lengths[0]):
        raise RemoteProtocolError(
            f"Content-Length has to come once, as at most {CONTENT_LENGTH_DIGITS} digits", 400
        )
    return int(lengths[0])


def _refused_codings(values: Sequence[bytes]) -> RemoteProtocolError:
    """Return the error for a `Transfer-Encoding` that is not plain `chunked`."""
    codings = [coding.strip(b" \t") for coding in b",".join(values).lower().split(b",")]
    # The end of such a body cannot be found (RFC 9112 §6.3), and chunked is never applied twice (§6.1).
    if codings[-1] != b"chunked" or b"" in codings or codings.count(b"chunked") > 1:
        return RemoteProtocolError("Transfer-Encoding must end with chunked, and contain it only once", 400)
    return RemoteProtocolError("the only Transfer-Encoding that is understood is: chunked", 501)


def _members(values: list[bytes] | None) -> frozenset[bytes]:
    """Return the members of a comma-separated list in lower case (RFC 9110 §5.6.1).

    Several lines of one field are one list (§5.3). Empty members are harmless and stay in.
    """
    if values is None:
        return _NO_MEMBERS
    if len(values) == 1 and b"," not in values[0]:  # as in most heads; the value is stripped already
        return frozenset((values[0].lower(),))
    return frozenset([member.strip(b" \t") for member in b",".join(values).lower().split(b",")])

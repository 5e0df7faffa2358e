"""Multipart forms: pieces of bytes in, the heads of parts and what they hold out."""

from __future__ import annotations

import logging
import re

import attrs

from trioweb._web.parameters import split_parameters
from trioweb._web.shortage import shortage_is_503
from trioweb._web.unreadable import Unreadable

PIECE_BYTES = 64 * 1024
"""The parser gets no more at a time, so that what comes out is bounded as well."""

BOUNDARY_CHARACTERS = 70
"""The longest boundary that there may be (RFC 2046 §5.1.1)."""

PART_FIELDS = 16
"""More header fields than this no part has. They cost more time for each byte than anything else."""

_BOUNDARY = re.compile(rf"[\x20-\x7e]{{0,{BOUNDARY_CHARACTERS - 1}}}[\x21-\x7e]")
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_HEADER_OVERHEAD_BYTES = 4  # colon, space and CRLF
_PERCENT = re.compile(r"%(22|0[AaDd])")

# The parser logs each mistake of a client as a warning; what is wrong is told by the exception.
_SILENCE = logging.Logger("python_multipart", logging.CRITICAL + 1)  # noqa: LOG001 - no other uses it


@attrs.frozen(slots=True)
class PartHead:
    """What stands before the content of a part (RFC 7578 §4).

    Attributes:
        name: The field's, in the charset of the form.
        filename: `None` if the part is no file.
        content_type: As it came, `""` without one.
    """

    name: bytes
    filename: bytes | None
    content_type: str


class MultipartDecoder:
    """Reads `multipart/form-data` (RFC 7578) with the parser of python-multipart.

    Strict where readers could differ: lines end with CRLF, a part says once what it is
    called, the last boundary has to come. What comes before the first boundary and behind
    the last is thrown away (RFC 2046 §5.1.1). A part that is multipart itself is content
    like other.

    Args:
        boundary: From the Content-Type.
        header_bytes: How long the head of one part may be.

    Raises:
        HTTPError: 400, the boundary is missing or too long; 503, no descriptor is left.
    """

    def __init__(self, boundary: str, *, header_bytes: int) -> None:
        # Here, so that a program without forms need not wait for it.
        with shortage_is_503():
            from python_multipart import MultipartParser

        if not _BOUNDARY.fullmatch(boundary):
            raise Unreadable(
                400,
                "a form of the type multipart/form-data needs a boundary of 1 to"
                f" {BOUNDARY_CHARACTERS} ASCII characters in its Content-Type (RFC 2046 §5.1.1)",
            )
        self._header_bytes = header_bytes
        self._events: list[PartHead | bytes] = []
        self._headers: dict[str, bytes] = {}
        self._name, self._value = bytearray(), bytearray()
        self._taken_header_bytes = 0
        self._opening = b"\r\n" + b"--" + boundary.encode("ascii")
        self._preamble: bytes | None = b"\r\n"  # its end, until the first boundary has come
        self._has_ended = False
        self._parser = MultipartParser(
            boundary.encode("ascii"),
            {
                "on_part_begin": self._begin_part,
                "on_header_begin": self._begin_header,
                "on_header_field": self._take_name,
                "on_header_value": self._take_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._take_content,
                "on_end": self._end,
            },
            # Counted here, over the whole head; the parser's own bounds stand behind that.
            max_header_count=PART_FIELDS + 1,
            max_header_size=header_bytes + PIECE_BYTES,
        )
        self._parser.logger = _SILENCE

    def feed(self, data: bytes) -> list[PartHead | bytes]:
        """Return the heads that are complete with this, each with the content behind it.

        Raises:
            HTTPError: 400 this is not multipart/form-data, 413 a head is too long or has too
                many fields, 415 a part is encoded.
        """
        from python_multipart.exceptions import FormParserError

        if self._preamble is not None:
            data = self._without_preamble(self._preamble + data)
        try:
            for start in range(0, len(data), PIECE_BYTES):
                self._parser.write(data[start : start + PIECE_BYTES])
        except FormParserError as error:
            raise _malformed(str(error)) from error
        events, self._events = self._events, []
        return events

    def _without_preamble(self, data: bytes) -> bytes:
        # A boundary begins a line, as the first line of all may (RFC 2046 §5.1.1).
        place = data.find(self._opening)
        if place < 0:
            self._preamble = data[-(len(self._opening) - 1) :]
            return b""
        self._preamble = None
        return data[place + 2 :]

    def finish(self) -> None:
        """Say that there is no more.

        Raises:
            HTTPError: 400, the last boundary is missing: the form was cut off.
        """
        if not self._has_ended:
            missing = "last" if self._preamble is None else "first"
            raise _malformed(f"it ends without its {missing} boundary")

    # What the parser calls.

    def _begin_part(self) -> None:
        self._headers = {}
        self._taken_header_bytes = 0

    def _begin_header(self) -> None:
        if len(self._headers) == PART_FIELDS:
            raise Unreadable(413, f"a part of the form has more than {PART_FIELDS} header fields")
        self._count(_HEADER_OVERHEAD_BYTES)

    def _take_name(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._name += data[start:end]

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._value += data[start:end]

    def _count(self, count: int) -> None:
        self._taken_header_bytes += count
        if self._taken_header_bytes > self._header_bytes:
            raise Unreadable(
                413,
                f"the head of a part of the form is longer than {self._header_bytes} bytes"
                " (Limits.form_header_bytes)",
            )

    def _end_header(self) -> None:
        name, value = self._name.decode("ascii").lower(), bytes(self._value)
        self._name, self._value = bytearray(), bytearray()
        if name in self._headers:
            raise _malformed(f"a part has the field {name} twice")
        if _CONTROLS.search(value):
            raise _malformed(f"a part's field {name} holds a control character")
        self._headers[name] = value

    def _end_headers(self) -> None:
        self._events.append(_part_head(self._headers))

    def _take_content(self, data: bytes, start: int, end: int) -> None:
        self._events.append(data[start:end])

    def _end(self) -> None:
        self._has_ended = True


def _part_head(headers: dict[str, bytes]) -> PartHead:
    # Deprecated for forms (RFC 7578 §4.7): content that is encoded would be stored as it is, unnoticed.
    encoding = headers.get("content-transfer-encoding", b"binary").strip().lower()
    if encoding not in {b"7bit", b"8bit", b"binary"}:
        raise Unreadable(415, "a part of the form has a Content-Transfer-Encoding: expected plain bytes")
    disposition = split_parameters(headers.get("content-disposition", b"").decode("latin-1"))
    if disposition is None or disposition[0] != "form-data" or "name" not in disposition[1]:
        raise _malformed('a part lacks its Content-Disposition: expected form-data; name="..."')
    # RFC 7578 §4.2 forbids `filename*`, so it is not looked at: one reader's name is not another's.
    name, filename = disposition[1]["name"], disposition[1].get("filename")
    return PartHead(
        _octets(name),
        None if filename is None else _octets(filename),
        headers.get("content-type", b"").decode("latin-1").strip(),
    )


def _octets(text: str) -> bytes:
    """Undo what browsers do to a name with a quote or a line break in it (HTML §4.10.21.8)."""
    return _PERCENT.sub(lambda match: chr(int(match[1], 16)), text).encode("latin-1")


def _malformed(problem: str) -> Unreadable:
    return Unreadable(400, f"the body is no multipart/form-data (RFC 7578): {problem}")

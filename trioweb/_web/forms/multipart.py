"""Multipart forms: takes pieces of bytes, and returns the heads of parts and their content."""

from __future__ import annotations

import logging
import re

import attrs

from trioweb._web.parameters import split_parameters
from trioweb._web.shortage import shortage_is_503
from trioweb._web.unreadable import Unreadable

PIECE_BYTES = 64 * 1024
"""The parser gets at most this much at a time, so that its output is bounded as well."""

BOUNDARY_CHARACTERS = 70
"""The longest boundary allowed (RFC 2046 §5.1.1)."""

PART_FIELDS = 16
"""The most header fields of a part, more than any client sends.

Header fields cost more time for each byte than anything else in a form.
"""

_BOUNDARY = re.compile(rf"[\x20-\x7e]{{0,{BOUNDARY_CHARACTERS - 1}}}[\x21-\x7e]")
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_HEADER_OVERHEAD_BYTES = 4  # colon, space and CRLF
_PERCENT = re.compile(r"%(22|0[AaDd])")

# The parser logs each mistake of a client as a warning, which the exception reports already.
_SILENCE = logging.Logger("python_multipart", logging.CRITICAL + 1)  # noqa: LOG001 - used only here


@attrs.frozen(slots=True)
class PartHead:
    """The header fields of a part, as far as forms use them (RFC 7578 §4).

    Attributes:
        name: The name of the field, in the charset of the form.
        filename: `None` if the part is not a file.
        content_type: As it was received; `""` if there is none.
    """

    name: bytes
    filename: bytes | None
    content_type: str


class MultipartDecoder:
    """Reads `multipart/form-data` (RFC 7578) with the parser of python-multipart.

    It is strict wherever two parsers could differ, since a proxy that read the form another
    way could be deceived: lines end with CRLF, a part has one name, and the last boundary is
    required. Text before the first boundary and after the last is discarded
    (RFC 2046 §5.1.1). A part that is itself multipart is treated as plain content.

    Args:
        boundary: From the Content-Type.
        header_bytes: The most bytes in the head of one part.

    Raises:
        HTTPError: 400 if the boundary is missing or too long, 503 if no file descriptor is left.
    """

    def __init__(self, boundary: str, *, header_bytes: int) -> None:
        # Imported here, so that programs without forms start sooner.
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
        self._preamble: bytes | None = b"\r\n"  # the end of it; None after the first boundary
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
            # `_count` checks the whole head, and first; the parser's own bounds are only a backstop.
            max_header_count=PART_FIELDS + 1,
            max_header_size=header_bytes + PIECE_BYTES,
        )
        self._parser.logger = _SILENCE

    def feed(self, data: bytes) -> list[PartHead | bytes]:
        """Take a piece, and return the heads that it completes and the content in it.

        Raises:
            HTTPError: 400 if this is not multipart/form-data, 413 if a head is too long or has
                too many fields, 415 if a part is encoded.
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
        # A boundary starts a line, and the very first line may be one (RFC 2046 §5.1.1). That is
        # why `_preamble` starts out with a line break.
        place = data.find(self._opening)
        if place < 0:
            self._preamble = data[-(len(self._opening) - 1) :]
            return b""
        self._preamble = None
        return data[place + 2 :]

    def finish(self) -> None:
        """Check that the form is complete.

        Raises:
            HTTPError: 400 if the last boundary is missing, so the form was cut off.
        """
        if not self._has_ended:
            missing = "last" if self._preamble is None else "first"
            raise _malformed(f"it ends without its {missing} boundary")

    # Called by the parser.

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
    # Encodings are deprecated in forms (RFC 7578 §4.7). Refused, because the encoded text would
    # otherwise be stored as the content, unnoticed.
    encoding = headers.get("content-transfer-encoding", b"binary").strip().lower()
    if encoding not in {b"7bit", b"8bit", b"binary"}:
        raise Unreadable(415, "a part of the form has a Content-Transfer-Encoding: expected plain bytes")
    disposition = split_parameters(headers.get("content-disposition", b"").decode("latin-1"))
    if disposition is None or disposition[0] != "form-data" or "name" not in disposition[1]:
        raise _malformed('a part lacks its Content-Disposition: expected form-data; name="..."')
    # RFC 7578 §4.2 forbids `filename*`. It is ignored, so that every reader sees the same name.
    name, filename = disposition[1]["name"], disposition[1].get("filename")
    return PartHead(
        _octets(name),
        None if filename is None else _octets(filename),
        headers.get("content-type", b"").decode("latin-1").strip(),
    )


def _octets(text: str) -> bytes:
    """Undo the escapes that browsers use for quotes and line breaks in names (HTML §4.10.21.8)."""
    return _PERCENT.sub(lambda match: chr(int(match[1], 16)), text).encode("latin-1")


def _malformed(problem: str) -> Unreadable:
    return Unreadable(400, f"the body is not multipart/form-data (RFC 7578): {problem}")

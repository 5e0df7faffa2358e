"""Reads a form from the body of a request, within the limits.

Every bound is checked while the bytes arrive, before they are stored. A form with too many
fields is refused at the field that is one too many, not after the whole body has been read.
"""

from __future__ import annotations

import attrs
import trio

from trioweb._web.body import RequestBody
from trioweb._web.charsets import encoding_of
from trioweb._web.forms.form import Form
from trioweb._web.forms.multipart import MultipartDecoder, PartHead
from trioweb._web.forms.spool import Content, Spool
from trioweb._web.forms.upload import Upload
from trioweb._web.forms.urlencoded import UrlencodedDecoder
from trioweb._web.parameters import charset_of, media_type_of, split_parameters
from trioweb._web.unreadable import Unreadable
from trioweb.config import Limits

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


@attrs.define(slots=True)
class _Field:
    """A field while it is read. `encoding` is `None` if the form's encoding applies."""

    name: bytes
    value: bytearray
    encoding: str | None = None


@attrs.define(slots=True)
class _File:
    """A file while it is read."""

    head: PartHead
    content: Content


class FormReader:
    """Reads one form. Any number of tasks may ask for it, and all get the same `Form`.

    A cancelled `read` loses nothing: the next call continues with the data received so far.

    Args:
        body: Is read to its end. No other reader may use it.
        content_type: The Content-Type of the request, with its parameters.
        limits: The limits of the route.

    Raises:
        HTTPError: 415 if the Content-Type is not that of a form, 400 if its boundary cannot
            be parsed.
        LocalProtocolError: The body was streamed.
    """

    __slots__ = (
        "_blanks",
        "_body",
        "_failure",
        "_fields",
        "_files",
        "_form",
        "_limits",
        "_lock",
        "_multipart",
        "_part",
        "_separators",
        "_spool",
        "_taken_field_bytes",
        "_urlencoded",
    )

    def __init__(self, body: RequestBody, content_type: str, limits: Limits) -> None:
        self._limits = limits
        self._multipart = _decoder(content_type, limits)
        self._spool = Spool(limits.form_memory_bytes)
        self._urlencoded = UrlencodedDecoder()
        self._separators = 0
        self._fields: list[_Field] = []
        self._files: list[_File] = []
        self._blanks = 0
        self._part: _Field | _File = _Field(b"", bytearray())  # the newest one
        self._taken_field_bytes = 0
        self._form: Form | None = None
        self._failure: Exception | None = None
        self._lock = trio.Lock()
        body.claim("form()")
        self._body = body

    async def read(self) -> Form:
        """Return the form, after reading the rest of it."""
        async with self._lock:
            if self._failure is not None:
                raise self._failure.with_traceback(None)
            if self._form is None:
                try:
                    self._form = await self._read()
                except Exception as error:
                    self._failure = error
                    await self.aclose()
                    raise
            return self._form

    async def aclose(self) -> None:
        """Release the files."""
        self._drop_parts()
        await self._spool.aclose()

    async def _read(self) -> Form:
        await self._spool.flush()  # the batch that a cancelled call has left
        while piece := await self._body.receive():
            if self._multipart is None:
                self._take_urlencoded(piece)
            else:
                for event in self._multipart.feed(piece):
                    self._take(event)
                await self._spool.flush()
        if self._multipart is None:
            self._fields = [_Field(name, value) for name, value in self._urlencoded.finish()]
        else:
            self._multipart.finish()
            await self._spool.flush(is_last=True)
        return self._made_form()

    def _take_urlencoded(self, piece: bytes) -> None:
        self._take_field_bytes(len(piece))
        self._separators += piece.count(b"&")
        self._check_count("fields", self._separators + 1, self._limits.form_fields)
        self._urlencoded.feed(piece)

    # Parts.

    def _take(self, event: PartHead | bytes) -> None:
        if isinstance(event, PartHead):
            self._begin(event)
            return
        if isinstance(self._part, _File):
            if not self._part.head.filename and not self._part.content.size_bytes:
                self._keep(self._part)
            self._spool.append(self._part.content, event)
        else:
            self._take_field_bytes(len(event), self._part.name)
            self._part.value += event

    def _begin(self, head: PartHead) -> None:
        if head.filename is None:
            self._check_count("fields", len(self._fields) + self._blanks + 1, self._limits.form_fields)
            self._take_field_bytes(len(head.name), head.name)
            # No more of the head is kept than was counted: a charset becomes one of a few names.
            charset = charset_of(head.content_type)
            self._part = _Field(head.name, bytearray(), None if charset is None else encoding_of(charset))
            self._fields.append(self._part)
        else:
            self._part = _File(head, Content(self._spool))
            # Browsers send an input without a chosen file as a file without a name or content. It
            # is not an upload, and counts as a field.
            if head.filename:
                self._keep(self._part)
            else:
                self._blanks += 1
                self._check_count("fields", len(self._fields) + self._blanks, self._limits.form_fields)

    def _keep(self, file: _File) -> None:
        self._check_count("files", len(self._files) + 1, self._limits.form_files)
        self._files.append(file)

    def _take_field_bytes(self, count: int, name: bytes | None = None) -> None:
        self._taken_field_bytes += count
        if self._taken_field_bytes > self._limits.form_field_bytes:
            place = "" if name is None else f", at the field {name[:60].decode('utf-8', 'replace')!r}"
            raise Unreadable(
                413,
                f"the form's fields are longer than {self._limits.form_field_bytes} bytes"
                f" together{place} (Limits.form_field_bytes)",
            )

    def _check_count(self, things: str, count: int, limit: int) -> None:
        if count > limit:
            raise Unreadable(413, f"the form has more than {limit} {things} (Limits.form_{things})")

    # From bytes to text.

    def _made_form(self) -> Form:
        encoding = self._form_encoding()
        fields = [
            (_text(field.name, encoding), _text(field.value, field.encoding or encoding))
            for field in self._fields
        ]
        uploads = [
            Upload(
                _text(file.head.name, encoding),
                _text(file.head.filename or b"", encoding),
                file.head.content_type,
                file.content,
            )
            for file in self._files
        ]
        self._drop_parts()
        return Form(fields, uploads)

    def _form_encoding(self) -> str:
        """Return the encoding given in a field named `_charset_`, or else UTF-8 (RFC 7578 §4.6)."""
        for field in self._fields:
            if field.name == b"_charset_" and field.value.strip():
                return encoding_of(field.value.decode("latin-1"))
        return "utf-8"

    def _drop_parts(self) -> None:
        self._fields, self._files, self._part = [], [], _Field(b"", bytearray())
        self._urlencoded = UrlencodedDecoder()


def _decoder(content_type: str, limits: Limits) -> MultipartDecoder | None:
    """Return the decoder of a multipart form, or `None` for a URL-encoded form."""
    kind = media_type_of(content_type)
    if kind == URLENCODED:
        return None
    if kind != MULTIPART:
        was = f"the Content-Type is {kind[:60]!r}" if kind else "there is no Content-Type"
        raise Unreadable(
            415, f"{was}: expected {URLENCODED} or {MULTIPART}", {"Accept": f"{URLENCODED}, {MULTIPART}"}
        )
    parsed = split_parameters(content_type)
    if parsed is None:
        raise Unreadable(400, "the parameters of the Content-Type cannot be read: expected boundary=...")
    return MultipartDecoder(parsed[1].get("boundary", ""), header_bytes=limits.form_header_bytes)


def _text(octets: bytes | bytearray, encoding: str) -> str:
    return octets.decode(encoding, "replace")

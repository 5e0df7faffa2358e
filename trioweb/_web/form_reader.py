"""From the body of a request to its form, within bounds."""

from __future__ import annotations

import attrs
import trio

from trioweb._web.body import RequestBody
from trioweb._web.charsets import encoding_of
from trioweb._web.form import Form
from trioweb._web.multipart import MultipartDecoder, PartHead
from trioweb._web.parameters import split_parameters
from trioweb._web.spool import Content, Spool
from trioweb._web.upload import Upload
from trioweb._web.urlencoded import decode_urlencoded
from trioweb.config import Limits
from trioweb.errors import HTTPError

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

THREAD_BYTES = 32 * 1024
"""Above it, escapes are undone in a worker thread: a MiB of them takes a quarter of a second."""


@attrs.define(slots=True)
class _Part:
    """One part as it comes in; `content` is a file's, `value` a field's."""

    head: PartHead
    value: bytearray
    content: Content | None


class FormReader:
    """Reads one form; any number of tasks may ask for it, and all get the same.

    A cancelled `read` loses nothing: what came is kept and the next call goes on there.

    Args:
        body: Is read to its end, and kept by nobody else.
        content_type: The request's, with its parameters.
        limits: The route's.

    Raises:
        HTTPError: 415 the Content-Type is no form's, 400 its boundary cannot be read.
        LocalProtocolError: The body was streamed.
    """

    __slots__ = (
        "_body",
        "_failure",
        "_files",
        "_form",
        "_limits",
        "_lock",
        "_multipart",
        "_parts",
        "_spool",
        "_taken_field_bytes",
        "_urlencoded",
    )

    def __init__(self, body: RequestBody, content_type: str, limits: Limits) -> None:
        self._limits = limits
        self._multipart = _decoder(content_type, limits)
        self._spool = Spool(limits.form_memory_bytes)
        self._parts: list[_Part] = []
        self._files = 0
        self._urlencoded = bytearray()
        self._taken_field_bytes = 0
        self._form: Form | None = None
        self._failure: Exception | None = None
        self._lock = trio.Lock()
        body.claim("form()")
        self._body = body

    async def read(self) -> Form:
        """Return the form, reading what has not been read."""
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
        """Let go of the files."""
        self._parts.clear()
        await self._spool.aclose()

    async def _read(self) -> Form:
        await self._spool.flush()  # what a call before had no time for
        while piece := await self._body.receive():
            if self._multipart is None:
                self._take_field_bytes(len(piece))
                self._urlencoded += piece
            else:
                for event in self._multipart.feed(piece):
                    self._take(event)
                await self._spool.flush()
        if self._multipart is None:
            return await self._urlencoded_form()
        self._multipart.finish()
        await self._spool.flush(is_last=True)
        return self._multipart_form()

    # Parts.

    def _take(self, event: PartHead | bytes) -> None:
        if isinstance(event, PartHead):
            self._begin(event)
            return
        part = self._parts[-1]
        if part.content is not None:
            self._spool.append(part.content, event)
        else:
            self._take_field_bytes(len(event), part.head.name)
            part.value += event

    def _begin(self, head: PartHead) -> None:
        if head.filename is None:
            self._check_count("fields", len(self._parts) - self._files + 1, self._limits.form_fields)
            self._take_field_bytes(len(head.name), head.name)
            self._parts.append(_Part(head, bytearray(), None))
        else:
            self._files += 1
            self._check_count("files", self._files, self._limits.form_files)
            self._parts.append(_Part(head, bytearray(), Content(self._spool)))

    def _take_field_bytes(self, count: int, name: bytes | None = None) -> None:
        self._taken_field_bytes += count
        if self._taken_field_bytes > self._limits.form_field_bytes:
            place = "" if name is None else f", at the field {name[:60].decode('utf-8', 'replace')!r}"
            raise HTTPError(
                413,
                f"the form's fields are longer than {self._limits.form_field_bytes} bytes"
                f" together{place} (Limits.form_field_bytes)",
            )

    def _check_count(self, things: str, count: int, limit: int) -> None:
        if count > limit:
            raise HTTPError(413, f"the form has more than {limit} {things} (Limits.form_{things})")

    # From bytes to text.

    async def _urlencoded_form(self) -> Form:
        octets = bytes(self._urlencoded)
        self._check_count("fields", octets.count(b"&") + bool(octets), self._limits.form_fields)
        if len(octets) <= THREAD_BYTES:
            pairs = decode_urlencoded(octets)
        else:
            pairs = await trio.to_thread.run_sync(decode_urlencoded, octets)
        self._urlencoded.clear()
        encoding = _form_encoding(pairs)
        return Form((_text(name, encoding), _text(value, encoding)) for name, value in pairs)

    def _multipart_form(self) -> Form:
        pairs = [(part.head.name, bytes(part.value)) for part in self._parts if part.content is None]
        encoding = _form_encoding(pairs)
        fields: list[tuple[str, str]] = []
        uploads: list[Upload] = []
        for part in self._parts:
            name, head = _text(part.head.name, encoding), part.head
            if part.content is None:
                fields.append((name, _text(bytes(part.value), _part_encoding(head, encoding))))
            # An input in which no file was chosen comes as one without name and content.
            elif head.filename or part.content.size_bytes:
                filename = _text(head.filename or b"", encoding)
                uploads.append(Upload(name, filename, head.content_type, part.content))
        self._parts.clear()
        return Form(fields, uploads)


def _decoder(content_type: str, limits: Limits) -> MultipartDecoder | None:
    """Return what reads a multipart form, `None` for one that is url-encoded."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == URLENCODED:
        return None
    if kind != MULTIPART:
        was = f"the Content-Type is {kind[:60]!r}" if kind else "there is no Content-Type"
        raise HTTPError(
            415, f"{was}: expected {URLENCODED} or {MULTIPART}", {"Accept": f"{URLENCODED}, {MULTIPART}"}
        )
    parsed = split_parameters(content_type)
    if parsed is None:
        raise HTTPError(400, "the parameters of the Content-Type cannot be read: expected boundary=...")
    return MultipartDecoder(parsed[1].get("boundary", ""), header_bytes=limits.form_header_bytes)


def _form_encoding(pairs: list[tuple[bytes, bytes]]) -> str:
    """Return the encoding that a field named `_charset_` tells, usually UTF-8 (RFC 7578 §4.6)."""
    for name, value in pairs:
        if name == b"_charset_" and value.strip():
            return encoding_of(value.decode("latin-1"))
    return "utf-8"


def _part_encoding(head: PartHead, encoding: str) -> str:
    parsed = split_parameters(head.content_type)
    charset = None if parsed is None else parsed[1].get("charset")
    return encoding if charset is None else encoding_of(charset)


def _text(octets: bytes, encoding: str) -> str:
    return octets.decode(encoding, "replace")

"""A file as a response: its type, its version, and the requested parts."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from trioweb._web.files import disk
from trioweb._web.files.byte_range import ByteRange, parse_ranges
from trioweb._web.files.conditions import Validators, evaluate, is_range_current
from trioweb._web.files.download_name import attachment
from trioweb._web.files.file_body import FileBody
from trioweb._web.files.media_types import media_type
from trioweb._web.files.multipart_ranges import MultipartRanges, Segment, content_range, length_of
from trioweb._web.files.open_file import OpenFile, open_file
from trioweb._web.response import Response
from trioweb.errors import HTTPError, LocalProtocolError
from trioweb.headers import HeaderSource, MutableHeaders

if TYPE_CHECKING:
    from trioweb._web.request import Request

_NOT_IN_304 = frozenset({"content-disposition", "content-encoding", "content-language", "content-type"})
"""The client keeps these with its copy of the content; a 304 does not repeat them (RFC 9110 §15.4.5)."""


class File(Response):
    """Send a file, parts of it, or a 304 if the client already has it.

    The file is opened when the response is prepared, and its length at that moment is sent. One
    `File` may answer any number of requests.

    Args:
        path: The path of the file. Never make it from client input: `app.static` is for that.
        status: With any status other than 200, conditions and ranges are ignored.
        headers: Header fields; an ETag or Last-Modified here replaces ours.
        content_type: By default the type that the file's name indicates.
        download_name: Makes the browser save it under this name instead of showing it.

    Raises:
        LocalProtocolError: A header field or the status cannot be sent.
    """

    __slots__ = ("_path",)
    is_streamed = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        status: int = 200,
        *,
        headers: HeaderSource | None = None,
        content_type: str | None = None,
        download_name: str | None = None,
    ) -> None:
        super().__init__(status=status, headers=headers, content_type=content_type)
        self._path = os.fspath(path)
        self.headers.setdefault("content-type", media_type(os.path.basename(self._path)))
        if download_name is not None:
            self.headers["content-disposition"] = attachment(download_name)

    async def prepare(self, request: Request) -> Response:
        """Open the file, and decide what to send of it.

        Raises:
            HTTPError: 404 if it does not exist; 412 or 416 if the request's condition or range fails.
            OSError: The system fails.

        Cancellation: Immediate, even if the disk hangs; no file is left open.
        """
        opened = await disk.acquire(self._open)
        try:
            return self._respond(request, opened)
        except BaseException:
            opened.close()
            raise

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """Raise an error: only the response that `prepare` returns has pieces."""
        raise LocalProtocolError("a File has no content before prepare(request) opened it")

    def _is_coding_certain(self, request: Request) -> bool:
        """Return whether this file is never sent in another coding, and never was."""
        return not request.may_be_recoded

    def _open(self) -> OpenFile:
        return open_file(self._path)

    def _respond(self, request: Request, opened: OpenFile) -> Response:
        headers = MutableHeaders(self.headers.lines())
        validators = _validated(headers, opened, is_coding_certain=self._is_coding_certain(request))
        if self.status != 200 or request.method not in ("GET", "HEAD"):
            return _sent(opened, self.status, headers, _whole(opened))
        verdict = evaluate(request.headers, validators)
        if verdict == 412:
            raise HTTPError(412, "the file is not the version that the request's condition asks for")
        if verdict == 304:
            opened.close()
            return _not_modified(headers)
        headers["accept-ranges"] = "bytes"
        match _ranges(request, validators, opened.size_bytes):
            case ():
                return _sent(opened, 200, headers, _whole(opened))
            case (part,):
                headers["content-range"] = content_range(part, opened.size_bytes)
                return _sent(opened, 206, headers, (part,))
            case several:
                return _in_parts(opened, headers, several)


def _validated(headers: MutableHeaders, opened: OpenFile, *, is_coding_certain: bool) -> Validators:
    """Set the validators that the handler has not set, and return those that will be sent."""
    computed = Validators.of_file(
        size_bytes=opened.size_bytes,
        modified_ns=opened.modified_ns,
        now_seconds=time.time(),
        coding=headers.get("content-encoding", ""),
    )
    if computed.last_modified is not None:
        headers.setdefault("last-modified", computed.last_modified)
    return Validators(
        headers.setdefault("etag", computed.entity_tag),
        headers.get("last-modified"),
        # For a date set by the handler, nobody knows how often the file changed in that second. And
        # all codings have the date of the file, so a part of one could be joined to the rest of another.
        is_date_strong=headers.get("last-modified") == computed.last_modified
        and is_coding_certain
        and "content-encoding" not in headers
        and "accept-encoding" not in headers.tokens("vary"),
    )


def _whole(opened: OpenFile) -> tuple[ByteRange, ...]:
    return (ByteRange(0, opened.size_bytes - 1),) if opened.size_bytes else ()


def _ranges(request: Request, validators: Validators, size_bytes: int) -> tuple[ByteRange, ...]:
    # RFC 9110 §14.2: Range has a meaning only for GET.
    wanted = request.headers.get("range")
    if wanted is None or request.method != "GET" or not is_range_current(request.headers, validators):
        return ()
    return parse_ranges(wanted, size_bytes)


def _in_parts(opened: OpenFile, headers: MutableHeaders, ranges: tuple[ByteRange, ...]) -> Response:
    multipart = MultipartRanges.of(ranges, opened.size_bytes, headers["content-type"])
    # A small request must not get a response larger than the file (RFC 9110 §17.15). And if the
    # content is encoded, clients would try to decode the separators together with the parts.
    if length_of(multipart.segments) >= opened.size_bytes or "content-encoding" in headers:
        return _sent(opened, 200, headers, _whole(opened))
    # RFC 9110 §15.3.7.2: each part has a Content-Range, the response itself does not.
    headers["content-type"] = multipart.content_type
    return _sent(opened, 206, headers, multipart.segments)


def _sent(opened: OpenFile, status: int, headers: MutableHeaders, segments: Sequence[Segment]) -> Response:
    return Response(FileBody(opened, segments), status, headers=headers.lines())


def _not_modified(headers: MutableHeaders) -> Response:
    kept = [(name, value) for name, value in headers.lines() if name.lower() not in _NOT_IN_304]
    return Response(status=304, headers=kept)

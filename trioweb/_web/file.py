"""A file as an answer: its type, version, and the part of it that was asked for."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING
from urllib.parse import quote

import trio

from trioweb._web.byte_range import ByteRange, parse_range
from trioweb._web.conditions import Validators, evaluate, is_range_current
from trioweb._web.media_types import media_type
from trioweb._web.open_file import OpenFile, open_file
from trioweb._web.response import Response
from trioweb.errors import HTTPError, LocalProtocolError
from trioweb.headers import HeaderSource, MutableHeaders

if TYPE_CHECKING:
    from trioweb._web.request import Request

CHUNK_BYTES = 64 * 1024
_OF_THE_CONTENT = frozenset({"content-disposition", "content-encoding", "content-language", "content-type"})
"""The client has these with the content that it keeps; a 304 does not repeat them (RFC 9110 §15.4.5)."""
_UNFIT_FOR_A_NAME = re.compile(r'[\x00-\x1f\x7f"\\/%;]|[^\x00-\x7f]')


class File(Response):
    """Send a file, a part of it, or the word that the client has it already.

    The file is opened when the answer is prepared, and sent as long as it was then. One
    `File` may answer any number of requests.

    Args:
        path: Where it is. Never make it of what a client sent: `app.static` is for that.
        status: With any other than 200 conditions and ranges are ignored.
        headers: Header fields; an ETag or Last-Modified here takes the place of ours.
        content_type: By default what the file's name says.
        download_name: Let the browser save it under this name instead of showing it.

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
            self.headers["content-disposition"] = _attachment(download_name)

    async def prepare(self, request: Request) -> Response:
        """Open the file and decide what is sent of it.

        Raises:
            HTTPError: 404, it is not there; 412 or 416, the request's condition or range fails.

        Cancellation: Waits for the file system; no file is left open.
        """
        opened = await trio.to_thread.run_sync(open_file, self._path)
        try:
            return self._answer(request, opened)
        except BaseException:
            opened.stream.close()
            raise

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """Refuse: only what `prepare` returned has them."""
        raise LocalProtocolError("a File has no content before prepare(request) opened it")

    def _answer(self, request: Request, opened: OpenFile) -> Response:
        computed = Validators.of_file(
            size_bytes=opened.size_bytes, modified_ns=opened.modified_ns, now_seconds=time.time()
        )
        headers = MutableHeaders(self.headers.lines())
        validators = Validators(
            headers.setdefault("etag", computed.entity_tag),
            headers.setdefault("last-modified", computed.last_modified),
        )
        if self.status != 200 or request.method not in ("GET", "HEAD"):
            return FileContent(opened.stream, self.status, headers, 0, opened.size_bytes)
        verdict = evaluate(request.headers, validators)
        if verdict == 412:
            raise HTTPError(412, "the file is not the version that the request's condition asks for")
        if verdict == 304:
            opened.stream.close()
            return _not_modified(headers)
        headers["accept-ranges"] = "bytes"
        part = _part(request, validators, opened.size_bytes)
        if part is None:
            return FileContent(opened.stream, 200, headers, 0, opened.size_bytes)
        headers["content-range"] = f"bytes {part.first}-{part.last}/{opened.size_bytes}"
        return FileContent(opened.stream, 206, headers, part.first, part.length_bytes)


class FileContent(Response):
    """What is sent of an open file; it owns the file, so it must be closed."""

    __slots__ = ("_content_bytes", "_first", "_stream")
    is_streamed = True

    def __init__(
        self, stream: io.FileIO, status: int, headers: MutableHeaders, first: int, content_bytes: int
    ) -> None:
        super().__init__(status=status, headers=headers.lines())
        self._stream = stream
        self._first = first
        self._content_bytes = content_bytes

    @property
    def content_bytes(self) -> int | None:
        """The length of the part that is sent."""
        return self._content_bytes

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the part in pieces of 64 KiB at most, read in a worker thread.

        Raises:
            LocalProtocolError: The file became shorter: the answer cannot be completed.
        """
        position, end = self._first, self._first + self._content_bytes
        while position < end:
            piece = await trio.to_thread.run_sync(self._read, position, min(CHUNK_BYTES, end - position))
            if not piece:
                raise LocalProtocolError(f"the file ended at byte {position} of {end} while it was sent")
            position += len(piece)
            yield piece

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _read(self, position: int, length_bytes: int) -> bytes:
        self._stream.seek(position)
        return self._stream.read(length_bytes) or b""


def _part(request: Request, validators: Validators, size_bytes: int) -> ByteRange | None:
    # RFC 9110 §14.2: Range means something with GET only.
    wanted = request.headers.get("range")
    if wanted is None or request.method != "GET" or not is_range_current(request.headers, validators):
        return None
    return parse_range(wanted, size_bytes)


def _not_modified(headers: MutableHeaders) -> Response:
    kept = [(name, value) for name, value in headers.lines() if name.lower() not in _OF_THE_CONTENT]
    return Response(status=304, headers=kept)


def _attachment(name: str) -> str:
    """Write a Content-Disposition that old and new clients read alike (RFC 6266 §4.3, §5)."""
    plain = _UNFIT_FOR_A_NAME.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"

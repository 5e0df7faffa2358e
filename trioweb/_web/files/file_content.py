"""What is sent of an open file: all of it, a part, or several."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from trioweb._web.files import disk
from trioweb._web.files.multipart_ranges import Segment, length_of
from trioweb._web.files.open_file import OpenFile
from trioweb._web.response import Response
from trioweb.errors import LocalProtocolError
from trioweb.headers import MutableHeaders

CHUNK_BYTES = 64 * 1024
"""How much of a file is held for each connection that is sent one."""


class FileContent(Response):
    """The segments of one answer; it owns the file, so it must be closed."""

    __slots__ = ("_file", "_segments")
    is_streamed = True

    def __init__(
        self, file: OpenFile, status: int, headers: MutableHeaders, segments: Sequence[Segment]
    ) -> None:
        super().__init__(status=status, headers=headers.lines())
        self._file = file
        self._segments = segments

    @property
    def content_bytes(self) -> int | None:
        """The length of all segments."""
        return length_of(self._segments)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the segments in pieces of `CHUNK_BYTES` at most, read in a worker thread.

        Raises:
            LocalProtocolError: The file became shorter: the answer cannot be completed.
            OSError: The disk failed.
        """
        for segment in self._segments:
            if isinstance(segment, bytes):
                yield segment
                continue
            position, end = segment.first, segment.last + 1
            while position < end:
                piece = await disk.call(self._file.read, position, min(CHUNK_BYTES, end - position))
                if not piece:
                    raise LocalProtocolError(f"the file ended at byte {position} of {end} while it was sent")
                position += len(piece)
                yield piece

    def close(self) -> None:
        """Close the file."""
        self._file.close()

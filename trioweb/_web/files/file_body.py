"""The body made from an open file: the whole file, one part, or several."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from trioweb._web.files import disk
from trioweb._web.files.multipart_ranges import Segment, length_of
from trioweb._web.files.open_file import OpenFile
from trioweb._web.streamed_body import StreamedBody
from trioweb.errors import LocalProtocolError

CHUNK_BYTES = 64 * 1024
"""How much of a file is in memory for each connection that it is sent to."""


class FileBody(StreamedBody):
    """The segments of one response. It owns the file, and closes it.

    It is sent to its end even if the client has half-closed: the end will come, and the client may
    still be reading.
    """

    __slots__ = ("_file", "_segments", "content_bytes")

    stops_when_client_leaves = False

    def __init__(self, file: OpenFile, segments: Sequence[Segment]) -> None:
        self._file = file
        self._segments = segments
        self.content_bytes = length_of(segments)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the segments in pieces of `CHUNK_BYTES` at most, read in a worker thread.

        Raises:
            LocalProtocolError: The file became shorter: the response cannot be completed.
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

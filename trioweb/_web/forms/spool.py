"""Where the files of a form are kept: in memory up to a bound, then in one file on disk."""

from __future__ import annotations

import trio

from trioweb._web.files import disk
from trioweb._web.forms.spool_file import SpoolFile

BATCH_BYTES = 256 * 1024
"""So much is written at a time: going to a worker thread costs as much as copying it."""


class Content:
    """The bytes of one file of a form; see `Spool.append`.

    Attributes:
        size_bytes: How many there are.
    """

    __slots__ = ("_memory", "_spool", "_start", "size_bytes")

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._memory = bytearray()
        self._start: int | None = None  # in the file, once it is there
        self.size_bytes = 0

    @property
    def is_on_disk(self) -> bool:
        """Whether reading blocks, and belongs into a worker thread."""
        return self._start is not None

    def read(self, position: int, count: int) -> bytes:
        """Return up to `count` bytes from `position` on; `b""` at the end.

        Raises:
            LocalProtocolError: The request has been answered.
        """
        file = self._spool.file
        file.check_open()
        if self._start is None:
            return bytes(self._memory[position : position + count])
        count = max(0, min(count, self.size_bytes - position))
        return file.read(self._start + position, count)

    def grow(self, data: bytes, free_bytes: int, file_bytes: int) -> bytes | bytearray:
        """Take `data` in if memory has room, and return what has to go to the file instead."""
        self.size_bytes += len(data)
        if self._start is not None:
            return data
        self._memory += data
        if len(data) <= free_bytes:
            return b""
        self._start = file_bytes
        moved, self._memory = self._memory, bytearray()
        return moved

    @property
    def memory_bytes(self) -> int:
        """How many of them are in memory."""
        return len(self._memory)


class Spool:
    """Holds what the files of one form contain, one behind the other.

    All of them share one temporary file that has no name in any folder, so a form costs one
    descriptor at most, and nothing is left behind however the process ends. One task
    appends; any number of them, and their threads, read.

    Args:
        memory_bytes: How much is kept in memory.

    Attributes:
        file: What did not fit; for `Content`.
    """

    __slots__ = ("_file_bytes", "_free_bytes", "_pending", "file")

    def __init__(self, memory_bytes: int) -> None:
        self._free_bytes = memory_bytes
        self._pending = bytearray()
        self._file_bytes = 0  # with what is pending
        self.file = SpoolFile()

    def append(self, content: Content, data: bytes) -> None:
        """Put more bytes behind a content, which has to be the newest one."""
        before = content.memory_bytes
        moved = content.grow(data, self._free_bytes, self._file_bytes)
        self._free_bytes -= content.memory_bytes - before
        self._pending += moved
        self._file_bytes += len(moved)

    async def flush(self, *, is_last: bool = False) -> None:
        """Write what has gathered, if it is a batch or the last.

        Cancellation: Atomic; what was not written waits for the next call. If the disk hangs,
            all is let go of, and nothing can be read any more.
        """
        if len(self._pending) >= (1 if is_last else BATCH_BYTES):
            try:
                await disk.complete(self.file.append, self._pending)
            except trio.Cancelled:
                if self.file.is_used:  # by the thread that hangs, which has these bytes and closes the file
                    self._pending = bytearray()
                    self.file.close()
                raise

    async def aclose(self) -> None:
        """Let go of everything; to free a large file can take a while.

        Cancellation: It is gone all the same; a thread that is still reading closes the file.
        """
        self._pending = bytearray()  # a thread may be writing the one before
        try:
            if self.file.exists:
                await disk.complete(self.file.close)
        finally:
            self.file.close()

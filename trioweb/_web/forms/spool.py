"""Holds the files of a form: in memory up to a bound, then in one temporary file."""

from __future__ import annotations

import trio

from trioweb._web.files import disk
from trioweb._web.forms.spool_file import SpoolFile

BATCH_BYTES = 256 * 1024
"""How much is written at a time. Using a worker thread costs about as much as copying this."""


class Content:
    """The bytes of one file of a form; see `Spool.append`.

    Attributes:
        size_bytes: The length.
    """

    __slots__ = ("_memory", "_spool", "_start", "size_bytes")

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._memory = bytearray()
        self._start: int | None = None  # its position in the file; None while it is in memory
        self.size_bytes = 0

    @property
    def is_on_disk(self) -> bool:
        """Whether reading may block, and therefore belongs in a worker thread."""
        return self._start is not None

    def read(self, position: int, count: int) -> bytes:
        """Return up to `count` bytes starting at `position`, or `b""` at the end.

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
        """Keep `data` if there is room in memory; return the bytes that must go to the file.

        When memory runs out, everything held so far goes there too: a content is either in
        memory or in the file, never in both.
        """
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
        """How many of the bytes are in memory."""
        return len(self._memory)


class Spool:
    """Holds the content of all files of one form, one after another.

    They share one temporary file that has no name in any folder. So a form uses at most one
    file descriptor, and nothing is left on disk however the process ends. One task appends;
    any number of tasks, and their threads, read.

    Args:
        memory_bytes: How much to keep in memory.

    Attributes:
        file: The file for everything that did not fit; used by `Content`.
    """

    __slots__ = ("_file_bytes", "_free_bytes", "_pending", "file")

    def __init__(self, memory_bytes: int) -> None:
        self._free_bytes = memory_bytes
        self._pending = bytearray()
        self._file_bytes = 0  # including the pending bytes
        self.file = SpoolFile()

    def append(self, content: Content, data: bytes) -> None:
        """Add bytes to a content, which must be the newest one."""
        before = content.memory_bytes
        moved = content.grow(data, self._free_bytes, self._file_bytes)
        self._free_bytes -= content.memory_bytes - before
        self._pending += moved
        self._file_bytes += len(moved)

    async def flush(self, *, is_last: bool = False) -> None:
        """Write the pending bytes if they are a full batch, or the last.

        Cancellation: Atomic; bytes that were not written wait for the next call. If the disk
            hangs, everything is dropped, and nothing can be read any longer.
        """
        if len(self._pending) >= (1 if is_last else BATCH_BYTES):
            try:
                await disk.complete(self.file.append, self._pending)
            except trio.Cancelled:
                # Still in use: the thread hangs. It keeps these bytes, and closes the file.
                if self.file.is_used:
                    self._pending = bytearray()
                    self.file.close()
                raise

    async def aclose(self) -> None:
        """Release everything, in a thread: freeing a large file can take a while.

        Cancellation: It is still released. If a thread is still reading, it closes the file.
        """
        self._pending = bytearray()  # a new one, because a thread may still be writing the old one
        try:
            if self.file.exists:
                await disk.complete(self.file.close)
        finally:
            self.file.close()

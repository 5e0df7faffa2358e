"""A temporary file that worker threads write and read, and that the event loop closes.

The difficulty is closing it. The event loop must not wait for the disk, and a thread may hang in
a read or write. Closing the file meanwhile would free the number of its descriptor for the next
file to be opened, and the thread would then read that one: another user's upload. So the threads
are counted, and the last one closes the file.
"""

from __future__ import annotations

import io
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from trioweb._web.shortage import shortage_is_503
from trioweb.errors import LocalProtocolError


class SpoolFile:
    """A file without a name in any folder, created when the first bytes are written to it.

    One thread at a time appends, and any number of threads read. They do not wait for each
    other, except to read on systems without `pread`.

    Attributes:
        is_closed: Whether it may no longer be used. A thread may still be using it.
    """

    __slots__ = ("_file", "_lock", "_position_lock", "_users", "is_closed")

    def __init__(self) -> None:
        self._file: io.FileIO | None = None
        self._users = 0
        self.is_closed = False
        self._lock = threading.Lock()  # held for a few instructions, never while the disk works
        self._position_lock = threading.Lock()

    @property
    def exists(self) -> bool:
        """Whether the file has been created and is open."""
        return self._file is not None and not self._file.closed

    @property
    def is_used(self) -> bool:
        """Whether a thread is writing or reading it."""
        return self._users > 0

    def append(self, data: bytearray) -> None:
        """Write bytes at the end of the file, and remove them from `data`.

        Raises:
            LocalProtocolError: The file is closed.
            HTTPError: 503 if no file descriptor is left.
            OSError: The disk is full or fails. The bytes left in `data` were not written.
        """
        with self._in_use():
            if self._file is None:
                self._file = _temporary_file()
            view = memoryview(data)
            written = 0
            try:
                with self._position_lock:
                    self._file.seek(0, io.SEEK_END)
                    while written < len(view):
                        written += self._file.write(view[written:]) or 0
            finally:
                view.release()
                del data[:written]

    def read(self, position: int, count: int) -> bytes:
        """Return exactly `count` bytes, which must have been written.

        Raises:
            LocalProtocolError: The file is closed.
            OSError: The disk fails.
        """
        pieces: list[bytes] = []
        with self._in_use():
            assert self._file is not None
            while count:
                piece = self._piece(self._file, position, count)
                if not piece:
                    raise OSError("the temporary file of a form is shorter than what was written to it")
                pieces.append(piece)
                position += len(piece)
                count -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Close the file without waiting. If threads are using it, the last one closes it."""
        with self._lock:
            self.is_closed = True
            is_used = self._users > 0
        if not is_used and self._file is not None:
            self._file.close()

    def check_open(self) -> None:
        """Raise if the file can no longer be read.

        Raises:
            LocalProtocolError: The file is closed.
        """
        if self.is_closed:
            raise LocalProtocolError(
                "the upload is gone: it lives until its request is answered; save() keeps it"
            )

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        with self._lock:
            self.check_open()
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                is_last = self.is_closed and self._users == 0
            if is_last and self._file is not None:
                self._file.close()

    def _piece(self, file: io.FileIO, position: int, count: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(file.fileno(), count, position)
        with self._position_lock:
            file.seek(position)
            return file.read(count)


def _temporary_file() -> io.FileIO:
    with shortage_is_503():
        try:
            return tempfile.TemporaryFile(buffering=0)
        except FileNotFoundError:
            # On its first use, `tempfile` tests folders by writing to them, and blames the folder
            # for every failure. Opening the null device shows whether anything can be opened.
            os.close(os.open(os.devnull, os.O_RDONLY))
            raise

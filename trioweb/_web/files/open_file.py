"""A regular file, open for reading. Its calls block and belong in a worker thread."""

from __future__ import annotations

import errno
import io
import os
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from trioweb._web.shortage import shortage_is_503
from trioweb.errors import HTTPError

# A pipe that takes the file's place between the check and the opening must not block the thread.
_FILE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
# A folder on the way only needs to be traversed; without O_PATH it must be readable.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0)

NOT_THERE = frozenset(
    {
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EACCES,
        errno.EPERM,
        errno.ELOOP,
        errno.EMLINK,
        errno.ENAMETOOLONG,
        errno.ENXIO,
        errno.EINVAL,
    }
)
"""The errors that concern the path. All others mean that the system fails."""


class OpenFile:
    """A file, with its size and time at the moment it was opened.

    One thread at a time reads it; any thread may close it.

    Attributes:
        size_bytes: Its size; bytes appended later are not sent.
        modified_ns: The time of its last change, in nanoseconds since 1970.
    """

    __slots__ = ("_is_closed", "_is_read", "_lock", "_stream", "modified_ns", "size_bytes")

    def __init__(self, descriptor: int) -> None:
        """Take ownership of an open descriptor, and check what it is: not always what was expected.

        Raises:
            HTTPError: 404 if it is not a regular file; it has been closed.
        """
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise HTTPError(404)
        self.size_bytes = status.st_size
        self.modified_ns = status.st_mtime_ns
        self._stream = io.FileIO(descriptor, "rb")
        self._lock = threading.Lock()
        self._is_read = False
        self._is_closed = False

    def read(self, position: int, length_bytes: int) -> bytes:
        """Return at most this many bytes from a position; fewer only near the end.

        Raises:
            OSError: The disk failed.
            ValueError: The file has been closed.
        """
        with self._lock:
            self._is_read = True
        try:
            self._stream.seek(position)
            return self._stream.read(length_bytes) or b""
        finally:
            with self._lock:
                self._is_read = False
                if self._is_closed:
                    self._stream.close()

    def status(self) -> os.stat_result:
        """Return the current facts of the system about it."""
        return os.fstat(self._stream.fileno())

    def close(self) -> None:
        """Close the file without waiting. A read that is under way closes it when it ends.

        Closed during the read, the descriptor's number could be given to another file, and the
        read would return bytes of that one.
        """
        with self._lock:
            self._is_closed = True
            if not self._is_read:
                self._stream.close()


def open_file(path: str) -> OpenFile:
    """Open a regular file, following links.

    Raises:
        HTTPError: 404 if it does not exist, may not be read, or is a folder, pipe or device;
            503 if no file descriptor is left.
        OSError: The system fails.
    """
    with _missing_is_404():
        # Merely opening a device can have an effect, so the type is checked before.
        _require_regular(os.stat(path))
        return OpenFile(os.open(path, _FILE))


def open_below(root: str, names: Sequence[str]) -> OpenFile:
    """Open a regular file below a folder, without following links.

    Each folder is opened relative to the one above it, so a change to the path meanwhile cannot
    lead elsewhere.

    Args:
        root: The folder; the path to it is trusted.
        names: One or more, none of them with a separator, "." or "..".

    Raises:
        HTTPError: 404 as for `open_file`, or if a link has appeared on the way.
        OSError: The system fails.
    """
    if os.open not in os.supports_dir_fd:
        return open_and_compare(root, names)
    *above, name = names
    with _missing_is_404():
        folder = os.open(root, _FOLDER)
        try:
            for step in above:
                below = os.open(step, _FOLDER | _NO_LINK, dir_fd=folder)
                os.close(folder)
                folder = below
            _require_regular(os.stat(name, dir_fd=folder, follow_symlinks=False))
            return OpenFile(os.open(name, _FILE | _NO_LINK, dir_fd=folder))
        finally:
            os.close(folder)


def open_and_compare(root: str, names: Sequence[str]) -> OpenFile:
    """Do the same as `open_below` on systems that cannot open relative to a folder.

    The file is opened, and then compared with the object at the path, without following links.

    Raises:
        HTTPError: As for `open_below`.
        OSError: As for `open_below`.
    """
    path = os.path.join(root, *names)
    opened = open_file(path)
    try:
        with _missing_is_404():
            is_same = os.path.samestat(os.stat(path, follow_symlinks=False), opened.status())
        if is_same and os.path.realpath(path) == path:
            return opened
    except BaseException:
        opened.close()
        raise
    opened.close()
    raise HTTPError(404)


def _require_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise HTTPError(404)


@contextmanager
def _missing_is_404() -> Iterator[None]:
    try:
        with shortage_is_503():
            yield
    except ValueError as error:  # a NUL, or text that the file system's encoding cannot represent
        raise HTTPError(404) from error
    except OSError as error:
        if error.errno in NOT_THERE:
            raise HTTPError(404) from error
        raise

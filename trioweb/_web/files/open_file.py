"""A regular file, open for reading; its calls block and belong into a worker thread."""

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

# A pipe put in the file's place between the look and the opening must not block the thread.
_FILE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
# A folder on the way only needs to be passed through; without O_PATH it has to be readable.
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
"""The errors that say something about the path; all others say that the machine is in trouble."""


class OpenFile:
    """A file and what it was at the moment it was opened.

    One thread at a time reads it; any may close it.

    Attributes:
        size_bytes: Its size; what is written behind that later is not sent.
        modified_ns: When it was changed, in nanoseconds since 1970.
    """

    __slots__ = ("_is_closed", "_is_read", "_lock", "_stream", "modified_ns", "size_bytes")

    def __init__(self, descriptor: int) -> None:
        """Own an open descriptor, which may be of something else than was looked at.

        Raises:
            HTTPError: 404, it is no regular file; it has been closed.
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
        """Return at most so many bytes from this position, fewer only near the end.

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
        """Return what the system knows of it now."""
        return os.fstat(self._stream.fileno())

    def close(self) -> None:
        """Close the file; a read that is under way does it when it ends. Never waits.

        Were it closed under the read, that could get bytes of another file, which had
        taken the descriptor's number.
        """
        with self._lock:
            self._is_closed = True
            if not self._is_read:
                self._stream.close()


def open_file(path: str) -> OpenFile:
    """Open a regular file, links on the way followed.

    Raises:
        HTTPError: 404, there is none, it may not be read, or it is a folder, pipe or device;
            503, no descriptor is left.
        OSError: The machine is in trouble.
    """
    with _missing_is_404():
        # Opening a device can already do something, so it is looked at before.
        _require_regular(os.stat(path))
        return OpenFile(os.open(path, _FILE))


def open_below(root: str, names: Sequence[str]) -> OpenFile:
    """Open a regular file below a folder, following no link on the way.

    Each folder is entered from the one above it, so nothing that happens to the path
    meanwhile can lead elsewhere.

    Args:
        root: The folder; where it is, is trusted.
        names: One or more, none of them with a separator, "." or "..".

    Raises:
        HTTPError: 404 as `open_file`, or there is a link now where there was none.
        OSError: The machine is in trouble.
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
    """As `open_below`, where the system cannot open relative to a folder.

    The file is opened and then compared with what stands at the path, links not followed.

    Raises:
        HTTPError: As `open_below`.
        OSError: As `open_below`.
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
    except ValueError as error:  # a NUL, or what has no spelling in the file system's encoding
        raise HTTPError(404) from error
    except OSError as error:
        if error.errno in NOT_THERE:
            raise HTTPError(404) from error
        raise

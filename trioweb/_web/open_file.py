"""A regular file, open for reading; its calls block and belong into a worker thread."""

from __future__ import annotations

import errno
import io
import os
import stat

import attrs

from trioweb.errors import HTTPError

# A pipe put in the file's place between the look and the opening must not block the thread.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)

_NOT_THERE = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO}
)


@attrs.frozen(slots=True)
class OpenFile:
    """A file and what it was at the moment it was opened.

    Attributes:
        stream: Where its bytes come from, unbuffered.
        size_bytes: Its size; what is written behind that later is not sent.
        modified_ns: When it was changed, in nanoseconds since 1970.
    """

    stream: io.FileIO
    size_bytes: int
    modified_ns: int


def open_file(path: str) -> OpenFile:
    """Open a regular file.

    Raises:
        HTTPError: 404, there is none, it may not be read, or it is a folder, pipe or device.
        OSError: The machine is in trouble.
    """
    try:
        # Opening a device can already do something, so it is looked at before.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise HTTPError(404)
        descriptor = os.open(path, _FLAGS)
    except ValueError as error:
        raise HTTPError(404) from error
    except OSError as error:
        if error.errno in _NOT_THERE:
            raise HTTPError(404) from error
        raise
    return take(descriptor)


def take(descriptor: int) -> OpenFile:
    """Own an open descriptor, which may be of something else than was looked at.

    Raises:
        HTTPError: 404, it is no regular file; it has been closed.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise HTTPError(404)
    return OpenFile(io.FileIO(descriptor, "rb"), status.st_size, status.st_mtime_ns)

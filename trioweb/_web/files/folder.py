"""A folder, and the files that are really inside it, however a path is spelt."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence

import attrs

from trioweb._web.files.open_file import NOT_THERE, OpenFile, open_below
from trioweb.errors import ConfigError

PATH_CHARACTERS = 4096
"""No system has longer paths than this, and each name in a path costs a look at the disk."""

# A lone surrogate represents a byte that is not UTF-8, which no request can ask for.
_UNFIT = re.compile(r"[\x00/\\\ud800-\udfff]")
# On Windows: names of devices, alone or before a dot; a drive, or a second stream of a file;
# wildcards; short aliases of long names; trailing dots and spaces, which Windows drops.
_UNFIT_ON_WINDOWS = re.compile(
    r"(?:(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\xb9\xb2\xb3]) *(?:\..*)?"
    r"|.*[\x00-\x1f<>:\"|?*].*|.*~[0-9].*|.*[. ])",
    re.IGNORECASE | re.DOTALL,
)


@attrs.frozen(slots=True)
class FolderEntry:
    """Something that is inside a folder.

    Attributes:
        names: The path to it from the folder, with links resolved.
        is_folder: Whether it is a folder.
        is_file: Whether it is a regular file; pipes, sockets and devices are not.
        modified_ns: The time of its last change, in nanoseconds since 1970.
    """

    names: tuple[str, ...]
    is_folder: bool
    is_file: bool
    modified_ns: int


class Folder:
    """Knows what is inside a folder. Its calls block; any number of threads may use it.

    Nothing outside is found: a path is resolved first, including symbolic links, and must then
    still be inside. A file that was found is opened without following links, so a link put in
    its place meanwhile leads nowhere.

    Args:
        path: If it is a link, it is resolved now, and its target is the folder from then on.

    Raises:
        ConfigError: It is not a folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._root: str = os.path.realpath(path)
        if not os.path.isdir(self._root):
            raise ConfigError(f"static files need an existing folder, not {os.fspath(path)!r}")

    def look_up(self, names: Sequence[str]) -> FolderEntry | None:
        """Return the entry that these names lead to, or `None` if there is none inside the folder.

        Args:
            names: Each has passed `is_servable`.

        Raises:
            OSError: The system fails.
        """
        if sum(map(len, names)) > PATH_CHARACTERS:
            return None
        try:
            path = os.path.realpath(os.path.join(self._root, *names), strict=True)
            if os.path.commonpath((self._root, path)) != self._root:
                return None
            status = os.stat(path, follow_symlinks=False)
        except ValueError:
            return None
        except OSError as error:
            if error.errno in NOT_THERE:
                return None
            raise
        below = path[len(self._root) :].strip(os.sep)
        return FolderEntry(
            tuple(below.split(os.sep)) if below else (),
            is_folder=stat.S_ISDIR(status.st_mode),
            is_file=stat.S_ISREG(status.st_mode),
            modified_ns=status.st_mtime_ns,
        )

    def open(self, names: Sequence[str]) -> OpenFile:
        """Open the file that `look_up` found.

        Args:
            names: As in its `FolderEntry`.

        Raises:
            HTTPError: 404 if it is gone, or something else has taken its place.
            OSError: The system fails.
        """
        return open_below(self._root, names)


def is_servable(name: str, *, is_top: bool, is_windows: bool = os.name == "nt") -> bool:
    """Return whether clients may request a file or folder of this name.

    Names that begin with a dot are hidden, except `.well-known` at the top (RFC 8615).

    Args:
        name: One segment of a path, decoded.
        is_top: Whether it is the first.
        is_windows: Whether names are interpreted as on Windows.
    """
    if not name or _UNFIT.search(name):
        return False
    if is_windows and _UNFIT_ON_WINDOWS.fullmatch(name):
        return False
    return not name.startswith(".") or (is_top and name == ".well-known")

"""A folder of files, served as it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs
import trio

from trioweb._web.file import File
from trioweb._web.response import Redirect, Response
from trioweb.errors import ConfigError, HTTPError

if TYPE_CHECKING:
    from trioweb._web.request import Request

INDEX = "index.html"
# A colon names a drive or a second stream of a file on Windows; elsewhere it is a letter like others.
_FORBIDDEN = "\\\0:" if os.name == "nt" else "\\\0"


@attrs.frozen(slots=True)
class _Found:
    path: str
    is_folder: bool


class StaticFiles:
    """Serves the files of one folder, and `index.html` for each folder in it.

    Nothing outside the folder is served: the path is resolved first, symbolic links too,
    and must then still be inside. Links that stay inside work. Names that begin with a
    dot are not served, `.well-known` at the top excepted (RFC 8615). Whoever may write
    into the folder is trusted. Any number of tasks may use it.

    Args:
        folder: Must be there.
        cache_control: Sent with each file; by default browsers ask each time whether
            they still have the current version, which costs no more than a 304.

    Raises:
        ConfigError: `folder` is not a folder.
    """

    def __init__(self, folder: str | os.PathLike[str], *, cache_control: str = "no-cache") -> None:
        self._root: str = os.path.realpath(folder)
        self._cache_control = cache_control
        if not os.path.isdir(self._root):
            raise ConfigError(f"static files need a folder that is there, and {os.fspath(folder)!r} is none")

    async def respond(self, request: Request, relative: str) -> Response:
        """Answer with the file at a path below the folder.

        Args:
            request: GET or HEAD.
            relative: The decoded path below the folder, `""` for the folder itself.

        Raises:
            HTTPError: 404 for whatever is not a file in the folder, 405 for other methods.

        Cancellation: Waits for the file system.
        """
        if request.method not in ("GET", "HEAD"):
            raise HTTPError(405, headers={"allow": "GET, HEAD"})
        found = await trio.to_thread.run_sync(self._find, relative)
        if found is None:
            raise HTTPError(404)
        if found.is_folder and not request.raw_path.endswith("/"):
            return _to_folder(request)
        headers = {"cache-control": self._cache_control, "x-content-type-options": "nosniff"}
        return File(found.path, headers=headers)

    def _find(self, relative: str) -> _Found | None:
        *folders, name = relative.split("/")
        names = [*folders, name] if name else folders
        if not all(_is_servable(part, is_top=position == 0) for position, part in enumerate(names)):
            return None
        try:
            path = self._resolve(*names)
            if os.path.isdir(path):
                index = self._resolve(path, INDEX)
                return _Found(index, is_folder=True) if os.path.isfile(index) else None
            # Pipes and devices are no files, and "a.txt/" is no name for a.txt.
            return _Found(path, is_folder=False) if name and os.path.isfile(path) else None
        except (ValueError, OSError):
            return None

    def _resolve(self, *names: str) -> str:
        path = os.path.realpath(os.path.join(self._root, *names))
        if os.path.commonpath((self._root, path)) != self._root:
            raise ValueError(path)
        return path


def _is_servable(name: str, *, is_top: bool) -> bool:
    if not name or any(character in name for character in _FORBIDDEN):
        return False
    return not name.startswith(".") or (is_top and name == ".well-known")


def _to_folder(request: Request) -> Response:
    # Relative, so that it is right behind any proxy; "./" keeps a name with a colon
    # from being read as a scheme, and a second slash from naming another host.
    last = request.raw_path.rpartition("/")[2]
    query = f"?{request.query_string}" if request.query_string else ""
    return Redirect(f"./{last}/{query}", 307)

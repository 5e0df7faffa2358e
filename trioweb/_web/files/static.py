"""A folder of files, served without changes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from trioweb._web.accept_encoding import preferred_coding
from trioweb._web.files import disk
from trioweb._web.files.file import File
from trioweb._web.files.folder import Folder, FolderEntry, is_servable
from trioweb._web.files.media_types import media_type
from trioweb._web.files.open_file import OpenFile
from trioweb._web.response import Redirect, Response
from trioweb.errors import HTTPError
from trioweb.headers import check_field

if TYPE_CHECKING:
    from trioweb._web.request import Request

INDEX = "index.html"
SUFFIXES = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}
"""The content codings of files that were compressed beforehand, the smallest first."""

_SECOND_NS = 1_000_000_000


@attrs.frozen(slots=True)
class _Found:
    """The file for a request.

    Attributes:
        entry: The file.
        name: The name that determines its type.
        is_index: Whether a folder was requested.
        encoded: Precompressed variants of the content, by coding.
    """

    entry: FolderEntry
    name: str
    is_index: bool
    encoded: dict[str, FolderEntry]


class StaticFiles:
    """Serves the files of one folder, and `index.html` for each folder in it.

    Nothing outside the folder is served, and no names that begin with a dot; `Folder` has the
    details. Links work if they stay inside. Any number of tasks may use it.

    Args:
        folder: Must exist.
        cache_control: Sent with each file. By default, browsers ask each time whether they
            still have the current version, which costs only a 304.
        precompressed: Whether to send `app.js.br`, `app.js.zst` or `app.js.gz`, if it exists, in
            place of `app.js` to clients that can decode it. A variant that is older than the
            file is not sent, because it has the old content.

    Raises:
        ConfigError: `folder` is not a folder.
        LocalProtocolError: `cache_control` cannot be sent.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        cache_control: str = "no-cache",
        precompressed: bool = True,
    ) -> None:
        check_field("cache-control", cache_control)
        self._folder = Folder(folder)
        self._cache_control = cache_control
        self._suffixes = SUFFIXES if precompressed else {}

    async def respond(self, request: Request, relative: str) -> Response:
        """Answer with the file at a path below the folder.

        Args:
            request: GET or HEAD.
            relative: The decoded path below the folder, `""` for the folder itself.

        Raises:
            HTTPError: 404 for anything but a file in the folder, 405 for other methods.
            OSError: The system fails.

        Cancellation: Immediate, even if the disk hangs.
        """
        if request.method not in ("GET", "HEAD"):
            raise HTTPError(405, headers={"allow": "GET, HEAD"})
        names = _names(request.raw_path, relative)
        found = None if names is None else await disk.call(self._find, names)
        if found is None:
            raise HTTPError(404)
        if found.is_index and not request.raw_path.endswith("/"):
            return _to_folder(request)
        return self._respond_with(request, found)

    def _find(self, names: list[str]) -> _Found | None:
        *above, last = names
        way = names if last else above
        entry = self._folder.look_up(way)
        is_index = entry is not None and entry.is_folder
        if is_index:
            way = [*way, INDEX]
            entry = self._folder.look_up(way)
        # "a.txt/" is not a name for a.txt.
        elif not last:
            return None
        if entry is None or not entry.is_file:
            return None
        return _Found(entry, way[-1], is_index=is_index, encoded=self._encoded(way, entry))

    def _encoded(self, way: Sequence[str], plain: FolderEntry) -> dict[str, FolderEntry]:
        *above, name = way
        encoded: dict[str, FolderEntry] = {}
        for coding, suffix in self._suffixes.items():
            entry = self._folder.look_up([*above, name + suffix])
            # In whole seconds, since compressors keep the time of the file, but not always its fraction.
            if (
                entry is not None
                and entry.is_file
                and entry.modified_ns // _SECOND_NS >= plain.modified_ns // _SECOND_NS
            ):
                encoded[coding] = entry
        return encoded

    def _respond_with(self, request: Request, found: _Found) -> Response:
        coding = preferred_coding(request.headers, tuple(found.encoded))
        entry = found.entry if coding is None else found.encoded[coding]
        headers = {"cache-control": self._cache_control, "x-content-type-options": "nosniff"}
        if found.encoded:
            # Whichever variant is sent, another request could have got another one (RFC 9110 §12.5.5).
            headers["vary"] = "Accept-Encoding"
        if coding is not None:
            headers["content-encoding"] = coding
        return _FileInside(
            self._folder, entry.names, headers, media_type(found.name), has_codings=bool(self._suffixes)
        )


class _FileInside(File):
    """A file that is opened through its folder, not by a path that may lead elsewhere by then."""

    __slots__ = ("_folder", "_has_codings", "_names")

    def __init__(
        self,
        folder: Folder,
        names: tuple[str, ...],
        headers: dict[str, str],
        content_type: str,
        *,
        has_codings: bool,
    ) -> None:
        super().__init__(names[-1], headers=headers, content_type=content_type)
        self._folder = folder
        self._names = names
        self._has_codings = has_codings

    def _is_coding_certain(self, request: Request) -> bool:
        # The variants beside the file now may differ from those when the client got its part.
        return not self._has_codings and super()._is_coding_certain(request)

    def _open(self) -> OpenFile:
        return self._folder.open(self._names)


def _names(raw_path: str, relative: str) -> list[str] | None:
    """Split a path into names, the last one empty for a folder; `None` if one must not be served."""
    names = relative.split("/")
    # An encoded slash is part of a name (RFC 3986 §2.2), and no file has such a name. If it were
    # taken for a separator, "/private%2Fa" would pass a proxy that guards "/private/".
    if any("%2f" in segment.lower() for segment in raw_path.split("/")[-len(names) :]):
        return None
    checked = names if names[-1] else names[:-1]
    if not all(is_servable(name, is_top=place == 0) for place, name in enumerate(checked)):
        return None
    return names


def _to_folder(request: Request) -> Response:
    # Relative, so that it is right behind any proxy; "./" keeps a name with a colon
    # from being read as a scheme, and a second slash from naming another host.
    last = request.raw_path.rpartition("/")[2]
    query = f"?{request.query_string}" if request.query_string else ""
    return Redirect(f"./{last}/{query}", 307)

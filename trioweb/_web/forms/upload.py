"""A file uploaded with a form."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncGenerator
from typing import BinaryIO

import trio

from trioweb._web.files import disk
from trioweb._web.forms.safe_name import safe_name
from trioweb._web.forms.spool import Content

UPLOAD_READ_BYTES = 64 * 1024
COPY_BYTES = 1024 * 1024


class Upload:
    """A file of a form, kept until the request has been answered.

    Small files are in memory, larger ones in a temporary file (`Limits.form_memory_bytes`).
    Any number of tasks may read it. After the response it is gone, unless it was saved.

    Attributes:
        name: The name of the form's field.
        filename: The name that the client gives it, which can be any text at all. Show it,
            but use it for nothing else.
        content_type: The type that the client gives it, or `""`. Do not trust it.
    """

    __slots__ = ("_content", "content_type", "filename", "name")

    def __init__(self, name: str, filename: str, content_type: str, content: Content) -> None:
        self.name = name
        self.filename = filename
        self.content_type = content_type
        self._content = content

    def __repr__(self) -> str:
        return f"<Upload {self.name!r} {self.filename!r} {self.size_bytes} bytes>"

    @property
    def size_bytes(self) -> int:
        """The length of the file."""
        return self._content.size_bytes

    @property
    def safe_name(self) -> str:
        """A name made from `filename` that denotes an ordinary file in any folder.

        It has no path, no control characters, no leading dot, and at most 200 bytes, and is not
        a device of Windows. It is `"upload"` if nothing else is left. Two uploads may have the
        same name.
        """
        return safe_name(self.filename)

    async def read(self) -> bytes:
        """Return the whole content.

        Raises:
            LocalProtocolError: The request has been answered.

        Cancellation: Safe and immediate, however long the disk takes.
        """
        return await self._read(0, self.size_bytes)

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the content in pieces of up to 64 KiB; each call starts at the beginning.

        Raises:
            LocalProtocolError: The request has been answered.

        Cancellation: Safe and immediate, however long the disk takes.
        """
        position = 0
        while piece := await self._read(position, UPLOAD_READ_BYTES):
            position += len(piece)
            yield piece

    async def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write it to a file, which is either complete or absent when this returns or raises.

        The folder must exist. If the last part of `path` is a link, it is not followed, but
        counts as an existing file. Make the path from a folder of yours and either `safe_name`
        or a name of your own, never from `filename`.

        Args:
            path: The path of the new file.
            overwrite: Whether to replace an existing file, atomically.

        Raises:
            FileExistsError: The file exists, and `overwrite` is not set.
            OSError: The file cannot be written, or its folder does not exist.
            LocalProtocolError: The request has been answered.

        Cancellation: The part written so far is removed; if the disk hangs, as soon as it
            responds again.
        """
        await disk.complete(self._save, os.fspath(path), overwrite)

    async def _read(self, position: int, count: int) -> bytes:
        if self._content.is_on_disk:
            return await disk.call(self._content.read, position, count)
        await trio.lowlevel.checkpoint()
        return self._content.read(position, count)

    def _save(self, path: str, is_overwriting: bool) -> None:
        target = path
        if is_overwriting:
            target = os.path.join(os.path.dirname(path), f".{secrets.token_hex(8)}.part")
        file = open(target, "xb")  # noqa: SIM115 - fails if anything exists there, even a link
        # Windows cannot move or remove an open file, so it is closed before either.
        try:
            with file:
                self._copy_to(file)
            if is_overwriting:
                os.replace(target, path)
        except BaseException:
            os.unlink(target)
            raise

    def _copy_to(self, file: BinaryIO) -> None:
        position = 0
        while piece := self._content.read(position, COPY_BYTES):
            trio.from_thread.check_cancelled()
            position += file.write(piece)

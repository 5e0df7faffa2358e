"""A file that came with a form."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncGenerator
from typing import BinaryIO

import trio

from trioweb._web.files import disk
from trioweb._web.forms.safe_name import safe_name
from trioweb._web.forms.spool import Content

READ_BYTES = 64 * 1024
COPY_BYTES = 1024 * 1024


class Upload:
    """A file of a form, held until the request has been answered.

    Small ones are in memory, larger ones in a temporary file (`Limits.form_memory_bytes`).
    Any number of tasks may read it. After the answer it is gone, unless it was saved.

    Attributes:
        name: The form field's.
        filename: What the client calls it, any text at all: to be shown, and for nothing
            else.
        content_type: What the client says that it is, `""` if nothing: not to be trusted.
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
        """How long it is."""
        return self._content.size_bytes

    @property
    def safe_name(self) -> str:
        """A name made of `filename` that is one ordinary file in any folder.

        No path, control character, leading dot, device of Windows or more than 200 bytes;
        `"upload"` if nothing is left. Two uploads may have the same.
        """
        return safe_name(self.filename)

    async def read(self) -> bytes:
        """Return all of it.

        Raises:
            LocalProtocolError: The request has been answered.

        Cancellation: Safe, and at once however long the disk takes.
        """
        return await self._read(0, self.size_bytes)

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield it in pieces of up to 64 KiB, from the start each time.

        Raises:
            LocalProtocolError: The request has been answered.

        Cancellation: Safe, and at once however long the disk takes.
        """
        position = 0
        while piece := await self._read(position, READ_BYTES):
            position += len(piece)
            yield piece

    async def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write it to a file, which exists whole or not at all when this returns or raises.

        The folder has to be there. If the last part of `path` is a link, it is not followed:
        it counts as a file that exists. Make the path of a folder of yours and `safe_name`
        or a name of your own, never of `filename`.

        Args:
            path: The new file's.
            overwrite: Whether a file of that name is replaced, at once and as a whole.

        Raises:
            FileExistsError: There is a file, and `overwrite` is not set.
            OSError: The file cannot be written, its folder is not there.
            LocalProtocolError: The request has been answered.

        Cancellation: What was written so far is removed; where the disk hangs, as soon as it
            does so no longer.
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
        file = open(target, "xb")  # noqa: SIM115 - fails where anything is, a link too
        # Windows neither moves nor removes a file that is open.
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

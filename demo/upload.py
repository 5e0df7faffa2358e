"""Upload: files go to the server's disk, whole or in slices, and resume after a lost connection.

Try it with `python demo/upload.py --port 8000`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import trio

from trioweb import App, CloseWebSocket, File, HTTPError, Limits, Overflow, Request, Response, WebSocket

from parts.alive import say_alive
from parts.messages import parsed
from parts.names import visible
from parts.page import add_page, serve_alone

FOLDER = Path(tempfile.gettempdir()) / f"trioweb-uploads-{os.getuid()}"
SHELF, UNFINISHED = FOLDER / "shelf", FOLDER / "unfinished"

# Everything that strangers can fill has a limit, and files are removed after a while.
FILE_BYTES, FOLDER_BYTES, SLICE_BYTES = 500_000_000, 2_000_000_000, 256 * 1024
MOST_FILES, MOST_UPLOADS = 200, 32
KEPT_SECONDS, UNFINISHED_SECONDS = 3600, 900
WAITED_SECONDS = 60  # for a client that sends nothing


@asynccontextmanager
async def lifespan(nursery: trio.Nursery) -> AsyncIterator[None]:
    await trio.to_thread.run_sync(make_folders)
    nursery.start_soon(tidy_up)
    yield


app = App(lifespan=lifespan)
add_page(app, "upload")
watchers = app.room("watchers", overflow=Overflow.LATEST)


# A file on its way. Its key is a secret between the server and the client that began it. Only with
# the key can the upload be resumed over another connection, or cancelled.
@dataclass(eq=False, kw_only=True)
class Upload:
    key: str
    name: str
    size: int
    received: int = 0
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    has_ended: trio.Event = field(default_factory=trio.Event)
    file: BinaryIO = field(init=False)
    digest: Any = field(init=False)

    # These methods block, so they run in worker threads.

    def open(self) -> None:
        """Continue after the bytes that are there from before a lost connection or a restart."""
        self.file = (UNFINISHED / self.key).open("a+b")
        self.file.seek(0)
        self.digest = hashlib.file_digest(self.file, "sha256")
        self.received = self.file.tell()

    def write(self, data: bytes) -> None:
        self.file.write(data)
        self.file.flush()
        self.digest.update(data)
        self.received += len(data)

    def close(self, keep: bool) -> None:
        self.file.close()
        if not keep:
            (UNFINISHED / self.key).unlink(missing_ok=True)

    def put_on_shelf(self) -> str:
        """Give the file its name, with a number if the name is taken; never overwrite another file."""
        stem, suffix = os.path.splitext(self.name)
        number = 1
        while True:
            path = SHELF / (self.name if number == 1 else f"{stem} ({number}){suffix}")
            try:
                path.touch(exist_ok=False)
            except FileExistsError:
                number += 1
            else:
                return (UNFINISHED / self.key).replace(path).name


uploads: dict[str, Upload] = {}


# The file in one message, which may be larger than memory should hold. It is taken piece by piece,
# and the connection is read no faster than the disk writes.
@app.websocket("/whole", limits=Limits(message_bytes=4096))
async def whole(ws: WebSocket) -> None:
    async with begun(ws, can_continue=False) as upload:
        with trio.move_on_after(WAITED_SECONDS) as patience:
            async with ws.receive_stream() as pieces:
                async for piece in pieces:
                    await store(upload, piece)
                    patience.deadline = trio.current_time() + WAITED_SECONDS
        if patience.cancelled_caught:
            raise CloseWebSocket(4408, f"nothing came for {WAITED_SECONDS} seconds")
        if upload.received < upload.size:
            raise CloseWebSocket(1008, f"{upload.size} bytes were announced, {upload.received} came")
        await finish(ws, upload, "saved")


# The file in slices, each a message: eight bytes for its offset, then its bytes. Each slice is
# acknowledged once it is on the disk, so the page knows how far it is.
@app.websocket("/slices", limits=Limits(message_bytes=SLICE_BYTES + 8))
async def slices(ws: WebSocket) -> None:
    async with begun(ws, can_continue=True) as upload:
        while upload.received < upload.size:
            message = await next_message(ws)
            if isinstance(message, str) or len(message) <= 8:
                raise CloseWebSocket(1008, "expected eight bytes of offset, then a slice")
            if int.from_bytes(message[:8], "big") != upload.received:
                raise CloseWebSocket(1008, f"expected the slice at {upload.received}")
            await store(upload, message[8:])
            await ws.send_json({"type": "message", "message": "receiving", "received": upload.received})
        await finish(ws, upload, "received")


@asynccontextmanager
async def begun(ws: WebSocket, *, can_continue: bool) -> AsyncIterator[Upload]:
    """Agree on a file and hold it alone: an earlier connection, perhaps dead, gives it up."""
    upload = understood(await next_message(ws))
    ws.nursery.start_soon(say_alive, ws)
    await let_go(upload.key)
    if len(uploads) >= MOST_UPLOADS:
        raise CloseWebSocket(1013, f"{MOST_UPLOADS} files are on their way already")
    uploads[upload.key] = upload
    try:
        with upload.scope:
            await trio.to_thread.run_sync(upload.open)
            try:
                await check_room(upload)
                await ws.send_json({"type": "ready", "upload": upload.key, "received": upload.received})
                yield upload
            finally:
                with trio.move_on_after(5, shield=True):
                    await trio.to_thread.run_sync(upload.close, can_continue)
    except OSError as error:
        raise CloseWebSocket(4507, f"the server cannot store it: {error.strerror}") from error
    finally:
        del uploads[upload.key]
        upload.has_ended.set()
    if upload.scope.cancelled_caught:
        raise CloseWebSocket(4409, "cancelled, or continued over another connection")


def understood(message: str | bytes) -> Upload:
    match parsed(message):
        case {"size": bool()}:  # to Python, True is a whole number
            pass
        case {"name": str(), "size": int(size)} if size > FILE_BYTES:
            raise CloseWebSocket(4413, f"a file may have {FILE_BYTES / 1e6:.1f} MB, and this one has more")
        case {"name": str(name), "size": int(size), **rest} if size >= 0:
            key: Any = rest.get("upload") or secrets.token_urlsafe(16)
            if is_key(key):
                return Upload(key=key, name=safe(name), size=size)
        case _:
            pass
    raise CloseWebSocket(1008, 'expected {"name": …, "size": …, "upload": the key, to continue}')


def is_key(key: object) -> bool:
    return isinstance(key, str) and re.fullmatch(r"[A-Za-z0-9_-]{22}", key) is not None


# A name from outside is only a wish. The name that remains has no folder, is not hidden, and fits.
def safe(wanted: str) -> str:
    last = re.split(r"[/\\]", wanted)[-1]
    stem, suffix = os.path.splitext(visible(last).strip(" ."))
    return visible(stem.encode()[:100].decode(errors="ignore")).strip() + visible(suffix[:16]) or "file"


async def let_go(key: str) -> None:
    while key in uploads:  # once more if another connection came while we waited
        uploads[key].scope.cancel()
        await uploads[key].has_ended.wait()


async def check_room(upload: Upload) -> None:
    held = await trio.to_thread.run_sync(lambda: [*held_in(SHELF).values(), *held_in(UNFINISHED).values()])
    held_bytes = sum(one.st_size for one in held) + sum(one.size - one.received for one in uploads.values())
    if len(held) > MOST_FILES or held_bytes > FOLDER_BYTES or upload.received > upload.size:
        await trio.to_thread.run_sync((UNFINISHED / upload.key).unlink)
        raise CloseWebSocket(4507, "the shelf is full: delete something, or come back later")


async def next_message(ws: WebSocket) -> str | bytes:
    with trio.move_on_after(WAITED_SECONDS):
        return await ws.receive()
    raise CloseWebSocket(4408, f"nothing came for {WAITED_SECONDS} seconds")


async def store(upload: Upload, data: str | bytes) -> None:
    if isinstance(data, str):
        raise CloseWebSocket(1003, "expected the file as a binary message")
    if upload.received + len(data) > upload.size:
        raise CloseWebSocket(4413, f"more came than the {upload.size} bytes that were announced")
    await trio.to_thread.run_sync(upload.write, data)


async def finish(ws: WebSocket, upload: Upload, message: str) -> None:
    name = await trio.to_thread.run_sync(upload.put_on_shelf)
    fields = {"name": name, "size": upload.size, "sha256": upload.digest.hexdigest()}
    await ws.send_json({"type": "message", "message": message, **fields})
    await announce()


@app.delete("/uploads/{key}")
async def cancel(request: Request, key: str) -> Response:
    if is_key(key):
        await let_go(key)
        await trio.to_thread.run_sync(lambda: (UNFINISHED / key).unlink(missing_ok=True))
    return Response(status=204)


# Everybody who can open the page can use the shelf. Files are sent to be saved, never to be shown:
# a stranger's HTML would run as if it were ours.
@app.get("/files/{name}")
async def download(request: Request, name: str) -> File:
    nosniff = {"x-content-type-options": "nosniff"}
    return File(
        await on_shelf(name), headers=nosniff, content_type="application/octet-stream", download_name=name
    )


@app.delete("/files/{name}")
async def delete(request: Request, name: str) -> Response:
    path = await on_shelf(name)
    await trio.to_thread.run_sync(lambda: path.unlink(missing_ok=True))
    await announce()
    return Response(status=204)


async def on_shelf(name: str) -> Path:
    """Look for the name among the files that are there, so that no name can lead elsewhere."""
    if name not in await trio.to_thread.run_sync(held_in, SHELF):
        raise HTTPError(404, f"There is no {name!r} on the shelf.")
    return SHELF / name


@app.websocket("/watch", limits=Limits(message_bytes=1024))
async def watch(ws: WebSocket) -> None:
    ws.nursery.start_soon(say_alive, ws)
    async with watchers.join(ws):
        await ws.send(await trio.to_thread.run_sync(listing))
        async for _ in ws:
            pass


announcing = trio.Lock()  # so that an older list never follows a newer one


async def announce() -> None:
    async with announcing:
        await watchers.publish(await trio.to_thread.run_sync(listing))


# The functions below block too, and run in worker threads.


def listing() -> str:
    newest_first = sorted(held_in(SHELF).items(), key=lambda one: one[1].st_mtime, reverse=True)
    shown = [
        {"name": name, "size": one.st_size, "until": one.st_mtime + KEPT_SECONDS}
        for name, one in newest_first
    ]
    limits = {
        "file_bytes": FILE_BYTES,
        "folder_bytes": FOLDER_BYTES,
        "slice_bytes": SLICE_BYTES,
        "unfinished_seconds": UNFINISHED_SECONDS,
    }
    return json.dumps({"type": "shelf", "files": shown, **limits})


def held_in(folder: Path) -> dict[str, os.stat_result]:
    """List a folder, from which others may delete files meanwhile."""
    held: dict[str, os.stat_result] = {}
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            held[path.name] = path.stat()
    return held


def make_folders() -> None:
    for folder in (FOLDER, SHELF, UNFINISHED):
        folder.mkdir(mode=0o700, exist_ok=True)
    if FOLDER.is_symlink() or FOLDER.stat().st_uid != os.getuid():
        raise PermissionError(f"{FOLDER} belongs to somebody else")


def remove_old() -> int:
    """Remove files that are too old and not on their way; return how many were on the shelf."""
    removed = 0
    for folder, seconds in ((SHELF, KEPT_SECONDS), (UNFINISHED, UNFINISHED_SECONDS)):
        for name, one in held_in(folder).items():
            if one.st_mtime < time.time() - seconds and name not in uploads:
                (folder / name).unlink(missing_ok=True)
                removed += folder is SHELF
    return removed


async def tidy_up() -> None:
    while True:
        if await trio.to_thread.run_sync(remove_old):
            await announce()
        await trio.sleep(60)


if __name__ == "__main__":
    serve_alone(app)

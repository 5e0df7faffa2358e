from __future__ import annotations

import os
import stat
import sys

import pytest
import trio
from support.forms import SlowReads, open_files_in

from trioweb._web.files import disk
from trioweb._web.forms.spool import Content, Spool
from trioweb._web.forms.upload import COPY_BYTES, UPLOAD_READ_BYTES, Upload
from trioweb.errors import LocalProtocolError


class Held:
    """An upload, and the spool that holds it."""

    def __init__(self, upload: Upload, spool: Spool) -> None:
        self.upload = upload
        self.spool = spool


async def make(data: bytes = b"hello", filename: str = "a.txt", *, memory_bytes: int = 1000) -> Held:
    spool = Spool(memory_bytes)
    content = Content(spool)
    spool.append(content, data)
    await spool.flush(is_last=True)
    return Held(Upload("field", filename, "text/plain", content), spool)


@pytest.fixture(params=["memory", "disk"])
async def held(request):
    held = await make(bytes(range(256)) * 1000, memory_bytes=0 if request.param == "disk" else 10**6)
    yield held
    await held.spool.aclose()


async def test_an_upload_says_what_it_is() -> None:
    upload = (await make(filename="../a?.txt")).upload
    assert (upload.name, upload.filename, upload.safe_name) == ("field", "../a?.txt", "a_.txt")
    assert (upload.content_type, upload.size_bytes) == ("text/plain", 5)
    assert repr(upload) == "<Upload 'field' '../a?.txt' 5 bytes>"


async def test_an_upload_is_read_whole_or_in_pieces_any_number_of_times(held: Held) -> None:
    expected = bytes(range(256)) * 1000
    for _ in range(2):
        assert await held.upload.read() == expected
        pieces = [piece async for piece in held.upload.stream()]
        assert b"".join(pieces) == expected
        assert max(map(len, pieces)) == UPLOAD_READ_BYTES


async def test_an_upload_is_saved_with_the_usual_permissions(held: Held, tmp_path) -> None:
    path = tmp_path / held.upload.safe_name
    await held.upload.save(path)
    assert path.read_bytes() == bytes(range(256)) * 1000
    (tmp_path / "usual").write_text("")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)


async def test_an_existing_file_stays_unless_it_may_be_replaced(held: Held, tmp_path) -> None:
    path = tmp_path / "there"
    path.write_text("old")
    with pytest.raises(FileExistsError):
        await held.upload.save(str(path))
    assert path.read_text() == "old"
    await held.upload.save(path, overwrite=True)
    assert path.stat().st_size == 256_000
    assert os.listdir(tmp_path) == ["there"]


@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_link_is_never_followed(held: Held, tmp_path, overwrite: bool) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    folder.mkdir()
    outside.write_text("precious")
    for name, target in (("link", outside), ("dangling", tmp_path / "new")):
        (folder / name).symlink_to(target)
        if overwrite:
            await held.upload.save(folder / name, overwrite=True)
            assert not (folder / name).is_symlink()
        else:
            with pytest.raises(FileExistsError):
                await held.upload.save(folder / name)
    assert outside.read_text() == "precious"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_missing_folder_is_not_made(held: Held, tmp_path, overwrite: bool) -> None:
    with pytest.raises(FileNotFoundError):
        await held.upload.save(tmp_path / "missing" / "a", overwrite=overwrite)
    assert os.listdir(tmp_path) == []


async def test_an_upload_does_not_replace_a_folder_and_leaves_nothing_behind(held: Held, tmp_path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        await held.upload.save(tmp_path / "folder", overwrite=True)
    assert os.listdir(tmp_path) == ["folder"]


@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_cancelled_save_leaves_nothing(tmp_path, overwrite: bool) -> None:
    held = await make(b"x" * (3 * COPY_BYTES), memory_bytes=0)
    (tmp_path / "there").write_text("old")
    name = "there" if overwrite else "new"
    # It is cancelled at the second piece of the copy.
    read = held.upload._content.read
    with trio.CancelScope() as scope:

        class Cancelling:
            size_bytes = held.upload.size_bytes

            def read(self, position: int, count: int) -> bytes:
                if position:
                    trio.from_thread.run_sync(scope.cancel)
                return read(position, count)

        held.upload._content = Cancelling()
        await held.upload.save(tmp_path / name, overwrite=overwrite)
    assert scope.cancelled_caught
    assert os.listdir(tmp_path) == ["there"]
    assert (tmp_path / "there").read_text() == "old"
    await held.spool.aclose()


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted in /proc")
async def test_the_file_is_closed_before_it_is_moved_or_removed(held: Held, tmp_path, monkeypatch) -> None:
    # Windows refuses both for an open file.
    seen: list[tuple[str, int]] = []
    replace, unlink = os.replace, os.unlink

    def replaced(*paths: str) -> None:
        seen.append(("replace", open_files_in(tmp_path)))
        replace(*paths)

    def unlinked(path: str) -> None:
        seen.append(("unlink", open_files_in(tmp_path)))
        unlink(path)

    monkeypatch.setattr(os, "replace", replaced)
    monkeypatch.setattr(os, "unlink", unlinked)
    await held.upload.save(tmp_path / "a", overwrite=True)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        await held.upload.save(tmp_path / "folder", overwrite=True)
    await held.spool.aclose()
    with pytest.raises(LocalProtocolError):
        await held.upload.save(tmp_path / "b")
    assert seen == [("replace", 0), ("replace", 0), ("unlink", 0), ("unlink", 0)]
    assert sorted(os.listdir(tmp_path)) == ["a", "folder"]


async def test_readers_of_a_slow_disk_take_no_thread_from_others_and_can_be_cancelled(monkeypatch) -> None:
    held = await make(memory_bytes=0)
    slow = SlowReads(monkeypatch)
    async with trio.open_nursery() as nursery:
        for _ in range(disk.THREADS + 20):
            nursery.start_soon(held.upload.read)
        await slow.begun(disk.THREADS)
        assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
        nursery.cancel_scope.cancel()
    slow.may_end.set()
    assert await held.upload.read() == b"hello"
    await held.spool.aclose()


@pytest.mark.parametrize("overwrite", [False, True])
async def test_an_upload_is_gone_after_the_response(held: Held, tmp_path, overwrite: bool) -> None:
    await held.spool.aclose()
    with pytest.raises(LocalProtocolError, match="upload is gone"):
        await held.upload.read()
    with pytest.raises(LocalProtocolError):
        await held.upload.save(tmp_path / "a", overwrite=overwrite)
    assert os.listdir(tmp_path) == []


async def test_an_empty_upload_is_an_empty_file(tmp_path) -> None:
    held = await make(b"", memory_bytes=0)
    await held.upload.save(tmp_path / "empty")
    assert (tmp_path / "empty").read_bytes() == await held.upload.read() == b""
    assert [piece async for piece in held.upload.stream()] == []


@pytest.mark.parametrize("memory_bytes", [0, 1000])
async def test_every_call_is_a_cancellation_point(tmp_path, memory_bytes: int) -> None:
    held = await make(memory_bytes=memory_bytes)

    async def stream() -> None:
        async for _ in held.upload.stream():
            pass

    async def save() -> None:
        await held.upload.save(tmp_path / "a")

    for call in (held.upload.read, stream, save):
        with trio.CancelScope() as scope:
            scope.cancel()
            await call()
        assert scope.cancelled_caught
    assert os.listdir(tmp_path) == []
    assert await held.upload.read() == b"hello"
    await held.spool.aclose()

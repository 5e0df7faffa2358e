from __future__ import annotations

import sys
import tempfile
import threading
from functools import partial

import pytest
import trio
from support.forms import SlowReads, open_files_in
from support.waiting import until

from trioweb._web.files import disk
from trioweb._web.forms.spool import BATCH_BYTES, Content, Spool
from trioweb.errors import LocalProtocolError


def whole(content: Content) -> bytes:
    return content.read(0, content.size_bytes)


async def filled(spool: Spool, *sizes: int) -> list[Content]:
    contents = []
    for number, size in enumerate(sizes):
        content = Content(spool)
        contents.append(content)
        for start in range(0, size, 1000):
            spool.append(content, bytes([number]) * min(1000, size - start))
            await spool.flush()
    await spool.flush(is_last=True)
    return contents


async def test_content_that_fits_stays_in_memory_and_the_rest_goes_to_disk() -> None:
    spool = Spool(10_000)
    contents = await filled(spool, 4000, 0, 7000, 5000, 5, 600_000)
    assert [content.is_on_disk for content in contents] == [False, False, True, False, False, True]
    for number, content in enumerate(contents):
        assert whole(content) == bytes([number]) * content.size_bytes
    await spool.aclose()


async def test_any_part_of_a_content_can_be_read() -> None:
    spool = Spool(2500)
    small, large = await filled(spool, 2000, 3000)
    for content in (small, large):
        assert content.read(100, 50) == whole(content)[100:150]
        assert content.read(content.size_bytes - 3, 50) == whole(content)[-3:]
        assert content.read(content.size_bytes, 50) == content.read(10**9, 5) == b""
    await spool.aclose()


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted in /proc")
async def test_the_file_has_no_name_and_there_is_one_for_all(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spool = Spool(0)
    await filled(spool, *[2000] * 50)
    assert list(tmp_path.iterdir()) == []
    assert open_files_in(tmp_path) == 1
    await spool.aclose()
    assert open_files_in(tmp_path) == 0


async def test_bytes_are_written_in_batches() -> None:
    spool = Spool(0)
    content = Content(spool)
    spool.append(content, b"x" * (BATCH_BYTES - 1))
    await spool.flush()
    assert not spool.file.exists
    spool.append(content, b"x")
    await spool.flush()
    assert spool.file.exists
    await spool.aclose()


async def test_a_cancelled_flush_keeps_what_it_did_not_write() -> None:
    spool = Spool(0)
    content = Content(spool)
    spool.append(content, b"abc")
    with trio.CancelScope() as scope:
        scope.cancel()
        await spool.flush(is_last=True)
    assert scope.cancelled_caught
    spool.append(content, b"def")
    await spool.flush(is_last=True)
    assert whole(content) == b"abcdef"
    await spool.aclose()


@pytest.mark.parametrize("memory_bytes", [0, 100])
async def test_a_closed_spool_is_neither_read_nor_written(memory_bytes: int) -> None:
    spool = Spool(memory_bytes)
    content = Content(spool)
    spool.append(content, b"abc")
    await spool.flush(is_last=True)
    await spool.aclose()
    await spool.aclose()
    with pytest.raises(LocalProtocolError, match=r"until its request is answered; save\(\) keeps it"):
        whole(content)
    spool.append(content, b"x" * 200)
    with pytest.raises(LocalProtocolError):
        await spool.flush(is_last=True)


async def test_closing_under_cancellation_closes() -> None:
    spool = Spool(0)
    await filled(spool, 10)
    with trio.CancelScope() as scope:
        scope.cancel()
        await spool.aclose()
    assert scope.cancelled_caught
    assert not spool.file.exists


async def test_bytes_that_were_never_written_are_released() -> None:
    spool = Spool(0)
    spool.append(Content(spool), b"abc")
    await spool.aclose()
    assert not spool._pending
    assert not spool.file.exists


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_closing_does_not_wait_for_a_read(monkeypatch, is_cancelled: bool) -> None:
    spool = Spool(0)
    (content,) = await filled(spool, 10)
    slow = SlowReads(monkeypatch)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(disk.call, whole, content)
        await slow.begun()
        with trio.CancelScope() as scope:
            if is_cancelled:
                scope.cancel()
            await spool.aclose()
        assert spool.file.exists
        with pytest.raises(LocalProtocolError, match="gone"):
            whole(content)
        slow.may_end.set()
    assert not spool.file.exists


async def test_closing_during_a_write_is_harmless(monkeypatch) -> None:
    spool = Spool(0)
    spool.append(Content(spool), b"abc")
    has_begun, may_end = threading.Event(), threading.Event()
    make = tempfile.TemporaryFile

    def slow(**options: int):
        has_begun.set()
        assert may_end.wait(20)
        return make(**options)

    monkeypatch.setattr(tempfile, "TemporaryFile", slow)

    async def flush() -> None:
        await spool.flush(is_last=True)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(flush)
        await trio.to_thread.run_sync(has_begun.wait, 20)
        await spool.aclose()
        may_end.set()
    assert not spool.file.exists


async def test_a_hanging_disk_does_not_hold_a_cancelled_flush_and_leaves_no_file_open(
    monkeypatch,
) -> None:
    spool = Spool(0)
    content = Content(spool)
    spool.append(content, b"abc")
    has_begun, may_end = threading.Event(), threading.Event()
    make = tempfile.TemporaryFile

    def slow(**options: int):
        has_begun.set()
        assert may_end.wait(20)
        return make(**options)

    monkeypatch.setattr(tempfile, "TemporaryFile", slow)
    with trio.fail_after(10), trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(spool.flush, is_last=True))
            await trio.to_thread.run_sync(has_begun.wait, 20)
            scope.cancel()
    assert scope.cancelled_caught
    spool.append(content, b"def")
    with pytest.raises(LocalProtocolError, match="gone"):
        await spool.flush(is_last=True)
    may_end.set()
    await until(lambda: spool.file._file is not None and not spool.file.exists)

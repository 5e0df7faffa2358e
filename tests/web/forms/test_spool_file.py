from __future__ import annotations

import os
import tempfile
import threading

import pytest
import trio
from support.forms import SlowReads

from trioweb._web.files import disk
from trioweb._web.forms.spool_file import SpoolFile
from trioweb.errors import LocalProtocolError


def filled(data: bytes = b"0123456789") -> SpoolFile:
    file = SpoolFile()
    file.append(bytearray(data))
    return file


@pytest.fixture(params=["pread", "seek"])
def system(request, monkeypatch) -> str:
    if request.param == "seek":
        monkeypatch.delattr(os, "pread", raising=False)
    elif not hasattr(os, "pread"):
        pytest.skip("this system has no pread")
    return request.param


def test_any_bytes_are_read_back_while_more_are_written(system: str) -> None:
    file = filled()
    assert file.read(2, 3) == b"234"
    file.append(bytearray(b"abc"))
    assert file.read(8, 5) == b"89abc"
    assert file.read(0, 0) == b""
    assert file.exists
    file.close()
    assert not file.exists


def test_written_bytes_are_removed() -> None:
    data = bytearray(b"abc")
    file = SpoolFile()
    assert not file.exists
    file.append(data)
    assert not data
    file.close()


def test_a_disk_that_is_full_leaves_what_it_did_not_take(monkeypatch) -> None:
    class Full:
        closed = False

        def seek(self, *_: int) -> None: ...

        def write(self, data: memoryview) -> int:
            if len(data) < 3:
                del data
                raise OSError(28, "No space left on device")
            return 1

        def close(self) -> None: ...

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full())
    data = bytearray(b"abcd")
    with pytest.raises(OSError, match="No space left"):
        SpoolFile().append(data)
    assert data == b"cd"


def test_a_disk_that_loses_bytes_is_an_error_and_not_a_short_file(system: str) -> None:
    file = filled()
    assert file._file is not None
    os.truncate(file._file.fileno(), 5)
    with pytest.raises(OSError, match="shorter than what was written"):
        file.read(0, 10)
    file.close()


def test_a_closed_file_is_neither_read_nor_written() -> None:
    for file in (SpoolFile(), filled()):
        file.close()
        file.close()
        with pytest.raises(LocalProtocolError, match=r"until its request is answered; save\(\) keeps it"):
            file.read(0, 1)
        with pytest.raises(LocalProtocolError):
            file.append(bytearray(b"x"))
        assert not file.exists


async def test_closing_does_not_wait_for_a_read_and_the_last_reader_closes(monkeypatch) -> None:
    file = filled()
    slow = SlowReads(monkeypatch)
    read: list[bytes] = []

    async def reader() -> None:
        read.append(await disk.call(file.read, 0, 10))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader)
        nursery.start_soon(reader)
        await slow.begun(2)
        file.close()
        assert file.exists
        slow.may_end.set()
    assert read == [b"0123456789"] * 2
    assert not file.exists


async def test_a_file_that_is_closed_while_it_is_made_is_closed_when_it_is(monkeypatch) -> None:
    may_end, has_begun = threading.Event(), threading.Event()
    make = tempfile.TemporaryFile

    def slow(**options: int):
        has_begun.set()
        assert may_end.wait(20)
        return make(**options)

    monkeypatch.setattr(tempfile, "TemporaryFile", slow)
    file, data = SpoolFile(), bytearray(b"abc")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(disk.complete, file.append, data)
        await trio.to_thread.run_sync(has_begun.wait, 20)
        file.close()
        may_end.set()
    assert not data
    assert not file.exists

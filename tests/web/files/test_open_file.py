from __future__ import annotations

import errno
import io
import os
import resource
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from trioweb._web.files.open_file import OpenFile, open_and_compare, open_below, open_file
from trioweb.errors import HTTPError

OpenInside = Callable[[str, Sequence[str]], OpenFile]


@pytest.fixture(params=[open_below, open_and_compare])
def open_inside(request: pytest.FixtureRequest) -> OpenInside:
    """Both ways of opening a file in a folder: from folder to folder, and by comparing afterwards."""
    return request.param


def is_missing(open_it: Callable[..., OpenFile], *arguments: object) -> bool:
    with pytest.raises(HTTPError) as caught:
        open_it(*arguments)
    return caught.value.status == 404


def content(opened: OpenFile) -> bytes:
    data = opened.read(0, 1000)
    opened.close()
    return data


def test_a_file_is_opened_with_its_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    os.utime(path, ns=(5, 7))
    opened = open_file(str(path))
    assert (opened.size_bytes, opened.modified_ns) == (3, 7)
    assert [opened.read(0, 2), opened.read(1, 9), opened.read(9, 1)] == [b"ab", b"bc", b""]
    opened.close()
    opened.close()
    with pytest.raises(ValueError, match="closed file"):
        opened.read(0, 1)


def odd_things(folder: Path) -> list[str]:
    (folder / "file").touch()
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
    return ["", ".", "none", "file/below", "loop", "pipe", "socket", "x" * 1000, "nul\0", "\ud800"]


def test_only_regular_files_are_found(tmp_path: Path) -> None:
    assert all(is_missing(open_file, f"{tmp_path}/{name}") for name in odd_things(tmp_path))
    assert is_missing(open_file, "/dev/zero")


def test_only_regular_files_are_found_in_a_folder(tmp_path: Path, open_inside: OpenInside) -> None:
    for name in odd_things(tmp_path):
        assert is_missing(open_inside, str(tmp_path), name.split("/"))


def test_a_file_in_a_folder_is_opened(tmp_path: Path, open_inside: OpenInside) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("inside")
    (tmp_path / "top").write_text("top")
    assert content(open_inside(str(tmp_path), ["a", "b", "c"])) == b"inside"
    assert content(open_inside(str(tmp_path), ["top"])) == b"top"


@pytest.mark.parametrize("swapped", ["a", "a/b", "a/b/c"])
def test_a_link_in_place_of_a_folder_on_the_way_leads_nowhere(
    tmp_path: Path, open_inside: OpenInside, swapped: str
) -> None:
    for root in (tmp_path / "root", tmp_path / "outside"):
        (root / "a" / "b").mkdir(parents=True)
        (root / "a" / "b" / "c").write_text(root.name)
    (tmp_path / "root" / swapped).rename(tmp_path / "away")
    (tmp_path / "root" / swapped).symlink_to(tmp_path / "outside" / swapped)
    before = len(os.listdir("/proc/self/fd"))
    assert is_missing(open_inside, str(tmp_path / "root"), ["a", "b", "c"])
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_folder_that_is_swapped_while_a_file_is_opened_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for root in (tmp_path / "root", tmp_path / "outside"):
        (root / "a").mkdir(parents=True)
        (root / "a" / "c").write_text(root.name)
    look = os.stat

    def swap_then_look(path: str, **more: object) -> os.stat_result:
        if path == "c":  # the folder has been entered; the file is checked next
            (tmp_path / "root" / "a").rename(tmp_path / "away")
            (tmp_path / "root" / "a").symlink_to(tmp_path / "outside" / "a")
        return look(path, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", swap_then_look)
    assert content(open_below(str(tmp_path / "root"), ["a", "c"])) == b"root"


def test_a_file_that_is_swapped_for_a_link_after_it_was_checked_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "c").write_text("root")
    (tmp_path / "outside").write_text("outside")
    look = os.stat

    def look_then_swap(path: str, **more: object) -> os.stat_result:
        found = look(path, **more)  # type: ignore[arg-type]
        (tmp_path / "root" / "c").unlink()
        (tmp_path / "root" / "c").symlink_to(tmp_path / "outside")
        return found

    monkeypatch.setattr(os, "stat", look_then_swap)
    assert is_missing(open_below, str(tmp_path / "root"), ["c"])


def test_anything_but_a_file_is_not_even_opened(
    tmp_path: Path, open_inside: OpenInside, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    opened: list[str] = []
    open_it = os.open

    def note(path: str, *arguments: int, **more: int) -> int:
        opened.append(path)
        return open_it(path, *arguments, **more)

    monkeypatch.setattr(os, "open", note)
    monkeypatch.setattr(os, "supports_dir_fd", {note})
    assert is_missing(open_inside, str(tmp_path), ["pipe"])
    assert not [path for path in opened if path.endswith("pipe")], "opening a device may do something"


def test_files_are_compared_where_they_cannot_be_opened_relative_to_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("a")
    monkeypatch.setattr(os, "supports_dir_fd", set())
    assert content(open_below(str(tmp_path), ["a"])) == b"a"


def test_a_file_that_cannot_be_compared_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").touch()

    def vanish(opened: OpenFile) -> os.stat_result:
        raise OSError(errno.ENOENT, "gone meanwhile")

    monkeypatch.setattr(OpenFile, "status", vanish)
    before = len(os.listdir("/proc/self/fd"))
    assert is_missing(open_and_compare, str(tmp_path), ["a"])
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_pipe_that_took_the_files_place_is_closed_and_refused() -> None:
    reading, writing = os.pipe()
    with pytest.raises(HTTPError):
        OpenFile(reading)
    with pytest.raises(BrokenPipeError):
        os.write(writing, b"x")
    os.close(writing)


def test_a_file_without_a_free_descriptor_is_unavailable_and_not_missing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        with pytest.raises(HTTPError) as linked:
            open_file(str(path))
        with pytest.raises(HTTPError) as below:
            open_below(str(tmp_path), ["a"])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    for caught in (linked, below):
        assert caught.value.status == 503
        assert caught.value.headers["Retry-After"] == "5"


def test_a_failure_of_the_machine_is_not_taken_for_a_missing_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise OSError(errno.EIO, "the disk fails")

    (tmp_path / "a").touch()
    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(OSError, match="the disk fails"):
        open_file(str(tmp_path / "a"))


def test_a_file_that_is_closed_during_a_read_is_closed_when_that_ends(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    reading, may_go_on = threading.Event(), threading.Event()

    class SlowFile(io.FileIO):
        def seek(self, position: int, whence: int = 0) -> int:
            reading.set()
            assert may_go_on.wait(10)
            return super().seek(position, whence)

    opened = open_file(str(tmp_path / "a"))
    opened.close()
    opened = open_file(str(tmp_path / "a"))
    opened._stream.close()
    slow = opened._stream = SlowFile(tmp_path / "a")
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(opened.read(0, 3)))
    thread.start()
    assert reading.wait(10)
    opened.close()
    assert not slow.closed, "its descriptor still belongs to the read"
    may_go_on.set()
    thread.join(10)
    assert (found, slow.closed) == ([b"abc"], True)

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trioweb._web.open_file import open_file, take
from trioweb.errors import HTTPError


def test_a_file_is_opened_with_its_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    os.utime(path, ns=(5, 7))
    opened = open_file(str(path))
    with opened.stream as stream:
        assert (opened.size_bytes, opened.modified_ns, stream.read()) == (3, 7, b"abc")


def is_missing(path: str) -> bool:
    with pytest.raises(HTTPError) as caught:
        open_file(path)
    return caught.value.status == 404


def test_what_is_no_regular_file_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    assert is_missing(str(tmp_path))
    assert is_missing(str(tmp_path / "none"))
    assert is_missing(str(tmp_path / "file" / "below"))
    assert is_missing(str(tmp_path / "loop"))
    assert is_missing(str(tmp_path / "pipe"))
    assert is_missing(str(tmp_path / ("x" * 1000)))
    assert is_missing("/dev/zero")
    assert is_missing("nul\0")


def test_a_pipe_that_took_the_files_place_is_closed_and_refused() -> None:
    reading, writing = os.pipe()
    with pytest.raises(HTTPError):
        take(reading)
    with pytest.raises(BrokenPipeError):
        os.write(writing, b"x")
    os.close(writing)


def test_trouble_of_the_machine_is_not_taken_for_a_missing_file(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "a"
    path.touch()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            open_file(str(path))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

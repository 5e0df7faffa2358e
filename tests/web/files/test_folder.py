from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.examples import EXAMPLES

from trioweb._web.files.folder import Folder, FolderEntry, is_servable
from trioweb.errors import ConfigError, HTTPError

SECRET = b"the canary beside the folder"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_bytes(SECRET)
    (tmp_path / "root-secret").mkdir()
    (tmp_path / "root-secret" / "a").write_bytes(SECRET)
    root = tmp_path / "root"
    (root / "docs").mkdir(parents=True)
    (root / "docs" / "a").write_bytes(b"a")
    (root / "inside").symlink_to("docs")
    (root / "absolute").symlink_to(root / "docs" / "a")
    (root / "out").symlink_to(tmp_path)
    (root / "out.txt").symlink_to("../secret.txt")
    (root / "beside").symlink_to("../root-secret")
    (root / "self").symlink_to(".")
    (root / "loop").symlink_to("loop")
    (root / "null").symlink_to("/dev/null")
    os.mkfifo(root / "pipe")
    return root


@pytest.mark.parametrize(
    "names", [["docs", "a"], ["inside", "a"], ["absolute"], ["self", "self", "docs", "a"]]
)
def test_a_file_is_found_by_its_real_path(root: Path, names: list[str]) -> None:
    entry = Folder(root).look_up(names)
    modified_ns = (root / "docs" / "a").stat().st_mtime_ns
    assert entry == FolderEntry(("docs", "a"), is_folder=False, is_file=True, modified_ns=modified_ns)
    opened = Folder(root).open(entry.names)
    assert opened.read(0, 9) == b"a"
    opened.close()


def test_folders_are_found_and_other_objects_are_recognised(root: Path) -> None:
    folder = Folder(root)
    top, docs, pipe = folder.look_up([]), folder.look_up(["inside"]), folder.look_up(["pipe"])
    assert top is not None
    assert docs is not None
    assert pipe is not None
    assert (top.names, top.is_folder, docs.names, docs.is_folder) == ((), True, ("docs",), True)
    assert (pipe.is_file, pipe.is_folder) == (False, False)


@pytest.mark.parametrize(
    "names",
    [
        ["none"],
        ["docs", "a", "below"],
        ["out"],
        ["out", "secret.txt"],
        ["out", "root", "docs", "a", "b"],
        ["out.txt"],
        ["beside", "a"],
        ["loop"],
        ["null"],
        ["x" * 300],
        ["x"] * 3000,
        ["self"] * 3000,
        ["nul\0"],
        ["\ud800"],
    ],
)
def test_only_files_and_folders_are_found(root: Path, names: list[str]) -> None:
    assert Folder(root).look_up(names) is None


def test_a_link_out_that_comes_back_in_is_inside(root: Path) -> None:
    entry = Folder(root).look_up(["out", "root", "docs", "a"])
    assert entry is not None
    assert entry.names == ("docs", "a")


def test_the_root_of_the_file_system_can_be_a_folder() -> None:
    entry = Folder("/").look_up(["usr"])
    assert entry is not None
    assert (entry.names, entry.is_folder) == (("usr",), True)


def test_a_failure_of_the_machine_is_not_taken_for_a_missing_file(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    folder = Folder(root)
    monkeypatch.setattr(os, "stat", fail)
    with pytest.raises(OSError, match="Input/output"):
        folder.look_up(["docs"])


def test_a_missing_folder_is_a_mistake_in_the_program(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("none", "file"):
        with pytest.raises(ConfigError, match="need an existing folder, not"):
            Folder(tmp_path / name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=EXAMPLES)
@given(
    st.lists(
        st.sampled_from(
            [
                "..",
                ".",
                "out",
                "out.txt",
                "beside",
                "root",
                "root-secret",
                "secret.txt",
                "docs",
                "a",
                "self",
                "inside",
            ]
        )
        | st.text(max_size=4),
        max_size=6,
    )
)
def test_nothing_outside_the_folder_is_ever_read(root: Path, names: list[str]) -> None:
    folder = Folder(root)
    # Also without the check of names that comes first: each of the two defences suffices alone.
    entry = folder.look_up(names)
    for way in [names] if entry is None else [names, entry.names]:
        if not way or any(name in ("..", ".", "") or "/" in name for name in way):
            continue
        try:
            opened = folder.open(way)
        except HTTPError:
            continue
        assert opened.read(0, 100) == b"a"
        opened.close()


@pytest.mark.parametrize(
    "name", ["a", "a.txt", "ü b", "🎲", "a..b", "a.", "con", "a:b", "~", "%2e%2e", "c$", "-", " ", "�"]
)
def test_an_ordinary_name_is_served(name: str) -> None:
    assert is_servable(name, is_top=True)


@pytest.mark.parametrize("name", ["", ".", "..", ".env", "...", "a/b", "/", "a\\b", "..\\a", "a\0", "\ud800"])
@pytest.mark.parametrize("is_windows", [False, True])
def test_a_hidden_or_dangerous_name_is_not_served(name: str, *, is_windows: bool) -> None:
    assert not is_servable(name, is_top=True, is_windows=is_windows)


def test_well_known_is_served_at_the_top_only() -> None:
    assert is_servable(".well-known", is_top=True)
    assert not is_servable(".well-known", is_top=False)
    assert not is_servable(".well-known2", is_top=True)


@pytest.mark.parametrize(
    "name",
    [
        *("con", "NUL", "nul.txt", "Aux.tar.gz", "com1", "LPT9.html", "COM²", "conin$", "con .txt", "con "),
        *(
            "a:b",
            "c:",
            "a.txt::$DATA",
            "a.",
            "a ",
            "a. .",
            "a?",
            "a*",
            'a"',
            "<a>",
            "a|b",
            "a\x01",
            "GIT~1",
            "a\n",
        ),
    ],
)
def test_a_name_that_means_something_else_on_windows_is_not_served_there(name: str) -> None:
    assert not is_servable(name, is_top=True, is_windows=True)


@pytest.mark.parametrize("name", ["a.txt", "console", "nul-a", "com", "com10", "a b.txt", "ü", "a~b"])
def test_ordinary_names_are_served_on_windows(name: str) -> None:
    assert is_servable(name, is_top=True, is_windows=True)

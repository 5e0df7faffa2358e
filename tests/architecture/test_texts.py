"""Texts that no file of the project may contain, and the commands in texts, which must exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Which registry packages come from is a machine's business, not the project's.
REGISTRIES = re.compile(
    r"\b(?:pypi|pythonhosted|npmjs|yarnpkg|conda|anaconda|crates)\.(?:org|com|io|python\.org)\b",
    re.IGNORECASE,
)
# An absolute path into one machine's folders; a URL's path has something before its slash.
MACHINE_PATHS = re.compile(r"(?<![\w.:~$})\]*/-])/(?:tmp|home|root|Users|work|opt|mnt)/[\w.]")


def project_files() -> list[str]:
    """List what is tracked or would be, or without git whatever is not made by a tool."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        command = [git, "ls-files", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        return sorted({name for name in names.splitlines() if (ROOT / name).is_file()})
    made = {".venv", ".build", "__pycache__", "dist"}
    caches = re.compile(r"\..*_cache|\.hypothesis|\.coverage.*|.*\.pyc")
    return sorted(
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*")
        if path.is_file()
        and not any(part in made or caches.fullmatch(part) for part in path.relative_to(ROOT).parts)
    )


FILES = project_files()


def text_of(file: str) -> str:
    return (ROOT / file).read_bytes().decode("utf-8", "replace")


def found(pattern: re.Pattern[str]) -> dict[str, list[str]]:
    everywhere = {file: pattern.findall(text_of(file)) for file in FILES}
    return {file: matches for file, matches in everywhere.items() if matches}


def test_no_file_names_a_registry() -> None:
    assert not found(REGISTRIES)


def test_no_file_names_a_path_of_one_machine() -> None:
    assert not found(MACHINE_PATHS)


@pytest.mark.parametrize("file", [file for file in FILES if re.fullmatch(r"trioweb/.+/README\.md", file)])
def test_the_readme_of_a_package_names_each_of_its_files(file: str) -> None:
    named = set(re.findall(r"\w+\.py", text_of(file)))
    folder = (ROOT / file).parent
    below = [path for path in folder.rglob("*.py") if path.name != "__init__.py"]
    nearest = [next(place for place in path.parents if (place / "README.md").exists()) for path in below]
    own = {path.name for path, place in zip(below, nearest, strict=True) if place == folder}
    assert own - named == set()


@pytest.mark.parametrize("file", ["README.md", "CONTRIBUTING.md"])
def test_every_make_command_of_a_text_is_a_target(file: str) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", text_of("Makefile"), re.MULTILINE))
    commands = re.findall(r"(?:^|`|\$ )make ([a-z][a-z-]*)", text_of(file), re.MULTILINE)
    assert set(commands) <= targets

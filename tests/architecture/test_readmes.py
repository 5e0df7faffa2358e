"""The README of each package: its files and the names in its code spans are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "trioweb"
READMES = sorted(PACKAGE.glob("*/README.md"))
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\(\))?")


def package_name(readme: Path) -> str:
    return readme.parent.name


def code_spans(readme: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", FENCED.sub("", readme.read_text(encoding="utf-8")))


@pytest.mark.parametrize("readme", READMES, ids=package_name)
def test_every_file_is_there(readme: Path) -> None:
    told = {span for span in code_spans(readme) if re.fullmatch(r"\w+\.py", span)}
    folders = (PACKAGE, PACKAGE.parent / "tests")
    assert not {name for name in told if not any(list(folder.rglob(name)) for folder in folders)}


@pytest.mark.parametrize("readme", READMES, ids=package_name)
def test_every_name_is_one_of_the_code(readme: Path) -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    words = set(re.findall(r"\w+", source))
    spans = [
        span for span in code_spans(readme) if NAME.fullmatch(span) and not span.endswith((".py", ".md"))
    ]
    assert not [span for span in spans if not set(re.findall(r"\w+", span)) <= words]


@pytest.mark.parametrize("readme", READMES, ids=package_name)
def test_every_name_in_a_drawing_is_one_of_the_code(readme: Path) -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    drawings = "\n".join(FENCED.findall(readme.read_text(encoding="utf-8")))
    names = set(re.findall(r"\b[a-z]+_\w+\b|\b[A-Z]\w+\.\w+\b", drawings))
    assert not {
        name for name in names if not set(re.findall(r"\w+", name)) <= set(re.findall(r"\w+", source))
    }

"""The drawings of the documentation: the names in them are names of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.texts.code_blocks import ROOT, blocks_of
from support.texts.known_names import MISSING, attribute, identifiers, internal

PAGES = [ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "trioweb").rglob("README.md")]
# A name of two words, or one after a dot: the other words of a drawing are English.
NAME = re.compile(r"\b[a-z]+_\w+\b|\b[A-Z]\w+\.\w+\b|\b[A-Z][a-z]+[A-Z]\w+\b")


def drawings_of(page: Path) -> str:
    return "\n".join(block.code for block in blocks_of(page) if not block.kind)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_name_in_a_drawing_is_one_of_the_code(page: Path) -> None:
    known = identifiers("trioweb") | {"py", "WebSocket"}
    names = NAME.findall(drawings_of(page))
    assert not {name for name in names if not set(re.findall(r"\w+", name)) <= known}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_method_in_a_drawing_is_one_of_its_class(page: Path) -> None:
    pairs = re.findall(r"\b([A-Z]\w+)\.(\w+)\b", drawings_of(page))
    assert not [
        f"{owner}.{name}"
        for owner, name in pairs
        if owner not in internal() or attribute(internal()[owner], name) is MISSING
    ]

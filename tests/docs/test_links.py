"""A link in the documentation leads to a file that is there, and to a heading that is in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.texts.code_blocks import FENCE, ROOT

MADE_BY_TOOLS = {".venv", ".build", "node_modules", "dist"}
PAGES = sorted(path for path in ROOT.rglob("*.md") if not MADE_BY_TOOLS & set(path.relative_to(ROOT).parts))
TARGET = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")


def prose_of(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(page: Path, target: str) -> bool:
    file, _, anchor = target.partition("#")
    other = page.parent / file if file else page
    if not other.exists():
        return False
    return not anchor or anchor in anchors_of(other)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = [link or image for link, image in TARGET.findall(prose_of(page))]

    assert not [target for target in targets if "://" not in target and not leads_somewhere(page, target)]

"""The page of errors shows the tree of exceptions and the close codes as they are."""

from __future__ import annotations

import re
from pathlib import Path

from trioweb import errors
from trioweb.closing import CloseCode

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
BRANCH = re.compile(r"^([│├└─ ]*)(\w+) *((?:\+ (?:trio\.)?\w+ ?)*)")


def tree() -> str:
    found = re.search(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def drawn_bases() -> dict[str, list[str]]:
    """Read each class of the tree, and what it derives from as the branches say."""
    above: list[str] = ["Exception"]
    bases: dict[str, list[str]] = {}
    for line in tree().splitlines():
        branch = BRANCH.match(line)
        assert branch, line
        depth = len(branch[1]) // 4
        del above[depth + 1 :]
        bases[branch[2]] = [above[-1], *re.findall(r"\+ (?:trio\.)?(\w+)", branch[3])]
        above.append(branch[2])
    return bases


def test_the_tree_is_the_one_of_the_classes() -> None:
    classes = {name: getattr(errors, name) for name in errors.__all__}

    assert drawn_bases() == {name: [base.__name__ for base in one.__bases__] for name, one in classes.items()}


def test_the_tree_is_the_one_at_the_top_of_the_module() -> None:
    assert errors.__doc__
    assert tree() in errors.__doc__


def test_every_exception_is_explained_below_the_tree() -> None:
    text = PAGE.replace(tree(), "")

    assert not [name for name in errors.__all__ if not re.search(rf"`{name}\b", text)]


def test_every_close_code_is_listed_with_its_name() -> None:
    rows = re.findall(r"^\| (\d{4}) \| `(\w+)` \|", PAGE, re.MULTILINE)

    assert rows == [(str(code.value), code.name) for code in CloseCode]

"""One name for each thing: no class, constant or alias is defined twice in the package."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from support.code_figures import sources

# Each module has its own, by conventions older than this project; `D` and `T` are variables of types.
CONVENTIONS = {"D", "T", "__all__", "logger"}


def defined(body: list[ast.stmt]) -> Iterator[str]:
    """Name the classes, constants and aliases at the top of a module, under an `if` or `try` as well."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.If | ast.Try):
            yield from defined([*node.body, *node.orelse])


def test_no_two_modules_define_the_same_name() -> None:
    places = defaultdict[str, set[str]](set)
    for file in sources("trioweb"):
        for name in defined(file.tree.body):
            places[name].add(file.name)
    assert not {
        name: sorted(files) for name, files in places.items() if len(files) > 1 and name not in CONVENTIONS
    }

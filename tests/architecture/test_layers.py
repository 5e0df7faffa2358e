"""The table of layers, and that every import keeps to it."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

# The lowest first. A module or package imports only from earlier lines, or within its own
# package; modules on one line do not know each other. Imports for typing and inside
# functions count too.
LAYERS = (
    ("exception_groups", "excerpts", "header_mapping", "json_text", "phrases"),
    ("closing",),
    ("errors", "foreign_names"),
    ("validators", "newcomers", "signatures", "failures"),
    ("config", "headers"),
    ("_wire", "_routing", "_transport"),
    ("_http", "_websocket"),
    ("_web",),
    ("rooms", "_client"),
    ("middleware", "error_handlers", "templates", "lifetime"),
    ("responder",),
    ("app",),
    ("_server",),
    ("__init__",),
    ("_cli", "testing"),
    ("cli",),
    ("__main__",),
)
FLOOR = {name: floor for floor, names in enumerate(LAYERS) for name in names}

# Bytes in, events out: nothing here waits, logs, looks at a clock or throws dice.
PURE = ("_wire", "_routing")
IMPURE = {"asyncio", "logging", "random", "selectors", "socket", "threading", "time", "trio"}

PACKAGE = Path(__file__).parents[2] / "trioweb"
CONTRIBUTING = PACKAGE.parent / "CONTRIBUTING.md"


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def layer(module: str) -> str:
    """Return the entry of the table for a module."""
    return module.split(".")[1] if "." in module else "__init__"


def imports(module: str) -> list[tuple[int, str]]:
    """List the line and name of everything that a module imports, wherever it does so."""
    path = MODULES[module]
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                package = module if path.name == "__init__.py" else module.rpartition(".")[0]
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                source = ".".join([*above, source]).rstrip(".")
            # `from package import module` imports the module, any other name only the package.
            found += [
                (node.lineno, inner if (inner := f"{source}.{alias.name}") in MODULES else source)
                for alias in node.names
            ]
    return found


def own_imports(module: str) -> list[tuple[int, str]]:
    return [(line, name) for line, name in imports(module) if name.split(".")[0] == "trioweb"]


def test_every_module_has_its_place_in_the_table() -> None:
    assert not [module for module in MODULES if layer(module) not in FLOOR]


def test_every_row_of_the_table_exists() -> None:
    assert not set(FLOOR) - set(map(layer, MODULES))


def test_contributing_has_the_same_table() -> None:
    section = CONTRIBUTING.read_text(encoding="utf-8").split("## Layers")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    groups = [group for row in rows for group in row.split(";")]
    shown = tuple(tuple(name.removesuffix(".py").rstrip("/") for name in named(group)) for group in groups)
    assert [set(names) for names in shown] == [set(names) for names in LAYERS]


def named(text: str) -> list[str]:
    return text.split("`")[1::2]


def test_every_imported_module_exists() -> None:
    assert not [
        f"{module}, line {line}: {name}"
        for module in MODULES
        for line, name in own_imports(module)
        if name not in MODULES
    ]


def test_a_module_imports_only_what_lies_below_it() -> None:
    assert not [
        f"{module}, line {line}: {name}"
        for module in MODULES
        for line, name in own_imports(module)
        if layer(name) != layer(module) and FLOOR[layer(name)] >= FLOOR[layer(module)]
    ]


def test_the_wire_and_the_routing_are_pure() -> None:
    assert not [
        f"{module}, line {line}: {name}"
        for module in MODULES
        if layer(module) in PURE
        for line, name in imports(module)
        if name.split(".")[0] in IMPURE
    ]


def test_no_import_is_part_of_a_cycle() -> None:
    graph = {module: {name for _, name in own_imports(module)} - {module} for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]), pytrace=False)

"""The code blocks of the documentation, as CONTRIBUTING.md explains their fences."""

from __future__ import annotations

import re
import textwrap
import types
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<kind>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```[ ]*$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    file: str
    line: int
    kind: str
    code: str


def blocks_of(path: Path) -> list[Block]:
    text = path.read_text(encoding="utf-8")
    file = path.relative_to(ROOT).as_posix()
    return [
        Block(
            file,
            text.count("\n", 0, match.start("body")),
            match["kind"].strip(),
            textwrap.dedent(match["body"]),
        )
        for match in FENCE.finditer(text)
    ]


def chains_of(blocks: list[Block]) -> list[list[Block]]:
    """Join each Python block with the blocks that continue in its namespace."""
    found: list[list[Block]] = []
    for block in blocks:
        if not block.kind.startswith("python"):
            continue
        if "continued" in block.kind.split() and found and found[-1][0].file == block.file:
            found[-1].append(block)
        else:
            found.append([block])
    return found


def run_block(block: Block, module: types.ModuleType) -> None:
    """Run a block in the namespace of a module."""
    # Empty lines before the code make a traceback name the page's own line.
    source = "\n" * block.line + block.code
    exec(compile(source, str(ROOT / block.file), "exec", dont_inherit=True), vars(module))

"""The suite's verdicts on each case, compared with the expected ones, and both as tables.

A case has two verdicts: one on its behaviour, one on how the connection was closed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

Verdicts = dict[str, tuple[str, str]]

CATEGORIES = {
    1: "Framing",
    2: "Pings and pongs",
    3: "Reserved bits",
    4: "Opcodes",
    5: "Fragmentation",
    6: "UTF-8",
    7: "Closing",
    9: "Limits and performance",
    10: "Automatic fragmentation",
    12: "Compression: payloads",
    13: "Compression: offers",
}

# Anything else (FAILED, WRONG CODE, UNCLEAN, UNIMPLEMENTED) is never expected.
ACCEPTABLE = ("OK", "NON-STRICT", "INFORMATIONAL")


def case_order(case: str) -> tuple[int, ...]:
    """Sort 9.2 before 10.1."""
    return tuple(int(part) for part in case.split("."))


def of_report(results: Mapping[str, Mapping[str, str]]) -> Verdicts:
    """Read the two verdicts on each case from the suite's index."""
    return {
        case: (results[case]["behavior"], results[case]["behaviorClose"])
        for case in sorted(results, key=case_order)
    }


def read(path: Path) -> Verdicts:
    """Read the expected table; without a file nothing is expected."""
    if not path.exists():
        return {}
    return {case: (pair[0], pair[1]) for case, pair in json.loads(path.read_text("utf-8")).items()}


def write(path: Path, verdicts: Verdicts) -> None:
    """Write the expected table, one case per line."""
    lines = (
        f"  {json.dumps(case)}: {json.dumps(verdicts[case])}" for case in sorted(verdicts, key=case_order)
    )
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def is_as_expected(verdict: str, expected: str) -> bool:
    """Compare one verdict.

    NON-STRICT is what the suite says where bytes sent just before a violation were answered or
    not, which varies from run to run; so where it is listed, OK will do as well.
    """
    return verdict == expected or (verdict, expected) == ("OK", "NON-STRICT")


def surprises(found: Verdicts, expected: Verdicts, *, is_whole: bool) -> Iterator[str]:
    """Describe the differences from the table; a complete run must include every case."""
    if unlisted := [case for case in found if case not in expected]:
        yield f"not in the table: {', '.join(unlisted)}"
    if is_whole and (missing := [case for case in expected if case not in found]):
        yield f"in the table but not run: {', '.join(missing)}"
    for case, pair in found.items():
        if case in expected and not all(map(is_as_expected, pair, expected[case])):
            yield f"{case}: {' / '.join(pair)}, expected {' / '.join(expected[case])}"


def merged(found: Verdicts, expected: Verdicts) -> Verdicts:
    """Update the table, but keep the tolerance for a case that happened to be OK this time."""

    def renew(verdict: str, listed: str) -> str:
        return listed if is_as_expected(verdict, listed) else verdict

    return expected | {
        case: (renew(pair[0], listed[0]), renew(pair[1], listed[1]))
        for case, pair in found.items()
        for listed in [expected.get(case, pair)]
    }


def rows(verdicts: Verdicts) -> list[list[str]]:
    """Count behaviour/close verdicts for each category, under a row of headings."""
    seen = {verdict for pair in verdicts.values() for verdict in pair}
    columns = [verdict for verdict in ACCEPTABLE if verdict in seen]
    columns += sorted(seen.difference(ACCEPTABLE))

    def row(label: str, pairs: list[tuple[str, str]]) -> list[str]:
        behaviour = Counter(pair[0] for pair in pairs)
        close = Counter(pair[1] for pair in pairs)
        return [label, str(len(pairs)), *(f"{behaviour[name]}/{close[name]}" for name in columns)]

    numbers = sorted({case_order(case)[0] for case in verdicts})
    table = [["category", "cases", *columns]]
    for number in numbers:
        pairs = [pair for case, pair in verdicts.items() if case_order(case)[0] == number]
        table.append(row(f"{number} {CATEGORIES.get(number, '')}".rstrip(), pairs))
    return [*table, row("all", list(verdicts.values()))]


def plain_table(verdicts: Verdicts) -> str:
    """Lay the counts out for a terminal."""
    table = rows(verdicts)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join([cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])]) for cells in table
    )


def markdown_page(server: Verdicts, client: Verdicts) -> str:
    """Write the page of the documentation."""
    return f"""# Conformance

These are the results of the Autobahn test suite, with permessage-deflate on. The two numbers in a cell count verdicts
on the behaviour and on how the connection was closed. `make conformance` runs the suite and compares the results with
the tables in `conformance/`. `python conformance/autobahn.py --write` writes this page.

The suite's verdict is INFORMATIONAL if RFC 6455 leaves the behaviour open.

## Server

The suite's fuzzing client against a trioweb server that echoes every message.

{_markdown_table(server)}

## Client

The suite's fuzzing server against a client that echoes every message, opened by `trioweb.connect`.

{_markdown_table(client)}
"""


def _markdown_table(verdicts: Verdicts) -> str:
    table = rows(verdicts)
    table.insert(1, ["---", *["---:"] * (len(table[0]) - 1)])
    lines = "\n".join(f"| {' | '.join(cells)} |" for cells in table)
    soft = [case for case, pair in verdicts.items() if "NON-STRICT" in pair]
    return f"{lines}\n\nNON-STRICT: {', '.join(soft) or 'none'}."

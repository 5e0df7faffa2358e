"""The recorded costs of the paths, and the comparison with them."""

from __future__ import annotations

import json
import platform
import ssl
import sys
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
import callgrind
from hot_paths import CALIBRATION

FILE = Path(__file__).resolve().parent / "expected.json"

BOUND = 0.05
"""For the interpreter that was recorded. Repeated counts are the same, in another folder within 0.004 of them."""

FOREIGN_BOUND = 0.25
"""For another one. As measured against the calibration, CPython 3.11.2 of Debian, 3.12.1 and
3.13.0 lie from 0.18 below to 0.09 above 3.11.7, which was compiled without profile."""

LIBRARIES = ("attrs", "h11", "websockets", "wsproto")


@attrs.frozen(kw_only=True)
class Setting:
    """Where instructions were counted.

    Attributes:
        interpreter: Name, version and processor; the key of a record.
        build: What else decides into which instructions the interpreter was compiled, and
            which of the C library's variants it calls. Counts are the same only where this is.
        libraries: The libraries whose instructions are counted too.
    """

    interpreter: str
    build: dict[str, str]
    libraries: dict[str, str]

    def __str__(self) -> str:
        return f"{self.interpreter} ({', '.join(filter(None, self.build.values()))})"


@attrs.frozen(kw_only=True)
class Record:
    """The instructions for each unit of each path."""

    setting: Setting
    instructions: dict[str, float]


@attrs.frozen(kw_only=True)
class Comparison:
    """Counts, compared with those of a record.

    Attributes:
        bound: How much more a path may cost.
        differences: By how much each path is, of what was recorded; `None` if it was not.
        remarks: Sentences that the reader has to know.
    """

    bound: float
    differences: dict[str, float | None]
    remarks: list[str]

    @property
    def dearer(self) -> list[str]:
        """The paths that cost more than the bound allows."""
        return [path for path, part in self.differences.items() if part is not None and part > self.bound]

    @property
    def cheaper(self) -> list[str]:
        """The paths that have become cheaper by as much."""
        return [path for path, part in self.differences.items() if part is not None and part < -self.bound]

    @property
    def unknown(self) -> list[str]:
        """The paths without a record."""
        return [path for path, part in self.differences.items() if part is None]


def this_setting() -> Setting:
    """Describe the setting in which this program runs."""
    name = f"{sys.implementation.name}-{platform.python_version()}-{platform.machine()}"
    return Setting(
        interpreter=name,
        build={
            "built": platform.python_build()[1],
            "compiler": platform.python_compiler(),
            "libc": " ".join(platform.libc_ver()),
            "vectors": "avx2" if _has_avx2() else "",
        },
        libraries={library: version(library) for library in LIBRARIES}
        | {
            "openssl": ssl.OPENSSL_VERSION,
            "valgrind": callgrind.version(),
            "zlib": zlib.ZLIB_RUNTIME_VERSION,
        },
    )


def _has_avx2() -> bool:
    """Whether valgrind emulates AVX2, which the C library uses for copying."""
    try:
        return " avx2 " in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


def read() -> dict[str, Record]:
    """Return all records by interpreter."""
    if not FILE.exists():
        return {}
    content: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        interpreter: Record(
            setting=Setting(interpreter=interpreter, build=entry["build"], libraries=entry["libraries"]),
            instructions=entry["instructions"],
        )
        for interpreter, entry in content.items()
    }


def write(record: Record) -> None:
    """Replace the last record of that interpreter."""
    content = {
        key: {
            "build": record.setting.build,
            "libraries": record.setting.libraries,
            "instructions": {path: round(count) for path, count in record.instructions.items()},
        }
        for key, record in sorted((read() | {record.setting.interpreter: record}).items())
    }
    FILE.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def compare(counted: Record, records: dict[str, Record]) -> Comparison:
    """Compare with this interpreter's record, or with the most similar interpreter's.

    Another interpreter's counts differ for all code alike, so each path is first divided
    by the calibration. What is left differs by more than a small regression makes; so the
    bound is wide, and finds what is gross: a lane that is closed, a copy too many.

    Raises:
        ValueError: Nothing was ever recorded.
    """
    if not records:
        raise ValueError("nothing was recorded yet: run with --write")
    own = records.get(counted.setting.interpreter)
    if own is not None and own.setting.build == counted.setting.build:
        return Comparison(
            bound=BOUND,
            differences=_differences(counted.instructions, own.instructions, 1.0),
            remarks=_changed_libraries(own.setting, counted.setting),
        )
    other = own or _most_alike(counted.setting, records)
    scale = other.instructions[CALIBRATION] / counted.instructions[CALIBRATION]
    return Comparison(
        bound=FOREIGN_BOUND,
        differences=_differences(counted.instructions, other.instructions, scale),
        remarks=[
            f"{counted.setting} was not recorded.",
            f"Compared with {other.setting}, each count as a multiple of the calibration's.",
        ],
    )


def _differences(
    counted: dict[str, float], recorded: dict[str, float], scale: float
) -> dict[str, float | None]:
    return {
        path: count * scale / recorded[path] - 1 if path in recorded else None
        for path, count in counted.items()
    }


def _changed_libraries(then: Setting, now: Setting) -> list[str]:
    return [
        f"{name} is {new}, and was {then.libraries.get(name, 'not there')} when this was recorded."
        for name, new in now.libraries.items()
        if then.libraries.get(name) != new
    ]


def _most_alike(setting: Setting, records: dict[str, Record]) -> Record:
    """The same minor version if there is a record of it, else the newest."""
    minor, _, _ = setting.interpreter.rpartition(".")
    alike = [record for key, record in records.items() if key.startswith(f"{minor}.")]
    return (alike or list(records.values()))[-1]

"""Converters: which text a parameter takes, and the value it becomes."""

from __future__ import annotations

import math
import ntpath
import os
import re
from collections.abc import Callable
from enum import IntEnum
from typing import Any
from uuid import UUID

import attrs

from trioweb.errors import SetupError


class Rank(IntEnum):
    """The order in which converters are tried when several could take a segment: strictest first."""

    INT = 0
    FLOAT = 1
    UUID = 2
    CUSTOM = 3
    STR = 4
    PATH = 5


def _callable(converter: Converter, attribute: attrs.Attribute[Any], value: object) -> None:
    if not callable(value):
        raise SetupError(f'{attribute.name} of converter "{converter.name}" must be callable, not {value!r}')


def _identifier(_: Converter, __: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or not value.isidentifier():
        raise SetupError(f"a converter's name is an identifier, as in {{colour:hex}}, not {value!r}")


@attrs.frozen(eq=False)
class Converter:
    """Converts the text of a parameter to a value, and the value back to text.

    A converter equals only itself, because nobody can know whether two functions do the same.

    Attributes:
        name: The part after the colon in `{size:int}`.
        parse: Makes the value from decoded text. A `ValueError` means that the route
            does not match; any other exception is a bug and is not caught.
        format: Makes the text for `url_for`. A `ValueError` or `TypeError` means that
            the value does not fit. `parse` must accept the text that it returns.
        rank: Its place in the order of converters for the same segment.
    """

    name: str = attrs.field(validator=_identifier)
    parse: Callable[[str], Any] = attrs.field(validator=_callable)
    format: Callable[[Any], str] = attrs.field(default=str, validator=_callable)
    rank: Rank = attrs.field(default=Rank.CUSTOM, kw_only=True)

    @property
    def takes_rest(self) -> bool:
        """Whether it takes all remaining segments rather than one."""
        return self.rank is Rank.PATH


# Only ASCII digits, and a limited number of them: int() also takes "1_000", " 1" and Arabic
# digits, and its running time grows with the square of their number.
_INT = re.compile(r"-?[0-9]{1,100}")
_FLOAT = re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,3})?")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def _parse_int(text: str) -> int:
    if not _INT.fullmatch(text):
        raise ValueError(f"expected at most 100 digits, not {text!r}")
    return int(text)


def _format_int(value: object) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"expected an int, not {value!r}")
    return format(value, "d")


def _parse_float(text: str) -> float:
    if not _FLOAT.fullmatch(text) or not math.isfinite(number := float(text)):
        raise ValueError(f"expected a finite number, not {text!r}")
    return number


def _format_float(value: object) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"expected a float, not {value!r}")
    return repr(float(value))


def _parse_uuid(text: str) -> UUID:
    if not _UUID.fullmatch(text):
        raise ValueError(f"expected a UUID with its four hyphens, not {text!r}")
    return UUID(text)


def _format_uuid(value: object) -> str:
    if not isinstance(value, UUID):
        raise TypeError(f"expected a uuid.UUID, not {value!r}")
    return str(value)


def parse_path(text: str, *, is_windows: bool = os.name == "nt") -> str:
    """Take the rest of a path, which stays inside a folder when it is joined to the folder's path.

    Raises:
        ValueError: It has an empty segment or, on Windows, a backslash or a drive.
    """
    # An encoded slash can produce an empty segment: "%2Fetc" would become an absolute path.
    # One trailing slash is allowed, because it marks a folder, as in "docs/".
    if not all(text.removesuffix("/").split("/")):
        raise ValueError(f"expected segments that are not empty, not {text!r}")
    if is_windows and ("\\" in text or ntpath.splitdrive(text)[0]):
        raise ValueError(f"expected no backslash and no drive, not {text!r}")
    return text


def _format_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a str, not {value!r}")
    return value


STR = Converter("str", str, _format_text, rank=Rank.STR)

BUILT_IN = {
    converter.name: converter
    for converter in (
        Converter("int", _parse_int, _format_int, rank=Rank.INT),
        Converter("float", _parse_float, _format_float, rank=Rank.FLOAT),
        Converter("uuid", _parse_uuid, _format_uuid, rank=Rank.UUID),
        STR,
        Converter("path", parse_path, _format_text, rank=Rank.PATH),
    )
}
"""The converters that every router knows, by name."""

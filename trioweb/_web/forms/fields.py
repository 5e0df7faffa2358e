"""Fields that somebody filled in, and the values that a program reads from them."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Any, TypeVar, overload

from trioweb._web.multi_mapping import MultiMapping, shown
from trioweb._web.unreadable import Unreadable
from trioweb.errors import MissingField

T = TypeVar("T")
D = TypeVar("D")

_REQUIRED: Any = object()

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,4000}")
_TRUE = frozenset({"on", "true", "yes", "1"})
_FALSE = frozenset({"off", "false", "no", "0"})


class Fields(MultiMapping[str]):
    """Texts by name, as a query or a form brings them; the first value of each counts.

    `fields["name"]` is text, and `read` converts it; either answers the client with 400 when it
    cannot. Any number of tasks may read it.

    Args:
        pairs: Names and values in the order that they came in.
    """

    __slots__ = ()

    @overload
    def read(self, name: str) -> str: ...
    @overload
    def read(self, name: str, *, default: D) -> str | D: ...
    @overload
    def read(self, name: str, kind: Callable[[str], T]) -> T: ...
    @overload
    def read(self, name: str, kind: Callable[[str], T], *, default: D) -> T | D: ...

    def read(self, name: str, kind: Callable[[str], Any] = str, *, default: Any = _REQUIRED) -> Any:
        """Return the first value of this name as `kind`.

        `int` takes digits, `float` a number that is finite, `bool` what forms and people
        write (on, off, true, false, yes, no, 1, 0), an `Enum` what its values are as text.
        An input that was left blank counts as missing, unless `kind` takes blank text. A
        box that is not ticked sends nothing: read it with `default=False`.

        Args:
            name: The field's.
            kind: A class or function that makes the value from text; `ValueError`,
                `LookupError` or `ArithmeticError` means that the text does not fit.
            default: Returned when the field is missing; without it that is an error.

        Raises:
            HTTPError: 400, the field is missing or does not fit; the detail names it and
                what was expected.
        """
        for value in self._converted(name, kind, self._values.get(name, ())[:1]):
            return value
        if default is _REQUIRED:
            raise MissingField(f"{self._complaint(name)}{_expectation(kind)}")
        return default

    @overload
    def read_all(self, name: str) -> list[str]: ...
    @overload
    def read_all(self, name: str, kind: Callable[[str], T]) -> list[T]: ...

    def read_all(self, name: str, kind: Callable[[str], Any] = str) -> list[Any]:
        """Return each value of this name as `kind`, in order; an empty list for none.

        Args:
            name: The field's.
            kind: As for `read`; blank values that it does not take are left out.

        Raises:
            HTTPError: 400, one of them does not fit.
        """
        return list(self._converted(name, kind, self._values.get(name, ())))

    def _converted(self, name: str, kind: Callable[[str], Any], values: Iterable[str]) -> Iterator[Any]:
        convert = _converter(kind)
        for value in values:
            try:
                yield convert(value)
            except (ValueError, LookupError, ArithmeticError) as error:
                if value.strip():
                    place = f"the field {shown(name)} of the {self._source}"
                    raise Unreadable(400, f"{place} is {shown(value)}{_expectation(kind)}") from error


def _converter(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    choice: object = kind
    if isinstance(choice, type) and issubclass(choice, Enum):
        return functools.partial(_member, choice)
    return next((strict for known, strict, _ in _STRICT if known is kind), kind)


def _member(kind: type[Enum], text: str) -> Enum:
    # The class itself looks for text among its values, and would find no number.
    for member in kind:
        if str(member.value) == text:
            return member
    return kind(text)


def _whole_number(text: str) -> int:
    # `int` itself takes 1_000 and digits of every script, which no form means.
    if not _WHOLE_NUMBER.fullmatch(text.strip()):
        raise ValueError(text)
    return int(text)


def _finite_number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number) or not text.isascii() or "_" in text:
        raise ValueError(text)
    return number


def _truth(text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE and word not in _FALSE:
        raise ValueError(text)
    return word in _TRUE


# What the classes themselves would take is too much: `bool("off")` is true.
_STRICT: tuple[tuple[object, Callable[[str], Any], str], ...] = (
    (bool, _truth, "on or off"),
    (float, _finite_number, "a number"),
    (int, _whole_number, "a whole number"),
)


def _expectation(kind: Callable[[str], Any]) -> str:
    if kind is str:
        return ""
    for known, _, expected in _STRICT:
        if known is kind:
            return f": expected {expected}"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f": expected one of {', '.join(str(member.value) for member in kind)}"
    # The name of a class says something to a stranger, that of a function does not.
    return f": expected {kind.__name__}" if isinstance(kind, type) else ": expected another value"

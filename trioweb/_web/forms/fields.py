"""The text fields of a query or a form, and the values that a program reads from them."""

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
    """The text fields of a query or a form, by name; the first value of each name counts.

    `fields["name"]` is text, and `read` converts it to a value. If the field is missing or does
    not fit, the client gets a 400. Any number of tasks may read the fields.

    Args:
        pairs: Names and values in the order in which they were received.
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
        """Return the first value of this name, converted by `kind`.

        `int` takes digits, `float` a finite number, `bool` the words on, off, true, false,
        yes, no, 1 and 0, and an `Enum` its values as text. An input that was left blank
        counts as missing, unless `kind` accepts blank text. A checkbox that is not ticked
        sends nothing: read it with `default=False`.

        Args:
            name: The name of the field.
            kind: A class or function that makes the value from text. A `ValueError`,
                `LookupError` or `ArithmeticError` means that the text does not fit.
            default: Returned if the field is missing; without it, a missing field is an error.

        Raises:
            HTTPError: 400 if the field is missing or does not fit. The detail names the field
                and the expected value.
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
        """Return each value of this name, converted by `kind`, in order; an empty list for none.

        Args:
            name: The name of the fields.
            kind: As for `read`. Blank values that it does not accept are left out.

        Raises:
            HTTPError: 400 if one of the values does not fit.
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
    # Calling the class with text would not find a member whose value is a number.
    for member in kind:
        if str(member.value) == text:
            return member
    return kind(text)


def _whole_number(text: str) -> int:
    # `int` also takes 1_000 and the digits of every script, which no form means to allow.
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


# The classes themselves accept too much: `bool("off")` is true.
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
    # To a client, the name of a class such as Decimal means something; that of a function does not.
    return f": expected {kind.__name__}" if isinstance(kind, type) else ": expected another value"

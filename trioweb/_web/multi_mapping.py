"""A mapping in which a name may stand for several things."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar, overload

from trioweb.errors import MissingField

T = TypeVar("T")
D = TypeVar("D")

SHOWN_CHARACTERS = 60
"""How much of a name or a wrong value is said back to who sent it."""


class MultiMapping(Mapping[str, T]):
    """Things by name; the first of each name counts, and `get_all` gives every one.

    `mapping["name"]` of one that the client left out is answered with 400, and is a `KeyError`.

    Args:
        pairs: Names and things in the order that they came in.
    """

    __slots__ = ("_values",)
    _source: ClassVar[str] = "request"

    def __init__(self, pairs: Iterable[tuple[str, T]] = ()) -> None:
        self._values: dict[str, list[T]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> T:
        values = self._values.get(name)
        if values is None:
            raise MissingField(self._complaint(name))
        return values[0]

    def _complaint(self, name: str) -> str:
        return f"the field {shown(name)} of the {self._source} is missing"

    def __contains__(self, name: object) -> bool:
        return name in self._values

    @overload
    def get(self, key: str) -> T | None: ...
    @overload
    def get(self, key: str, default: T | D) -> T | D: ...
    def get(self, key: str, default: Any = None) -> Any:
        """Return the first of this name, or `default` when there is none."""
        # The inherited one makes and drops an exception for each that is not there.
        values = self._values.get(key)
        return default if values is None else values[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._values!r})"

    def get_all(self, name: str) -> list[T]:
        """Return each one of this name, in order; an empty list when there is none."""
        return list(self._values.get(name, ()))


def shown(text: str) -> str:
    """Return a text in quotes, as an error may show it."""
    return repr(text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}...")

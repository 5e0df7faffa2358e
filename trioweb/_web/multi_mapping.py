"""A mapping in which a name may stand for several things."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")


class MultiMapping(Mapping[str, T]):
    """Things by name; the first of each name counts, and `get_all` gives every one.

    Args:
        pairs: Names and things in the order that they came in.
    """

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, T]] = ()) -> None:
        self._values: dict[str, list[T]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> T:
        return self._values[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._values!r})"

    def get_all(self, name: str) -> list[T]:
        """Return each one of this name, in order; an empty list when there is none."""
        return list(self._values.get(name, ()))

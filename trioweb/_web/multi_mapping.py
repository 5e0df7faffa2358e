"""A mapping in which a name may have several values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar, overload

from trioweb.errors import MissingField

T = TypeVar("T")
D = TypeVar("D")

SHOWN_CHARACTERS = 60
"""How much of a name or a wrong value is shown to the client that sent it."""


class MultiMapping(Mapping[str, T]):
    """Values by name. The first value of each name counts; `get_all` returns all of them.

    `mapping["name"]` raises a `KeyError` if the client left the name out, and unless the handler
    catches it, the client gets a 400.

    Args:
        pairs: Names and values in the order in which they were received.
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
        """Return the first value of this name, or `default` if there is none."""
        # The inherited method raises and catches an exception for each missing name.
        values = self._values.get(key)
        return default if values is None else values[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._values!r})"

    def get_all(self, name: str) -> list[T]:
        """Return all values of this name, in order; an empty list if there are none."""
        return list(self._values.get(name, ()))


def shown(text: str) -> str:
    """Return a text in quotes, shortened for an error text."""
    return repr(text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}...")

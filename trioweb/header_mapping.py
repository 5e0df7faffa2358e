"""A case-insensitive mapping of HTTP header fields, which knows none of the rules for them.

It is apart from `headers.py` because exceptions carry headers too, and the rules raise exceptions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TypeVar, cast, overload

# Clients of one kind send the same names in the same order with every request. Such names are
# stored once for all requests, but only if they are few and short, because a hostile peer can
# send any number of different ones.
_SHARED_NAMES = 32
_SHARED_CHARACTERS = 600

HeaderSource = Mapping[str, str] | Iterable[tuple[str, str]]

_Names = tuple[str, ...]
_DefaultT = TypeVar("_DefaultT")


class Headers(Mapping[str, str]):
    """Header fields in the order in which they were received; names match in any case.

    `headers["name"]` joins the values of a repeated field with `", "` (RFC 9110 §5.2), except
    for `Set-Cookie`, of which it returns the first. `get_all` returns the value of each line.
    """

    # Every idle WebSocket keeps the headers of its handshake. Names and values are in two tuples
    # rather than in pairs, so that all connections of one kind of client share the names.
    __slots__ = ("_keys", "_names", "_values")

    def __init__(self, fields: HeaderSource = ()) -> None:
        self._names: _Names = ()
        self._keys: _Names = ()  # the names in lower case
        self._values: tuple[str, ...] = ()
        pairs = pairs_of(fields)
        if pairs:
            names, self._values = zip(*pairs, strict=True)
            self._names, self._keys = _spellings(names)

    def __getitem__(self, name: str) -> str:
        key = name.lower()
        count = self._keys.count(key)
        if count == 0:
            raise self._missing(name)
        if count == 1 or key == "set-cookie":
            return self._values[self._keys.index(key)]
        return ", ".join(self.get_all(key))

    def _missing(self, name: str) -> KeyError:
        return KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(self._keys))

    def __len__(self) -> int:
        return len(set(self._keys))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._keys

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.lines()!r})"

    @overload
    def get(self, key: str) -> str | None: ...
    @overload
    def get(self, key: str, default: str | _DefaultT) -> str | _DefaultT: ...
    def get(self, key: str, default: str | _DefaultT | None = None) -> str | _DefaultT | None:
        """Return the field as `headers[key]` does, or `default` if it is missing."""
        # The inherited method raises and catches an exception for each missing field.
        return self[key] if key.lower() in self._keys else default

    def get_all(self, name: str) -> list[str]:
        """Return the value of each line with this name, in order."""
        key = name.lower()
        count = self._keys.count(key)
        if count < 2:
            return [self._values[self._keys.index(key)]] if count else []
        return [value for own, value in zip(self._keys, self._values, strict=True) if own == key]

    def lines(self) -> list[tuple[str, str]]:
        """Return every line as it was received, including repeated fields."""
        return list(zip(self._names, self._values, strict=True))

    def tokens(self, name: str) -> list[str]:
        """Return the lower-cased members of a comma-separated list (RFC 9110 §5.6.1)."""
        members = (part.strip(" \t") for value in self.get_all(name) for part in value.split(","))
        return [member.lower() for member in members if member]


def pairs_of(fields: HeaderSource) -> Collection[tuple[str, str]]:
    """Return the lines of a mapping or of pairs; those of `Headers` as they were received."""
    # `isinstance` with an abstract class takes longer than all the rest, and nearly every caller
    # passes a list, a tuple or a dict.
    if isinstance(fields, list | tuple):
        return fields
    if isinstance(fields, dict):
        return cast("dict[str, str]", fields).items()
    if isinstance(fields, Headers):  # as a mapping it would lose all but one of its Set-Cookie lines
        return fields.lines()
    if isinstance(fields, Mapping):
        # To a type checker, this may also be an iterable of pairs that happens to be a mapping.
        return cast("Mapping[str, str]", fields).items()
    return list(fields)


def _spellings(names: _Names) -> tuple[_Names, _Names]:
    """Return the names as received and in lower case, as shared tuples if they are few and short."""
    if len(names) <= _SHARED_NAMES and len("".join(names)) <= _SHARED_CHARACTERS:
        return _shared_spellings(names)
    return names, tuple(map(str.lower, names))


@lru_cache(maxsize=128)
def _shared_spellings(names: _Names) -> tuple[_Names, _Names]:
    return names, tuple(map(str.lower, names))

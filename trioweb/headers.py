"""HTTP header fields: a case-insensitive mapping, and the rules for what may stand in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from trioweb.errors import LocalProtocolError

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_ILLEGAL_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

HeaderSource = Mapping[str, str] | Iterable[tuple[str, str]]


class Headers(Mapping[str, str]):
    """Header fields in the order they came; names match in any case.

    `headers["name"]` joins a field that came several times with `", "` (RFC 9110
    §5.2), except `Set-Cookie`, whose first is given; `get_all` gives each line.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: HeaderSource = ()) -> None:
        # A mapping's own keys are strings, though the types allow it to be the other thing too.
        pairs = cast("Mapping[str, str]", fields).items() if isinstance(fields, Mapping) else fields
        self._fields: list[tuple[str, str]] = list(pairs)

    def __getitem__(self, name: str) -> str:
        values = self.get_all(name)
        if not values:
            raise KeyError(name)
        return values[0] if len(values) == 1 or name.lower() == "set-cookie" else ", ".join(values)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.lower() for name, _ in self._fields))

    def __len__(self) -> int:
        return len({name.lower() for name, _ in self._fields})

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.get_all(name))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._fields!r})"

    def get_all(self, name: str) -> list[str]:
        """Return the value of each line with this name, in order."""
        wanted = name.lower()
        return [value for key, value in self._fields if key.lower() == wanted]

    def lines(self) -> list[tuple[str, str]]:
        """Return every field as it came, repeated ones too."""
        return list(self._fields)

    def tokens(self, name: str) -> list[str]:
        """Return the lower-cased members of a comma-separated list (RFC 9110 §5.6.1)."""
        members = (part.strip(" \t") for value in self.get_all(name) for part in value.split(","))
        return [member.lower() for member in members if member]


class MutableHeaders(Headers):
    """Header fields of an answer; each is checked when it is set."""

    __slots__ = ()

    def __init__(self, fields: HeaderSource = ()) -> None:
        super().__init__()
        for name, value in Headers(fields).lines():
            self.add(name, value)

    def __setitem__(self, name: str, value: str) -> None:
        check_field(name, value)
        self._remove(name)
        self._fields.append((name, value))

    def __delitem__(self, name: str) -> None:
        if not self._remove(name):
            raise KeyError(name)

    def add(self, name: str, value: str) -> None:
        """Add one more line, keeping those with the same name."""
        check_field(name, value)
        self._fields.append((name, value))

    def setdefault(self, name: str, value: str) -> str:
        """Set the field unless it is there, and return what is there."""
        if name not in self:
            self[name] = value
        return self[name]

    def _remove(self, name: str) -> bool:
        kept = [field for field in self._fields if field[0].lower() != name.lower()]
        was_there = len(kept) != len(self._fields)
        self._fields[:] = kept
        return was_there


def is_token(text: str) -> bool:
    """Say whether `text` is a token (RFC 9110 §5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def check_field(name: str, value: str) -> None:
    """Refuse a field that could not be sent as one line (RFC 9110 §5.5).

    Raises:
        LocalProtocolError: The name is no token; the value holds CR, LF, NUL or
            another control character, or a character outside latin-1.
    """
    if not is_token(name):
        raise LocalProtocolError(
            f"{name!r} is not a header name: expected letters, digits or any of !#$%&'*+-.^_`|~"
        )
    if not isinstance(value, str):
        raise LocalProtocolError(f"the value of header {name} must be a str, not {type(value).__name__}")
    if _ILLEGAL_IN_VALUE.search(value):
        raise LocalProtocolError(f"the value of header {name} has a control character in it: {value!r}")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise LocalProtocolError(f"the value of header {name} must fit latin-1, not {value!r}") from None

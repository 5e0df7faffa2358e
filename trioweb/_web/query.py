"""The fields of a query string, decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import unquote_to_bytes

from trioweb.errors import HTTPError

FIELDS = 1000
"""More fields than this are no form that a person filled in, and cost time to hold."""


class Query(Mapping[str, str]):
    """A query string as a mapping; `query["name"]` is the first value of that name.

    Names and values are percent-decoded as UTF-8, `+` is a space, and bytes that are
    no UTF-8 become U+FFFD: a hostile query is odd text, never an exception.

    Args:
        text: The query string as it came, without the question mark.

    Raises:
        HTTPError: 400, there are more than 1000 fields.
    """

    __slots__ = ("_values",)

    def __init__(self, text: str = "") -> None:
        self._values: dict[str, list[str]] = {}
        if text.count("&") >= FIELDS:
            raise HTTPError(400, f"the query has more than {FIELDS} fields")
        for field in text.split("&"):
            if field:
                name, _, value = field.partition("=")
                self._values.setdefault(_decode(name), []).append(_decode(value))

    def __getitem__(self, name: str) -> str:
        return self._values[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Query({self._values!r})"

    def get_all(self, name: str) -> list[str]:
        """Return each value of this name, in order; an empty list when there is none."""
        return list(self._values.get(name, ()))


def _decode(text: str) -> str:
    # The wire hands bytes over as latin-1, so a query with raw UTF-8 in it is got back by this way.
    octets = text.replace("+", " ").encode("latin-1", "replace")
    return unquote_to_bytes(octets).decode("utf-8", "replace")

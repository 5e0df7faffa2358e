"""The decoded fields of a query string."""

from __future__ import annotations

from trioweb._web.forms.fields import Fields
from trioweb._web.forms.urlencoded import decode_urlencoded
from trioweb._web.unreadable import Unreadable

FIELDS = 1000
"""The most fields of a query. More take time and memory, and do not come from a form that a
person filled in."""


class Query(Fields):
    """A query string as a mapping; `query["name"]` is the first value of that name.

    Names and values are percent-decoded as UTF-8, `+` is a space, and bytes that are not
    UTF-8 become U+FFFD: a hostile query gives odd text, never an exception.

    Args:
        text: The query string as it was received, without the question mark.

    Raises:
        HTTPError: 400 if there are more than 1000 fields. No setting changes this bound.
    """

    __slots__ = ()
    _source = "query"

    def __init__(self, text: str = "") -> None:
        if text.count("&") >= FIELDS:
            raise Unreadable(400, f"the query has more than {FIELDS} fields (a fixed limit)")
        # The wire decodes bytes as latin-1. Encoding them again restores raw UTF-8 in a query.
        pairs = decode_urlencoded(text.encode("latin-1", "replace"))
        super().__init__(
            (name.decode("utf-8", "replace"), value.decode("utf-8", "replace")) for name, value in pairs
        )

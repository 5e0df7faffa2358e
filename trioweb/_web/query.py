"""The fields of a query string, decoded."""

from __future__ import annotations

from trioweb._web.forms.fields import Fields
from trioweb._web.forms.urlencoded import decode_urlencoded
from trioweb._web.unreadable import Unreadable

FIELDS = 1000
"""More fields than this are no form that a person filled in, and cost time to hold."""


class Query(Fields):
    """A query string as a mapping; `query["name"]` is the first value of that name.

    Names and values are percent-decoded as UTF-8, `+` is a space, and bytes that are
    no UTF-8 become U+FFFD: a hostile query is odd text, never an exception.

    Args:
        text: The query string as it came, without the question mark.

    Raises:
        HTTPError: 400, there are more than 1000 fields; no setting changes that.
    """

    __slots__ = ()
    _source = "query"

    def __init__(self, text: str = "") -> None:
        if text.count("&") >= FIELDS:
            raise Unreadable(400, f"the query has more than {FIELDS} fields, which no setting changes")
        # The wire hands bytes over as latin-1, so a query with raw UTF-8 in it is got back by this way.
        pairs = decode_urlencoded(text.encode("latin-1", "replace"))
        super().__init__(
            (name.decode("utf-8", "replace"), value.decode("utf-8", "replace")) for name, value in pairs
        )

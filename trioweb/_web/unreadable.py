"""A request that is not what the handler reads it as."""

from __future__ import annotations

from trioweb.errors import HTTPError, MissingField


class Unreadable(HTTPError):
    """A field or the body does not fit: the client's mistake, where another `HTTPError` may be a bug."""


def is_clients_mistake(error: Exception) -> bool:
    """Say whether the client has brought it about by what it left out of its request, or put into it."""
    return isinstance(error, Unreadable | MissingField)

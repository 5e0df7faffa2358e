"""The error for a request that does not have the content that its handler reads."""

from __future__ import annotations

from trioweb.errors import HTTPError, MissingField


class Unreadable(HTTPError):
    """A field or the body does not fit: always the client's mistake, unlike any other `HTTPError`."""


def is_clients_mistake(error: Exception) -> bool:
    """Return whether the client caused the error, by leaving out a field or sending a wrong one."""
    return isinstance(error, Unreadable | MissingField)

"""HTTP header fields: those of requests and responses, and the rules for names and values."""

from __future__ import annotations

import re

from trioweb.errors import LocalProtocolError, MissingField
from trioweb.header_mapping import Headers, HeaderSource, pairs_of

__all__ = [
    "HeaderSource",
    "Headers",
    "MutableHeaders",
    "RequestHeaders",
    "check_field",
    "is_token",
]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_ILLEGAL_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class RequestHeaders(Headers):
    """Header fields of a request: `headers["name"]` answers with 400 if the client left it out."""

    __slots__ = ()

    def _missing(self, name: str) -> KeyError:
        return MissingField(f"the header {name} of the request is missing")


class MutableHeaders(Headers):
    """Header fields of a response; each is checked when it is set."""

    __slots__ = ()

    def __init__(self, fields: HeaderSource = ()) -> None:
        super().__init__()
        for name, value in pairs_of(fields):
            self.add(name, value)

    def __setitem__(self, name: str, value: str) -> None:
        check_field(name, value)
        self._remove(name)
        self._append(name, value)

    def __delitem__(self, name: str) -> None:
        if not self._remove(name):
            raise KeyError(name)

    def add(self, name: str, value: str) -> None:
        """Add a line, and keep those with the same name."""
        check_field(name, value)
        self._append(name, value)

    def setdefault(self, name: str, value: str) -> str:
        """Set the field unless it is set already, and return its value."""
        if name not in self:
            self[name] = value
        return self[name]

    def _append(self, name: str, value: str) -> None:
        self._names = (*self._names, name)
        self._keys = (*self._keys, name.lower())
        self._values = (*self._values, value)

    def _remove(self, name: str) -> bool:
        key = name.lower()
        if key not in self._keys:
            return False
        self._values = tuple(value for own, value in zip(self._keys, self._values, strict=True) if own != key)
        self._names = tuple(own for own in self._names if own.lower() != key)
        self._keys = tuple(own for own in self._keys if own != key)
        return True


def is_token(text: str) -> bool:
    """Return whether `text` is a token (RFC 9110 §5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def check_field(name: str, value: str) -> None:
    """Refuse a field that cannot be sent as one line (RFC 9110 §5.5).

    Raises:
        LocalProtocolError: The name is not a token, or the value contains CR, LF, NUL or
            another control character, or a character outside latin-1.
    """
    if not is_token(name):
        raise LocalProtocolError(
            f"{name!r} is not a header name: expected letters, digits or any of !#$%&'*+-.^_`|~"
        )
    if not isinstance(value, str):
        raise LocalProtocolError(f"the value of header {name} must be a str, not {type(value).__name__}")
    if _ILLEGAL_IN_VALUE.search(value):
        raise LocalProtocolError(f"the value of header {name} contains a control character: {value!r}")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise LocalProtocolError(f"the value of header {name} must fit latin-1, not {value!r}") from None

"""The two heads of an opening handshake as bytes, for tests that write them themselves (RFC 6455 §4)."""

from __future__ import annotations

from trioweb._wire.handshake import accept_token

EXAMPLE_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The key of the example in RFC 6455 §1.3."""

Field = tuple[str, str | None]
"""A name and a value; `None` takes the field away."""


def handshake(path: str = "/", *headers: Field, host: str = "localhost") -> bytes:
    """Build an ordinary handshake of a client.

    Args:
        path: With the query.
        headers: More fields. One with the name of an ordinary field replaces it, and `None` leaves it out.
        host: The value of `Host`.
    """
    fields = {
        "Host": host,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": EXAMPLE_KEY,
    }
    return _head(f"GET {path} HTTP/1.1", fields, headers)


def accepting(request: str, *headers: Field) -> bytes:
    """Build a server's response that opens the WebSocket.

    Args:
        request: The head of the client's handshake, for its key.
        headers: As for `handshake`.
    """
    fields = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": accept_token(field_value(request, "Sec-WebSocket-Key")),
    }
    return _head("HTTP/1.1 101 Switching Protocols", fields, headers)


def field_value(head: str, name: str) -> str:
    """Return the value of a field in a head, `""` if it is not there."""
    for line in head.split("\r\n")[1:]:
        field, _, value = line.partition(":")
        if field.lower() == name.lower():
            return value.strip()
    return ""


def _head(start: str, ordinary: dict[str, str], headers: tuple[Field, ...]) -> bytes:
    fields: dict[str, str | None] = {**ordinary, **dict(headers)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return f"{start}\r\n{lines}\r\n".encode("latin-1")

"""Names and values as browsers put them into a query or a simple form."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes


def decode_urlencoded(octets: bytes) -> list[tuple[bytes, bytes]]:
    """Return names and values without percent and plus, as bytes of a charset not known here.

    Escapes that are none stay as they are (URL Standard §5.1): odd text, never an error.
    """
    pairs: list[tuple[bytes, bytes]] = []
    for field in octets.replace(b"+", b" ").split(b"&"):
        if field:
            name, _, value = field.partition(b"=")
            pairs.append((unquote_to_bytes(name), unquote_to_bytes(value)))
    return pairs

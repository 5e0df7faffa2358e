"""The header fields of an answer, framed as its status demands."""

from __future__ import annotations

from collections.abc import Iterable

from trioweb.errors import LocalProtocolError
from trioweb.headers import check_field

# What no answer of these statuses has, and the length to say for it. 204 and 304 end with the head,
# whatever it says (RFC 9112 §6.3); 205 does not, though it has no content (RFC 9110 §15.3.6).
BODILESS = {204: None, 205: 0, 304: None}

# The wire frames every answer itself: what else said so could only disagree with it.
_FRAMING = frozenset({"content-length", "transfer-encoding", "keep-alive"})


def answer_fields(
    status: int, headers: Iterable[tuple[str, str]], content_bytes: int | None
) -> list[tuple[bytes, bytes]]:
    """Return the fields as they are sent, without those that only the connection knows.

    Args:
        status: 200 to 599.
        headers: What is to be sent; framing fields among it are left out.
        content_bytes: The length of the body, `None` if only its end will tell.

    Raises:
        LocalProtocolError: `status` or a field cannot be sent.
    """
    if not 200 <= status <= 599:
        raise LocalProtocolError(f"an answer has a status from 200 to 599, not {status}")
    fields: list[tuple[bytes, bytes]] = []
    offers_upgrade = False
    for name, value in headers:
        key = name.lower()
        if key not in _FRAMING:
            fields.append(_encoded_field(name, value))
            offers_upgrade = offers_upgrade or key == "upgrade"
    if offers_upgrade and not _has_upgrade_option(fields):
        fields.append((b"Connection", b"Upgrade"))
    if status in BODILESS:
        content_bytes = BODILESS[status]
    if content_bytes is not None:
        fields.append((b"Content-Length", b"%d" % content_bytes))
    return fields


def _has_upgrade_option(fields: list[tuple[bytes, bytes]]) -> bool:
    """Say whether an answer tells that its Upgrade is for this connection only (RFC 9110 §7.8)."""
    return any(name.lower() == b"connection" and b"upgrade" in value.lower() for name, value in fields)


def _encoded_field(name: str, value: str) -> tuple[bytes, bytes]:
    check_field(name, value)
    return name.encode("ascii"), value.strip(" \t").encode("latin-1")

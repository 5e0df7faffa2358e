"""The opening handshake of a WebSocket: a pure function of a request's head (RFC 6455 §4.2)."""

from __future__ import annotations

import hashlib
import re
from binascii import b2a_base64
from collections.abc import Iterable
from functools import lru_cache

import attrs

from trioweb._wire.deflate import DeflateAgreement, negotiate_deflate
from trioweb._wire.http1.request_head import RequestHead
from trioweb._wire.origin import check_origin
from trioweb.config import Deflate
from trioweb.errors import HandshakeRejected, LocalProtocolError
from trioweb.headers import check_field, is_token

__all__ = [
    "Agreement",
    "check",
    "check_origin",
    "choose_subprotocol",
    "encode_accept",
    "negotiate_handshake",
    "offered_subprotocols",
]

VERSION = "13"

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3

# 16 bytes in base64 are 22 characters and two of padding (RFC 4648 §4).
_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")

# RFC 9110 §15.5.22: a 426 names what to upgrade to, and §7.8: as an option of the connection.
_UPGRADE_FIELDS = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": VERSION}

_START = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"

# What the handshake itself says: a second time it would contradict, or break the framing.
_OWN_FIELDS = frozenset({"connection", "content-length", "transfer-encoding", "upgrade"})
_OWN_PREFIX = "sec-websocket-"

# Browsers send one of a few offers. A longer one is unusual, and not kept.
_USUAL_OFFER_CHARACTERS = 200

OFFERS = 100
"""The most subprotocols in an offer. Clients offer a few, and all are held until the handshake is accepted."""


@attrs.define
class Agreement:
    """What both sides agree on in a handshake that can be accepted.

    Attributes:
        accept_token: The proof that the key was read (RFC 6455 §4.2.2).
        subprotocol: The one to speak, if one was agreed on.
        deflate: How messages are compressed, if they are.
        offered_subprotocols: What the client can speak; see `offered_subprotocols`.
    """

    accept_token: str
    subprotocol: str | None
    deflate: DeflateAgreement | None
    offered_subprotocols: tuple[str, ...] = ()


def negotiate_handshake(
    head: RequestHead,
    *,
    origins: str | tuple[str, ...] | None,
    scheme: str,
    subprotocols: tuple[str, ...],
    compression: Deflate | None,
    host: str | None = None,
) -> Agreement:
    """Check a handshake and choose what to agree on.

    Args:
        head: The request.
        origins: Which pages may open it; see `check_origin`, also for `scheme` and `host`.
        scheme: `"http"` or `"https"`.
        subprotocols: Those that this side speaks, the preferred one first.
        compression: The settings of permessage-deflate; `None` declines it.
        host: The authority that the client used, if not the one in `Host`.

    Raises:
        HandshakeRejected: 400, 403, 405 or 426.
    """
    key = check(head)
    check_origin(head, origins, scheme=scheme, host=host)
    deflate = None if compression is None else _agree_on_deflate(head, compression)
    token = accept_token(key)
    offered = offered_subprotocols(head)
    return Agreement(token, _first_of(subprotocols, offered), deflate, offered)


def _agree_on_deflate(head: RequestHead, settings: Deflate) -> DeflateAgreement | None:
    offers = head.headers.get_all("sec-websocket-extensions")
    if len(offers) == 1 and len(offers[0]) <= _USUAL_OFFER_CHARACTERS:
        return _agree_on_usual_offer(offers[0], settings)
    return negotiate_deflate(offers, settings) if offers else None


@lru_cache(maxsize=64)
def _agree_on_usual_offer(offer: str, settings: Deflate) -> DeflateAgreement | None:
    return negotiate_deflate([offer], settings)


def check(head: RequestHead) -> str:
    """Return the key of a valid opening handshake (RFC 6455 §4.2.1).

    Raises:
        HandshakeRejected: It is not a valid one: 400, 405 or 426.
    """
    if head.method != "GET":
        raise HandshakeRejected(405, "A WebSocket is opened with GET.", {"Allow": "GET"})
    if head.http_version != "1.1":
        raise HandshakeRejected(400, f"A WebSocket needs HTTP/1.1, not HTTP/{head.http_version}.")
    if not head.wants_websocket:
        raise HandshakeRejected(
            426, "Expected the headers Upgrade: websocket and Connection: Upgrade.", _UPGRADE_FIELDS
        )
    if head.content_bytes != 0:
        raise HandshakeRejected(400, "A handshake has no body.")
    headers = head.headers
    if len(headers.get_all("host")) != 1:
        raise HandshakeRejected(400, "Expected one Host header.")
    versions = headers.get_all("sec-websocket-version")
    if versions != [VERSION]:  # RFC 6455 §4.4
        raise HandshakeRejected(426, f"Expected Sec-WebSocket-Version: {VERSION}, once.", _UPGRADE_FIELDS)
    keys = headers.get_all("sec-websocket-key")
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise HandshakeRejected(400, "Expected one Sec-WebSocket-Key: 16 bytes in base64.")
    return keys[0]


def accept_token(key: str) -> str:
    """Return what proves to the client that its key was read (RFC 6455 §4.2.2 item 5.4)."""
    digest = hashlib.sha1((key + _GUID).encode("ascii"), usedforsecurity=False).digest()
    return b2a_base64(digest, newline=False).decode("ascii")


def offered_subprotocols(head: RequestHead) -> tuple[str, ...]:
    """Return the subprotocols that the client can speak, its preferred one first.

    They may be on any number of lines (RFC 6455 §11.3.4), and are case-sensitive.

    Raises:
        HandshakeRejected: 400 if one of them is not a token, or there are more than `OFFERS`.
    """
    lines = head.headers.get_all("sec-websocket-protocol")
    if not lines:
        return ()
    offered: list[str] = []
    if ",".join(lines).count(",") >= OFFERS:
        raise HandshakeRejected(400, f"Sec-WebSocket-Protocol has more than {OFFERS} members.")
    for line in lines:
        for member in line.split(","):
            name = member.strip(" \t")
            if name and not is_token(name):
                raise HandshakeRejected(400, "Sec-WebSocket-Protocol has to be a list of tokens.")
            if name:
                offered.append(name)
    return tuple(offered)


def choose_subprotocol(head: RequestHead, supported: tuple[str, ...]) -> str | None:
    """Return the first of `supported` that the client offered, `None` if there is none.

    Raises:
        HandshakeRejected: 400 if the offer is malformed.
    """
    return _first_of(supported, offered_subprotocols(head))


def _first_of(supported: tuple[str, ...], offered: tuple[str, ...]) -> str | None:
    for name in supported:
        if name in offered:
            return name
    return None


def is_own_field(name: str) -> bool:
    """Return whether the handshake itself says this, in the request or in the response."""
    lower = name.lower()
    return lower in _OWN_FIELDS or lower.startswith(_OWN_PREFIX)


def encode_accept(agreement: Agreement, headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the response that opens the WebSocket (RFC 6455 §4.2.2 item 5).

    Args:
        agreement: What was agreed on.
        headers: More fields, cookies for example.

    Raises:
        LocalProtocolError: A field cannot be sent, or is one of the handshake's own.
    """
    lines = [f"{_START}Sec-WebSocket-Accept: {agreement.accept_token}\r\n"]
    if agreement.subprotocol is not None:
        if not is_token(agreement.subprotocol):
            raise LocalProtocolError(f"a subprotocol is a token, not {agreement.subprotocol!r}")
        lines.append(f"Sec-WebSocket-Protocol: {agreement.subprotocol}\r\n")
    if agreement.deflate is not None:
        lines.append(f"Sec-WebSocket-Extensions: {agreement.deflate.header_value}\r\n")
    for name, value in headers:
        check_field(name, value)
        if is_own_field(name):
            raise LocalProtocolError(f"the header {name} belongs to the handshake: it cannot be added to it")
        lines.append(f"{name}: {value}\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1")

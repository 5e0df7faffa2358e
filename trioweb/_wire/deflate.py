"""permessage-deflate (RFC 7692): what the two sides agree on, and the compressor for sending."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import attrs

from trioweb._wire.extension_offers import Offer, parse_offers
from trioweb.config import Deflate

NAME = "permessage-deflate"

LEAST_BITS = 9
"""RFC 7692 allows a window of 8 bits, but zlib cannot compress with it."""

WINDOW_BITS = frozenset(str(bits) for bits in range(8, zlib.MAX_WBITS + 1))
"""All values of a window, as they are written: without leading zeros (RFC 7692 §7.1.2)."""

FLUSH_TAIL = b"\x00\x00\xff\xff"
"""The end of every flushed block. The sender leaves it out, the receiver puts it back (RFC 7692 §7.2.1, §7.2.2)."""


@attrs.frozen(kw_only=True)
class DeflateAgreement:
    """How both sides compress. A server's connections with equal agreements can share frames.

    `Deflator` and the inflaters use it as a server does, which sends by the parameters that have
    `server_` in their names. A client gives them the agreement `exchanged`.

    Attributes:
        server_no_context_takeover: The server compresses each message by itself (§7.1.1.1).
        client_no_context_takeover: So does the client (§7.1.1.2).
        server_max_window_bits: The window that the server compresses with (§7.1.2.1).
        client_max_window_bits: The largest window that the client may use (§7.1.2.2).
        level: How hard zlib tries.
        memory_level: How much memory zlib takes.
        minimum_bytes: Shorter messages are sent uncompressed.
        header_value: `Sec-WebSocket-Extensions` of the response that a server sends.
    """

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int = zlib.MAX_WBITS
    client_max_window_bits: int = zlib.MAX_WBITS
    level: int = 6
    memory_level: int = 8
    minimum_bytes: int = 0
    header_value: str = attrs.field(default=NAME, eq=False)

    @property
    def shares_frames(self) -> bool:
        """Whether a message compresses to the same bytes whatever was sent before it."""
        return self.server_no_context_takeover

    def exchanged(self) -> DeflateAgreement:
        """Return what a client would agree on to send as this server does, and the other way round."""
        return attrs.evolve(
            self,
            server_no_context_takeover=self.client_no_context_takeover,
            client_no_context_takeover=self.server_no_context_takeover,
            server_max_window_bits=self.client_max_window_bits,
            client_max_window_bits=self.server_max_window_bits,
        )


def negotiate_deflate(offers: list[str], settings: Deflate) -> DeflateAgreement | None:
    """Choose the first of the client's offers that can be accepted (RFC 7692 §7).

    An offer is accepted or declined as a whole; offers are never merged.

    Args:
        offers: The values of the request's `Sec-WebSocket-Extensions` lines.
        settings: What this side wants.
    """
    for offer in parse_offers(offers):
        agreement = _accept(offer, settings)
        if agreement is not None:
            return agreement
    return None


def _accept(offer: Offer, settings: Deflate) -> DeflateAgreement | None:
    parameters = dict(offer.parameters)
    if offer.name != NAME or len(parameters) != len(offer.parameters) or not _is_valid(parameters):
        return None  # §7: one unknown, repeated or malformed parameter, and the whole offer is declined
    server_bits = client_bits = zlib.MAX_WBITS
    accepted: dict[str, int | None] = {}
    if not settings.context_takeover or "server_no_context_takeover" in parameters:
        accepted["server_no_context_takeover"] = None
    # The server may demand this even if the client has not offered it (§7.1.1.2), unlike a smaller window.
    if not settings.context_takeover or "client_no_context_takeover" in parameters:
        accepted["client_no_context_takeover"] = None
    server_bits = min(int(parameters.get("server_max_window_bits") or zlib.MAX_WBITS), settings.window_bits)
    if server_bits < LEAST_BITS:
        return None
    if "server_max_window_bits" in parameters:
        accepted["server_max_window_bits"] = server_bits
    if "client_max_window_bits" in parameters:
        # Without a value the client only says that it can be limited (§7.1.2.2).
        offered = int(parameters["client_max_window_bits"] or zlib.MAX_WBITS)
        client_bits = accepted["client_max_window_bits"] = min(offered, settings.window_bits)
    return DeflateAgreement(
        server_no_context_takeover="server_no_context_takeover" in accepted,
        client_no_context_takeover="client_no_context_takeover" in accepted,
        server_max_window_bits=server_bits,
        client_max_window_bits=client_bits,
        level=settings.level,
        memory_level=settings.memory_level,
        minimum_bytes=settings.minimum_bytes,
        header_value="; ".join(
            [NAME, *(key if bits is None else f"{key}={bits}" for key, bits in accepted.items())]
        ),
    )


def _is_valid(parameters: Mapping[str, str | None]) -> bool:
    for name, value in parameters.items():
        match name:
            case "server_no_context_takeover" | "client_no_context_takeover":
                is_valid = value is None
            case "server_max_window_bits":
                is_valid = value in WINDOW_BITS
            case "client_max_window_bits":
                is_valid = value is None or value in WINDOW_BITS
            case _:
                is_valid = False
        if not is_valid:
            return False
    return True


class Deflator:
    """Compresses the messages that this side sends, in the order in which they leave.

    zlib's memory (`config.Deflate` says how much) is taken when the first message is compressed.
    Without context takeover it is freed after each message, so idle connections hold none.
    """

    __slots__ = ("_agreement", "_compressor")

    def __init__(self, agreement: DeflateAgreement) -> None:
        self._agreement = agreement
        self._compressor: zlib._Compress | None = None

    def compress(self, payload: bytes) -> bytes | None:
        """Return the compressed payload, or `None` if it is to be sent as it is.

        Whatever this returns must reach the peer, and in this order. With context takeover, later
        messages refer back to earlier ones, so the peer's window must have seen the same bytes.
        """
        agreement = self._agreement
        # For an empty message zlib has nothing to flush, and nothing is not a valid payload (§7.2.3.6).
        if not payload or len(payload) < agreement.minimum_bytes:
            return None
        compressor, self._compressor = self._compressor, None
        if compressor is None:
            compressor = zlib.compressobj(
                agreement.level, zlib.DEFLATED, -agreement.server_max_window_bits, agreement.memory_level
            )
        compressed = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
        if not agreement.server_no_context_takeover:
            self._compressor = compressor
        elif len(compressed) - len(FLUSH_TAIL) >= len(payload):
            return None  # it got longer; each message may be sent either way (RFC 7692 §6)
        return compressed[: -len(FLUSH_TAIL)]

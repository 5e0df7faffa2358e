"""The compressed frame that the generator sends, and a check of the answer."""

from __future__ import annotations

import json
import zlib

OFFER = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
"""Without context every answer is as long as the first, which is how the generator checks them."""

MASK = b"\x37\xfa\x21\x3d"
FINAL_COMPRESSED_TEXT = 0xC1
TAIL = b"\x00\x00\xff\xff"  # RFC 7692 §7.2.1: these bytes are removed from each message


def json_text(text_bytes: int) -> bytes:
    """Write as many sensor readings as fit, and pad the last one."""
    readings: list[dict[str, object]] = []
    text = b"[]"
    while True:
        number = len(readings)
        readings.append(
            {"sensor": f"hall-{number % 7}", "celsius": 18 + number % 5 / 2, "valid": number % 9 > 0}
        )
        longer = json.dumps(readings).encode()
        if len(longer) > text_bytes:
            return text[:-1] + b" " * (text_bytes - len(text)) + b"]"
        text = longer


def masked_frame(text: bytes) -> bytes:
    """Compress and mask a text, as a client that keeps no context."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    payload = (compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)
    masked = bytes(octet ^ MASK[place % 4] for place, octet in enumerate(payload))
    is_short = len(payload) < 126
    length = bytes([0x80 | len(payload)]) if is_short else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([FINAL_COMPRESSED_TEXT]) + length + MASK + masked


def is_answer(payload: bytes, text: bytes) -> bool:
    """Return whether a compressed payload contains the text."""
    try:
        return zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(payload + TAIL) == text
    except zlib.error:
        return False

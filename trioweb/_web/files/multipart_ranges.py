"""Several parts of one file in one answer: `multipart/byteranges` (RFC 9110 §14.6)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import attrs

from trioweb._web.files.byte_range import ByteRange

Segment = ByteRange | bytes
"""A piece of an answer: a part of the file, or bytes that stand before it."""


@attrs.frozen(slots=True)
class MultipartRanges:
    """The body of an answer with several parts.

    Attributes:
        content_type: With the boundary that the body has.
        segments: What is sent, in order.
    """

    content_type: str
    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, ranges: Sequence[ByteRange], size_bytes: int, part_type: str) -> MultipartRanges:
        """Lay out the parts, each with its type and place (RFC 9110 §15.3.7.2).

        Args:
            ranges: Two or more.
            size_bytes: The size of the whole file.
            part_type: The Content-Type of the whole file.
        """
        # Nobody can know it beforehand, so no file holds it but by a chance of one in 2**128.
        boundary = secrets.token_hex(16)
        segments: list[Segment] = []
        before = ""
        for part in ranges:
            head = (
                f"{before}--{boundary}\r\nContent-Type: {part_type}\r\n"
                f"Content-Range: {content_range(part, size_bytes)}\r\n\r\n"
            )
            segments += [head.encode("latin-1"), part]
            before = "\r\n"
        segments.append(f"\r\n--{boundary}--\r\n".encode("ascii"))
        return cls(f"multipart/byteranges; boundary={boundary}", tuple(segments))


def content_range(part: ByteRange, size_bytes: int) -> str:
    """Say which part of how much it is (RFC 9110 §14.4)."""
    return f"bytes {part.first}-{part.last}/{size_bytes}"


def length_of(segments: Sequence[Segment]) -> int:
    """Return how many bytes the segments make together."""
    return sum(len(one) if isinstance(one, bytes) else one.length_bytes for one in segments)

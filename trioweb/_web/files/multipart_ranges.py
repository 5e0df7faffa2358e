"""Several parts of one file in one response: `multipart/byteranges` (RFC 9110 §14.6)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import attrs

from trioweb._web.files.byte_range import ByteRange

Segment = ByteRange | bytes
"""A piece of a body: a part of the file, or the bytes before it."""


@attrs.frozen(slots=True)
class MultipartRanges:
    """The body of a response with several parts.

    Attributes:
        content_type: The type, with the boundary of the body.
        segments: The pieces of the body, in order.
    """

    content_type: str
    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, ranges: Sequence[ByteRange], size_bytes: int, part_type: str) -> MultipartRanges:
        """Lay out the parts, each with its type and position (RFC 9110 §15.3.7.2).

        Args:
            ranges: Two or more.
            size_bytes: The size of the whole file.
            part_type: The Content-Type of the whole file.
        """
        # Nobody can know it beforehand, so a file contains it only with a probability of 2**-128.
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
    """Return the Content-Range of a part (RFC 9110 §14.4)."""
    return f"bytes {part.first}-{part.last}/{size_bytes}"


def length_of(segments: Sequence[Segment]) -> int:
    """Return the length of all segments together."""
    return sum(len(one) if isinstance(one, bytes) else one.length_bytes for one in segments)

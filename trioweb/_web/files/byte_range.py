"""The parts of a file that a client asks for (RFC 9110 §14)."""

from __future__ import annotations

import re

import attrs

from trioweb.errors import HTTPError

RANGES = 16
"""The most ranges in one request. Players and downloads never ask for more, so more are ignored."""

# Numbers may have any length (RFC 9110 §14.1.1), but one with many digits would take long to convert.
_RANGE = re.compile(r"([0-9]{0,400})-([0-9]{0,400})")


@attrs.frozen(slots=True)
class ByteRange:
    """The bytes from `first` to `last`, both included; never empty.

    Attributes:
        first: The position of the first byte.
        last: The position of the last byte.
    """

    first: int
    last: int

    @property
    def length_bytes(self) -> int:
        """How many bytes that is."""
        return self.last - self.first + 1


def parse_ranges(text: str, size_bytes: int) -> tuple[ByteRange, ...]:
    """Parse a Range field for a file of this size; `()` means to send the whole file.

    Ranges that overlap or touch are merged; the order of the others is kept
    (RFC 9110 §15.3.7.2). Ranges that begin after the last byte are left out. A field that
    cannot be parsed, or has too many ranges, is ignored as a whole (§14.2, §17.15).

    Raises:
        HTTPError: 416 if no byte of the file is in any range (RFC 9110 §15.5.17).
    """
    unit, _, listed = text.strip(" \t").partition("=")
    # An empty member of a list means nothing (RFC 9110 §5.6.1.2).
    members = [member for part in listed.split(",") if (member := part.strip(" \t"))]
    if unit.lower() != "bytes" or not 0 < len(members) <= RANGES:
        return ()
    read = [_bounds(member, size_bytes) for member in members]
    if None in read:
        return ()
    asked = [bounds for bounds in read if bounds is not None and bounds[0] <= bounds[1]]
    if not asked:
        raise _unsatisfiable(size_bytes)
    # "The last bytes" of an empty file are satisfied by none, but no Content-Range can express that.
    return _joined([ByteRange(first, last) for first, last in asked]) if size_bytes else ()


def _bounds(member: str, size_bytes: int) -> tuple[int, int] | None:
    """Return the first and the last position; the last is before the first if no byte is meant.

    `None` if the text is not a range (RFC 9110 §14.1.1).
    """
    matched = _RANGE.fullmatch(member)
    if matched is None or member == "-":
        return None
    first, last = matched.groups()
    if not first:
        # For an empty file too (RFC 9110 §14.1.2): any length except zero is satisfiable.
        return (max(0, size_bytes - int(last)), max(0, size_bytes - 1)) if int(last) else (1, 0)
    if last and int(last) < int(first):
        return None
    if int(first) >= size_bytes:
        return (1, 0)
    return int(first), min(int(last), size_bytes - 1) if last else size_bytes - 1


def _joined(ranges: list[ByteRange]) -> tuple[ByteRange, ...]:
    joined: list[tuple[int, ByteRange]] = []  # with its position in the field
    for place, one in sorted(enumerate(ranges), key=lambda pair: pair[1].first):
        if joined and one.first <= joined[-1][1].last + 1:
            earlier, other = joined.pop()
            place, one = min(place, earlier), ByteRange(other.first, max(one.last, other.last))
        joined.append((place, one))
    return tuple(one for _, one in sorted(joined, key=lambda pair: pair[0]))


def _unsatisfiable(size_bytes: int) -> HTTPError:
    return HTTPError(
        416,
        f"no byte of the file, which has {size_bytes}, is in the range that was asked for",
        {"content-range": f"bytes */{size_bytes}"},
    )

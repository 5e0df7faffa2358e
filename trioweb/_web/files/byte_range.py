"""The parts of a file that a client asks for (RFC 9110 §14)."""

from __future__ import annotations

import re

import attrs

from trioweb.errors import HTTPError

RANGES = 16
"""More ranges than this in one request are no player and no download, and are ignored."""

# There is no longest number (RFC 9110 §14.1.1), but one of many digits would cost time to read.
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
    """Read a Range field for a file of this size; `()` means to send all of it.

    Ranges that overlap or touch become one, and the order of the rest stays
    (RFC 9110 §15.3.7.2). Those that begin behind the end are left out. A field that
    cannot be read, or names too many, is ignored as a whole (§14.2, §17.15).

    Raises:
        HTTPError: 416, no byte of the file is in any range (RFC 9110 §15.5.17).
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
    # The last bytes of an empty file are all none of them, but no Content-Range can say so.
    return _joined([ByteRange(first, last) for first, last in asked]) if size_bytes else ()


def _bounds(member: str, size_bytes: int) -> tuple[int, int] | None:
    """Return the first and last position, the last before the first if no byte is meant.

    `None` when it is no range at all (RFC 9110 §14.1.1).
    """
    matched = _RANGE.fullmatch(member)
    if matched is None or member == "-":
        return None
    first, last = matched.groups()
    if not first:
        # Of an empty file as well (RFC 9110 §14.1.2): a length that is not zero can be satisfied.
        return (max(0, size_bytes - int(last)), max(0, size_bytes - 1)) if int(last) else (1, 0)
    if last and int(last) < int(first):
        return None
    if int(first) >= size_bytes:
        return (1, 0)
    return int(first), min(int(last), size_bytes - 1) if last else size_bytes - 1


def _joined(ranges: list[ByteRange]) -> tuple[ByteRange, ...]:
    joined: list[tuple[int, ByteRange]] = []  # with the place at which the client named it
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

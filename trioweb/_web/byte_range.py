"""The part of a file that a client asks for (RFC 9110 §14)."""

from __future__ import annotations

import re

import attrs

from trioweb.errors import HTTPError

# Nineteen digits say any length there is; a number of any length would cost time to read.
_SINGLE = re.compile(r"bytes=[ \t]*([0-9]{0,19})-([0-9]{0,19})[ \t]*", re.IGNORECASE)


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


def parse_range(text: str, size_bytes: int) -> ByteRange | None:
    """Read a Range field for a file of this size; `None` means to send all of it.

    One range is honoured. What cannot be read is ignored (RFC 9110 §14.2), and so are
    several ranges at once: a server may, and no small request can ask for a large answer.

    Raises:
        HTTPError: 416, no byte of the file is in the range (RFC 9110 §15.5.17).
    """
    matched = _SINGLE.fullmatch(text.strip(" \t"))
    if matched is None:
        return None
    first, last = matched.groups()
    if not first:
        return _suffix(last, size_bytes)
    if last and int(last) < int(first):
        return None
    if int(first) >= size_bytes:
        raise _unsatisfiable(size_bytes)
    return ByteRange(int(first), min(int(last), size_bytes - 1) if last else size_bytes - 1)


def _suffix(length: str, size_bytes: int) -> ByteRange | None:
    if not length:
        return None
    if int(length) == 0:
        raise _unsatisfiable(size_bytes)
    # An empty file has its last bytes, all none of them, but no Content-Range can say so.
    return ByteRange(max(0, size_bytes - int(length)), size_bytes - 1) if size_bytes else None


def _unsatisfiable(size_bytes: int) -> HTTPError:
    return HTTPError(
        416,
        f"the range holds no byte of the file, which has {size_bytes}",
        {"content-range": f"bytes */{size_bytes}"},
    )

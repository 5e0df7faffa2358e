"""Conditional requests: does the client have it already (RFC 9110 §8.8, §13)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime

import attrs

from trioweb.headers import Headers

_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DATE = re.compile(
    rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{{2}} {_MONTH} [0-9]{{4}} {_TIME} GMT"
    rf"|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, [0-9]{{2}}-{_MONTH}-[0-9]{{2}} {_TIME} GMT"
    rf"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) {_MONTH} [0-9 ][0-9] {_TIME} [0-9]{{4}}"
)
"""IMF-fixdate, and the two forms of old: of RFC 850 and of asctime."""
# The coarsest clocks of file systems count in two seconds; one more for the second that the date names.
_SETTLED_SECONDS = 3.0


@attrs.frozen(slots=True)
class Validators:
    """What tells one version of a representation from another.

    Attributes:
        entity_tag: As in the ETag field, `W/` before it when it is weak.
        last_modified: As in the Last-Modified field; `None` if that is not sent.
        is_date_strong: Whether nothing else was sent with this date: no other version (§8.8.2.2),
            and not the same in another coding, which has a tag of its own.
    """

    entity_tag: str
    last_modified: str | None
    is_date_strong: bool = False

    @classmethod
    def of_file(
        cls, *, size_bytes: int, modified_ns: int, now_seconds: float, coding: str = ""
    ) -> Validators:
        """Make validators of what the file system knows.

        A file that changed just now may change again without its time moving on. Until it has
        settled its tag is weak (RFC 9110 §8.8.1), and it has no date: a date that was
        never sent for an earlier version of the same second is a strong one (§8.8.2.2).

        Args:
            size_bytes: The file's size.
            modified_ns: When it was changed, in nanoseconds since 1970.
            now_seconds: The time, in seconds since 1970.
            coding: Its content coding; each has a tag of its own (RFC 9110 §8.8.3.3).
        """
        modified_seconds = modified_ns // 1_000_000_000
        variant = f"-{coding}" if coding else ""
        tag = f'"{modified_ns:x}-{size_bytes:x}{variant}"'
        # This leaves out dates in the future as well, which are none to send (RFC 9110 §8.8.2.1).
        if now_seconds - modified_seconds <= _SETTLED_SECONDS:
            return cls(f"W/{tag}", None)
        return cls(tag, formatdate(max(0, modified_seconds), usegmt=True), is_date_strong=True)


def evaluate(headers: Headers, validators: Validators) -> int:
    """Return 200, 304 or 412 for a GET or HEAD request, in the order of RFC 9110 §13.2.2."""
    if "if-match" in headers:
        if not _names(headers["if-match"], validators.entity_tag, is_strong=True):
            return 412
    elif _is_later(validators.last_modified, headers.get("if-unmodified-since")) is True:
        return 412
    if "if-none-match" in headers:
        return 304 if _names(headers["if-none-match"], validators.entity_tag, is_strong=False) else 200
    return 304 if _is_later(validators.last_modified, headers.get("if-modified-since")) is False else 200


def is_range_current(headers: Headers, validators: Validators) -> bool:
    """Say whether the If-Range condition, if there is one, lets a part be sent (RFC 9110 §13.1.5).

    A date has to be the one that is sent, to the letter, and a strong one. One in
    If-Unmodified-Since has to be strong too, for clients resume by that as well (§13.1.4).
    """
    condition = headers.get("if-range")
    if condition is None:
        is_by_date = "if-unmodified-since" in headers and "if-match" not in headers
        return validators.is_date_strong or not is_by_date
    condition = condition.strip(" \t")
    if condition == validators.last_modified:
        return validators.is_date_strong
    return _is_same(condition, validators.entity_tag, is_strong=True)


def _names(condition: str, entity_tag: str, *, is_strong: bool) -> bool:
    if condition.strip(" \t") == "*":
        return True
    # Tags may hold commas, so they are searched for, not split (RFC 9110 §8.8.3).
    return any(_is_same(tag, entity_tag, is_strong=is_strong) for tag in _ENTITY_TAG.findall(condition))


def _is_same(one: str, other: str, *, is_strong: bool) -> bool:
    """Compare two entity tags (RFC 9110 §8.8.3.2)."""
    if is_strong:
        return one == other and one.startswith('"')
    return one.removeprefix("W/") == other.removeprefix("W/")


def _is_later(date: str | None, limit: str | None) -> bool | None:
    """Say whether `date` is after `limit`; `None` when one of them is no date."""
    one, other = parse_date(date or ""), parse_date(limit or "")
    return None if one is None or other is None else one > other


def parse_date(text: str) -> datetime | None:
    """Read a date in any of the forms of RFC 9110 §5.6.7; `None` when it is none."""
    # The standard library reads far more; a condition that is no date does not count (RFC 9110 §13.1.4).
    if not _DATE.fullmatch(text):
        return None
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None

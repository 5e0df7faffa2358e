"""Conditional requests: whether the client already has the content (RFC 9110 §8.8, §13)."""

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
"""IMF-fixdate, and the two obsolete forms: RFC 850 and asctime."""
# The coarsest file systems count in steps of two seconds; one more for the second of the date itself.
_SETTLED_SECONDS = 3.0


@attrs.frozen(slots=True)
class Validators:
    """The tag and the date that identify a version of a representation.

    Attributes:
        entity_tag: As in the ETag field, preceded by `W/` if it is weak.
        last_modified: As in the Last-Modified field; `None` if that is not sent.
        is_date_strong: Whether the date identifies this content alone: it was never sent with
            another version (§8.8.2.2), or with the same version in another coding.
    """

    entity_tag: str
    last_modified: str | None
    is_date_strong: bool = False

    @classmethod
    def of_file(
        cls, *, size_bytes: int, modified_ns: int, now_seconds: float, coding: str = ""
    ) -> Validators:
        """Make validators from the size and the time of a file.

        A file that has just changed may change again without a change of its time. Until it has
        settled, its tag is weak (RFC 9110 §8.8.1) and no date is sent. So a date is never sent
        for an earlier version of the same second, which makes it strong (§8.8.2.2).

        Args:
            size_bytes: The file's size.
            modified_ns: The time of its last change, in nanoseconds since 1970.
            now_seconds: The current time, in seconds since 1970.
            coding: Its content coding; each has a tag of its own (RFC 9110 §8.8.3.3).
        """
        modified_seconds = modified_ns // 1_000_000_000
        variant = f"-{coding}" if coding else ""
        tag = f'"{modified_ns:x}-{size_bytes:x}{variant}"'
        # This excludes dates in the future as well, which must not be sent (RFC 9110 §8.8.2.1).
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
    """Return whether the If-Range condition, if any, allows a part to be sent (RFC 9110 §13.1.5).

    A date must be strong, and match the one that is sent character by character. A date in
    If-Unmodified-Since must be strong too, because clients also resume with it (§13.1.4).
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
    # Tags may contain commas, so the list is searched rather than split (RFC 9110 §8.8.3).
    return any(_is_same(tag, entity_tag, is_strong=is_strong) for tag in _ENTITY_TAG.findall(condition))


def _is_same(one: str, other: str, *, is_strong: bool) -> bool:
    """Compare two entity tags (RFC 9110 §8.8.3.2)."""
    if is_strong:
        return one == other and one.startswith('"')
    return one.removeprefix("W/") == other.removeprefix("W/")


def _is_later(date: str | None, limit: str | None) -> bool | None:
    """Return whether `date` is after `limit`; `None` if one of them is not a date."""
    one, other = parse_date(date or ""), parse_date(limit or "")
    return None if one is None or other is None else one > other


def parse_date(text: str) -> datetime | None:
    """Parse a date in any of the forms of RFC 9110 §5.6.7; `None` if it is not one."""
    # The standard library accepts far more. A condition that is not a date is ignored (RFC 9110 §13.1.4).
    if not _DATE.fullmatch(text):
        return None
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None

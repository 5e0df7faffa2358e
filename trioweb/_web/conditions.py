"""Conditional requests: does the client have it already (RFC 9110 §8.8, §13)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime

import attrs

from trioweb.headers import Headers

_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_DATE_CHARACTERS = 64
_SETTLED_SECONDS = 2.0


@attrs.frozen(slots=True)
class Validators:
    """What tells one version of a representation from another.

    Attributes:
        entity_tag: As in the ETag field, `W/` before it when it is weak.
        last_modified: As in the Last-Modified field.
    """

    entity_tag: str
    last_modified: str

    @classmethod
    def of_file(cls, *, size_bytes: int, modified_ns: int, now_seconds: float) -> Validators:
        """Make validators of what the file system knows.

        A file that changed just now may change again without its time moving on, so
        its tag is weak until it has settled (RFC 9110 §8.8.1).
        """
        modified_seconds = modified_ns / 1_000_000_000
        weak = "" if now_seconds - modified_seconds > _SETTLED_SECONDS else "W/"
        # RFC 9110 §8.8.2.1: a date in the future is none to send.
        shown_seconds = int(max(0.0, min(modified_seconds, now_seconds)))
        return cls(f'{weak}"{modified_ns:x}-{size_bytes:x}"', formatdate(shown_seconds, usegmt=True))


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

    A date never does: two versions may share a second, and who has our tag sends that.
    """
    condition = headers.get("if-range")
    return condition is None or _is_same(condition.strip(" \t"), validators.entity_tag, is_strong=True)


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


def _is_later(date: str, limit: str | None) -> bool | None:
    """Say whether `date` is after `limit`; `None` when one of them is no date."""
    one, other = parse_date(date), parse_date(limit or "")
    return None if one is None or other is None else one > other


def parse_date(text: str) -> datetime | None:
    """Read a date in any of the forms of RFC 9110 §5.6.7; `None` when it is none."""
    if not text or len(text) > _DATE_CHARACTERS:
        return None
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None

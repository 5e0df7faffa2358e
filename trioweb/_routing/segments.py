"""The segments of a path: percent-decoded on the way in, percent-encoded on the way out.

A path is split at "/" first and decoded after that (RFC 3986 §2.4), so an encoded slash stays
inside its segment. Only a parameter that takes the rest of the path may have slashes in its
value. In any other parameter a slash would be dangerous: a handler that joins the value to a
folder's path expects a single name, and "a/b" would lead somewhere else.
"""

from __future__ import annotations

import os
import re
from urllib.parse import quote, unquote_to_bytes

from trioweb.errors import HTTPError

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SAFE_PUNCTUATION = "!$&'()*+,;=:@"
"""What a segment may contain unencoded, apart from letters, digits and "-._~" (RFC 3986 §3.3)."""

_DOTS = frozenset({".", ".."})
_SEPARATORS = re.compile(r"[/\\]")

# A path without anything to decode or to refuse: no escape, no dot, and only printable ASCII.
_PLAIN_PATH = re.compile(r"/[!-$&-,\-/-~]*")


def decoded_segments(raw_path: str) -> list[str]:
    """Split a request's path and decode each segment.

    Args:
        raw_path: The path as it was received, undecoded, without the query.

    Raises:
        HTTPError: 400 if an escape is broken, or a segment is not UTF-8 or contains NUL;
            404 if there is a dot segment, or no leading slash ("*").
    """
    if _PLAIN_PATH.fullmatch(raw_path):
        return raw_path[1:].split("/")
    if not raw_path.startswith("/"):
        raise HTTPError(404)
    if _BROKEN_ESCAPE.search(raw_path):
        raise HTTPError(400, 'The path has a "%" that is not followed by two hexadecimal digits.')
    segments = _decoded(raw_path)
    for segment in segments:
        if "\0" in segment:
            raise HTTPError(400, "The path contains a NUL.")
        if has_dot_segment(segment):
            raise HTTPError(404)
    return segments


def _decoded(raw_path: str) -> list[str]:
    try:
        parts = raw_path.encode("latin-1")[1:].split(b"/")
        if "%" in raw_path:
            parts = [unquote_to_bytes(part) for part in parts]
        return [part.decode("utf-8") for part in parts]
    except UnicodeError:
        raise HTTPError(400, "The path is not UTF-8.") from None


def has_dot_segment(segment: str) -> bool:
    """Return whether a decoded segment is "." or "..", or hides one behind slashes or backslashes.

    Clients remove dot segments before they send a path (RFC 3986 §5.2.4). One that arrives
    anyway, such as "..%2F..%2Fetc", is an attempt to climb out of a folder. Backslashes count
    on every system, because a folder may be mounted from Windows.
    """
    if "." not in segment:
        return False
    return not _DOTS.isdisjoint(_SEPARATORS.split(segment))


def has_separator(segment: str, *, is_windows: bool = os.name == "nt") -> bool:
    """Return whether a decoded segment would count as several names in the path of a file.

    Args:
        segment: The decoded text between two slashes of a request's path.
        is_windows: Whether a backslash separates names too.
    """
    return "/" in segment or (is_windows and "\\" in segment)


def encoded_segment(segment: str) -> str:
    """Percent-encode one segment, so that decoding restores it.

    Raises:
        ValueError: It is empty or a dot segment, or contains a slash, NUL or a lone
            surrogate, so no request with it would reach a route.
    """
    if not segment:
        raise ValueError("a segment cannot be empty")
    if has_dot_segment(segment):
        raise ValueError('"." and ".." never match')
    if has_separator(segment):
        raise ValueError("only a {rest:path} parameter may contain slashes")
    if "\0" in segment:
        raise ValueError("a path must not contain NUL")
    return quote(segment, safe=_SAFE_PUNCTUATION)

"""The name under which a browser saves a file (RFC 6266)."""

from __future__ import annotations

import re
from urllib.parse import quote

# Browsers take these out by themselves; not everything that downloads is a browser.
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f/\\]")
_NOT_IN_QUOTES = re.compile(r'["%;]|[^\x00-\x7f]')


def attachment(name: str) -> str:
    """Write a Content-Disposition that old and new clients read alike (RFC 6266 §4.3, §5).

    The name comes twice: in ASCII with "_" for what older clients read in different ways,
    and whole, in UTF-8 (RFC 8187 §3.2). Separators and control characters are in neither,
    so a name that somebody else chose cannot lead out of the folder of downloads.
    """
    name = _NOT_IN_NAMES.sub("_", name)
    plain = _NOT_IN_QUOTES.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"

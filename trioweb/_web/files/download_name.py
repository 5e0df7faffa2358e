"""The name under which a browser saves a file (RFC 6266)."""

from __future__ import annotations

import re
from urllib.parse import quote

# Browsers remove these themselves, but not every program that downloads is a browser.
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f/\\]")
_NOT_IN_QUOTES = re.compile(r'["%;]|[^\x00-\x7f]')


def attachment(name: str) -> str:
    """Return a Content-Disposition that old and new clients understand (RFC 6266 §4.3, §5).

    It contains the name twice: in ASCII, with "_" for characters that older clients interpret
    differently, and complete, in UTF-8 (RFC 8187 §3.2). Neither contains separators or control
    characters, so a name chosen by somebody else cannot lead out of the download folder.
    """
    name = _NOT_IN_NAMES.sub("_", name)
    plain = _NOT_IN_QUOTES.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"

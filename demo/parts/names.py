"""Names as people have them: what can be seen, and the joiners without which some cannot be written."""

from __future__ import annotations

import unicodedata

# U+200C parts letters that would join, as in Persian; U+200D joins, as in Sinhala and in emoji of several parts.
JOINERS = "\u200c\u200d"


def fault_of(name: str, *, most: int = 24) -> str:
    """Return what is wrong with a name, or nothing."""
    if not name.strip() or len(name) > most:
        return f"A name has 1 to {most} characters, and not only spaces."
    for place, character in enumerate(name):
        if not (character.isprintable() or joins(name, place)):
            return f"A name has only characters that can be seen, and U+{ord(character):04X} cannot be."
    return ""


def joins(text: str, place: int) -> bool:
    """Whether a joiner stands here between two letters, marks or symbols, where it changes what is seen."""
    around = [text[max(0, place - 1) : place], text[place + 1 : place + 2]]
    return text[place] in JOINERS and all(one and unicodedata.category(one)[0] in "LMS" for one in around)


def visible(text: str) -> str:
    """Return the text without what cannot be seen and with its joiners."""
    text = "".join(one for one in text if one.isprintable() or one in JOINERS)
    return "".join(one for place, one in enumerate(text) if one.isprintable() or joins(text, place))

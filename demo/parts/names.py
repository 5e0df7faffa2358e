"""Names as people have them: visible characters, and the joiners that some names need."""

from __future__ import annotations

import unicodedata

# U+200C separates letters that would join, as in Persian. U+200D joins, as in Sinhala and in composed emoji.
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
    """Whether this is a joiner between two letters, marks or symbols, where it changes how they look."""
    around = [text[max(0, place - 1) : place], text[place + 1 : place + 2]]
    return text[place] in JOINERS and all(one and unicodedata.category(one)[0] in "LMS" for one in around)


def visible(text: str) -> str:
    """Return the text with only visible characters, and joiners where they change how these look."""
    text = "".join(one for one in text if one.isprintable() or one in JOINERS)
    return "".join(one for place, one in enumerate(text) if one.isprintable() or joins(text, place))

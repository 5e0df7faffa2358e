"""Names for files, made of what strangers call theirs."""

from __future__ import annotations

import re
import unicodedata

NAME_BYTES = 200
"""What file systems take, with room for an ending of the program's own."""

SUFFIX_BYTES = 20
"""A longer one is no file name's ending, and is cut with the rest."""

NAMELESS = "upload"

_SEPARATORS = re.compile(r"[/\\]")
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*]')

# Devices in every folder of Windows, whatever the ending.
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"]
    + [f"{kind}{number}" for kind in ("com", "lpt") for number in "0123456789¹²³"]
)


def safe_name(filename: str) -> str:
    """Return a name that is one file in the folder it is put in, on every system.

    The last part of a path, without control characters, dots or dashes in front, or what
    Windows forbids; never empty, a device or longer than 200 bytes. Two names may become
    the same.
    """
    name = _SEPARATORS.split(filename)[-1]
    spaced = "".join(" " if character.isspace() else character for character in name)
    # Category C: controls, direction marks that make names look like others, halves of pairs.
    visible = "".join(character for character in spaced if unicodedata.category(character)[0] != "C")
    name = _NOT_ON_WINDOWS.sub("_", unicodedata.normalize("NFC", visible))
    name = _fitting(name.lstrip(" .-~"))
    if name.partition(".")[0].rstrip().lower() in _DEVICES:
        name = _fitting(f"_{name}")
    return name or NAMELESS


def _fitting(name: str) -> str:
    return _shortened(name).rstrip(" .")


def _shortened(name: str) -> str:
    octets = name.encode()
    if len(octets) <= NAME_BYTES:
        return name
    stem, _, suffix = octets.rpartition(b".")
    if not stem or len(suffix) > SUFFIX_BYTES:
        return octets[:NAME_BYTES].decode(errors="ignore")
    kept = octets[: NAME_BYTES - len(suffix) - 1].decode(errors="ignore")
    return f"{kept}.{suffix.decode(errors='ignore')}"

"""Safe file names, made from the names that clients send."""

from __future__ import annotations

import re
import unicodedata

NAME_BYTES = 200
"""Below the 255 bytes that file systems allow, so that a program can add an ending of its own."""

SUFFIX_BYTES = 20
"""A longer suffix is not a real file name extension, and is shortened with the rest."""

NAMELESS = "upload"

_FOLDER_SEPARATORS = re.compile(r"[/\\]")
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*]')

# On Windows these are devices, in every folder and with any extension.
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"]
    + [f"{kind}{number}" for kind in ("com", "lpt") for number in "0123456789¹²³"]
)


def safe_name(filename: str) -> str:
    """Return a name that denotes an ordinary file in whatever folder it is put, on every system.

    It is the last part of the path in `filename`, without control characters, leading dots
    or dashes, or characters that Windows forbids. It is never empty, never a device, and at
    most 200 bytes long. Two different names may give the same result.
    """
    name = _FOLDER_SEPARATORS.split(filename)[-1]
    spaced = "".join(" " if character.isspace() else character for character in name)
    # Category C: control characters, direction marks that disguise a name, lone surrogates.
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

"""What a client prefers: the weights of an Accept field (RFC 9110 §12.4.2, §12.5.1)."""

from __future__ import annotations

import re

_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


def preferred(accept: str, offers: tuple[str, ...]) -> str | None:
    """Return the offer that the Accept field names with the highest quality, if any.

    Wildcards name nothing: who says `*/*` has no preference, and the caller has a
    default for that. Of two with one quality the one named first wins.
    """
    wished = {kind: weight for kind, weight in weights(accept).items() if kind in offers and weight > 0}
    return max(wished, key=wished.__getitem__, default=None)


def weights(field: str) -> dict[str, float]:
    """Return the weight of each member of an Accept field, the first of several with one name."""
    found: dict[str, float] = {}
    for member in field.split(","):
        name, *parameters = member.split(";")
        if name.strip():
            found.setdefault(name.strip().lower(), _quality(parameters))
    return found


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            # RFC 9110 §12.4.2: a weight that cannot be read is no wish to get the type.
            return float(value.strip()) if _QUALITY.fullmatch(value.strip()) else 0.0
    return 1.0

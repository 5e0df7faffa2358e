"""The weights of an Accept field, by which a client says what it prefers (RFC 9110 §12.4.2, §12.5.1)."""

from __future__ import annotations

import re

_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


def preferred(accept: str, offers: tuple[str, ...]) -> str | None:
    """Return the offer that the Accept field names with the highest weight, if any.

    Wildcards are ignored: a client that sends `*/*` has no preference, and the caller has a
    default for that. Of two with the same weight, the one named first wins.
    """
    wished = {kind: weight for kind, weight in weights(accept).items() if kind in offers and weight > 0}
    return max(wished, key=wished.__getitem__, default=None)


def weights(field: str) -> dict[str, float]:
    """Return the weight of each member of an Accept field; of several with one name, the first counts."""
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
            # RFC 9110 §12.4.2. A weight that cannot be parsed does not ask for the type.
            return float(value.strip()) if _QUALITY.fullmatch(value.strip()) else 0.0
    return 1.0

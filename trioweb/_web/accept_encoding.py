"""The content coding that a client prefers (RFC 9110 §12.5.3)."""

from __future__ import annotations

from collections.abc import Sequence

from trioweb._web.accept import weights
from trioweb.headers import Headers

IDENTITY = "identity"
# RFC 9110 §8.4.1.3: another name for the same coding.
_OLD_NAMES = {"x-gzip": "gzip"}


def preferred_coding(headers: Headers, offers: Sequence[str]) -> str | None:
    """Return the best of the offered codings, or `None` for unencoded content.

    The highest weight wins. Of two with the same weight, the one offered first wins, and
    unencoded content comes last, unless the client gives it a higher weight. A client that
    refuses everything gets unencoded content (RFC 9110 §12.4.1 allows a server to disregard the
    field), and so does a client without the field, because not every program can decode.

    Args:
        headers: The headers of the request.
        offers: Names of codings in lower case, the one that the server prefers first.
    """
    if not offers:
        return None
    found = _weights_of_codings(headers)
    others = found.get("*", 0.0)
    best = max(offers, key=lambda offer: found.get(offer, others))
    weight = found.get(best, others)
    return best if weight > 0 and weight >= found.get(IDENTITY, others) else None


def refuses_identity(headers: Headers) -> bool:
    """Return whether the client refuses unencoded content."""
    found = _weights_of_codings(headers)
    return found.get(IDENTITY, found.get("*", 1.0)) <= 0


def _weights_of_codings(headers: Headers) -> dict[str, float]:
    found = weights(headers.get("accept-encoding", ""))
    return {_OLD_NAMES.get(name, name): weight for name, weight in found.items()}

"""Which content coding a client prefers (RFC 9110 §12.5.3)."""

from __future__ import annotations

from collections.abc import Sequence

from trioweb._web.accept import weights
from trioweb.headers import Headers

IDENTITY = "identity"
# RFC 9110 §8.4.1.3: another name for the same.
_OLD_NAMES = {"x-gzip": "gzip"}


def preferred_coding(headers: Headers, offers: Sequence[str]) -> str | None:
    """Return one of the codings on offer, or `None` for the content as it is.

    The highest quality wins. Of two with one quality the one offered first does, and the
    content as it is comes last, unless the client names it with a higher one. A client that
    refuses all there is gets the content as it is (RFC 9110 §12.4.1 lets its wish be
    disregarded), and so does one without the field: not every program can decode.

    Args:
        headers: Those of the request.
        offers: Names of codings in lower case, the dearest to the server first.
    """
    if not offers:
        return None
    wishes = _wishes(headers)
    others = wishes.get("*", 0.0)
    best = max(offers, key=lambda offer: wishes.get(offer, others))
    weight = wishes.get(best, others)
    return best if weight > 0 and weight >= wishes.get(IDENTITY, others) else None


def refuses_identity(headers: Headers) -> bool:
    """Say whether the client does not take the content as it is."""
    wishes = _wishes(headers)
    return wishes.get(IDENTITY, wishes.get("*", 1.0)) <= 0


def _wishes(headers: Headers) -> dict[str, float]:
    found = weights(headers.get("accept-encoding", ""))
    return {_OLD_NAMES.get(name, name): weight for name, weight in found.items()}

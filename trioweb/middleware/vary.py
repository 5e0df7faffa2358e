"""The Vary field: the request fields that a response depends on (RFC 9110 §12.5.5)."""

from __future__ import annotations

from trioweb.headers import MutableHeaders


def vary_on(headers: MutableHeaders, *names: str) -> None:
    """Add names to `Vary`, and keep those that it already has.

    `*` already covers every field, so nothing is added to it.
    """
    known = headers.tokens("vary")
    new = [name for name in names if name.lower() not in known]
    if new and "*" not in known:
        headers["vary"] = ", ".join([*filter(None, [headers.get("vary")]), *new])

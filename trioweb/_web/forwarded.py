"""The Forwarded field (RFC 7239)."""

from __future__ import annotations

import re

import attrs

# One pair, or none, and what ends it. Each alternative begins differently, so no input makes it
# go back far.
_WORD = r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)"
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_PAIR = re.compile(rf"[ \t]*(?:{_WORD}=(?:{_WORD}|{_QUOTED})[ \t]*)?(;|,|$)")
_ESCAPED = re.compile(r"\\(.)")


@attrs.frozen(slots=True)
class Hop:
    """What one proxy says of the request that it received.

    Attributes:
        client: Who sent it, an address or a made-up word; `""` if it does not say.
        scheme: As it was spelled, or `""`.
        host: The Host field it had, or `""`.
    """

    client: str = ""
    scheme: str = ""
    host: str = ""


def parse_forwarded(text: str) -> list[Hop] | None:
    """Read the hops, the nearest proxy's last; `None` when it breaks the grammar (RFC 7239 §4)."""
    hops: list[Hop] = []
    pairs: dict[str, str] = {}
    position = 0
    while position < len(text):
        matched = _PAIR.match(text, position)
        if matched is None:
            return None
        name, token, quoted, end = matched.groups()
        position = matched.end()
        if name is not None:
            if name.lower() in pairs:
                return None
            pairs[name.lower()] = _ESCAPED.sub(r"\1", quoted) if token is None else token
        if pairs and (end == "," or position == len(text)):
            hops.append(Hop(pairs.get("for", ""), pairs.get("proto", ""), pairs.get("host", "")))
            pairs = {}
    return hops


def parse_x_forwarded(client: str, scheme: str, host: str) -> list[Hop]:
    """Read the X-Forwarded-For, -Proto and -Host fields as hops, the nearest proxy's last.

    A proxy either writes the scheme and the host anew, or adds them as it adds the
    address. Lists of one length belong together; otherwise only the last value was
    written by the nearest proxy, and it stands for every hop.
    """
    # An empty place is an address that was not told, so what stands left of it is hearsay.
    clients = [member or "unknown" for member in _members(client)]
    schemes, hosts = _members(scheme), _members(host)
    count = max(len(clients), 1)
    columns = (clients or [""], _column(schemes, count), _column(hosts, count))
    return [Hop(*values) for values in zip(*columns, strict=True)]


def _members(text: str) -> list[str]:
    return [member.strip(" \t") for member in text.split(",")] if text else []


def _column(values: list[str], count: int) -> list[str]:
    if len(values) == count:
        return values
    return [values[-1] if values else ""] * count

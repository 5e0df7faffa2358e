"""The Forwarded field (RFC 7239)."""

from __future__ import annotations

import re

import attrs

# One pair, or none, and its delimiter. Each alternative starts with a different character, so no
# input makes the expression backtrack far.
_WORD = r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)"
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_PAIR = re.compile(rf"[ \t]*(?:{_WORD}=(?:{_WORD}|{_QUOTED})[ \t]*)?(;|,|$)")
_ESCAPED = re.compile(r"\\(.)")


@attrs.frozen(slots=True)
class Hop:
    """The request as one proxy received it, by its own account.

    Attributes:
        client: The sender of the request: an address, an identifier made up by the proxy, or
            `""` if it does not say.
        scheme: As the proxy wrote it, or `""`.
        host: The Host field of the request, or `""`.
    """

    client: str = ""
    scheme: str = ""
    host: str = ""


def parse_forwarded(text: str) -> list[Hop] | None:
    """Return the hops, the nearest proxy's last; `None` if the text breaks the grammar (RFC 7239 §4)."""
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
    """Return the X-Forwarded-For, -Proto and -Host fields as hops, the nearest proxy's last.

    A proxy adds its value for the scheme and the host to the list, as it does for the address,
    or replaces the list by it. Lists of the same length belong together. In a list of a different
    length, only the last value is sure to be from the nearest proxy, so it counts for every hop.
    """
    # An empty entry is a proxy that did not name its client, so nobody vouches for the entries to
    # the left of it.
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

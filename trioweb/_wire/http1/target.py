"""The four forms of a request target (RFC 9112 §3.2), and the authority in them."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

import attrs

from trioweb.errors import RemoteProtocolError

# RFC 3986 §3.2.2, with two exceptions: IPvFuture, for which no format was ever defined, and userinfo, which a
# Host cannot contain and which RFC 9110 §4.2.4 says to reject in a target.
_TARGET_AUTHORITY = re.compile(
    rb"(?:\[([0-9A-Fa-f:.]{2,45})\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::([0-9]{0,5}))?"
)
_PORTS, _PORT_DIGITS = 65535, 5
_ABSOLUTE = re.compile(rb"https?://([^/?#]+)([^?#]*)(?:\?([^#]*))?", re.IGNORECASE)


@attrs.define
class Target:
    """A request target as it arrived, and its parts; only the absolute form has an authority.

    `raw_path` is not decoded: whether `%2F` separates segments is for the router to decide.
    """

    text: str
    raw_path: str
    query_string: str
    authority: str | None = None


def is_authority(value: bytes) -> bool:
    """Return whether `value` is allowed in a Host field (RFC 9110 §7.2), which may be empty."""
    matched = _TARGET_AUTHORITY.fullmatch(value)
    if matched is None or matched.lastindex is None:
        return matched is not None
    version_6, port = matched.groups()
    if port is not None and len(port) == _PORT_DIGITS and int(port) > _PORTS:
        return False
    return version_6 is None or _is_version_6(version_6.decode())


def _is_version_6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def parse_target(method: bytes, target: bytes) -> Target:
    """Split a target of visible ASCII characters into its parts.

    Raises:
        RemoteProtocolError: Its form does not go with `method`, status 400; or `method` is
            CONNECT, which only proxies understand, status 501.
    """
    if method == b"CONNECT":
        raise RemoteProtocolError("CONNECT asks for a proxy, and this is not one", 501)
    if b"#" in target:
        raise RemoteProtocolError("a request target has no fragment: found a #", 400)
    text = target.decode("ascii")
    if text.startswith("/"):
        path, _, query = text.partition("?")
        return Target(text, path, query)
    if target == b"*" and method == b"OPTIONS":  # §3.2.4
        return Target(text, text, "")
    absolute = _ABSOLUTE.fullmatch(target)
    # An http URI without a host is invalid (RFC 9110 §4.2.1), and ":80" has none.
    if absolute is None or not is_authority(absolute[1]) or absolute[1].startswith(b":"):
        raise RemoteProtocolError(
            "a request target has to be a path, or an absolute http or https address; * goes with OPTIONS only",
            400,
        )
    authority, raw_path, query_string = (part.decode("ascii") for part in absolute.groups(b""))
    return Target(text, raw_path or "/", query_string, authority)

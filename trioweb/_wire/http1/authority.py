"""The authority of a URL (RFC 3986 §3.2): its host, its port and its user.

Host names, addresses and users each have forms that programs read in different ways. A URL with one of these could
lead to another host than the one that a program has checked before, so they are refused.
"""

from __future__ import annotations

import re
from base64 import b64encode
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import unquote_to_bytes

from trioweb.errors import InvalidURL
from trioweb.excerpts import shown_url

_HOST_AND_PORT_OF_URL = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]*))?")
# RFC 3986 §3.2.2 without escapes, for which no name of a host has a use.
_REGISTERED_NAME = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=]+")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # the URL standard of browsers: "ends in a number"
_ZONE = re.compile(r"[A-Za-z0-9\-._~]+")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_HIGHEST_TCP_PORT = 65535
_LABEL_CHARACTERS, _HOST_CHARACTERS = 63, 253  # RFC 1035 §2.3.4
_SHOWN_PROBLEM = 200


def parse_authority(text: str, authority: str) -> tuple[str, int | None, str | None]:
    """Return the host, the port and the value of `Authorization` in the authority of a URL.

    Args:
        text: The URL, for the text of an error.
        authority: The part between `//` and the path.

    Raises:
        InvalidURL: It is malformed.
    """
    # At the last @, as in browsers. At the first, `ws://a@b@c` would lead to another host than in all of them.
    userinfo, at, rest = authority.rpartition("@")
    matched = _HOST_AND_PORT_OF_URL.fullmatch(rest)
    if matched is None:
        raise invalid_url(
            text, "has a host that is not a name, an IPv4 address or an IPv6 address in brackets"
        )
    host, digits = matched.groups()
    port = int(digits[-6:]) if digits else None  # `int` takes time for thousands of digits, or refuses them
    if port is not None and (not 0 < port <= _HIGHEST_TCP_PORT or digits[:-6].strip("0")):
        raise invalid_url(text, f"has a port that is not one from 1 to {_HIGHEST_TCP_PORT}")
    parsed = _parse_version_6(text, host[1:-1]) if host.startswith("[") else _parse_name(text, host)
    return parsed, port, basic_credentials(text, userinfo) if at and userinfo else None


def _parse_version_6(text: str, inside: str) -> str:
    """Return the address between the brackets, with the zone that says which link it is on.

    `%25` is the escape of RFC 6874 §2; the bare `%` is what all other programs show and take.
    """
    address, percent, zone = inside.partition("%")
    zone = zone.removeprefix("25")
    try:
        IPv6Address(address)
    except ValueError as error:
        raise invalid_url(text, f"has an invalid IPv6 address: {error}") from None
    if percent and not _ZONE.fullmatch(zone):
        raise invalid_url(text, "has an invalid zone of its IPv6 address")
    return address.lower() + (f"%{zone}" if percent else "")


def _parse_name(text: str, name: str) -> str:
    """Return the name of a host in lower case and ASCII, so that two spellings of one host compare as equal."""
    if not name:
        raise invalid_url(text, "does not have a host")
    host = (name if name.isascii() else _in_ascii(text, name)).lower()
    if not _REGISTERED_NAME.fullmatch(host):
        raise invalid_url(text, "has a host with characters that a name cannot have")
    labels = host.removesuffix(".").split(".")
    # The resolver would refuse them as well, but with a `UnicodeError`, and only after a while.
    if len(host) > _HOST_CHARACTERS or not all(0 < len(label) <= _LABEL_CHARACTERS for label in labels):
        raise invalid_url(
            text,
            f"has a host that is not a name: at most {_HOST_CHARACTERS} characters,"
            f" with 1 to {_LABEL_CHARACTERS} between two dots",
        )
    if _NUMBER.fullmatch(labels[-1]):
        _check_version_4(text, host)
    return host


def _check_version_4(text: str, host: str) -> None:
    """Refuse the old forms of addresses, as `127.1`, `0x7f.1` and `010.0.0.1`.

    No name ends in a number, so resolvers take such a host for an address, and each in its own way. A
    check that looks for `127.` or `10.` would miss it.
    """
    try:
        IPv4Address(host)
    except ValueError as error:
        raise invalid_url(text, f"has an invalid IPv4 address: {error}") from None


def _in_ascii(text: str, name: str) -> str:
    """Return an internationalised name as browsers do (UTS 46).

    Python's own codec follows the older IDNA 2003. It turns `ß` into `ss`, and leads to another host.
    Trio looks up names with `idna` too, so it is always installed.
    """
    import idna  # only here: its tables take 10 ms, and few URLs need them

    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise invalid_url(
            text, f"has a host that is not a valid internationalised name, nor in ASCII (xn--...): {error}"
        ) from None


def basic_credentials(text: str, userinfo: str) -> str:
    """Return the value of `Authorization` for the user in a URL (RFC 7617 §2).

    Raises:
        InvalidURL: The user cannot be sent.
    """
    if "[" in userinfo or "]" in userinfo:  # other parsers look for an address between them
        raise invalid_url(text, "has a user or password with a bracket: write %5B or %5D")
    user, _, password = userinfo.partition(":")
    # As bytes: escapes may hold any, and RFC 7617 §2.1 leaves the charset to the two sides.
    decoded_user, decoded_password = unquote_to_bytes(user), unquote_to_bytes(password)
    if b":" in decoded_user or _CONTROL.search(decoded_user + decoded_password):  # RFC 7617 §2
        raise invalid_url(text, "has a user with a colon, or a user or password with control characters")
    return "Basic " + b64encode(decoded_user + b":" + decoded_password).decode("ascii")


def invalid_url(text: str, problem: str) -> InvalidURL:
    """Return the error for a URL."""
    return InvalidURL(f"the URL {shown_url(text)} {problem[:_SHOWN_PROBLEM]}")

"""Cookies: reads the Cookie field leniently, and writes Set-Cookie lines strictly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from types import MappingProxyType
from typing import Literal

from trioweb.errors import LocalProtocolError, MissingField
from trioweb.headers import is_token

SameSite = Literal["Lax", "Strict", "None"]

_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")
"""cookie-octet (RFC 6265 §4.1.1): no space, quote, comma, semicolon or backslash."""
_PATH = re.compile(r"/[\x20-\x3a\x3c-\x7e]{0,1023}")
"""Printable, without a semicolon, which would start the next attribute, and no longer than browsers
read (RFC 6265bis §5.6)."""
_DOMAIN = re.compile(r"\.?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
"""The name of a host. With a port or a slash after it, browsers would ignore the cookie."""
COOKIES = 256
"""The most cookies that are read from a request.

No browser keeps as many for one site, and each takes about twenty times its size in memory.
"""
_COOKIE_BYTES = 4096
"""Browsers drop cookies with a longer name and value (RFC 6265bis §5.6)."""


class _Cookies(dict[str, str]):
    def __missing__(self, name: str) -> str:
        raise MissingField(f"the cookie {name} is missing")


def parse_cookies(lines: Iterable[str]) -> Mapping[str, str]:
    """Read the Cookie fields of a request (RFC 6265 §5.4), and skip everything that is not a cookie.

    Nothing here refuses a request. Any page on a parent domain can set cookies for this one, and a user
    whose every request were refused could not delete them.

    Of two cookies with one name the first counts, because browsers send the more specific one
    first. After `COOKIES` cookies, the rest is not read.
    """
    cookies = _Cookies()
    for line in lines:
        for pair in line.split(";"):
            name, equals, value = pair.partition("=")
            name = name.strip(" \t")
            if len(cookies) == COOKIES:
                break
            if equals and is_token(name):
                cookies.setdefault(name, _read_value(value))
    return MappingProxyType(cookies)


def _read_value(value: str) -> str:
    value = value.strip(" \t")
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if value.isascii():
        return value
    try:
        # Scripts can set any text as a cookie, and browsers send it as UTF-8.
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def format_cookie(
    name: str,
    value: str,
    *,
    max_age_seconds: int | None,
    expires: datetime | None,
    path: str,
    domain: str | None,
    secure: bool,
    http_only: bool,
    same_site: SameSite,
    partitioned: bool,
) -> str:
    """Return the value of a Set-Cookie line.

    Raises:
        LocalProtocolError: A part cannot be sent, or browsers would refuse the cookie.
    """
    _check_pair(name, value)
    _check_attributes(name, path=path, domain=domain, secure=secure)
    if same_site not in ("Lax", "Strict", "None"):
        raise LocalProtocolError(f'same_site takes "Lax", "Strict" or "None", not {same_site!r}')
    if (same_site == "None" or partitioned) and not secure:
        raise LocalProtocolError(f'cookie {name}: same_site="None" and partitioned=True need secure=True')
    if expires is not None and expires.tzinfo is None:
        raise LocalProtocolError(f"cookie {name}: expires must know its time zone, such as datetime.now(UTC)")
    parts = [f"{name}={value}"]
    if max_age_seconds is not None:
        parts.append(f"Max-Age={int(max_age_seconds)}")
    if expires is not None:
        parts.append(f"Expires={format_datetime(expires.astimezone(UTC), usegmt=True)}")
    parts.append(f"Path={path}")
    if domain is not None:
        parts.append(f"Domain={domain}")
    flags = {"Secure": secure, "HttpOnly": http_only, "Partitioned": partitioned}
    parts += [flag for flag, is_set in flags.items() if is_set]
    parts.append(f"SameSite={same_site}")
    return "; ".join(parts)


def _check_pair(name: str, value: str) -> None:
    if not is_token(name):
        raise LocalProtocolError(f"{name!r} is not a cookie's name: expected a token such as session-id")
    if _VALUE.fullmatch(value) is None:
        raise LocalProtocolError(
            f"the value of cookie {name} holds a space, quote, comma, semicolon, backslash or a character "
            "outside ASCII: encode it, for example with urllib.parse.quote"
        )
    if len(name) + len(value) > _COOKIE_BYTES:
        raise LocalProtocolError(f"cookie {name} is over {_COOKIE_BYTES} bytes: browsers would drop it")


def _check_attributes(name: str, *, path: str, domain: str | None, secure: bool) -> None:
    if _PATH.fullmatch(path) is None:
        raise LocalProtocolError(
            f"cookie {name}: a path starts with / and has at most 1024 ASCII characters, none of them a "
            f"semicolon, not {path!r}"
        )
    if domain is not None and (_DOMAIN.fullmatch(domain) is None or len(domain) > 255):
        raise LocalProtocolError(
            f"cookie {name}: {domain!r} is not a domain: expected a host's name, without a port"
        )
    # RFC 6265bis §4.1.3: the prefixes are promises that browsers enforce, in upper and lower case.
    prefix = name.lower()
    if prefix.startswith(("__secure-", "__host-")) and not secure:
        raise LocalProtocolError(f"cookie {name}: its prefix needs secure=True")
    if prefix.startswith("__host-") and (path != "/" or domain is not None):
        raise LocalProtocolError(f'cookie {name}: its prefix needs path="/" and no domain')

"""permessage-deflate as a client negotiates it: what it offers, and what it makes of the answer (RFC 7692 §7.1).

| parameter of the answer | if it was offered | if it was not |
|---|---|---|
| `server_no_context_takeover` | has to be there: the server would have to decline instead | welcome |
| `client_no_context_takeover` | makes no difference: this side has promised it | is obeyed |
| `server_max_window_bits` | see below | welcome |
| `client_max_window_bits` | at most what was offered | an error, but it always is offered |

The window of the server decides how much memory this side needs for receiving, and not all servers can limit
theirs. Such a server has to decline an offer that asks for it. So there is a second offer without
that, as in the example of §7.1.3. A server that cannot be limited may then use the largest window. An answer
does not say which of the two it accepts, and a server may limit itself unasked, so any number will do.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Mapping

from trioweb._wire.deflate import LEAST_BITS, NAME, WINDOW_BITS, DeflateAgreement
from trioweb._wire.extension_offers import parse_accepted
from trioweb.config import Deflate
from trioweb.errors import RemoteProtocolError


def offer_deflate(settings: Deflate) -> str:
    """Return the `Sec-WebSocket-Extensions` of a request.

    Args:
        settings: Those of this side.
    """
    limited = settings.window_bits < zlib.MAX_WBITS
    own = f"client_max_window_bits={settings.window_bits}" if limited else "client_max_window_bits"
    last = f"{NAME}; {own}"
    if not settings.context_takeover:
        last += "; server_no_context_takeover; client_no_context_takeover"
    return f"{last}; server_max_window_bits={settings.window_bits}, {last}" if limited else last


def accept_deflate(lines: list[str], settings: Deflate | None) -> DeflateAgreement | None:
    """Check what the server has accepted.

    Args:
        lines: The values of the response's `Sec-WebSocket-Extensions` lines.
        settings: Those that this side has offered; `None` if it has offered nothing.

    Returns:
        What both sides agree on, from the server's point of view; `None` for no compression.

    Raises:
        RemoteProtocolError: The server accepts what was not offered, or the answer is malformed.
    """
    try:
        accepted = parse_accepted(lines)
    except ValueError:
        raise _wrong("cannot be read (RFC 6455 §9.1)") from None
    if not accepted:
        return None
    extension = accepted[0]
    if settings is None or extension.name != NAME:  # RFC 6455 §4.1
        raise _wrong(f"has {extension.name!r}, which was not offered")
    if len(accepted) > 1:
        raise _wrong("has more than one extension, which were not offered together")
    parameters = dict(extension.parameters)
    if len(parameters) != len(extension.parameters):
        raise _wrong("has a parameter twice (RFC 7692 §7.1)")
    _check(parameters)
    return _agreement(parameters, settings)


def _check(parameters: Mapping[str, str | None]) -> None:
    for name, value in parameters.items():
        match name:
            case "server_no_context_takeover" | "client_no_context_takeover":
                is_valid = value is None
            case "server_max_window_bits" | "client_max_window_bits":
                is_valid = value in WINDOW_BITS
            case _:
                is_valid = False
        if not is_valid:
            written = name if value is None else f"{name}={value}"
            raise _wrong(f"has {written!r}, which no server may answer (RFC 7692 §7.1)")


def _agreement(parameters: Mapping[str, str | None], settings: Deflate) -> DeflateAgreement:
    client_bits = int(parameters.get("client_max_window_bits") or settings.window_bits)
    if client_bits > settings.window_bits:  # §7.1.2.2
        raise _wrong(f"has client_max_window_bits={client_bits}, over the {settings.window_bits} offered")
    if not settings.context_takeover and "server_no_context_takeover" not in parameters:  # §7.1.1.1
        raise _wrong("lacks server_no_context_takeover, which this side has asked for")
    return DeflateAgreement(
        server_no_context_takeover="server_no_context_takeover" in parameters,
        client_no_context_takeover=not settings.context_takeover
        or "client_no_context_takeover" in parameters,
        server_max_window_bits=int(parameters.get("server_max_window_bits") or zlib.MAX_WBITS),
        client_max_window_bits=client_bits,
        level=settings.level,
        memory_level=settings.memory_level,
        # zlib cannot compress with the smallest window. A server may ask for it nevertheless, and any message
        # may be sent as it is (§6), so this side then only receives compressed messages.
        minimum_bytes=settings.minimum_bytes if client_bits >= LEAST_BITS else sys.maxsize,
    )


def _wrong(what: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"the response's Sec-WebSocket-Extensions {what}")

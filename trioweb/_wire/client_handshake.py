"""The client's opening handshake: the request, and whether the response opens a WebSocket (RFC 6455 §4.1).

    feed(data) ──┬── None                  more input is needed; 1xx responses are skipped
                 ├── Accepted              101, and all of it fits the request
                 ├── HandshakeRejected     any other status; its body is kept up to 64 KiB
                 └── BadHandshake          not HTTP, or a 101 that answers something else

A 101 that does not fit is not repaired. A server or a cache that does not know WebSockets might send one, and
frames would then be read as something else; the whole handshake exists to exclude that (§1.3, §10.8).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from typing import NoReturn

import attrs
import h11

from trioweb._wire.deflate import DeflateAgreement
from trioweb._wire.deflate_offer import accept_deflate, offer_deflate
from trioweb._wire.handshake import VERSION, accept_token, is_own_field
from trioweb._wire.http1.response_decoder import ReceivedResponse, ResponseDecoder
from trioweb._wire.websocket_url import WebSocketURL
from trioweb.config import Deflate, Limits
from trioweb.errors import BadHandshake, HandshakeRejected, LocalProtocolError, RemoteProtocolError
from trioweb.excerpts import excerpt
from trioweb.headers import Headers, HeaderSource, MutableHeaders, is_token

NONCE_BYTES = 16
USER_AGENT = "trioweb"


@attrs.frozen
class Accepted:
    """An open WebSocket, as both sides have agreed on it.

    Attributes:
        headers: The fields of the response.
        subprotocol: The one that the server has chosen, if any.
        deflate: How messages are compressed, if they are.
        early_input: The bytes that arrived after the response: the first frames.
        status: 101.
    """

    headers: Headers
    subprotocol: str | None
    deflate: DeflateAgreement | None
    early_input: bytes
    status: int = 101


class ClientHandshake:
    """One opening handshake; feed it until it returns `Accepted` or raises.

    Attributes:
        request: The bytes to send.
    """

    def __init__(
        self,
        url: WebSocketURL,
        *,
        key: bytes,
        subprotocols: Iterable[str] = (),
        headers: HeaderSource | None = None,
        compression: Deflate | None = None,
        limits: Limits,
    ) -> None:
        """Compose the request.

        Args:
            url: Where the WebSocket is.
            key: 16 random bytes, never used before.
            subprotocols: Those that the program speaks, the preferred one first.
            headers: More fields. `Host`, `Authorization` and `User-Agent` replace the usual ones.
            compression: What to offer; `None` offers nothing.
            limits: `head_bytes` bounds the head of the response.

        Raises:
            LocalProtocolError: A field cannot be sent, or is one of the handshake's own; a subprotocol is
                not a token, or is there twice.
        """
        assert len(key) == NONCE_BYTES
        self._key = b64encode(key).decode("ascii")
        self._subprotocols = checked_subprotocols(subprotocols)
        self._compression = compression
        fields = self._fields(url, headers)
        request = h11.Request(method="GET", target=url.target, headers=fields)
        self._decoder = ResponseDecoder(request, head_bytes=limits.head_bytes)
        self.request = self._decoder.request

    def _fields(self, url: WebSocketURL, headers: HeaderSource | None) -> list[tuple[bytes, bytes]]:
        added = MutableHeaders(headers or ())
        for name, _ in added.lines():
            if is_own_field(name):
                raise LocalProtocolError(
                    f"the header {name} belongs to the handshake: it cannot be added to it"
                )
        if len(added.get_all("host")) > 1:
            raise LocalProtocolError("a request has one Host header, not several")
        added.setdefault("User-Agent", USER_AGENT)
        if url.authorization is not None:
            added.setdefault("Authorization", url.authorization)
        fields = [] if "host" in added else [("Host", url.host_field)]
        fields += [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", self._key),
            ("Sec-WebSocket-Version", VERSION),
        ]
        if self._subprotocols:
            fields.append(("Sec-WebSocket-Protocol", ", ".join(self._subprotocols)))
        if self._compression is not None:
            fields.append(("Sec-WebSocket-Extensions", offer_deflate(self._compression)))
        fields += added.lines()
        # As bytes, for h11 would refuse latin-1; and without the blanks around a value, which do not belong to it.
        return [(name.encode("ascii"), value.strip(" \t").encode("latin-1")) for name, value in fields]

    def feed(self, data: bytes) -> Accepted | None:
        """Take input; return the agreement when the server has accepted.

        Args:
            data: Not empty.

        Raises:
            HandshakeRejected: The server has refused.
            BadHandshake: The server has broken the rules of HTTP or of the handshake.
        """
        response = self._decoder.feed(data)
        return None if response is None else self._judge(response)

    def input_ended(self) -> NoReturn:
        """Take the end of the input.

        Raises:
            HandshakeRejected: The server has refused, in a response that ends here, or is cut here.
            BadHandshake: There is no response.
        """
        raise _rejected(self._decoder.input_ended())

    def give_up(self) -> None:
        """Wait no longer, because there is no time left; return if there is no response at all.

        Raises:
            HandshakeRejected: The server has refused, and only the body is incomplete.
        """
        response = self._decoder.so_far()
        if response is not None:
            raise _rejected(response)

    def _judge(self, response: ReceivedResponse) -> Accepted:
        if response.status != 101:
            raise _rejected(response)
        headers = response.headers
        if response.http_version < "1.1":
            raise BadHandshake(f"a WebSocket needs HTTP/1.1, and the server has HTTP/{response.http_version}")
        if headers.tokens("upgrade") != ["websocket"]:
            raise _unexpected("Upgrade", "websocket", headers)
        if "upgrade" not in headers.tokens("connection"):
            raise _unexpected("Connection", "Upgrade", headers)
        token = accept_token(self._key)
        if [line.strip(" \t") for line in headers.get_all("sec-websocket-accept")] != [token]:
            raise _unexpected("Sec-WebSocket-Accept", token, headers)
        return Accepted(
            headers, self._chosen_subprotocol(headers), self._agreed_deflate(headers), response.rest
        )

    def _chosen_subprotocol(self, headers: Headers) -> str | None:
        lines = headers.get_all("sec-websocket-protocol")
        if not lines:  # the server may choose none (RFC 6455 §4.2.2)
            return None
        if len(lines) > 1 or lines[0] not in self._subprotocols:
            offered = ", ".join(self._subprotocols) or "none, since subprotocols=() offers none"
            raise _unexpected("Sec-WebSocket-Protocol", f"one of those offered ({offered})", headers)
        return lines[0]

    def _agreed_deflate(self, headers: Headers) -> DeflateAgreement | None:
        try:
            return accept_deflate(headers.get_all("sec-websocket-extensions"), self._compression)
        except RemoteProtocolError as error:
            raise BadHandshake(str(error)) from None


def checked_subprotocols(subprotocols: Iterable[str]) -> tuple[str, ...]:
    """Check the subprotocols that a program offers (RFC 6455 §4.1).

    Raises:
        LocalProtocolError: One is not a token, or is there twice.
    """
    if isinstance(subprotocols, str):
        raise LocalProtocolError(f"subprotocols takes a list such as [{subprotocols!r}], not a str")
    checked = tuple(subprotocols)
    for name in checked:
        if not isinstance(name, str) or not is_token(name):  # type: ignore[redundant-expr]
            raise LocalProtocolError(f"a subprotocol is a token, not {name!r}")
    if len(set(checked)) < len(checked):
        raise LocalProtocolError(f"a subprotocol is offered once, not again: {', '.join(checked)}")
    return checked


def _rejected(response: ReceivedResponse) -> HandshakeRejected:
    return HandshakeRejected(
        response.status,
        response.reason,
        response.headers,
        body=response.body,
        is_body_complete=response.is_body_complete,
    )


def _unexpected(name: str, expected: str, headers: Headers) -> BadHandshake:
    came = headers.get(name)
    return BadHandshake(
        f"the server switched protocols, but not to this WebSocket: expected {name}: {expected},"
        f" and received {'no such field' if came is None else excerpt(came)}"
    )

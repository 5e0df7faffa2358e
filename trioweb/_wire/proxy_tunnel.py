"""A tunnel through an HTTP proxy: CONNECT, and what the proxy answers (RFC 9110 §9.3.6).

RFC 6455 §4.1 asks for a tunnel even for `ws://`. A proxy that forwards requests would have to know the
upgrade, and many do not; in a tunnel it only passes bytes on.
"""

from __future__ import annotations

import re
from typing import NoReturn

import attrs
import h11

from trioweb._wire.http1.authority import parse_authority
from trioweb._wire.http1.response_decoder import ReceivedResponse, ResponseDecoder
from trioweb._wire.websocket_url import WebSocketURL
from trioweb.config import Limits
from trioweb.errors import BadHandshake, ConfigError, ConnectFailed, InvalidURL
from trioweb.excerpts import excerpt, one_line, shown_url

_PROXY_URL = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.\-]*)://)?([^/?#\s\\]*)/?")
_PROXY_PORTS = {"http": 80, "https": 443}
_PROXY_AUTHENTICATION_REQUIRED = 407


@attrs.frozen
class Proxy:
    """An HTTP proxy.

    Attributes:
        scheme: `"http"`, or `"https"` if the proxy itself is reached by TLS.
        host: Its name or address.
        port: Its port.
        authorization: The value of `Proxy-Authorization`, for the user in its URL.
    """

    scheme: str
    host: str
    port: int
    authorization: str | None = attrs.field(default=None, repr=False)

    @property
    def is_secure(self) -> bool:
        """Whether the proxy itself is reached by TLS."""
        return self.scheme == "https"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_proxy(text: str, source: str) -> Proxy:
    """Read the URL of a proxy; without a scheme, `http` is meant, as everywhere.

    Args:
        text: `http://user:password@host:port` or `https://...`.
        source: The setting that it comes from, for the texts of errors.

    Raises:
        ConfigError: It is malformed, or of a proxy of another kind.
    """
    matched = _PROXY_URL.fullmatch(text)
    if matched is None:
        raise ConfigError(
            f"{source} takes the URL of a proxy such as 'http://host:3128', not {shown_url(text)}"
        )
    scheme = (matched[1] or "http").lower()
    if scheme not in _PROXY_PORTS:
        kind = "SOCKS is not supported" if scheme.startswith("socks") else "it is of another kind"
        raise ConfigError(
            f"{source} takes a proxy with http:// or https://, not {shown_url(text)}: {kind}."
            " To connect without a proxy, pass proxy=False"
        )
    try:
        host, port, authorization = parse_authority(text, matched[2])
    except InvalidURL as error:
        raise ConfigError(f"{source}: {error}") from None
    return Proxy(scheme, host, port or _PROXY_PORTS[scheme], authorization)


class ProxyTunnel:
    """One request for a tunnel; feed it until it returns True or raises.

    Attributes:
        request: The bytes to send to the proxy.
    """

    def __init__(self, proxy: Proxy, url: WebSocketURL, limits: Limits) -> None:
        """Compose the request.

        Args:
            proxy: The proxy to ask.
            url: The tunnel's other end.
            limits: `head_bytes` bounds the head of the response.
        """
        self._proxy, self._end = proxy, url.authority_with_port
        fields = [("Host", self._end)]
        if proxy.authorization is not None:
            fields.append(("Proxy-Authorization", proxy.authorization))
        request = h11.Request(method="CONNECT", target=self._end, headers=fields)
        self._decoder = ResponseDecoder(request, head_bytes=limits.head_bytes, phase="proxy")
        self.request = self._decoder.request

    def feed(self, data: bytes) -> bool:
        """Take input; return whether the tunnel is open.

        Args:
            data: Not empty.

        Raises:
            ConnectFailed: The proxy has refused.
            BadHandshake: It does not speak HTTP.
        """
        response = self._decoder.feed(data)
        if response is None:
            return False
        if not 200 <= response.status <= 299:
            raise self._refused(response)
        if response.rest:
            # A client begins in a tunnel, with TLS or with its handshake. These bytes come from the proxy
            # itself; with ws:// they would be taken for the server's answer.
            raise BadHandshake(
                f"the proxy {self._proxy} opened the tunnel, and sent {excerpt(response.rest)} before"
                " anything was sent to the server",
                "proxy",
            )
        return True

    def input_ended(self) -> NoReturn:
        """Take the end of the input.

        Raises:
            ConnectFailed: The proxy has refused, in a response that ends here, or is cut here.
            BadHandshake: There is no response.
        """
        raise self._refused(self._decoder.input_ended())

    def give_up(self) -> None:
        """Wait no longer, because there is no time left; return if there is no response at all.

        Raises:
            ConnectFailed: The proxy has refused, and only the body is incomplete.
        """
        response = self._decoder.so_far()
        if response is not None:
            raise self._refused(response)

    def _refused(self, response: ReceivedResponse) -> ConnectFailed:
        advice = ""
        if response.status == _PROXY_AUTHENTICATION_REQUIRED:
            known = "does not accept the user" if self._proxy.authorization else "asks for a user"
            advice = f": it {known} in its URL, as in proxy='http://user:password@host:port'"
        said = f", and said {excerpt(response.body, 200)}" if response.body else ""
        return ConnectFailed(
            f"the proxy {self._proxy} answered CONNECT {self._end} with"
            f" {response.status} {one_line(response.reason[:80])}{said}, not with 200{advice}",
            "proxy",
        )

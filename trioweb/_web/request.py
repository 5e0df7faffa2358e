"""What a handler knows about the request that it answers."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from trioweb._web.body import RequestBody
from trioweb._web.cookies import parse_cookies
from trioweb._web.query import Query
from trioweb._web.state import State
from trioweb.errors import HTTPError

if TYPE_CHECKING:
    from trioweb._web.address import Address
    from trioweb._wire.request_head import RequestHead
    from trioweb.headers import Headers

# Python knows a hundred encodings, some of them slow on hostile input: these few are what clients send.
_ENCODINGS = {
    "utf-8": "utf-8-sig",
    "utf8": "utf-8-sig",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
}


class Request:
    """One HTTP request, or the request that opened a WebSocket.

    Any number of tasks may read it. The body comes over the wire once: `body`, `text`
    and `json` keep it and may be called again, `stream` keeps nothing.

    Attributes:
        method: The method, upper case as it came.
        path: The path, percent-decoded.
        raw_path: The path as it came, without the query.
        query_string: The query as it came, without the question mark.
        headers: The header fields; names match in any case.
        http_version: `"1.0"` or `"1.1"`.
        scheme: `"http"` or `"https"`, as the client used it.
        host: The `Host` field, or what a trusted proxy says that it was.
        client: Where the client is; `None` on a Unix socket or when it is not known.
        path_params: What the route's path matched, converted.
        app_state: The application's `app.state`.
    """

    __slots__ = (
        "_body",
        "_cookies",
        "_query",
        "_state",
        "app_state",
        "client",
        "headers",
        "host",
        "http_version",
        "method",
        "path",
        "path_params",
        "query_string",
        "raw_path",
        "scheme",
    )

    def __init__(
        self,
        head: RequestHead,
        *,
        path: str,
        path_params: dict[str, Any],
        client: Address | None,
        scheme: str,
        receive_body: Callable[[], Awaitable[bytes]],
        body_bytes: int,
        host: str | None = None,
        app_state: Any = None,
    ) -> None:
        self.method: str = head.method
        self.raw_path: str = head.raw_path
        self.query_string: str = head.query_string
        self.headers: Headers = head.headers
        self.http_version: str = head.http_version
        self.path = path
        self.path_params = path_params
        self.client = client
        self.scheme = scheme
        self.host = head.headers.get("host", "") if host is None else host
        self.app_state = app_state
        # Made when they are asked for: an open WebSocket keeps its request, and what that holds.
        self._state: State | None = None
        self._query: Query | None = None
        self._cookies: Mapping[str, str] | None = None
        self._body: RequestBody | None = None
        if head.content_bytes != 0:
            self._body = RequestBody(receive_body, content_bytes=head.content_bytes, limit_bytes=body_bytes)

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.raw_path}>"

    @property
    def state(self) -> State:
        """A dict that is free for middleware and handlers to share during this request."""
        if self._state is None:
            self._state = State()
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        self._state = state

    @property
    def query(self) -> Query:
        """The fields of the query string, decoded when first asked for."""
        if self._query is None:
            self._query = Query(self.query_string)
        return self._query

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies by name, read leniently: what cannot be a cookie is not there."""
        if self._cookies is None:
            self._cookies = parse_cookies(self.headers.get_all("cookie"))
        return self._cookies

    @property
    def url(self) -> str:
        """The whole address that was asked for, undecoded."""
        query = f"?{self.query_string}" if self.query_string else ""
        return f"{self.scheme}://{self.host}{self.raw_path}{query}"

    @property
    def content_type(self) -> str:
        """The media type of the body in lower case without parameters; `""` if none is given."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def body(self) -> bytes:
        """Return the whole body.

        Raises:
            BodyTooLarge: It is longer than `Limits.body_bytes`; answered with 413.
            LocalProtocolError: It was streamed already.

        Cancellation: Safe; what has come is kept and the next call goes on there.
        Concurrency: Any number of tasks; all get the same bytes.
        """
        return await self._required_body().read()

    async def text(self) -> str:
        """Return the body as text, in the charset that its Content-Type names or UTF-8.

        Raises:
            HTTPError: 415 for a charset that is not known, 400 for bytes that do not fit it.
            BodyTooLarge: It is longer than `Limits.body_bytes`.

        Cancellation: As `body`.
        """
        encoding = _ENCODINGS.get(self._charset())
        if encoding is None:
            raise HTTPError(415, f"the charset {self._charset()!r} is not known: expected utf-8")
        octets = await self.body()
        try:
            return octets.decode(encoding)
        except UnicodeDecodeError as error:
            raise HTTPError(400, f"the body is not {self._charset()}: byte {error.start} is wrong") from error

    async def json(self) -> Any:
        """Return the body read as JSON (RFC 8259), whatever its Content-Type.

        Raises:
            HTTPError: 400, the body is not JSON; the detail says where.
            BodyTooLarge: It is longer than `Limits.body_bytes`.

        Cancellation: As `body`.
        """
        octets = await self.body()
        try:
            # RFC 8259 §8.1: JSON is UTF-8, and a parser may ignore a byte order mark.
            return json.loads(octets.decode("utf-8-sig"), parse_constant=_refuse_constant)
        except UnicodeDecodeError as error:
            raise HTTPError(400, f"the body is not JSON: byte {error.start} is not UTF-8") from error
        except RecursionError as error:
            raise HTTPError(400, "the body is not JSON that can be read: it is nested too deeply") from error
        except ValueError as error:
            raise HTTPError(400, f"the body is not JSON: {error}") from error

    def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body piece by piece as it comes; once, unless `body` has kept it.

        Raises:
            BodyTooLarge: It is longer than `Limits.body_bytes`.
            LocalProtocolError: It was streamed already, or `body` was cancelled half-way.

        Cancellation: A piece is yielded or still to come; pieces yielded before are gone.
        Backpressure: The peer is read no faster than the pieces are taken.
        """
        return self._required_body().stream()

    def _required_body(self) -> RequestBody:
        if self._body is None:
            self._body = RequestBody(_receive_nothing, content_bytes=0, limit_bytes=0)
        return self._body

    def _charset(self) -> str:
        parameters = self.headers.get("content-type", "").split(";")[1:]
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset":
                return value.strip().strip('"').lower()
        return "utf-8"


async def _receive_nothing() -> bytes:
    return b""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")

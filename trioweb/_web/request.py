"""The request, as its handler sees it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from trioweb._web.body import NoBody, RequestBody
from trioweb._web.charsets import encoding_of
from trioweb._web.cookies import parse_cookies
from trioweb._web.forms.form import Form
from trioweb._web.forms.form_reader import FormReader
from trioweb._web.namespace import Namespace
from trioweb._web.parameters import charset_of, media_type_of
from trioweb._web.query import Query
from trioweb._web.unreadable import Unreadable
from trioweb.config import Limits
from trioweb.errors import LocalProtocolError
from trioweb.foreign_names import REQUEST, explaining
from trioweb.json_text import read_json

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    import trio

    from trioweb._http.incoming_body import IncomingBody
    from trioweb._web.proxies import Forwarding
    from trioweb._wire.http1.request_head import RequestHead
    from trioweb.headers import Headers


KEPT_BYTES = 512
"""A longer query, or longer cookies, are decoded each time that they are read. As fields they may
take sixty times their bytes, so a bound in bytes is what bounds the memory, to some 45 kB for both."""

_LIMITS_OF_NOTHING = Limits()
"""Limits for a request without a body: any will do."""


@explaining(REQUEST)
class Request:
    """One HTTP request, or the request that opened a WebSocket.

    Any number of tasks may read it. The body arrives only once: `body`, `text` and `json`
    keep it and may be called again, `form` keeps the form, and `stream` keeps nothing.

    Attributes:
        method: The method as it was received; methods are case-sensitive.
        raw_path: The path as it was received, without the query.
        query_string: The query as it was received, without the question mark.
        headers: The header fields; names match in any case.
        http_version: `"1.0"` or `"1.1"`.
        scheme: `"http"` or `"https"`, as the client used it.
        host: The `Host` field, or the host that a trusted proxy gives.
        client: The address of the client; `None` on a Unix socket, or if it is not known.
        is_unix: Whether it came over a Unix socket.
        is_anonymous: Whether it came from a trusted proxy that could not name the client.
        may_be_recoded: Whether middleware may compress the response. Middleware sets this before
            it passes the request on, and downloads of a `File` are then not resumed by date.
        path_params: The converted values of the path's parameters.
        app_state: The `app.state` of the application that is served.
    """

    __slots__ = (
        "_body",
        "_cookies",
        "_form_reader",
        "_incoming",
        "_query",
        "_state",
        "app_state",
        "client",
        "headers",
        "host",
        "http_version",
        "is_anonymous",
        "is_unix",
        "may_be_recoded",
        "method",
        "path_params",
        "query_string",
        "raw_path",
        "scheme",
    )

    def __init__(
        self,
        head: RequestHead,
        forwarding: Forwarding,
        *,
        body: RequestBody | None = None,
        is_unix: bool = False,
        app_state: Any = None,
        incoming: IncomingBody | None = None,
    ) -> None:
        self.method: str = head.method
        self.raw_path: str = head.raw_path
        self.query_string: str = head.query_string
        self.headers: Headers = head.headers
        self.http_version: str = head.http_version
        self.client = forwarding.client
        self.scheme = forwarding.scheme
        self.host = forwarding.host
        self.is_anonymous = forwarding.is_anonymous
        self.is_unix = is_unix
        self.path_params: dict[str, Any] = {}
        self.may_be_recoded = False
        self.app_state = app_state
        # Made on first use: an open WebSocket keeps its request, with everything that it holds.
        self._state: Namespace | None = None
        self._query: Query | None = None
        self._cookies: Mapping[str, str] | None = None
        self._incoming = incoming
        self._form_reader: FormReader | None = None
        self._body = body

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.raw_path}>"

    @property
    def state(self) -> Namespace:
        """A dict that middleware and handlers may share during this request."""
        if self._state is None:
            self._state = Namespace()
        return self._state

    @state.setter
    def state(self, state: Namespace) -> None:
        self._state = state

    # Decoded at each use, as a long query and long cookies are: an open WebSocket keeps its
    # request, and decoded text from a stranger can take four times the bytes that it had on the wire.
    @property
    def path(self) -> str:
        """The path, percent-decoded."""
        return unquote(self.raw_path)

    @property
    def query(self) -> Query:
        """The fields of the query string; more than 512 bytes are decoded again at each access."""
        if self._query is not None:
            return self._query
        query = Query(self.query_string)
        if len(self.query_string) <= KEPT_BYTES:
            self._query = query
        return query

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies by name, read leniently: anything that cannot be a cookie is left out.

        As with the query, cookies of more than 512 bytes are read again at each access.
        """
        if self._cookies is not None:
            return self._cookies
        lines = self.headers.get_all("cookie")
        cookies = parse_cookies(lines)
        if sum(map(len, lines)) <= KEPT_BYTES:
            self._cookies = cookies
        return cookies

    @property
    def url(self) -> str:
        """The complete URL of the request, undecoded."""
        query = f"?{self.query_string}" if self.query_string else ""
        # "*" asks about the server as a whole, which has no path (RFC 9112 §3.3).
        path = "" if self.raw_path == "*" else self.raw_path
        return f"{self.scheme}://{self.host}{path}{query}"

    @property
    def content_type(self) -> str:
        """The media type of the body, in lower case and without parameters; `""` if none is given."""
        return media_type_of(self.headers.get("content-type", ""))

    @property
    def last_event_id(self) -> str | None:
        """The id of the last event that an `EventSource` has seen; `None` on its first request."""
        value = self.headers.get("last-event-id")
        # The field is UTF-8, unlike any other (WHATWG HTML §9.2.4); fields are read as latin-1.
        return None if value is None else value.encode("latin-1").decode("utf-8", "replace")

    def cancel_on_disconnect(self) -> AbstractAsyncContextManager[trio.CancelScope]:
        """Cancel a block when the client leaves: `async with` gives its `trio.CancelScope`.

        Use it for code that waits long for one client, such as a long poll. As with
        `trio.move_on_after`, the block then ends without an exception, and
        `scope.cancelled_caught` is true.

        A client leaves by closing or resetting the connection. A client that closes only its own
        half, and would still read the response, looks the same, so it gets half a second. Input
        that arrives meanwhile is kept. If there is more than 64 KiB of it, nothing more is read,
        and the client counts as gone when nothing has been sent for `Timeouts.body_seconds`.

        Raises:
            LocalProtocolError: The body has not been read to its end, or the request has been
                answered, or has become a WebSocket, which notices by itself.

        Cancellation: Only the block is cancelled, not a response that is being sent.
        Concurrency: Any number of blocks, in any number of tasks.
        """
        if self._incoming is None:
            raise LocalProtocolError("this request did not come over a connection whose end could be noticed")
        return self._incoming.watch.cancel_on_disconnect()

    async def body(self) -> bytes:
        """Return the whole body.

        Raises:
            BodyTooLarge: It is longer than `Limits.body_bytes`; answered with 413.
            LocalProtocolError: It has been streamed or read as a form, or was discarded during
                or after a long response.

        Cancellation: Safe; the bytes received so far are kept, and the next call continues there.
        Concurrency: Any number of tasks; all get the same bytes.
        """
        return await self._required_body().read()

    async def text(self) -> str:
        """Return the body as text, in the charset that its Content-Type names or UTF-8.

        Raises:
            HTTPError: 415 if the charset is not known, 400 if the bytes do not fit it.
            BodyTooLarge: It is longer than `Limits.body_bytes`.

        Cancellation: As for `body`.
        """
        charset = charset_of(self.headers.get("content-type", "")) or "utf-8"
        encoding = encoding_of(charset)
        octets = await self.body()
        try:
            # A byte order mark says nothing about UTF-8, and is not part of the text.
            return octets.decode("utf-8-sig" if encoding == "utf-8" else encoding)
        except UnicodeDecodeError as error:
            raise Unreadable(
                400, f"the body is not {charset.lower()}: byte {error.start} is wrong"
            ) from error

    async def json(self) -> Any:
        """Return the body parsed as JSON (RFC 8259), whatever its Content-Type.

        Raises:
            HTTPError: 400 if the body is not JSON; the detail says where.
            BodyTooLarge: It is longer than `Limits.body_bytes`.

        Cancellation: As for `body`.
        """
        octets = await self.body()
        try:
            return read_json(octets)
        except ValueError as error:
            raise Unreadable(400, f"the body is {error}") from error

    async def form(self) -> Form:
        """Return the body parsed as a form, URL-encoded or multipart, with its files.

        Fields are in memory. Files are in memory up to `Limits.form_memory_bytes`, and the rest
        goes to a temporary file, which is always removed when the request has been answered.

        Raises:
            HTTPError: 415 if the Content-Type is not that of a form; 400 if the body does not match it,
                or was cut off; 413 if a limit of `Limits.form_...` was exceeded, which the
                detail names.
            BodyTooLarge: The body is longer than `Limits.body_bytes`; answered with 413.
            LocalProtocolError: The body has been streamed.

        Cancellation: Safe; the data received so far is kept, and the next call continues there.
        Backpressure: The body is read no faster than the disk takes it.
        Concurrency: Any number of tasks; all get the same form.
        """
        if self._form_reader is None:
            body = self._required_body()
            content_type = self.headers.get("content-type", "")
            self._form_reader = body.form = FormReader(body, content_type, body.limits)
        return await self._form_reader.read()

    def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body piece by piece as it arrives; only once, unless `body` has kept it.

        Raises:
            BodyTooLarge: It is longer than `Limits.body_bytes`.
            LocalProtocolError: It has been streamed or read as a form, or was discarded during
                or after a long response; or `body` was cancelled halfway.

        Cancellation: A piece is either yielded or still to come; pieces yielded before are gone.
        Backpressure: The body is read no faster than the pieces are taken.
        """
        return self._required_body().stream()

    def _required_body(self) -> RequestBody:
        if self._body is None:
            self._body = RequestBody(NoBody(), limits=_LIMITS_OF_NOTHING)
        return self._body

"""What a handler knows about the request that it answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from trioweb._web.body import RequestBody
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
    from trioweb._wire.request_head import RequestHead
    from trioweb.headers import Headers


KEPT_BYTES = 512
"""A query longer than this, or cookies, are decoded each time that they are asked for. As fields they may
take sixty times their bytes, so a bound in bytes is what bounds the memory, to some 45 kB for both."""

_LIMITS_OF_NOTHING = Limits()
"""Those of a body that is not there: any will do."""


@explaining(REQUEST)
class Request:
    """One HTTP request, or the request that opened a WebSocket.

    Any number of tasks may read it. The body comes over the wire once: `body`, `text`
    and `json` keep it and may be called again, `form` keeps the form, `stream` nothing.

    Attributes:
        method: The method, upper case as it came.
        raw_path: The path as it came, without the query.
        query_string: The query as it came, without the question mark.
        headers: The header fields; names match in any case.
        http_version: `"1.0"` or `"1.1"`.
        scheme: `"http"` or `"https"`, as the client used it.
        host: The `Host` field, or what a trusted proxy says that it was.
        client: Where the client is; `None` on a Unix socket or when it is not known.
        is_unix: Whether it came over a Unix socket.
        is_anonymous: Whether it came from a trusted proxy that could not name the client.
        may_be_recoded: Whether middleware may compress the answer. It says so before it asks
            for it, and a `File` is then not resumed by its date.
        path_params: What the route's path matched, converted.
        app_state: The `app.state` of the application that is served.
    """

    __slots__ = (
        "_body",
        "_connection",
        "_cookies",
        "_form_reader",
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
        connection: IncomingBody | None = None,
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
        # Made when they are asked for: an open WebSocket keeps its request, and what that holds.
        self._state: Namespace | None = None
        self._query: Query | None = None
        self._cookies: Mapping[str, str] | None = None
        self._connection = connection
        self._form_reader: FormReader | None = None
        self._body = body

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.raw_path}>"

    @property
    def state(self) -> Namespace:
        """A dict that is free for middleware and handlers to share during this request."""
        if self._state is None:
            self._state = Namespace()
        return self._state

    @state.setter
    def state(self, state: Namespace) -> None:
        self._state = state

    # Not kept, nor is what is long of the query and of the cookies: an open WebSocket keeps its
    # request, and what a stranger wrote is as text up to four times as long as on the wire.
    @property
    def path(self) -> str:
        """The path, percent-decoded."""
        return unquote(self.raw_path)

    @property
    def query(self) -> Query:
        """The fields of the query string; one of more than 512 bytes is decoded again each time."""
        if self._query is not None:
            return self._query
        query = Query(self.query_string)
        if len(self.query_string) <= KEPT_BYTES:
            self._query = query
        return query

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies by name, read leniently: what cannot be a cookie is not there.

        As with the query, those of more than 512 bytes are read again each time.
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
        """The whole address that was asked for, undecoded."""
        query = f"?{self.query_string}" if self.query_string else ""
        # "*" asks about the server as a whole, which has no path (RFC 9112 §3.3).
        path = "" if self.raw_path == "*" else self.raw_path
        return f"{self.scheme}://{self.host}{path}{query}"

    @property
    def content_type(self) -> str:
        """The media type of the body in lower case without parameters; `""` if none is given."""
        return media_type_of(self.headers.get("content-type", ""))

    @property
    def last_event_id(self) -> str | None:
        """The id of the last event that an `EventSource` has seen; `None` on its first request."""
        value = self.headers.get("last-event-id")
        # The field is UTF-8, unlike any other (WHATWG HTML §9.2.4); fields are read as latin-1.
        return None if value is None else value.encode("latin-1").decode("utf-8", "replace")

    def cancel_on_disconnect(self) -> AbstractAsyncContextManager[trio.CancelScope]:
        """Cancel a block when the client leaves: `async with` gives its `trio.CancelScope`.

        For what waits long for the sake of one client, such as a long poll. As with
        `trio.move_on_after`, the block ends without an exception then, and
        `scope.cancelled_caught` tells.

        A client leaves by ending its side or resetting the connection. One that only ends its
        own side, and would still read the answer, cannot be told apart from that, and has half
        a second. What it sends meanwhile is kept. If that is more than 64 KiB, nothing more is
        read, and the client counts as gone when nothing was sent for `Timeouts.body_seconds`.

        Raises:
            LocalProtocolError: The body has not been read to its end, or the request is
                answered already or has become a WebSocket, which notices by itself.

        Cancellation: Of the block; an answer that it was sending is none of this.
        Concurrency: Any number of blocks, in any number of tasks.
        """
        if self._connection is None:
            raise LocalProtocolError("this request came over no connection whose end could be seen")
        return self._connection.cancel_on_disconnect()

    async def body(self) -> bytes:
        """Return the whole body.

        Raises:
            BodyTooLarge: It is longer than `Limits.body_bytes`; answered with 413.
            LocalProtocolError: It was streamed already, read as a form, or thrown away beside
                a long answer or behind it.

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
        """Return the body read as JSON (RFC 8259), whatever its Content-Type.

        Raises:
            HTTPError: 400, the body is not JSON; the detail says where.
            BodyTooLarge: It is longer than `Limits.body_bytes`.

        Cancellation: As `body`.
        """
        octets = await self.body()
        try:
            return read_json(octets)
        except ValueError as error:
            raise Unreadable(400, f"the body is {error}") from error

    async def form(self) -> Form:
        """Return the body read as a form, url-encoded or multipart, with its files.

        Fields are in memory. Files are where they fit: `Limits.form_memory_bytes` says how
        much of them memory holds, what is more goes to a temporary file. It is removed
        when the request has been answered, in whatever way.

        Raises:
            HTTPError: 415 if the Content-Type is not that of a form; 400 if the body does not match it,
                or was cut off; 413 if a limit of `Limits.form_...` was reached, which the
                detail names.
            BodyTooLarge: The body is longer than `Limits.body_bytes`; answered with 413.
            LocalProtocolError: The body was streamed already.

        Cancellation: Safe; what has come is kept and the next call goes on there.
        Backpressure: The peer is read no faster than the disk takes it.
        Concurrency: Any number of tasks; all get the same form.
        """
        if self._form_reader is None:
            body = self._required_body()
            content_type = self.headers.get("content-type", "")
            self._form_reader = body.form = FormReader(body, content_type, body.limits)
        return await self._form_reader.read()

    def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body piece by piece as it comes; once, unless `body` has kept it.

        Raises:
            BodyTooLarge: It is longer than `Limits.body_bytes`.
            LocalProtocolError: It was streamed already, read as a form, or thrown away beside
                a long answer or behind it; or `body` was cancelled half-way.

        Cancellation: A piece is yielded or still to come; pieces yielded before are gone.
        Backpressure: The peer is read no faster than the pieces are taken.
        """
        return self._required_body().stream()

    def _required_body(self) -> RequestBody:
        if self._body is None:
            self._body = RequestBody(_receive_nothing, limits=_LIMITS_OF_NOTHING)
        return self._body


async def _receive_nothing() -> bytes:
    return b""

"""Responses: what a handler returns."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast
from urllib.parse import quote

from trioweb._web.cookies import SameSite, format_cookie
from trioweb._web.streamed_body import StreamedBody
from trioweb._wire.http1.response_encoder import WITHOUT_BODY
from trioweb.errors import LocalProtocolError
from trioweb.foreign_names import RESPONSE, explaining
from trioweb.headers import HeaderSource, MutableHeaders
from trioweb.json_text import write_json

if TYPE_CHECKING:
    from trioweb._web.request import Request
    from trioweb._web.streams.filler import Filler

OCTETS = "application/octet-stream"


@explaining(RESPONSE)
class Response:
    """A status, header fields and a body.

    For a response that is generated while it is sent, write a subclass with `is_streamed = True`
    and an async generator `chunks`; `Stream` does this for any async iterable.

    Its life: `prepare(request)`, which may return another response; then the head, and
    `chunks()` unless the method was HEAD; then `aclose()` in any case, even if the response is
    dropped before all that. If it is not streamed, only `close()` is called.

    Args:
        body: `str` is sent as UTF-8.
        status: 200 to 599.
        headers: Header fields; each is checked here.
        content_type: By default `text/plain` for `str` and `application/octet-stream`
            for `bytes`. Text gets its charset added.

    Raises:
        LocalProtocolError: The status or a header field cannot be sent, or a body is
            given with a status that has none (204, 205, 304).
        TypeError: The body is neither text nor bytes.
    """

    __slots__ = ("_streamed", "body", "headers", "status")

    default_content_type: str | None = None
    _statuses: ClassVar[range] = range(200, 600)

    def __init__(
        self,
        body: bytes | str | StreamedBody = b"",
        status: int = 200,
        *,
        headers: HeaderSource | None = None,
        content_type: str | None = None,
    ) -> None:
        self._streamed = body if isinstance(body, StreamedBody) else None
        self.body = b"" if isinstance(body, StreamedBody) else _encoded(body, type(self).__name__)
        if not isinstance(status, int) or status not in self._statuses:  # type: ignore[redundant-expr]
            raise LocalProtocolError(f"a response takes a status from 200 to 599, not {status!r}")
        if self.body and status in WITHOUT_BODY:
            raise LocalProtocolError(f"a response with status {status} has no body (RFC 9110 §15)")
        self.status = int(status)
        self.headers = MutableHeaders(headers or ())
        kind = content_type or self.headers.get("content-type") or self.default_content_type
        if kind is None and self.body:
            kind = "text/plain" if isinstance(body, str) else OCTETS
        if kind is not None:
            self.headers["content-type"] = with_charset(kind) if isinstance(body, str) else kind

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status}>"

    @staticmethod
    def of(value: object) -> Response:
        """Make a response from the value that a handler returned.

        Args:
            value: A `Response`; `str` becomes `Text`, `bytes` an octet stream, `dict`
                and `list` become `JSON`, and `None` 204 No Content.

        Raises:
            TypeError: It is something else.
        """
        match value:
            case Response():
                return value
            case None:
                return Response(status=HTTPStatus.NO_CONTENT)
            case str():
                return Text(value)
            case bytes() | bytearray() | memoryview():
                return Response(cast("bytes", value), content_type=OCTETS)
            case dict() | list():
                return JSON(cast("Any", value))
            case _:
                raise TypeError(
                    f"a handler returned {_shown(value)} of type {type(value).__name__}: "
                    "expected a Response, str, bytes, dict, list or None"
                )

    def _is_streamed(self) -> bool:
        """Whether the body comes from `chunks()`; otherwise it is in `body`."""
        return self._streamed is not None

    # To type checkers it is what a subclass writes in its place: `is_streamed = True`.
    is_streamed: bool = cast("bool", property(_is_streamed))

    @property
    def content_bytes(self) -> int | None:
        """The length of the body; `None` if it is known only at the end."""
        if self._streamed is not None:
            return self._streamed.content_bytes
        return None if self.is_streamed else len(self.body)

    @property
    def stops_when_client_leaves(self) -> bool:
        """Whether `chunks()` is cancelled when the client half-closes; by default if its end is open."""
        if self._streamed is not None:
            return self._streamed.stops_when_client_leaves
        return self.is_streamed and self.content_bytes is None

    @property
    def filler(self) -> Filler | None:
        """The piece to send when the next one of a stream is long in coming."""
        return None if self._streamed is None else self._streamed.filler

    async def prepare(self, request: Request) -> Response:  # noqa: ARG002 - for subclasses
        """Return the response to send for `request`: this one, unless a subclass differs.

        Preparing the returned response again returns it unchanged.

        Raises:
            HTTPError: The request cannot be answered with this response.
        """
        return self

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """Return an async generator of the body's pieces; a subclass that streams overrides this.

        Raises:
            LocalProtocolError: The pieces have been requested before.
        """
        return _whole(self.body) if self._streamed is None else self._streamed.chunks()

    def stop(self) -> None:
        """End a stream early if that is possible, because the server is shutting down."""
        if self._streamed is not None:
            self._streamed.stop()

    def close(self) -> None:
        """Release what can be released without waiting; may be called again."""
        if self._streamed is not None:
            self._streamed.close()

    async def aclose(self) -> None:
        """Release everything that a streamed response holds, including its source; may be called again.

        Cancellation: Everything is still released.
        """
        if self._streamed is None:
            self.close()
        else:
            await self._streamed.aclose()

    def set_cookie(
        self,
        name: str,
        value: str,
        *,
        max_age_seconds: int | None = None,
        expires: datetime | None = None,
        path: str = "/",
        domain: str | None = None,
        secure: bool = False,
        http_only: bool = True,
        same_site: SameSite = "Lax",
        partitioned: bool = False,
    ) -> None:
        """Add a Set-Cookie line (RFC 6265 §4.1).

        Args:
            name: A token.
            value: ASCII without spaces, quotes, commas, semicolons and backslashes;
                `urllib.parse.quote` makes any text fit.
            max_age_seconds: How long browsers keep it. Without this and `expires`, they keep it
                until they are closed.
            expires: When it expires; must have a time zone.
            path: The part of the site that it is sent to.
            domain: The domain, including its subdomains; `None` for this host alone.
            secure: Whether it is sent only over TLS. Set it wherever TLS is used.
            http_only: Whether scripts cannot read it.
            same_site: Which cross-site requests include it; `"None"` needs `secure`.
            partitioned: Whether it is separate for each top-level site; needs `secure`.

        Raises:
            LocalProtocolError: A part cannot be sent, or browsers would refuse the cookie.
        """
        line = format_cookie(
            name,
            value,
            max_age_seconds=max_age_seconds,
            expires=expires,
            path=path,
            domain=domain,
            secure=secure,
            http_only=http_only,
            same_site=same_site,
            partitioned=partitioned,
        )
        self.headers.add("set-cookie", line)

    def delete_cookie(
        self,
        name: str,
        *,
        path: str = "/",
        domain: str | None = None,
        secure: bool = False,
        http_only: bool = True,
        same_site: SameSite = "Lax",
        partitioned: bool = False,
    ) -> None:
        """Make the browser forget a cookie; pass the attributes it was set with.

        Raises:
            LocalProtocolError: As for `set_cookie`.
        """
        self.set_cookie(
            name,
            "",
            max_age_seconds=0,
            path=path,
            domain=domain,
            secure=secure,
            http_only=http_only,
            same_site=same_site,
            partitioned=partitioned,
        )


class Text(Response):
    """Plain text in UTF-8."""

    __slots__ = ()
    default_content_type = "text/plain; charset=utf-8"


class HTML(Response):
    """A page in UTF-8. Escape text from others (`html.escape`) before you put it in."""

    __slots__ = ()
    default_content_type = "text/html; charset=utf-8"


class JSON(Response):
    """A value as compact JSON in UTF-8 (RFC 8259).

    Args:
        value: Any value that `json.dumps` accepts.
        status: 200 to 599.
        headers: Header fields.
        content_type: For example `application/problem+json`.

    Raises:
        ValueError: It contains NaN or an infinity, which JSON does not have, or it contains itself.
        TypeError: It contains a value that JSON cannot represent.
    """

    __slots__ = ()
    default_content_type = "application/json"

    def __init__(
        self,
        value: Any,
        status: int = 200,
        *,
        headers: HeaderSource | None = None,
        content_type: str | None = None,
    ) -> None:
        super().__init__(write_json(value).encode(), status, headers=headers, content_type=content_type)


class Redirect(Response):
    """Send the client elsewhere (RFC 9110 §15.4).

    Characters that a URL cannot contain are percent-encoded, even line breaks. Where it leads is
    not checked: check an address from a client before you use it here.

    Args:
        url: Absolute, or relative to the URL of the request.
        status: 303 (the client then uses GET), 302, 301, or 307 and 308, which keep the method.
        headers: Header fields.

    Raises:
        LocalProtocolError: The status is none of these.
    """

    __slots__ = ()

    def __init__(
        self,
        url: str,
        status: Literal[301, 302, 303, 307, 308] = 303,
        *,
        headers: HeaderSource | None = None,
    ) -> None:
        if status not in (301, 302, 303, 307, 308):
            raise LocalProtocolError(f"a redirect takes the status 301, 302, 303, 307 or 308, not {status}")
        super().__init__(status=status, headers=headers)
        # Percent signs stay, so that nothing is encoded twice; backslashes are encoded, since
        # browsers read them as slashes and "/\host" would lead to another site.
        self.headers["location"] = quote(url, safe="%/:?#[]@!$&'()*+,;=~", errors="replace")


async def prepared(response: Response, request: Request) -> Response:
    """Return `response.prepare(request)`; if that fails, close the response."""
    try:
        return await response.prepare(request)
    except BaseException:
        await response.aclose()
        raise


def with_charset(kind: str) -> str:
    """Add `charset=utf-8` to a textual media type without a charset."""
    is_textual = kind.lower().startswith("text/")
    return f"{kind}; charset=utf-8" if is_textual and "charset" not in kind.lower() else kind


def _encoded(body: object, kind: str) -> bytes:
    """Return a body as bytes."""
    if isinstance(body, str):
        return body.encode("utf-8", "replace")
    # bytes(5) would be five zeros and bytes([1]) another surprise, so the type is checked.
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(cast("bytes", body))
    raise TypeError(f"{kind} takes str or bytes, not {_shown(body)}: JSON(...) takes the rest")


async def _whole(body: bytes) -> AsyncGenerator[bytes, None]:
    if body:
        yield body


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."

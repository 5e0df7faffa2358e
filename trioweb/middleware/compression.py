"""Compression of responses with gzip (RFC 9110 §8.4.1.3, RFC 1952).

A compressed response is another representation of the same resource. Everything that names the
representation has to follow: the tag, the length, the digests, `Vary` for caches, and ranges, which
count bytes of the uncompressed content. Most of this module is about these fields.

`Vary: Accept-Encoding` is added to every response of a compressible type, also to one that is sent
uncompressed. Otherwise a cache would take the first one that it stores for the only one. It could
then give a compressed response to a client that does not accept gzip.
"""

from __future__ import annotations

import gzip
from functools import partial

import attrs

from trioweb._web.accept_encoding import preferred_coding, refuses_identity
from trioweb._web.derived_body import derived
from trioweb._web.parameters import media_type_of
from trioweb._web.request import Request
from trioweb._web.response import Response
from trioweb.headers import MutableHeaders
from trioweb.middleware.chain import Next
from trioweb.middleware.gzipped_body import GzippedBody, compress_without_blocking
from trioweb.middleware.vary import vary_on
from trioweb.validators import whole_number

_TYPES = frozenset(
    {
        "application/javascript",
        "application/json",
        "application/jsonl",
        "application/manifest+json",
        "application/rtf",
        "application/vnd.ms-fontobject",
        "application/wasm",
        "application/x-javascript",
        "application/x-ndjson",
        "application/xml",
        "font/otf",
        "font/ttf",
        "image/bmp",
        "image/svg+xml",
        "image/x-icon",
        "image/vnd.microsoft.icon",
    }
)
_EVENTS = "text/event-stream"
"""Not compressed: events are short, and each open stream would need a compression window of its own."""

_STAND_INS = frozenset({206, 304})
"""Responses that stand in for one that may have been compressed, and repeat its fields.

RFC 9110 §15.3.7 and §15.4.5.
"""
_TYPES_OF_PARTS = frozenset({"", "multipart/byteranges"})
"""The types of partial responses, which do not show the type of the whole."""

_OF_THE_CONTENT = (
    "accept-ranges",
    "content-digest",
    "content-length",
    "content-md5",
    "digest",
    "repr-digest",
)
"""Fields that describe the uncompressed content only."""


@attrs.frozen(kw_only=True)
class GZip:
    """Compress responses for clients that accept gzip.

    Types that become smaller are compressed: text, JSON, XML, SVG and similar ones, including
    error responses. These are sent unchanged: images, archives and other types that are already
    compressed, event streams, parts of a file (206), accepted handshakes, and responses with a
    Content-Encoding or with `Cache-Control: no-transform`. All responses of compressible types
    get `Vary: Accept-Encoding`.

    A body that is in memory is compressed as a whole. A streamed body is compressed piece by
    piece: each piece leaves at once, and the compressor takes about 256 KiB of memory until the
    response ends. Long pieces and bodies are compressed in a worker thread.

    A strong ETag becomes weak, because the bytes are different (RFC 9110 §8.8.3.3): the client
    still gets its 304, but cannot resume a download. Files are not resumed by date either,
    because the date does not identify the coding.

    If a page contains both a secret and text that an attacker can choose, the compressed length
    can reveal the secret ("BREACH"). Send such pages with `Cache-Control: no-transform`.

    Args:
        minimum_bytes: Shorter bodies are sent uncompressed, if the client allows it.
        level: zlib's effort, 1 (fast) to 9 (small).

    Raises:
        ConfigError: A value cannot work.
    """

    minimum_bytes: int = attrs.field(default=500, validator=whole_number(0))
    level: int = attrs.field(default=6, validator=whole_number(1, 9))

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Pass the request on, and compress the response if that makes sense.

        Cancellation: The next layer's response is closed.
        """
        request.may_be_recoded = True
        response = await call_next(request)
        if not _may_be_changed(response):
            return response
        kind = media_type_of(response.headers.get("content-type", ""))
        if response.status in _STAND_INS:
            if kind in _TYPES_OF_PARTS or _becomes_smaller(kind):
                vary_on(response.headers, "Accept-Encoding")
            _weaken_known_tag(request, response)
            return response
        if not _becomes_smaller(kind):
            return response
        vary_on(response.headers, "Accept-Encoding")
        if preferred_coding(request.headers, ("gzip",)) is None:
            return response
        least = 0 if refuses_identity(request.headers) else self.minimum_bytes
        if response.content_bytes is not None and response.content_bytes < max(least, 1):
            return response
        return await self._compressed(response, must_be_smaller=least > 0)

    async def _compressed(self, response: Response, *, must_be_smaller: bool) -> Response:
        if response.is_streamed:
            _describe(response.headers)
            return derived(GzippedBody(response, self.level))
        body = await compress_without_blocking(
            partial(gzip.compress, response.body, self.level, mtime=0), response.body
        )
        if len(body) < len(response.body) or not must_be_smaller:
            response.body = body
            _describe(response.headers)
        return response


def _may_be_changed(response: Response) -> bool:
    headers = response.headers
    return (
        "content-encoding" not in headers
        # RFC 9111 §5.2.2.6: intermediaries must not transform the content, and this layer acts as one.
        and "no-transform" not in headers.tokens("cache-control")
        # A filler is sent uncompressed, and would damage the compressed stream.
        and response.filler is None
    )


def _becomes_smaller(kind: str) -> bool:
    is_one = kind in _TYPES or kind.startswith("text/") or kind.endswith(("+json", "+xml"))
    return is_one and kind != _EVENTS


def _describe(headers: MutableHeaders) -> None:
    """Set the header fields of compressed content."""
    headers["content-encoding"] = "gzip"
    for name in _OF_THE_CONTENT:
        if name in headers:
            del headers[name]
    tag = headers.get("etag", "")
    if tag.startswith('"'):
        headers["etag"] = f"W/{tag}"


def _weaken_known_tag(request: Request, response: Response) -> None:
    """Give a 304 the weak tag that the client sent, by which it finds its copy (RFC 9111 §4.3.4).

    The handler knows only the strong tag of the uncompressed content. The client's copy may be
    the compressed one, whose tag this layer has made weak.
    """
    tag = response.headers.get("etag", "")
    if (
        response.status == 304
        and tag.startswith('"')
        and f"W/{tag}" in request.headers.get("if-none-match", "")
    ):
        response.headers["etag"] = f"W/{tag}"

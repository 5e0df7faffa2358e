"""A request as the wire passes it on, with a body in pieces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest
import trio
from support.bodies import body_from
from support.forms import MULTIPART

from trioweb._web.address import Address
from trioweb._web.proxies import Forwarding
from trioweb._web.request import Request
from trioweb._wire.http1.request_head import RequestHead
from trioweb.config import Limits
from trioweb.headers import Headers

CLIENT = Address("192.0.2.1", 5000)

MakeRequest = Callable[..., Request]


def build(
    target: str = "/",
    method: str = "GET",
    headers: Iterable[tuple[str, str]] = (),
    *,
    pieces: Iterable[bytes] = (),
    content_bytes: int | None = None,
    limits: Limits | None = None,
    client: Address | None = CLIENT,
    scheme: str = "http",
    host: str = "example.org",
    is_anonymous: bool = False,
    path_params: dict[str, Any] | None = None,
    receive_body: Callable[[], Awaitable[bytes]] | None = None,
    **more: Any,
) -> Request:
    waiting = iter(pieces)

    async def receive_piece() -> bytes:
        await trio.lowlevel.checkpoint()
        return next(waiting, b"")

    raw_path, _, query_string = target.partition("?")
    head = RequestHead(
        method=method,
        target=target,
        raw_path=raw_path,
        query_string=query_string,
        headers=Headers([("Host", "example.org"), *headers]),
        http_version="1.1",
        content_bytes=content_bytes,
        is_chunked=content_bytes is None,
        expects_continue=False,
        wants_websocket=False,
    )
    body = None
    if content_bytes != 0:
        body = body_from(receive_body or receive_piece, limits)
    forwarding = Forwarding(client, scheme, host, is_anonymous=is_anonymous)
    request = Request(head, forwarding, body=body, **more)
    request.path_params = path_params or {}
    return request


@pytest.fixture
def make_request() -> MakeRequest:
    return build


@pytest.fixture
def form_request(make_request):
    """A request whose body is a form, URL-encoded or multipart."""

    def build(body, header=MULTIPART, **options):
        pieces = [body] if isinstance(body, bytes) else body
        options.setdefault("limits", Limits(**options.pop("limit", {})))
        return make_request("/", "POST", [header] if header else [], pieces=pieces, **options)

    return build

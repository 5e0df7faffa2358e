"""A request as the wire hands it over, with a body in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
import trio
from support.forms import MULTIPART

from trioweb._web.address import Address
from trioweb._web.request import Request
from trioweb._wire.request_head import RequestHead
from trioweb.config import Limits
from trioweb.headers import Headers

MakeRequest = Callable[..., Request]


def build(
    target: str = "/",
    method: str = "GET",
    headers: Iterable[tuple[str, str]] = (),
    *,
    pieces: Iterable[bytes] = (),
    content_bytes: int | None = None,
    body_bytes: int = 1000,
    limits: Limits | None = None,
    **more: Any,
) -> Request:
    waiting = iter(pieces)

    async def receive_body() -> bytes:
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
    arguments: dict[str, Any] = {
        "path_params": {},
        "client": Address("192.0.2.1", 5000),
        "scheme": "http",
        "receive_body": receive_body,
        "limits": limits or Limits(body_bytes=body_bytes),
    }
    return Request(head, **(arguments | more))


@pytest.fixture
def make_request() -> MakeRequest:
    return build


@pytest.fixture
def form_request(make_request):
    """A request whose body is a form, url-encoded or of parts."""

    def build(body, header=MULTIPART, **options):
        pieces = [body] if isinstance(body, bytes) else body
        options.setdefault("limits", Limits(**options.pop("limit", {})))
        return make_request("/", "POST", [header] if header else [], pieces=pieces, **options)

    return build

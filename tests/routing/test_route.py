"""The checks of a decorator besides the path: handler, methods and the WebSocket's options."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from trioweb._routing.route import HttpRoute, WebSocketRoute
from trioweb._routing.router import Router
from trioweb.config import Deflate, Limits
from trioweb.errors import ConfigError, SetupError


async def handler(request: object, **params: Any) -> None:
    """Answer nothing: only its routes matter here."""


def plain(request: object) -> None:
    """Not a coroutine function."""


async def generator(request: object) -> AsyncIterator[int]:
    """Not one either."""
    yield 1


class Answer:
    """A handler that is an object."""

    async def __call__(self, request: object) -> None:
        """Answer nothing."""

    async def method(self, request: object) -> None:
        """Answer nothing, bound."""


class PlainAnswer:
    """A handler that cannot be one."""

    def __call__(self, request: object) -> None:
        """Not a coroutine function."""


@pytest.mark.parametrize(
    ("accepted", "name"),
    [
        (handler, "handler"),
        (functools.partial(handler, extra=1), "handler"),
        (functools.partial(functools.partial(handler, extra=1), other=2), "handler"),
        (Answer(), "Answer"),
        (functools.partial(Answer()), "Answer"),
        (Answer().method, "method"),
    ],
)
def test_an_async_callable_is_a_handler_and_comes_back_unchanged(accepted: Any, name: str) -> None:
    router = Router()
    assert router.get("/http")(accepted) is accepted
    assert router.websocket("/ws", name="ws")(accepted) is accepted
    assert [route.handler for route in router.routes] == [accepted, accepted]
    assert router.url_for(name) == "/http"


@pytest.mark.parametrize(
    ("refused", "label"),
    [
        (plain, r"\.plain is not"),
        (functools.partial(plain), r"\.plain is not"),
        (generator, r"\.generator is not"),
        (Answer, r"\.Answer is not"),
        (PlainAnswer(), r"\.PlainAnswer is not"),
        (None, "NoneType is not"),
        ("handler", "str is not"),
    ],
)
def test_a_handler_that_is_not_an_async_callable_is_refused_at_its_decorator(
    refused: Any, label: str
) -> None:
    router = Router()
    with pytest.raises(SetupError, match=f"{label} an async function: write async def"):
        router.get("/")(refused)
    with pytest.raises(SetupError, match=f"{label} an async function: write async def"):
        router.websocket("/")(refused)
    assert router.routes == ()


def test_methods_are_upper_cased() -> None:
    router = Router()
    router.route("/", methods=["get", "Report"])(handler)
    (route,) = router.routes
    assert isinstance(route, HttpRoute)
    assert route.methods == {"GET", "REPORT"}


@pytest.mark.parametrize(
    ("methods", "complaint"),
    [
        ("GET", r"such as \['GET'\]"),
        ([], "empty"),
        (["GET", "BAD METHOD"], "tokens"),
        ([""], "tokens"),
        ([1], "tokens"),
        (["GET", "GET"], "'GET' twice"),
    ],
)
def test_methods_are_a_list_of_tokens(methods: Any, complaint: str) -> None:
    with pytest.raises(SetupError, match=complaint):
        Router().route("/", methods=methods)(handler)


@pytest.mark.parametrize(
    ("subprotocols", "complaint"),
    [
        ("chat", r"such as \['chat'\]"),
        (["a b"], "tokens"),
        ([b"chat"], "tokens"),
        (["chat", "chat"], "'chat' twice"),
    ],
)
def test_subprotocols_are_a_list_of_tokens(subprotocols: Any, complaint: str) -> None:
    with pytest.raises(SetupError, match=f"subprotocols .*{complaint}"):
        Router().websocket("/", subprotocols=subprotocols)(handler)


def test_a_websocket_keeps_its_options_and_inherits_what_it_does_not_set() -> None:
    router = Router()
    deflate, limits = Deflate(level=1), Limits(message_bytes=10)
    router.websocket(
        "/own",
        name="own",
        subprotocols=["v2", "v1"],
        origins=["https://Example.org"],
        compression=deflate,
        limits=limits,
    )(handler)
    router.websocket("/any", origins="*")(handler)
    router.websocket("/inherited")(handler)
    own, any_origin, inherited = router.routes
    assert isinstance(own, WebSocketRoute)
    assert (own.path, own.name, own.subprotocols) == ("/own", "own", ("v2", "v1"))
    assert (own.origins, own.compression, own.limits) == (("https://example.org",), deflate, limits)
    assert isinstance(any_origin, WebSocketRoute)
    assert any_origin.origins == "*"
    assert isinstance(inherited, WebSocketRoute)
    assert (inherited.name, inherited.subprotocols) == (None, ())
    assert (inherited.origins, inherited.compression, inherited.limits) == (None, None, None)


def test_options_of_the_wrong_kind_are_refused() -> None:
    router = Router()
    with pytest.raises(ConfigError, match="origin"):
        router.websocket("/", origins="https://example.org")
    with pytest.raises(ConfigError, match=r"WebSocketRoute\.compression takes Deflate or None"):
        router.websocket("/", compression=True)(handler)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"WebSocketRoute\.limits takes Limits or None"):
        router.websocket("/", limits={"message_bytes": 1})(handler)  # type: ignore[arg-type]
    assert router.routes == ()

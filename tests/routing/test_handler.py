"""A handler's parameters are checked against its path by the decorator."""

from __future__ import annotations

import functools
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, NewType, Optional
from uuid import UUID

import pytest

from trioweb import App, Request, Router, SetupError, WebSocket

if TYPE_CHECKING:
    from somewhere import Number  # type: ignore[import-not-found]

UserId = NewType("UserId", int)


class Colour(Enum):
    RED = "red"


class User:
    """A type that only a custom converter gives."""


def decorated(function: Any) -> Any:
    """Wrap a handler as programs do, passing on whatever comes."""

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await function(*args, **kwargs)

    return wrapper


def logged_in(function: Any) -> Any:
    """Wrap a handler and fill one of its parameters."""

    @functools.wraps(function)
    async def wrapper(request: Request, **params: Any) -> Any:
        return await function(request, user="ann", **params)

    return wrapper


async def bare() -> None: ...
async def one(request): ...
async def number(request, item): ...
async def whole_number(request, item: int): ...
async def unresolved(request, item: Number): ...
async def anything(*args, **kwargs): ...
async def any_path(request, **params): ...
async def keyword(request, *, item): ...
async def with_default(request, item, page=1): ...
async def with_user(request, user, item: int): ...


class Pages:
    async def show(self, request: object, item: str) -> None: ...

    async def __call__(self, request: object, item: str) -> None: ...


@pytest.mark.parametrize(
    ("path", "handler"),
    [
        ("/", one),
        ("/{item}", number),
        ("/{item:int}", whole_number),
        ("/{item}", unresolved),
        ("/{item}", anything),
        ("/{item}", any_path),
        ("/{item}", keyword),
        ("/{item}", with_default),
        ("/{item}", Pages().show),
        ("/{item}", Pages()),
        ("/{item}", functools.partial(with_user, user="ann")),
        ("/{item}", functools.partial(number)),
        ("/{item}", decorated(whole_number)),
        ("/{item:int}", logged_in(with_user)),
    ],
)
def test_a_handler_that_takes_the_parameters_of_its_path_is_accepted(path: str, handler: Any) -> None:
    if handler is not None and isinstance(handler, functools.partial) and handler.keywords:
        path = "/{item:int}"
    App().get(path)(handler)
    App().websocket(path)(handler)


@pytest.mark.parametrize(
    ("path", "handler", "text"),
    [
        (
            "/x/{item}",
            one,
            r"has no parameter for \{item\} of '/x/\{item\}': write async def one\(request, item\)",
        ),
        (
            "/x",
            number,
            r"a parameter 'item' that nothing fills: '/x' has no \{item\}\. A query is read with request",
        ),
        ("/x", bare, r"no parameter for the request, which comes first: write async def bare\(request\)"),
        (
            "/x/{user}/{item}",
            Pages().show,
            r"no parameter for \{user\} .* write async def show\(request, user, item\)",
        ),
        ("/x/{item:int}", functools.partial(with_user, "me", "ann"), "begins with 'item'"),
    ],
)
def test_a_handler_that_does_not_take_the_parameters_of_its_path_is_refused(
    path: str, handler: Any, text: str
) -> None:
    app = App()
    with pytest.raises(SetupError, match=text):
        app.get(path)(handler)
    assert not app.routes


def test_the_error_for_a_handler_without_its_websocket_says_so() -> None:
    with pytest.raises(SetupError, match=r"for the WebSocket, which comes first: write async def bare\(ws\)"):
        App().websocket("/")(bare)
    with pytest.raises(SetupError, match=r"A query is read with ws\.request\.query"):
        App().websocket("/")(number)


def test_the_error_for_a_handler_that_starts_with_a_parameter_says_what_comes_first() -> None:
    async def read_item(item: int): ...

    text = r"begins with 'item', which is a parameter of '/x/\{item\}': the request comes first, so write async def "
    with pytest.raises(SetupError, match=rf"{text}read_item\(request, item\)"):
        App().get("/x/{item}")(read_item)


def test_a_positional_only_parameter_is_refused() -> None:
    async def positional(request, item, /): ...

    with pytest.raises(SetupError, match=r"has no parameter for \{item\}"):
        Router().get("/{item}")(positional)
    with pytest.raises(SetupError, match="'item' that nothing fills"):
        Router().get("/")(positional)


# Annotations. Those of this file are text, as `from __future__ import annotations` makes them.


async def _int(request, item: int): ...
async def _str(request, item: str): ...
async def _float(request, item: float): ...
async def _bool(request, item: bool): ...
async def _uuid(request, item: UUID): ...
async def _decimal(request, item: Decimal): ...
async def _colour(request, item: Colour): ...
async def _new(request, item: UserId): ...
async def _annotated(request, item: Annotated[int, "positive"]): ...
async def _optional(request, item: Optional[int]): ...  # noqa: UP045 - as many programs write it
async def _union(request, item: int | str): ...
async def _number_or_none(request, item: UserId | float | None): ...
async def _user_or_number(request, item: User | int): ...
async def _any(request, item: Any): ...
async def _object(request, item: object): ...
async def _user(request, item: User): ...


@pytest.mark.parametrize(
    ("path", "handler", "advice"),
    [
        (
            "/{item}",
            _int,
            r"takes item: int, and \{item\} in '/\{item\}' gives str: write \{item:int\} in the path",
        ),
        ("/{item}", _new, r"write \{item:int\}"),
        ("/{item}", _annotated, r"write \{item:int\}"),
        ("/{item:path}", _int, r"\{item:path\} in '/\{item:path\}' gives str: write \{item:int\}"),
        (
            "/{item:int}",
            _str,
            r"takes item: str, and \{item:int\} in '/\{item:int\}' gives int: write \{item\} in the path",
        ),
        ("/{item:float}", _int, r"write \{item:int\}"),
        ("/{item:int}", _uuid, r"write \{item:uuid\}"),
        ("/{item}", _float, r"write \{item:float\}"),
        ("/{item}", _bool, r"write item: str, or a converter of your own \(router\.converter\)"),
        ("/{item}", _decimal, "a converter of your own"),
        ("/{item}", _colour, "a converter of your own"),
        ("/{item}", _optional, r"takes item: int, .* gives str: write \{item:int\}"),
        ("/{item}", _number_or_none, r"takes item: int \| float, .* gives str: write \{item:int\}"),
        ("/{item:uuid}", _union, r"takes item: int \| str, .* gives UUID: write \{item:int\}"),
    ],
)
def test_an_annotation_that_contradicts_the_path_is_refused(path: str, handler: Any, advice: str) -> None:
    with pytest.raises(SetupError, match=advice):
        Router().get(path)(handler)
    with pytest.raises(SetupError, match=advice):
        Router().websocket(path)(handler)


@pytest.mark.parametrize(
    ("path", "handler"),
    [
        ("/{item:int}", _int),
        ("/{item:int}", _float),
        ("/{item:int}", _new),
        ("/{item:uuid}", _uuid),
        ("/{item:int}", _optional),
        ("/{item:int}", _number_or_none),
        *[
            (path, one)
            for path in ("/{item}", "/{item:int}")
            for one in (_union, _any, _object, _user, _user_or_number)
        ],
    ],
)
def test_an_annotation_that_may_be_right_is_accepted(path: str, handler: Any) -> None:
    Router().get(path)(handler)


def test_annotations_for_custom_converters_are_not_checked() -> None:
    router = Router()
    router.converter("number", Decimal)
    for handler in (_int, _decimal, _colour, _user):
        router.get(f"/{handler.__name__}/{{item:number}}")(handler)


def test_the_other_kind_of_first_parameter_is_refused() -> None:
    async def page(request: Request): ...
    async def chat(ws: WebSocket): ...
    async def item(name: str): ...

    with pytest.raises(
        SetupError, match=r"begins with ws: WebSocket, and here the first parameter is a Request"
    ):
        App().get("/")(chat)
    with pytest.raises(
        SetupError, match=r"begins with request: Request, and here the first parameter is a WebSo"
    ):
        App().websocket("/")(page)
    with pytest.raises(SetupError, match=r"begins with name: str, and here the first parameter is a Request"):
        App().get("/")(item)


# Prefixes


async def of_tenant(request, tenant, item): ...


def test_a_routers_handler_may_wait_for_its_prefix() -> None:
    app, router = App(), Router()
    router.get("/{item}")(of_tenant)
    app.include("/{tenant}", router)
    router.get("/late/{item}")(of_tenant)
    assert [route.path for route in app.routes] == ["/{tenant}/{item}", "/{tenant}/late/{item}"]


def test_a_parameter_that_no_prefix_fills_is_refused_when_the_router_is_included() -> None:
    app, outer, router = App(), Router(), Router()
    router.get("/{item}")(of_tenant)
    outer.include("/tenants", router)
    with pytest.raises(
        SetupError, match=r"'tenant' that nothing fills: '/tenants/\{item\}' has no \{tenant\}"
    ):
        app.include("", outer)
    assert not app.routes


def test_a_handler_that_does_not_take_its_prefix_is_refused_at_the_inclusion() -> None:
    app, router = App(), Router()
    router.get("/{item}")(number)
    with pytest.raises(
        SetupError, match=r"no parameter for \{tenant\} .* write async def number\(request, tenant"
    ):
        app.include("/{tenant}", router)
    app.include("/items", router)
    with pytest.raises(SetupError, match="'tenant' that nothing fills"):
        router.get("/late/{item}")(of_tenant)


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("/w/<int:item>", "{item:int}"),
        ("/w/<item>", "{item}"),
        ("/w/<string:item>", "{item}"),
        ("/w/<path:rest>/x", "{rest:path}"),
    ],
)
def test_the_error_for_a_parameter_in_angle_brackets_shows_the_right_syntax(path: str, advice: str) -> None:
    with pytest.raises(SetupError) as caught:
        Router().get(path)
    assert str(caught.value).endswith(f"for a parameter: write {advice}")

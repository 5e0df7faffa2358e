"""Middleware, error handlers and lifespans are checked as soon as they are given."""

from __future__ import annotations

import functools
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from trioweb import App, SetupError, Text
from trioweb.app import responder_of
from trioweb.middleware import GZip


async def middleware(request, call_next): ...
async def handler(request, error): ...
async def anything(*args): ...
async def with_more(app, request, second, limit=3): ...


class Handlers:
    async def method(self, request, second): ...

    async def __call__(self, request, second): ...


@pytest.mark.parametrize(
    "accepted",
    [
        anything,
        Handlers().method,
        Handlers(),
        functools.partial(with_more, "app"),
        functools.wraps(handler)(anything),
    ],
)
def test_anything_callable_with_two_arguments_is_middleware_and_an_error_handler(accepted: Any) -> None:
    app = App()
    assert app.middleware(accepted) is accepted
    assert app.error_handler(404)(accepted) is accepted
    app.middleware(GZip())


async def _one(request): ...
async def _three(request, error, app): ...
async def _named(request, error, *, app): ...


@pytest.mark.parametrize("refused", [_one, _three, _named])
def test_middleware_and_error_handlers_not_callable_with_two_arguments_are_refused(refused: Any) -> None:
    name, app = refused.__name__, App()
    with pytest.raises(
        SetupError, match=rf"called with request and error: write async def {name}\(request, error"
    ):
        app.error_handler(404)(refused)
    with pytest.raises(
        SetupError, match=rf"called with request and call_next: write async def {name}\(request, ca"
    ):
        app.middleware(refused)
    assert responder_of(app).is_bare


def test_functions_without_a_known_signature_are_accepted() -> None:
    class Odd:
        __signature__ = "none"

        async def __call__(self, *args): ...

    app, odd = App(), Odd()
    app.middleware(odd)
    app.get("/{item}")(odd)
    assert [route.handler for route in app.routes] == [odd]


def test_the_error_for_a_sync_handler_mentions_threads() -> None:
    def page(request):
        return Text("hello")

    with pytest.raises(SetupError, match=r"write async def.*await trio\.to_thread\.run_sync\(function\)"):
        App().get("/")(page)


def test_the_error_for_a_lifespan_without_its_decorator_names_it() -> None:
    async def lifespan(app, nursery):
        yield

    with pytest.raises(SetupError, match=r"lifespan with @contextlib\.asynccontextmanager"):
        App(lifespan=lifespan)


def test_the_error_for_a_lifespan_of_another_kind_says_what_one_is() -> None:
    async def without_yield(nursery): ...

    @contextmanager
    def not_async(nursery):
        yield

    for lifespan in (without_yield, not_async):
        with pytest.raises(SetupError, match="is not an async context manager function: write async def"):
            App(lifespan=lifespan)  # type: ignore[arg-type]


def test_a_lifespan_that_would_be_given_the_nursery_as_its_app_is_refused() -> None:
    @asynccontextmanager
    async def lifespan(app):
        yield

    @asynccontextmanager
    async def swapped(nursery, app):
        yield

    with pytest.raises(
        SetupError, match=r"lifespan\(app\) would be given the nursery.*write lifespan\(app, nursery"
    ):
        App(lifespan=lifespan)
    with pytest.raises(SetupError, match=r"swapped\(nursery, app\) would be given the nursery as its app"):
        App(lifespan=swapped)
    for number in (None, lambda: None, lambda a, b, c: None):
        if number is not None:
            with pytest.raises(SetupError, match="called with the nursery, or with the app and the nursery"):
                App(lifespan=number)  # type: ignore[arg-type]

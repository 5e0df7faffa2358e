"""The lifespan around the service: entered before the first connection, left after the last."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing
from support.serving import connected, quick, running

import trioweb
from trioweb import App, Router, SetupError, Text
from trioweb.exception_groups import leaf_exceptions
from trioweb.testing import open_client


async def test_a_lifespan_surrounds_the_service_and_its_tasks_end_with_it():
    order = []

    @asynccontextmanager
    async def lifespan(app, nursery):
        async def background():
            try:
                await trio.sleep_forever()
            finally:
                order.append("background ends")

        nursery.start_soon(background)
        app.state.database = "open"
        order.append("up")
        try:
            yield
        finally:
            order.append("down")

    app = App(lifespan=lifespan)

    @app.get("/")
    async def index(request):
        order.append(app.state["database"])
        return Text("hello")

    async with open_client(app) as client:
        await client.get("/")
    assert order == ["up", "open", "down", "background ends"]


@pytest.mark.parametrize("how", ["aclose", "cancel", "abort"])
async def test_a_lifespan_is_left_uncancelled_when_the_drain_has_run_out(autojump_clock, how):
    order = []

    @asynccontextmanager
    async def lifespan(nursery):
        yield  # bare, as in the guide: the code after it must run
        await trio.sleep(0.5)
        order.append("database closed")

    app = App(quick(handler_grace_seconds=2), lifespan=lifespan)
    stuck = trio.Event()

    @app.get("/")
    async def never(request):
        stuck.set()
        try:
            await trio.sleep_forever()
        finally:
            order.append("handler cancelled")

    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(trioweb.serve, app, port=0))
        async with connected(server) as peer:
            await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await stuck.wait()
            match how:
                case "aclose":
                    await server.aclose()
                case "cancel":
                    nursery.cancel_scope.cancel()
                case "abort":
                    server.abort()
                    await server.wait_closed()
    assert order == ["handler cancelled", "database closed"]


async def test_a_lifespan_that_does_not_end_is_cancelled_at_the_deadline(autojump_clock, caplog):
    @asynccontextmanager
    async def lifespan(nursery):
        yield
        await trio.sleep_forever()

    app = App(quick(handler_grace_seconds=2), lifespan=lifespan)
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(trioweb.serve, app, port=0))
        started = trio.current_time()
        await server.aclose(grace_seconds=3)
        assert trio.current_time() - started == pytest.approx(3)
    assert "cancelling the lifespan, which has not ended 3.0 s after the shutdown began" in caplog.text


@pytest.mark.parametrize("code", ["shielded", "a task of its nursery"])
async def test_a_lifespan_that_cannot_be_cancelled_is_left_behind_at_the_deadline(
    autojump_clock, caplog, code
):
    ended = trio.Event()

    async def stay():
        with trio.CancelScope(shield=True):
            await trio.sleep(100)
        ended.set()

    @asynccontextmanager
    async def lifespan(nursery):
        if code == "shielded":
            yield
            await stay()
        else:
            nursery.start_soon(stay)
            yield

    async def serve_again():
        with pytest.raises(SetupError, match="something in it shields itself"):
            await trioweb.serve(app, port=0)

    app = App(quick(drain_seconds=2), lifespan=lifespan)
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(trioweb.serve, app, port=0))
        started = trio.current_time()
        server.stop()
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(serve_again)
        await server.wait_closed()
        assert trio.current_time() - started == pytest.approx(2.25)
    assert "is left behind" in caplog.text
    with pytest.raises(SetupError, match="something in it shields itself"):
        await trioweb.serve(app, port=0)
    await ended.wait()
    await trio.testing.wait_all_tasks_blocked()
    async with running(app):
        pass


async def test_a_lifespan_that_fails_after_it_was_left_behind_is_logged(autojump_clock, caplog):
    @asynccontextmanager
    async def lifespan(nursery):
        yield
        with trio.CancelScope(shield=True):
            await trio.sleep(100)
        raise LookupError("too late")

    async with running(App(lifespan=lifespan)):
        pass
    await trio.sleep(100)
    assert "LookupError: too late" in caplog.text


async def test_a_lifespan_that_shields_its_start_does_not_hold_up_a_cancellation(
    autojump_clock,
):
    @asynccontextmanager
    async def lifespan(nursery):
        with trio.CancelScope(shield=True):
            await trio.sleep(100)
        yield

    started = trio.current_time()
    with trio.move_on_after(1):
        await trioweb.serve(App(lifespan=lifespan), port=0)
    assert trio.current_time() - started == pytest.approx(1.25)


async def test_a_lifespan_may_take_the_nursery_alone():
    seen = []

    @asynccontextmanager
    async def lifespan(nursery):
        seen.append(nursery)
        yield

    async with running(App(lifespan=lifespan)):
        assert isinstance(seen[0], trio.Nursery)


async def test_lifespans_of_included_apps_are_inside_the_one_of_the_outer_app():
    order = []

    def living(name):
        @asynccontextmanager
        async def lifespan(app, nursery):
            app.state.name = name
            order.append(f"{name} up")
            try:
                yield
            finally:
                order.append(f"{name} down")

        return App(lifespan=lifespan)

    outer, router, inner = living("outer"), Router(), living("inner")
    outer.include("/plain", App())
    outer.include("/router", router)
    router.include("/inner", inner)  # also an inner one that comes later
    async with running(outer):
        assert (outer.state.name, inner.state.name) == ("outer", "inner")
    assert order == ["outer up", "inner up", "inner down", "outer down"]


async def test_a_lifespan_that_fails_to_start_fails_bare():
    @asynccontextmanager
    async def lifespan(nursery):
        raise LookupError("no database")
        yield

    with pytest.raises(LookupError, match="no database"):
        await trioweb.serve(App(lifespan=lifespan), port=0)


async def test_a_background_task_of_the_lifespan_that_fails_ends_the_server_bare():
    async def failing():
        raise LookupError("lost the database")

    @asynccontextmanager
    async def lifespan(nursery):
        nursery.start_soon(failing)
        yield

    with pytest.raises(LookupError, match="lost the database"), trio.fail_after(5):
        await trioweb.serve(App(quick(), lifespan=lifespan), port=0)


async def test_two_background_tasks_of_the_lifespan_that_fail_are_both_raised():
    async def failing(name):
        try:
            await trio.sleep_forever()
        finally:
            raise LookupError(name)

    @asynccontextmanager
    async def lifespan(nursery):
        nursery.start_soon(failing, "one")
        nursery.start_soon(failing, "two")
        nursery.start_soon(trio.lowlevel.checkpoint)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        yield

    with pytest.raises(ExceptionGroup) as caught, trio.fail_after(5):
        await trioweb.serve(App(quick(), lifespan=lifespan), port=0)
    assert sorted(str(leaf) for leaf in leaf_exceptions(caught.value)) == ["one", "two"]

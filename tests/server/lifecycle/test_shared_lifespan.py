"""One app, several servers: its lifespan is entered by the first and left after the last."""

from __future__ import annotations

import contextvars
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing
from support.serving import connected, quick, running
from support.waiting import until

import trioweb
from trioweb import App, SetupError, Text
from trioweb.exception_groups import leaf_exceptions
from trioweb.testing import RawPeer

GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
def order():
    return []


def living(order, **gates):
    """An app that records when its lifespan is entered and left; given events hold up either."""

    @asynccontextmanager
    async def lifespan(app, nursery):
        order.append("entering")
        if "entering" in gates:
            await gates["entering"].wait()
        app.state.database = "open"
        order.append("up")
        try:
            yield
            if "leaving" in gates:
                await gates["leaving"].wait()
        finally:
            app.state.database = "closed"
            order.append("down")

    app = App(quick(), lifespan=lifespan)

    @app.get("/")
    async def index(request):
        return Text(app.state.database)

    return app


async def ask(server):
    async with connected(server) as peer:
        await peer.send(GET)
        return (await peer.receive_response())[1]


@pytest.mark.parametrize("first", [0, 1])
async def test_the_first_of_two_servers_enters_and_the_last_leaves(order, first):
    app = living(order)
    async with trio.open_nursery() as nursery:
        servers = [await nursery.start(partial(trioweb.serve, app, port=0)) for _ in range(2)]
        assert order == ["entering", "up"]
        await servers.pop(first).aclose()
        assert order == ["entering", "up"]
        assert await ask(servers[0]) == b"open"
        await servers[0].aclose()
        assert order == ["entering", "up", "down"]


async def test_cancelling_the_server_that_entered_takes_nothing_from_the_other(order):
    app = living(order)
    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as first:
            await first.start(partial(trioweb.serve, app, port=0))
            server = await nursery.start(partial(trioweb.serve, app, port=0))
            first.cancel_scope.cancel()
        assert await ask(server) == b"open"
        await server.aclose()
    assert order == ["entering", "up", "down"]


async def test_a_server_that_starts_while_the_lifespan_is_being_entered_waits_for_it(order):
    entering = trio.Event()
    app = living(order, entering=entering)
    servers = []

    async def start(nursery):
        servers.append(await nursery.start(partial(trioweb.serve, app, port=0)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(start, nursery)
        nursery.start_soon(start, nursery)
        await trio.testing.wait_all_tasks_blocked()
        assert (order, servers) == (["entering"], [])
        entering.set()
        await until(lambda: len(servers) == 2)
        assert order == ["entering", "up"]
        nursery.cancel_scope.cancel()
    assert order == ["entering", "up", "down"]


async def test_a_waiting_server_gets_its_lifespan_when_the_entering_one_is_cancelled(order):
    entering = trio.Event()
    app = living(order, entering=entering)
    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as first:
            first.start_soon(partial(trioweb.serve, app, port=0))
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(partial(trioweb.serve, app, port=0))
            await trio.testing.wait_all_tasks_blocked()
            first.cancel_scope.cancel()
        entering.set()
        await until(lambda: order == ["entering", "up"])
        nursery.cancel_scope.cancel()
    assert order == ["entering", "up", "down"]


async def test_a_server_that_starts_while_the_lifespan_is_being_left_enters_it_again(order):
    leaving = trio.Event()
    app = living(order, leaving=leaving)
    async with trio.open_nursery() as nursery:
        first = await nursery.start(partial(trioweb.serve, app, port=0))
        first.stop()
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(partial(trioweb.serve, app, port=0))
        await trio.testing.wait_all_tasks_blocked()
        assert order == ["entering", "up"]
        leaving.set()
        await until(lambda: order == ["entering", "up", "down", "entering", "up"])
        nursery.cancel_scope.cancel()


async def test_a_lifespan_that_fails_to_start_fails_each_server_that_waits_for_it():
    go_on = trio.Event()

    @asynccontextmanager
    async def lifespan(nursery):
        await go_on.wait()
        raise LookupError("no database")
        yield

    app, failures = App(lifespan=lifespan), []

    async def serve():
        with pytest.raises(LookupError, match="no database"):
            await trioweb.serve(app, port=0)
        failures.append("no database")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        nursery.start_soon(serve)
        await trio.testing.wait_all_tasks_blocked()
        go_on.set()
    assert len(failures) == 2


async def test_a_background_task_that_fails_ends_each_server():
    go_on = trio.Event()

    async def failing():
        await go_on.wait()
        raise LookupError("lost the database")

    @asynccontextmanager
    async def lifespan(nursery):
        nursery.start_soon(failing)
        yield

    app = App(quick(), lifespan=lifespan)
    with pytest.raises(ExceptionGroup) as caught, trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(trioweb.serve, app, port=0))
            await nursery.start(partial(trioweb.serve, app, port=0))
            go_on.set()
    assert {str(leaf) for leaf in leaf_exceptions(caught.value)} == {"lost the database"}


async def test_an_app_with_a_lifespan_belongs_to_one_run_of_trio(order):
    app = living(order)

    def serve_in_another_run():
        with pytest.raises(
            SetupError, match="another run of Trio, to which its lifespan and its state belong"
        ):
            trio.run(partial(trioweb.serve, app, port=0))

    async with running(app):
        await trio.to_thread.run_sync(serve_in_another_run)
    assert order == ["entering", "up", "down"]


def test_an_app_may_be_served_in_several_runs_of_trio_one_after_another(order):
    app = living(order)

    async def serve():
        async with running(app):
            pass

    trio.run(serve)
    trio.run(serve)
    assert order == ["entering", "up", "down"] * 2


def test_a_run_of_trio_that_was_broken_off_keeps_no_app(order):
    app = living(order)

    async def hold_for_ever():
        app._lifetime._joined(trio.CancelScope())
        await trio.testing.wait_all_tasks_blocked()

    async def serve():
        async with running(app):
            pass

    trio.run(hold_for_ever)
    app._lifetime._stay.ended = trio.Event()  # as if its task had not been able to report it
    trio.run(serve)
    assert order == ["entering", "up", "down"] * 2


async def test_every_server_sees_the_context_variables_that_the_lifespan_sets():
    variable = contextvars.ContextVar("variable", default="unset")

    @asynccontextmanager
    async def lifespan(nursery):
        variable.set("by the lifespan")
        yield

    app = App(quick(), lifespan=lifespan)

    @app.get("/")
    async def index(request):
        return variable.get()

    async with running(app) as one, running(app) as other:
        assert (await ask(one), await ask(other)) == (b"by the lifespan",) * 2


async def test_an_included_app_that_is_also_served_itself_shares_its_lifespan(order):
    inner, outer = living(order), App(quick())
    outer.include("/inner", inner)
    async with running(outer), running(inner):
        assert order == ["entering", "up"]
    assert order == ["entering", "up", "down"]


@pytest.mark.slow
async def test_a_stream_keeps_the_lifespan_that_a_server_entered(order):
    app = living(order)
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(trioweb.serve, app, port=0))
        nursery.start_soon(trioweb.serve_stream, app, theirs)
        await trio.testing.wait_all_tasks_blocked()
        await server.aclose()
        peer = RawPeer(ours)
        await peer.send(GET)
        assert (await peer.receive_response())[1] == b"open"
    assert order == ["entering", "up", "down"]


@pytest.mark.slow
async def test_a_stream_does_not_enter_a_lifespan_and_holds_only_one_that_is_entered(order):
    app = living(order, entering=trio.Event())
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(trioweb.serve, app, port=0))
        nursery.start_soon(trioweb.serve_stream, app, theirs)
        await ours.send_all(b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await RawPeer(ours).receive_head()).startswith("HTTP/1.1 404")
        nursery.cancel_scope.cancel()
    assert order == ["entering"]

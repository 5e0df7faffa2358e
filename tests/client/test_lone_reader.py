"""A client's only connection, whose receiving task waits for the socket in the pump's place."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from support.serving import running

import trioweb
from trioweb import App

USUAL = 30
"""Receives in a row, after which the task waits by itself."""


class Rounds(trio.abc.Instrument):
    """Counts the steps of tasks."""

    def __init__(self):
        self.steps = 0

    def before_task_step(self, task):
        self.steps += 1


@pytest.fixture
def app():
    app = App()
    app.state.sockets = []

    @app.websocket("/")
    async def echo(ws):
        app.state.sockets.append(ws)
        async for message in ws:
            await ws.send(message)

    return app


@pytest.fixture
def server_socket(app):
    """The server's end of the only connection."""
    return lambda: app.state.sockets[0]


async def exchange(ws, count):
    for number in range(count):
        await ws.send(str(number))
        assert await ws.receive() == str(number)


def stand_in_of(ws):
    return ws._intake._pump.stand_in


async def test_a_task_that_only_sends_and_receives_waits_for_its_socket_itself(app):
    async with running(app) as server, trioweb.connect(server.urls[0].replace("http", "ws")) as ws:
        assert not stand_in_of(ws).is_lent
        await exchange(ws, USUAL)
        assert stand_in_of(ws).is_lent
        await exchange(ws, 500)
        assert stand_in_of(ws).is_lent


async def test_a_ping_is_answered_while_the_task_does_something_else(app, server_socket):
    async with running(app) as server, trioweb.connect(server.urls[0].replace("http", "ws")) as ws:
        await exchange(ws, USUAL)
        with trio.fail_after(5):
            for _ in range(5):
                assert await server_socket().ping() < 1
        assert not stand_in_of(ws).is_lent
        await exchange(ws, 200)
        assert stand_in_of(ws).is_lent


async def test_the_task_may_ping_between_two_receives(app):
    async with running(app) as server, trioweb.connect(server.urls[0].replace("http", "ws")) as ws:
        await exchange(ws, USUAL)
        with trio.fail_after(5):
            assert await ws.ping() < 1
        await exchange(ws, USUAL)


async def test_a_ping_is_answered_in_a_loop_that_never_sleeps(app, server_socket, nursery):
    """The task is away, and the scheduler always has something to do."""
    spinning = trio.CancelScope()

    async def spin():
        with spinning:
            while True:
                await trio.lowlevel.checkpoint()

    async with running(app) as server, trioweb.connect(server.urls[0].replace("http", "ws")) as ws:
        await exchange(ws, USUAL)
        nursery.start_soon(spin)
        with trio.fail_after(5):
            await server_socket().ping()
        spinning.cancel()


async def test_a_close_wakes_the_task(app, server_socket, nursery):
    async with running(app) as server, trioweb.connect(server.urls[0].replace("http", "ws")) as ws:
        await exchange(ws, USUAL)
        nursery.start_soon(server_socket().aclose, 4000)
        with trio.fail_after(5), pytest.raises(trioweb.ConnectionClosedError, match="4000"):
            await ws.receive()


async def test_another_task_may_close_while_the_task_waits(app, nursery):
    async def close_later(ws):
        await trio.testing.wait_all_tasks_blocked(0.01)
        await ws.aclose()

    async with running(app) as server, trioweb.connect(server.urls[0].replace("http", "ws")) as ws:
        await exchange(ws, USUAL)
        nursery.start_soon(close_later, ws)
        with trio.fail_after(5), pytest.raises(trioweb.AlreadyClosed):
            await ws.receive()


async def test_a_second_task_is_refused_while_the_first_waits(app, nursery):
    async with running(app) as server, trioweb.connect(server.urls[0].replace("http", "ws")) as ws:
        await exchange(ws, USUAL)
        scope = trio.CancelScope()

        async def receive():
            with scope:
                await ws.receive()

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked(0.01)
        with pytest.raises(trioweb.ReceiveBusy):
            await ws.receive()
        scope.cancel()
        await trio.testing.wait_all_tasks_blocked(0.01)
        await exchange(ws, USUAL)


async def test_a_cancelled_receive_loses_no_message(app):
    async with running(app) as server, trioweb.connect(server.urls[0].replace("http", "ws")) as ws:
        await exchange(ws, USUAL)
        got = []
        for number in range(300):
            await ws.send(str(number))
            with trio.CancelScope() as scope:
                scope.deadline = trio.current_time() + (number % 7) * 0.00002
                got.append(await ws.receive())
        while len(got) < 300:
            with trio.fail_after(5):
                got.append(await ws.receive())
        assert got == [str(number) for number in range(300)]


async def test_a_second_connection_ends_the_loan_and_both_go_on(app):
    async with running(app) as server:
        url = server.urls[0].replace("http", "ws")
        async with trioweb.connect(url) as first:
            await exchange(first, USUAL)
            async with trio.open_nursery() as tasks:
                tasks.start_soon(exchange, first, 500)
                for _ in range(10):
                    async with trioweb.connect(url) as second:
                        assert not stand_in_of(first).is_lent
                        with trio.fail_after(5):
                            await exchange(second, 20)
            with trio.fail_after(5):
                await exchange(first, USUAL)


async def test_a_message_may_follow_in_pieces(app):
    async with running(app) as server, trioweb.connect(server.urls[0].replace("http", "ws")) as ws:
        await exchange(ws, USUAL)
        for _ in range(3):
            await ws.send("x" * 300_000)
            with trio.fail_after(5):
                async with ws.receive_stream() as pieces:
                    assert sum([len(piece) async for piece in pieces]) == 300_000
            await exchange(ws, USUAL)


async def test_input_that_a_deadline_has_read_reaches_the_task(app, server_socket):
    """Before a peer is judged, the pump reads what it has sent, also while a task waits in its place."""
    config = trioweb.Config(timeouts=trioweb.Timeouts(ping_interval_seconds=0.02, ping_timeout_seconds=5))
    async with (
        running(app) as server,
        trioweb.connect(server.urls[0].replace("http", "ws"), config=config) as ws,
    ):
        await exchange(ws, USUAL)
        for number in range(20):
            with trio.fail_after(5):
                await trio.sleep(0.005)
                await ws.send(str(number))
                assert await ws.receive() == str(number)


async def test_nothing_of_a_loan_is_left_after_the_connection(app):
    rounds = Rounds()
    async with running(app) as server:
        async with trioweb.connect(server.urls[0].replace("http", "ws")) as ws:
            await exchange(ws, USUAL)
            stand_in = stand_in_of(ws)
        assert not stand_in.is_lent
        with pytest.raises(KeyError):
            trio.lowlevel.remove_instrument(stand_in)
        await trio.testing.wait_all_tasks_blocked(0.01)
        trio.lowlevel.add_instrument(rounds)
        await trio.sleep(0.05)
        trio.lowlevel.remove_instrument(rounds)
    assert rounds.steps < 10


async def test_a_message_costs_the_client_one_step_of_one_task(app):
    """This is what the loan is for: the pump has none."""
    rounds = Rounds()
    async with running(app) as server, trioweb.connect(server.urls[0].replace("http", "ws")) as ws:
        await exchange(ws, USUAL)
        trio.lowlevel.add_instrument(rounds)
        await exchange(ws, 100)
        trio.lowlevel.remove_instrument(rounds)
    assert rounds.steps < 320  # the server has two for each message: its pump's and its handler's

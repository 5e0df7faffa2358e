"""The loan of a pump's only socket."""

from __future__ import annotations

import select
import socket
import sys

import pytest
import trio
import trio.testing

from trioweb._transport.flusher import Flusher
from trioweb._transport.pump import Pump

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs epoll")

ROUNDS = 30
"""Trio draws the order of tasks in each round. This many see both orders, but for one case in 10**9."""


class Reader:
    """Keeps what it reads, as an inbox would."""

    def __init__(self):
        self.socket, self.peer = socket.socketpair()
        self.socket.setblocking(False)
        self.seen = b""

    def on_readable(self, now):
        try:
            self.seen += self.socket.recv(100)
        except BlockingIOError:
            pass

    def on_writable(self):
        raise AssertionError


@pytest.fixture
def pump(nursery):
    pump = Pump(select.epoll(), Flusher())
    nursery.start_soon(pump.run)
    yield pump
    pump.close()


@pytest.fixture
def reader(pump):
    reader = Reader()
    pump.register(reader.socket.fileno(), reader, reading=True, writing=False)
    yield reader
    pump.forget(reader.socket.fileno())
    reader.socket.close()
    reader.peer.close()


async def test_input_that_the_pump_reads_as_the_loan_begins_reaches_the_task(pump, reader):
    """Both are woken in one round: the pump by the input, the task by something else."""
    stand_in = pump.stand_in
    for number in range(1, ROUNDS + 1):
        await trio.testing.wait_all_tasks_blocked()
        reader.peer.send(b"x")
        await trio.lowlevel.checkpoint()
        with trio.fail_after(5):
            while len(reader.seen) < number:
                await stand_in.wait(reader.socket.fileno())
        stand_in.end()


async def test_input_that_another_task_reads_reaches_the_task(pump, reader, nursery):
    async def catch_up():
        reader.peer.send(b"x")
        await pump.catch_up()

    with trio.fail_after(5):
        for number in range(1, ROUNDS + 1):
            nursery.start_soon(catch_up)
            while len(reader.seen) < number:
                await pump.stand_in.wait(reader.socket.fileno())


async def test_the_pump_waits_again_when_the_task_has_gone_and_the_loop_sleeps(pump, reader):
    for number in range(1, ROUNDS + 1):
        with trio.move_on_after(0):
            await pump.stand_in.wait(reader.socket.fileno())
        assert pump.stand_in.is_lent
        reader.peer.send(b"x")
        with trio.fail_after(5):
            while len(reader.seen) < number:  # noqa: ASYNC110 - the loop has to sleep
                await trio.sleep(0.001)
        assert not pump.stand_in.is_lent


async def test_a_socket_that_leaves_ends_the_wait_of_the_task(pump, reader, nursery):
    async def leave():
        await trio.testing.wait_all_tasks_blocked()
        pump.forget(reader.socket.fileno())

    nursery.start_soon(leave)
    with trio.fail_after(5):
        await pump.stand_in.wait(reader.socket.fileno())
    assert not pump.stand_in.is_lent
    assert pump.only_descriptor_of(reader) is None


async def test_the_end_of_a_loan_is_harmless_when_there_is_none(pump, reader):
    pump.stand_in.end()
    pump.stand_in.recall()
    assert not pump.stand_in.is_lent


async def test_a_pump_that_is_cancelled_while_it_rests_leaves_nothing(reader):
    alone = Pump(select.epoll(), Flusher())
    alone.register(reader.peer.fileno(), reader, reading=True, writing=False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alone.run)
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(0):
            await alone.stand_in.wait(reader.peer.fileno())
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    alone.close()
    assert not alone.stand_in.is_lent

"""One task for many sockets."""

from __future__ import annotations

import select
import socket
import sys
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from support.links.kernel_queue import Event, Queue
from support.waiting import settled

from trioweb._transport.flusher import Flusher
from trioweb._transport.poller import KqueuePoller
from trioweb._transport.pump import Pump

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs epoll")


@pytest.fixture(params=["epoll", "kqueue"])
def poller(request):
    """Both pollers: that of this system, and that of others with the same rules."""
    return select.epoll() if request.param == "epoll" else KqueuePoller(Queue(), Event)


class Reader:
    """Reads all input, then calls a given function."""

    def __init__(self, pump, then=None):
        self.pump = pump
        self.socket, self.peer = socket.socketpair()
        self.socket.setblocking(False)
        self.then = then
        self.seen = []

    def on_readable(self, now):
        self.seen.append(self.socket.recv(100))
        if self.then is not None:
            self.then()

    def on_writable(self):
        self.seen.append("writable")
        self.watch(reading=True)

    def watch(self, *, reading=False, writing=False):
        self.pump.register(self.socket.fileno(), self, reading=reading, writing=writing)

    def close(self):
        self.pump.forget(self.socket.fileno())
        self.socket.close()
        self.peer.close()


@asynccontextmanager
async def running(poller):
    pump = Pump(poller, Flusher())
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pump.run)
            yield pump
            nursery.cancel_scope.cancel()
    finally:
        pump.close()


async def test_a_socket_is_notified_of_the_events_it_is_watched_for(poller):
    async with running(poller) as pump:
        reader = Reader(pump)
        reader.watch(reading=True, writing=True)
        reader.peer.send(b"one")
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert sorted(reader.seen, key=str) == sorted(["writable", b"one"], key=str)
        reader.watch()
        reader.watch()
        reader.peer.send(b"two")
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert b"two" not in reader.seen
        reader.watch(reading=True)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert reader.seen[-1] == b"two"
        reader.close()
        pump.forget(12345)


async def test_a_socket_closed_by_another_in_the_same_turn_is_left_alone(poller):
    async with running(poller) as pump:
        one, two = Reader(pump), Reader(pump)
        one.then, two.then = two.close, one.close
        for reader in (one, two):
            reader.watch(reading=True)
            reader.peer.send(b"x")
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert sorted([one.seen, two.seen]) == [[], [b"x"]]
        one.close() if one.seen else two.close()


async def test_a_socket_that_closes_itself_when_it_can_write_is_not_read(poller):
    async with running(poller) as pump:
        reader = Reader(pump)
        reader.on_writable = reader.close
        reader.peer.send(b"x")
        reader.watch(reading=True, writing=True)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert reader.seen == []


async def test_a_single_socket_is_waited_for_without_the_poller(poller):
    async with running(poller) as pump:
        only = Reader(pump)
        only.watch(reading=True)
        await settled()
        only.peer.send(b"by the poller")
        await settled()
        polls = []
        pump._serve = lambda: polls.append(1)
        only.peer.send(b"without")
        await settled()

        assert (only.seen, polls) == ([b"by the poller", b"without"], [])
        only.close()


async def test_a_second_socket_is_noticed_while_the_first_is_waited_for(poller):
    async with running(poller) as pump:
        first, second = Reader(pump), Reader(pump)
        first.watch(reading=True)
        first.peer.send(b"1")
        await settled()
        second.watch(reading=True)
        second.peer.send(b"2")
        await settled()
        first.peer.send(b"3")
        await settled()

        assert (first.seen, second.seen) == ([b"1", b"3"], [b"2"])
        first.close()
        second.peer.send(b"4")
        await settled()
        assert second.seen == [b"2", b"4"]
        second.close()


async def test_a_single_socket_may_begin_to_write_stop_reading_and_leave(poller):
    async with running(poller) as pump:
        only = Reader(pump)
        only.watch(reading=True)
        only.peer.send(b"1")
        await settled()
        only.watch(reading=True, writing=True)
        await settled()
        only.watch()
        only.peer.send(b"2")
        await settled()
        assert only.seen == [b"1", "writable"]
        only.watch(reading=True)
        await settled()
        assert only.seen == [b"1", "writable", b"2"]
        only.close()
        await settled()

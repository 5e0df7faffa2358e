"""How a client closes: every pair of state and event, and TCP, which the server closes first."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trio.testing
from support.links.connection_ends import ConnectionEnds

import trioweb
from trioweb import Close, Config, Timeouts
from trioweb._client.connecting import open_connection_over
from trioweb._client.options import ConnectOptions
from trioweb._websocket.state import TRANSITIONS, Event, State
from trioweb._wire.websocket_url import parse_url
from trioweb.testing import RawPeer, frame

PATIENT = Config(timeouts=Timeouts(ping_interval_seconds=None, send_seconds=1000, close_seconds=1000))
# A client has no WebSocket before its handshake is accepted; it never closes TCP first.
STATES = [state for state in State if state is not State.CONNECTING]
EVENTS = [event for event in Event if event not in {Event.ACCEPT, Event.REJECT, Event.DRAIN}]


class Connection(ConnectionEnds):
    """Brings a client's WebSocket into each state, and lets each event happen."""

    def read_on(self):
        async def read():
            with suppress(trio.BusyResourceError, trio.ClosedResourceError):
                await self.peer.receive_end()

        self.nursery.start_soon(read)

    async def become(self, state):
        match state:
            case State.CLOSE_SENT:
                await self.cause(Event.SEND_CLOSE)
            case State.ENDING:
                await self.cause(Event.RECEIVE_CLOSE)
            case State.AWAITING_END:
                await self.cause(Event.RECEIVE_CLOSE)
                await self.cause(Event.AWAIT_END)
            case State.LINGERING:
                await self.cause(Event.FAIL)
                await self.cause(Event.LINGER)
            case State.CLOSED:
                await self.cause(Event.LOSE)

    async def cause(self, event):
        match event:
            case Event.SEND_CLOSE:
                self.ws._closing.begin(Close(4000))
            case Event.RECEIVE_CLOSE:
                self.say(frame(0x8, b"\x0f\xa2", mask=None))
            case Event.FAIL:
                self.say(frame(0x3, mask=None))
            case Event.AWAIT_END:
                self.read_on()
            case Event.LINGER:
                self.say(frame(0x1, b"more", mask=None))
                await trio.testing.wait_all_tasks_blocked()
                self.read_on()
                await trio.testing.wait_all_tasks_blocked()
                if self.state in {State.CLOSE_SENT, State.AWAITING_END}:
                    self.ws._closing._give_up()
            case Event.LOSE:
                await self.peer.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()


@asynccontextmanager
async def connecting():
    ours, theirs = trio.testing.lockstep_stream_pair()
    peer = RawPeer(theirs, is_server=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peer.accept)
        ws = await open_connection_over(ours, parse_url("ws://server/"), ConnectOptions(config=PATIENT))
        await trio.testing.wait_all_tasks_blocked()
        yield Connection(ws, peer, nursery)
        nursery.cancel_scope.cancel()
    ws._closing.cut("the test is over")


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", STATES)
async def test_an_event_moves_a_client_as_the_table_says_or_not_at_all(state, event):
    async with connecting() as connection:
        await connection.become(state)
        assert connection.state is state
        await connection.cause(event)
        assert connection.state is TRANSITIONS.get((state, event), state)


@pytest.mark.parametrize("who", ["client", "server"])
async def test_tcp_stays_open_after_both_close_frames_until_the_server_ends_it(over_memory, who):
    async with over_memory(config=PATIENT) as (ws, peer), trio.open_nursery() as nursery:
        if who == "client":
            nursery.start_soon(ws.aclose)
            assert await peer.receive_close() == (1000, "")
            await peer.send_close(1000)
        else:
            await peer.send_close(1000)
            assert await peer.receive_close() == (1000, "")
        await trio.testing.wait_all_tasks_blocked()
        assert ws._closing.state is State.AWAITING_END
        assert ws.closed == Close(1000, received_first=who == "server")
        await peer.stream.aclose()
        await ws.wait_closed()


async def test_a_server_may_close_tcp_before_it_reads_the_answer_to_its_close(serving):
    async def close_at_once(peer):
        await peer.accept()
        await peer.send_close(1000, "bye")

    async with serving(close_at_once) as port, trioweb.connect(f"ws://127.0.0.1:{port}/") as ws:
        assert [message async for message in ws] == []

    assert ws.closed == Close(1000, "bye", received_first=True)


async def test_messages_before_the_servers_close_are_received(over_memory):
    async with over_memory() as (ws, peer):
        await peer.send_text("one")
        await peer.send_text("two")
        await peer.send_close(1001)
        await peer.receive_close()
        await peer.stream.aclose()
        assert [message async for message in ws] == ["one", "two"]

    assert ws.closed == Close(1001, received_first=True)


async def test_messages_that_wait_are_sent_before_the_close_frame(over_memory):
    received = []
    async with trio.open_nursery() as nursery:

        async def read(peer):
            received.extend(
                [await peer.receive_binary(), await peer.receive_binary(), await peer.receive_close()]
            )
            await peer.send_close(1000)
            await peer.stream.aclose()

        async with over_memory() as (ws, peer):
            await ws.send(b"x" * 500_000)
            ws.send_nowait(b"last")
            nursery.start_soon(read, peer)

    assert received == [b"x" * 500_000, b"last", (1000, "")]


async def test_a_server_that_goes_on_talking_after_its_close_is_bounded(over_memory, autojump_clock):
    async with over_memory() as (ws, peer), trio.open_nursery() as nursery:
        started = trio.current_time()

        async def talk():
            with suppress(trio.BrokenResourceError):
                while True:
                    await peer.send_text("more")
                    await trio.sleep(0.1)

        await peer.send_close(1000)
        nursery.start_soon(talk)
        nursery.start_soon(peer.receive_end)
        await ws.wait_closed()

    assert trio.current_time() - started == pytest.approx(6, abs=0.5)

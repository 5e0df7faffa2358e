"""The table of states, and every pair of it in a living connection."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trio.testing
from support.links.connection_ends import ConnectionEnds
from support.serving import in_memory

from trioweb import App, Close, Config, ConnectionClosed, LocalProtocolError, Timeouts
from trioweb._websocket.state import TRANSITIONS, Event, State
from trioweb.testing import close_frame, frame, handshake

PATIENT = Timeouts(
    ping_interval_seconds=None,
    send_seconds=1000,
    close_seconds=1000,
    handler_grace_seconds=1000,
    drain_seconds=0.01,
)


def test_every_end_is_the_same_and_there_is_a_way_to_it_from_everywhere():
    assert not [state for state, _ in TRANSITIONS if state is State.CLOSED]
    for state in set(State) - {State.CLOSED}:
        end = Event.REJECT if state is State.CONNECTING else Event.LOSE
        assert TRANSITIONS[state, end] is State.CLOSED


def test_every_state_is_reached_and_none_is_entered_twice():
    order = list(State)
    assert {State.CONNECTING, *TRANSITIONS.values()} == set(State)
    assert all(order.index(state) < order.index(after) for (state, _), after in TRANSITIONS.items())


def test_every_event_counts_somewhere():
    assert {event for _, event in TRANSITIONS} == set(Event)


class Connection(ConnectionEnds):
    """Brings a server's WebSocket into each state, and lets each event happen."""

    async def settled(self):
        await trio.testing.wait_all_tasks_blocked()

    async def become(self, state):
        if state is State.CONNECTING:
            return
        await self.cause(Event.ACCEPT)
        await self.peer.receive_head()
        if state is State.CLOSE_SENT:
            await self.cause(Event.SEND_CLOSE)
        elif state is State.LINGERING:
            await self.cause(Event.FAIL)
            await self.cause(Event.DRAIN)
        elif state is not State.OPEN:
            self.say(close_frame(4001))
            await self.settled()
        if state is State.CLOSED:
            assert await self.peer.receive_close() == (4001, "")
        await self.settled()

    async def cause(self, event):
        match event:
            case Event.ACCEPT:
                with suppress(LocalProtocolError, ConnectionClosed):
                    await self.ws.accept()
            case Event.SEND_CLOSE:
                self.ws._closing.begin(Close(4000))
            case Event.RECEIVE_CLOSE:
                self.say(close_frame(4002))
            case Event.FAIL:
                self.say(frame(0x3, b""))
            case Event.DRAIN:
                self.nursery.start_soon(self.peer.receive_end)
            case Event.LINGER:
                self.say(frame(0x1, b"more"))
                await self.settled()
                self.nursery.start_soon(self.peer.receive_end)
                await self.settled()
                if self.state is State.CLOSE_SENT:
                    self.ws._closing._give_up()
            case Event.REJECT:
                self.ws._closing.reject()
            case Event.LOSE:
                await self.peer.stream.aclose()
        await self.settled()


@asynccontextmanager
async def connecting():
    app, websockets = App(Config(timeouts=PATIENT)), []

    @app.websocket("/")
    async def handler(ws):
        websockets.append(ws)
        await trio.sleep_forever()

    pair = trio.testing.lockstep_stream_pair
    async with in_memory(app, pair=pair) as peer, trio.open_nursery() as nursery:
        await peer.send(handshake())
        await trio.testing.wait_all_tasks_blocked()
        yield Connection(websockets[0], peer, nursery)
        nursery.cancel_scope.cancel()


# A server never waits for the end of its client: `tests/client/test_closing.py` has these pairs.
@pytest.mark.parametrize("event", sorted(set(Event) - {Event.AWAIT_END}, key=lambda event: event.name))
@pytest.mark.parametrize("state", sorted(set(State) - {State.AWAITING_END}, key=lambda state: state.name))
async def test_an_event_moves_a_connection_as_the_table_says_or_not_at_all(state, event):
    async with connecting() as connection:
        await connection.become(state)
        assert connection.state is state
        await connection.cause(event)
        assert connection.state is TRANSITIONS.get((state, event), state)

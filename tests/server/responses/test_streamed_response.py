"""A streamed response that is cancelled at each step of its task."""

from __future__ import annotations

from functools import partial

import pytest
import trio
import trio.testing
from support.streaming import GET, Source

from trioweb import EventStream, Limits, Stream, Timeouts
from trioweb._http.connection import Http1Connection
from trioweb._server.streamed_response import StreamedResponse
from trioweb._transport.stream_transport import StreamTransport
from trioweb._transport.timers import Timers


class CancelAtStep(trio.abc.Instrument):
    """Cancels a scope when a task is about to take the step with this number."""

    def __init__(self, scope, number):
        self.task = trio.lowlevel.current_task()
        self.scope = scope
        self.number = number

    def before_task_step(self, task):
        if task is self.task:
            self.number -= 1
            if self.number == 0:
                self.scope.cancel()


async def cancel_at_step(number, make_response):
    """Answer a request, cancelled at a step; return the source, and whether that step came."""
    source = Source("one", "two", "three", then=partial(trio.sleep, 20))
    ours, theirs = trio.testing.lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        timers = Timers()
        nursery.start_soon(timers.run)
        http = Http1Connection(StreamTransport(theirs, nursery), timers, limits=Limits(), timeouts=Timeouts())
        nursery.start_soon(ours.send_all, GET % b"/")
        assert await http.receive_head()
        response = make_response(source.run())
        send_head = partial(http.start_response, 200, [], content_bytes=None)
        nursery.start_soon(swallow, ours)
        with trio.CancelScope() as scope:
            instrument = CancelAtStep(scope, number)
            trio.lowlevel.add_instrument(instrument)
            try:
                await StreamedResponse(http, response, send_head, timers).run()
            finally:
                trio.lowlevel.remove_instrument(instrument)
        nursery.cancel_scope.cancel()
    return source, scope.cancelled_caught


async def swallow(stream):
    is_open = True
    while is_open:
        is_open = bool(await stream.receive_some(100))
        await trio.sleep(1)  # so that the server has to wait as well


@pytest.mark.parametrize("make_response", [Stream, EventStream, partial(EventStream, keepalive_seconds=3)])
async def test_a_cancelled_stream_closes_its_source_and_raises_nothing_else(autojump_clock, make_response):
    number, was_cancelled = 0, True
    while was_cancelled:
        number += 1
        source, was_cancelled = await cancel_at_step(number, make_response)
        assert source.begun == len(source.tasks) == source.ended.is_set()
    assert source.given == 3
    assert number > 10, "it took as many steps"

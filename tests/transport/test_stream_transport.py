"""Any stream: one that breaks, hangs or has a bug, and the calls of its receiver."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from support.links.odd_stream import OddStream
from support.receiving import Pile, Recorder, begin
from support.waiting import settled

from trioweb._transport.stream_transport import StreamTransport


@asynccontextmanager
async def over(stream):
    async with trio.open_nursery() as nursery:
        yield StreamTransport(stream, nursery)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


async def test_input_and_its_end_are_reported_and_output_is_written():
    ours, theirs = trio.testing.memory_stream_pair()
    async with over(theirs) as transport:
        recorder = Recorder()
        begin(transport, recorder, Pile(b"one ", b"two"))
        transport.flush()
        transport.flush()
        await settled()
        await ours.send_all(b"hello")
        await settled()
        await ours.aclose()
        await settled()
        assert recorder.told == ["blocked", "blocked", "drained", ("data", b"hello"), "ended"]


@pytest.mark.parametrize("error", [trio.BrokenResourceError, trio.ClosedResourceError])
async def test_a_stream_that_breaks_while_it_is_read_has_ended(error):
    async with over(OddStream(b"hello", receive=error("gone"))) as transport:
        recorder = Recorder()
        begin(transport, recorder, Pile())
        await settled()
        assert recorder.told == [("data", b"hello"), "ended"]


@pytest.mark.parametrize("error", [trio.BrokenResourceError, trio.ClosedResourceError])
async def test_a_stream_that_breaks_while_it_is_written_is_lost(error):
    stream = OddStream(send=error("gone"))
    async with over(stream) as transport:
        recorder = Recorder()
        begin(transport, recorder, Pile(b"x"))
        transport.flush()
        stream.may_send.set()
        await settled()
        assert recorder.told == ["blocked", "lost"]


async def test_a_bug_of_the_stream_while_reading_costs_one_connection(caplog):
    stream = OddStream(receive=LookupError("a bug in the stream"))
    async with over(stream) as transport:
        recorder = Recorder()
        begin(transport, recorder, Pile())
        await settled()
        assert recorder.told == ["lost"]
        assert stream.is_closed.is_set()
        assert "a bug in the stream" in caplog.text


async def test_a_bug_of_the_stream_while_writing_costs_one_connection(caplog):
    stream = OddStream(send=LookupError("a bug in the stream"))
    stream.may_send.set()
    async with over(stream) as transport:
        recorder = Recorder()
        begin(transport, recorder, Pile(b"x"))
        transport.flush()
        await settled()
        assert recorder.told == ["blocked", "lost"]
        assert stream.is_closed.is_set()
        assert "a bug in the stream" in caplog.text


async def test_a_bug_of_the_receiver_costs_one_connection(caplog):
    stream = OddStream(b"hello")
    async with over(stream) as transport:
        recorder = Recorder("data")
        begin(transport, recorder, Pile())
        await settled()
        assert recorder.told == [("data", b"hello"), "lost"]
        assert "a bug in data" in caplog.text


@pytest.mark.parametrize("error", [None, trio.BrokenResourceError("late"), LookupError("late")])
async def test_a_write_that_ends_after_an_abort_is_not_reported(error):
    stream = OddStream(send=error)
    async with over(stream) as transport:
        recorder = Recorder()
        begin(transport, recorder, Pile(b"x"))
        transport.flush()
        await settled()
        transport.abort()
        transport.abort()
        stream.may_send.set()
        await settled()
        assert recorder.told == ["blocked"]


async def test_a_read_that_fails_after_an_abort_is_not_reported(caplog):
    class Grudging(OddStream):
        async def receive_some(self, max_bytes=None):
            await self.is_closed.wait()
            raise LookupError("woken up")

    async with over(Grudging()) as transport:
        recorder = Recorder()
        begin(transport, recorder, Pile())
        await settled()
        transport.abort()
        await settled()
        assert recorder.told == []
        assert not caplog.records


async def test_a_paused_reader_takes_one_more_piece_at_the_most():
    async with over(OddStream(b"one", b"two", b"three")) as transport:
        recorder = Recorder()
        begin(transport, recorder, Pile())
        transport.pause_reading()
        transport.pause_reading()
        await settled()
        assert recorder.told == [("data", b"one")]
        transport.resume_reading()
        await settled()
        assert recorder.told == [("data", b"one"), ("data", b"two"), ("data", b"three")]


async def test_a_stream_that_fails_to_say_farewell_is_closed_all_the_same():
    stream = OddStream(close=trio.BrokenResourceError("the peer has gone first"))
    async with over(stream) as transport:
        await transport.aclose()
        assert stream.is_closed.is_set()


async def test_a_stream_that_somebody_has_closed_is_broken_for_senders():
    ours, theirs = trio.testing.memory_stream_pair()
    async with over(theirs) as transport:
        await transport.send_all(b"hello")
        assert await ours.receive_some() == b"hello"
        await theirs.aclose()
        with pytest.raises(trio.BrokenResourceError, match="closed"):
            await transport.send_all(b"x")
        assert await transport.receive() == b""
        assert transport.end_output() is True
        await settled()


async def test_a_stream_that_can_be_half_closed_is_read_afterwards():
    ours, theirs = trio.testing.memory_stream_pair()
    async with over(theirs) as transport:
        recorder = Recorder()
        begin(transport, recorder, Pile())
        assert transport.end_output() is True
        assert transport.end_output() is True
        assert await ours.receive_some() == b""
        await ours.send_all(b"still here")
        await settled()
        assert recorder.told == [("data", b"still here")]
        transport.abort()
        assert transport.end_output() is False


async def test_a_stream_that_cannot_be_half_closed_ends_by_being_closed():
    async with over(OddStream()) as transport:
        assert transport.end_output() is False


async def test_a_close_that_nobody_waits_for_can_be_waited_for_later(autojump_clock):
    class Polite(OddStream):
        async def aclose(self):
            await trio.sleep(0.5)
            await super().aclose()

    stream = Polite()
    async with over(stream) as transport:
        recorder = Recorder()
        begin(transport, recorder, Pile())
        assert transport.try_close() is True
        assert transport.try_close() is True
        assert not stream.is_closed.is_set()
        await transport.aclose()
        assert stream.is_closed.is_set()
        transport.abort()
        assert recorder.told == []


@pytest.mark.parametrize("waits", [True, False])
async def test_a_farewell_that_does_not_end_is_cut_short(autojump_clock, waits):
    class Endless(OddStream):
        async def aclose(self):
            await trio.sleep_forever()

    async with over(Endless()) as transport:
        started = trio.current_time()
        if not waits:
            transport.try_close()
        await transport.aclose()
        assert trio.current_time() - started == pytest.approx(1)


async def test_a_stream_whose_closing_has_a_bug_harms_nobody_else(caplog):
    async with over(OddStream(close=LookupError("a bug in the stream"))) as transport:
        transport.abort()
        await settled()
    assert "a bug in the stream" in caplog.text

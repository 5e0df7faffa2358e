"""Output over TLS: batches, what the kernel does not take, and saying goodbye."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

import pytest
import trio
import trio.testing
from support.links.tls_pair import outbox_of, receive_whole, secured, settled
from support.receiving import Pile, Recorder, begin
from support.tls import VERSIONS
from support.waiting import until

from trioweb._transport.tls_records import RECORD_BYTES
from trioweb._transport.transport import WRITE_BYTES

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs epoll or kqueue")
JUNK = b"\x17\x03\x03\x00\x20" + b"?" * 32


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


async def test_small_and_large_entries_arrive_in_order(version):
    entries = [b"one", (b"header", os.urandom(300_000)), *[b"x" * 100] * 1000, os.urandom(70_000), b"last"]
    expected = b"".join(b"".join(entry) if isinstance(entry, tuple) else entry for entry in entries)
    async with secured(version) as (transport, client):
        recorder, outbox = Recorder(), outbox_of(*entries)
        begin(transport, recorder, outbox)
        transport.flush()
        assert await receive_whole(client, len(expected)) == expected
        await until(lambda: recorder.told[-1] == "drained")
        assert (outbox.held_bytes, outbox.sent_bytes) == (0, len(expected))
        assert outbox.sent_messages == len(entries)


async def test_a_flood_both_ways_at_once_arrives(version):
    content = os.urandom(3_000_000)
    async with secured(version) as (transport, client), trio.open_nursery() as nursery:
        recorder = Recorder()
        begin(transport, recorder, outbox_of(content))
        transport.flush()
        nursery.start_soon(client.send_all, content)
        assert await receive_whole(client, len(content)) == content
        await until(lambda: sum(len(told[1]) for told in recorder.told if told[0] == "data") == len(content))
        assert b"".join(told[1] for told in recorder.told if told[0] == "data") == content


async def test_a_peer_that_reads_nothing_costs_one_batch_of_ciphertext(version):
    content = os.urandom(3_000_000)
    async with secured(version) as (transport, client):
        recorder, outbox = Recorder(), outbox_of(content)
        begin(transport, recorder, outbox)
        transport.flush()
        await until(lambda: outbox.sent_bytes and transport._unsent)
        await settled()
        sent_bytes = outbox.sent_bytes
        transport.flush()
        assert set(recorder.told) == {"blocked"}
        assert sum(map(len, transport._unsent)) <= WRITE_BYTES + 1024
        assert transport._outgoing.pending == 0
        assert outbox.sent_bytes == sent_bytes
        # All bytes reported as sent have left, except those that the kernel may hold at this moment.
        transport._carrier.pause_reading()
        transport._carrier._is_blocked = True
        transport._carrier._pump.forget(transport._carrier._socket.fileno())
        received = bytearray()
        with trio.fail_after(10):
            while len(received) <= sent_bytes - RECORD_BYTES:  # half a record is nothing yet
                received += await client.receive_some()
        await settled()
        with suppress(BlockingIOError):
            while True:
                received += client.decrypted(client.socket.recv(65_536))
        assert received == content[: len(received)]
        assert len(received) < sent_bytes + RECORD_BYTES
        transport._carrier._is_blocked = False
        transport.flush()
        received += await receive_whole(client, len(content) - len(received))
        assert received == content


async def test_progress_shows_before_a_batch_has_left_whole(version):
    async with secured(version) as (transport, _):
        recorder, outbox = Recorder(), outbox_of(os.urandom(2_000_000))
        begin(transport, recorder, outbox)
        transport.flush()
        await until(lambda: outbox.sent_bytes and transport._unsent)
        await settled()
        rest_bytes = outbox.held_bytes
        assert transport._unsent_plain_bytes <= sum(map(len, transport._unsent))
        plain_bytes = transport._unsent_plain_bytes
        assert transport.advance(100) is True
        assert outbox.held_bytes == rest_bytes - (plain_bytes - transport._unsent_plain_bytes)


async def test_a_message_is_written_at_once_and_its_rest_when_the_kernel_has_room(version):
    async with secured(version) as (transport, client):
        recorder, outbox = Recorder(), outbox_of()
        begin(transport, recorder, outbox)
        assert transport.try_send(b"hello") == 5
        assert await client.receive_some() == b"hello"
        assert transport.try_send(b"x" * 20_000) == 0  # more than a record
        message, written = os.urandom(10_000), 0
        while (sent_bytes := transport.try_send(message)) == len(message):
            written += 1
        outbox.push_rest(message, sent_bytes)
        transport.flush()
        assert recorder.told == ["blocked"]
        assert transport.try_send(b"not now") == 0
        assert await receive_whole(client, 10_000 * (written + 1)) == message * (written + 1)
        await until(lambda: recorder.told[-1] == "drained")
        assert outbox.held_bytes == 0


async def test_the_rest_of_a_message_is_not_sent_twice_by_an_output_that_takes_it_last(version):
    async with secured(version) as (transport, client):
        begin(transport, Recorder(), outbox := outbox_of())
        message, written = os.urandom(10_000), 0
        while (sent_bytes := transport.try_send(message)) == len(message):
            written += 1
        outbox.push_control(message[sent_bytes:])
        outbox.push_pong(b"pong")
        expected = message * (written + 1) + b"pong"
        transport.flush()
        assert await receive_whole(client, len(expected)) == expected


async def test_a_send_that_is_cancelled_is_the_last(version):
    async with secured(version) as (transport, client):
        with trio.move_on_after(0.05) as scope:
            await transport.send_all(b"x" * 3_000_000)
        assert scope.cancelled_caught
        with pytest.raises(trio.BrokenResourceError, match="interrupted"):
            await transport.send_all(b"y")
        await transport.aclose()
        assert set(await receive_whole(client, 100_000)) == {ord("x")}


async def test_sending_to_a_peer_that_has_gone_fails(version):
    async with secured(version) as (transport, client):
        await client.aclose()
        with pytest.raises(trio.BrokenResourceError):
            for _ in range(100):
                await transport.send_all(b"x" * 100_000)


# The end.


async def test_the_output_can_end_before_the_input(version):
    async with secured(version) as (transport, client):
        recorder = Recorder()
        begin(transport, recorder, outbox := outbox_of(b"last"))
        transport.flush()
        assert transport.end_output() is True
        assert transport.end_output() is True
        assert await client.receive_some() == b"last"
        assert await client.receive_some() == b""
        assert client.has_heard_goodbye
        assert client.socket.recv(1) == b""
        await client.send_all(b"still here")
        await settled()
        assert recorder.told == ["drained", ("data", b"still here")]
        await client.send_raw(client.goodbye())
        await settled()
        assert recorder.told[2:] == ["ended"]
        assert transport.try_send(b"too late") == 0
        outbox.push(b"too late")
        transport.flush()
        assert recorder.told[3:] == ["lost"]


async def test_pulling_continues_after_the_output_has_ended(version):
    async with secured(version) as (transport, client):
        assert transport.end_output() is True
        await client.send_all(b"still here")
        assert await transport.receive() == b"still here"
        with pytest.raises(trio.BrokenResourceError):
            await transport.send_all(b"x")


async def test_the_peer_may_end_its_side_and_read_on(version):
    async with secured(version) as (transport, client):
        await client.send_raw(client.encrypted(b"a question") + client.goodbye())
        assert await transport.receive() == b"a question"
        assert await transport.receive() == b""
        await transport.send_all(b"the answer")
        await transport.aclose()
        assert await client.receive_some() == b"the answer"
        assert await client.receive_some() == b""
        assert client.has_heard_goodbye


async def test_closing_says_goodbye_and_aborting_does_not(version):
    for is_abort in (False, True):
        async with secured(version) as (transport, client):
            await transport.send_all(b"x")
            if is_abort:
                transport.abort()
            else:
                await transport.aclose()
            assert await client.receive_some() == b"x"
            assert await client.receive_some() == b""
            assert client.has_heard_goodbye is not is_abort
            transport.abort()
            transport.flush()
            await transport.aclose()
            assert transport.try_receive() == b""


async def test_closing_does_not_wait_for_the_peer(version):
    async with secured(version) as (transport, _):
        begin(transport, Recorder(), outbox_of(b"x" * 3_000_000))
        transport.flush()
        await until(lambda: transport._unsent)
        assert transport.end_output() is False
        with trio.fail_after(1):
            await transport.aclose()


async def test_nothing_is_reported_or_written_after_an_abort(version):
    class Aborting(Recorder):
        def data_received(self, data, now):
            super().data_received(data, now)
            transport.abort()

    async with secured(version) as (transport, client):
        recorder = Aborting()
        begin(transport, recorder, Pile(b"unsaid"))
        await client.send_raw(client.encrypted(b"hello") + JUNK)
        await settled()
        transport.flush()
        transport.resume_reading()
        assert recorder.told == [("data", b"hello")]

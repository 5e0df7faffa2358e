"""The records that TLS sends on its own: replies to a key update, or to a renegotiation."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager

import pytest
from support.links.tls_pair import outbox_of, secured, settled
from support.links.tls_records import KeyUpdates, Renegotiations
from support.receiving import Pile, Recorder, begin
from support.waiting import until

from trioweb._transport.tls_records import OWN_BYTES

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs epoll or kqueue")
JUNK = b"\x17\x03\x03\x00\x20" + b"?" * 32


@asynccontextmanager
async def updating(tmp_path):
    log = tmp_path / "keys"
    async with secured("TLS 1.3", keylog_filename=str(log)) as (transport, client):
        assert client.tls.cipher()[0] == "TLS_AES_256_GCM_SHA384"
        yield transport, client, KeyUpdates(log.read_text())


@asynccontextmanager
async def renegotiating(tmp_path):
    log = tmp_path / "keys"
    async with secured("TLS 1.2", keylog_filename=str(log)) as (transport, client):
        assert client.tls.cipher()[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
        yield transport, client, Renegotiations(log.read_text(), client.hello, client.answer)


async def test_a_key_update_is_answered_with_a_key_update(tmp_path):
    async with updating(tmp_path) as (transport, client, keys):
        recorder, outbox = Recorder(), outbox_of()
        begin(transport, recorder, outbox)
        assert transport.try_send(b"one") == 3
        assert await client.receive_some() == b"one"
        await client.send_raw(keys.data(b"hello ") + keys.key_update() + keys.data(b"again"))
        await until(lambda: recorder.told)
        assert recorder.told[0] == ("data", b"hello again")
        assert transport.try_send(b"two") == 3
        assert await client.receive_some() == b"two"
        assert outbox.held_bytes == 0


async def test_a_key_update_during_a_pull_is_answered_with_the_next_write(tmp_path):
    async with updating(tmp_path) as (transport, client, keys):
        for _ in range(100):
            await client.send_raw(keys.key_update() + keys.data(b"hello"))
            assert await transport.receive() == b"hello"
        await transport.send_all(b"two")
        assert await client.receive_some() == b"two"


@pytest.mark.parametrize("is_pushed", [True, False])
async def test_a_renegotiation_is_refused_and_the_connection_continues(tmp_path, is_pushed):
    async with renegotiating(tmp_path) as (transport, client, records):
        recorder = Recorder()
        if is_pushed:
            begin(transport, recorder, Pile())
        await client.send_raw(records.data(b"before") + records.ask())
        received = [] if is_pushed else [await transport.receive()]
        assert (await client.receive_raw())[:1] == b"\x15"  # no_renegotiation (RFC 5246 §7.2.2)
        await client.send_raw(records.data(b"after"))
        if not is_pushed:
            received.append(await transport.receive())
        await settled()
        assert received + [told[1] for told in recorder.told if told[0] == "data"] == [b"before", b"after"]


async def fill(transport):
    """Fill the buffers of both kernels with bytes that are not TLS."""
    for _ in range(20):
        with pytest.raises(BlockingIOError):
            while True:
                transport._carrier._socket.send(b"x" * 1000)
        await settled()


@pytest.mark.slow
@pytest.mark.parametrize("is_pushed", [True, False])
async def test_a_peer_that_provokes_tls_records_and_reads_none_is_dropped(tmp_path, is_pushed):
    async with renegotiating(tmp_path) as (transport, client, records):
        recorder = Recorder()
        if is_pushed:
            begin(transport, recorder, Pile())
        await fill(transport)
        most_bytes = 0
        for _ in range(100):
            await client.send_raw(b"".join(records.ask() for _ in range(10)) + records.data(b"x"))
            await settled()
            if not is_pushed:
                await transport.receive()
            most_bytes = max(most_bytes, transport._outgoing.pending)
        assert OWN_BYTES / 2 < most_bytes < OWN_BYTES + 1024
        if is_pushed:
            assert recorder.told[-1] == "lost"
        else:
            assert await transport.receive() == b""


async def test_records_of_tls_that_are_stuck_block_the_next_writer(tmp_path):
    """Its output has nothing to send at that time, and would not watch for progress."""
    async with renegotiating(tmp_path) as (transport, client, records):
        recorder, outbox = Recorder(), outbox_of()
        begin(transport, recorder, outbox)
        await fill(transport)
        await client.send_raw(records.ask())
        await until(lambda: "blocked" in recorder.told)
        recorder.told.clear()
        outbox.push(b"hello")
        transport.flush()
        assert recorder.told == ["blocked"]

"""Input over TLS: records of all kinds, pauses, and both kinds of end."""

from __future__ import annotations

import os
import socket
import ssl
import sys

import pytest
import trio
import trio.testing
from support.links.tls_pair import outbox_of, secured, settled
from support.receiving import Pile, Recorder, begin
from support.tls import VERSIONS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs epoll or kqueue")
JUNK = b"\x17\x03\x03\x00\x20" + b"?" * 32


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


async def test_many_small_records_are_handed_on_as_one_piece(version):
    async with secured(version) as (transport, client):
        recorder = Recorder()
        begin(transport, recorder, Pile())
        await client.send_raw(b"".join(client.encrypted(b"%3d" % number) for number in range(300)))
        await settled()
        assert recorder.told == [("data", b"".join(b"%3d" % number for number in range(300)))]


async def test_half_a_record_is_nothing_yet(version):
    async with secured(version) as (transport, client):
        record = client.encrypted(b"hello")
        await client.send_raw(record[:7])
        await settled()
        assert transport.try_receive() is None
        recorder = Recorder()
        begin(transport, recorder, Pile())
        await client.send_raw(record[7:12])
        await settled()
        assert recorder.told == []
        await client.send_raw(record[12:])
        await settled()
        assert recorder.told == [("data", b"hello")]


async def test_nothing_arrives_and_nothing_is_lost_while_reading_pauses(version):
    class Pausing(Recorder):
        def data_received(self, data, now):
            super().data_received(data, now)
            transport.pause_reading()

    content = os.urandom(2_000_000)
    async with secured(version) as (transport, client), trio.open_nursery() as nursery:
        recorder = Pausing()
        begin(transport, recorder, Pile())
        nursery.start_soon(client.send_all, content)
        with trio.fail_after(20):
            while sum(len(told[1]) for told in recorder.told) < len(content):
                await settled()
                before = len(recorder.told)
                await settled()
                assert len(recorder.told) == before
                assert transport._incoming.pending == 0
                transport.resume_reading()
        assert b"".join(told[1] for told in recorder.told) == content


async def test_the_peers_goodbye_is_the_end_whatever_follows_it(version):
    async with secured(version) as (transport, client):
        recorder = Recorder()
        begin(transport, recorder, Pile())
        await client.send_raw(client.encrypted(b"bye") + client.goodbye() + JUNK * 1000)
        await settled()
        await client.send_raw(JUNK)
        transport.resume_reading()
        await settled()
        assert recorder.told[0] == ("data", b"bye")
        assert set(recorder.told[1:]) == {"ended"}
        assert transport._incoming.pending < len(JUNK) * 1000


async def test_a_goodbye_that_was_pulled_with_the_data_is_reported_after_the_start(version):
    async with secured(version) as (transport, client):
        await client.send_raw(client.encrypted(b"bye") + client.goodbye())
        assert await transport.receive() == b"bye"
        recorder = Recorder()
        begin(transport, recorder, Pile())
        assert recorder.told == []
        await settled()
        assert recorder.told == ["ended"]


async def test_pulled_bytes_end_with_the_peers_goodbye(version):
    async with secured(version) as (transport, client):
        await client.send_raw(client.goodbye())
        assert await transport.receive() == b""
        assert await transport.receive() == b""
        assert transport.try_receive() == b""


@pytest.mark.parametrize("is_pushed", [True, False])
async def test_an_end_without_goodbye_is_an_end(version, is_pushed):
    async with secured(version) as (transport, client):
        await client.send_all(b"hello")
        client.socket.shutdown(socket.SHUT_WR)
        if is_pushed:
            recorder = Recorder()
            begin(transport, recorder, Pile())
            await settled()
            assert recorder.told == [("data", b"hello"), "ended"]
        else:
            assert await transport.receive() == b"hello"
            assert await transport.receive() == b""
            assert transport.try_receive() == b""


async def test_a_peer_gets_an_alert_and_nothing_more_after_a_forged_record(version):
    async with secured(version) as (transport, client):
        recorder = Recorder()
        begin(transport, recorder, Pile(b"unsaid"))
        await client.send_raw(client.encrypted(b"hello") + JUNK)
        await settled()
        assert recorder.told == [("data", b"hello"), "lost"]
        transport.flush()
        assert transport.try_send(b"unsaid") == 0
        await transport.aclose()
        with pytest.raises(ssl.SSLError, match="ALERT_BAD_RECORD_MAC"):
            await client.receive_some()
        assert client.socket.recv(1) == b""
        assert recorder.told == [("data", b"hello"), "lost"]


async def test_an_answer_to_a_piece_with_a_forged_record_is_lost(version):
    class Answering(Recorder):
        def data_received(self, data, now):
            super().data_received(data, now)
            transport.flush()

    async with secured(version) as (transport, client):
        recorder = Answering()
        begin(transport, recorder, Pile(b"unsaid"))
        await client.send_raw(client.encrypted(b"hello") + JUNK)
        await settled()
        assert recorder.told == [("data", b"hello"), "lost"]


async def test_a_forged_record_ends_what_is_pulled(version):
    async with secured(version) as (transport, client):
        await client.send_raw(client.encrypted(b"hello") + JUNK)
        assert await transport.receive() == b"hello"
        assert await transport.receive() == b""
        with pytest.raises(trio.BrokenResourceError):
            await transport.send_all(b"x")


async def test_a_bug_of_the_receiver_costs_one_connection(version, caplog):
    async with secured(version) as (transport, client):
        recorder = Recorder("data")
        begin(transport, recorder, Pile())
        await client.send_all(b"hello")
        await settled()
        assert recorder.told == [("data", b"hello"), "lost"]
        assert "a bug in data" in caplog.text
        assert await client.receive_some() == b""


async def test_bytes_before_a_loss_are_received(version):
    async with secured(version) as (transport, client):
        recorder = Recorder()
        begin(transport, recorder, outbox_of(b"x"))
        await client.send_all(b"bye")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.socket.close()
        transport.flush()
        assert recorder.told == [("data", b"bye"), "lost"]

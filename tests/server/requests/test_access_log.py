"""The access log: whether a response was whole, and its fields for logs in JSON."""

from __future__ import annotations

import logging
import re

import pytest
import trio
from support.serving import connected, in_memory, quick, running
from support.waiting import until

from trioweb import App, Stream, Text


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "trioweb.access")
    return lambda: [record for record in caplog.records if record.name == "trioweb.access"]


def site():
    app = App(quick())

    async def endless():
        while True:
            yield b"x" * 1000
            await trio.sleep(0.01)

    async def failing():
        yield b"x" * 1000
        raise ValueError("a bug")

    @app.get("/endless")
    async def _endless(request):
        return Stream(endless())

    @app.get("/failing")
    async def _failing(request):
        return Stream(failing())

    @app.get("/long")
    async def _long(request):
        return Text("x" * 20_000_000)

    @app.get("/")
    async def _short(request):
        return Text("short")

    @app.websocket("/")
    async def _echo(ws):
        async for message in ws:
            await ws.send(message)

    return app


def request(path):
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize("path", ["/endless", "/long"])
async def test_a_response_that_its_client_left_is_marked(lines, path):
    async with running(site()) as server:
        async with connected(server) as peer:
            await peer.send(request(path))
            await peer.receive_head()
        with trio.fail_after(5):
            await until(lines)
    (record,) = lines()
    assert re.search(rf'"GET {path}" 200 client left after \d+ bytes [\d.]+ ms$', record.getMessage())
    assert (record.status, record.is_complete) == (200, False)
    assert 0 < record.sent_bytes < 20_000_000


async def test_a_response_that_this_side_cut_off_is_marked(lines, caplog):
    async with running(site()) as server, connected(server) as peer:
        await peer.send(request("/failing"))
        await peer.receive_end()
        await until(lines)
    assert '"GET /failing" 200 broken off after ' in lines()[0].getMessage()
    assert not lines()[0].is_complete


async def test_a_response_that_is_cut_off_by_a_shutdown_is_marked(lines):
    async with running(site()) as server, connected(server) as peer:
        await peer.send(request("/endless"))
        await peer.receive_head()
        server.abort()
        await peer.receive_end()
    assert '"GET /endless" 200 broken off after ' in lines()[0].getMessage()


async def test_the_fields_of_a_request_are_attributes_of_its_record(autojump_clock, lines):
    async with in_memory(site()) as peer:
        await peer.send(request("/?token=secret"))
        head, body = await peer.receive_response()
        await peer.receive_end()
    (record,) = lines()
    assert (record.client, record.method, record.path, record.status) == ("-", "GET", "/", 200)
    assert record.is_complete and record.seconds >= 0
    assert record.sent_bytes == len(head) + 4 + len(body)
    assert "secret" not in str(vars(record))


async def test_the_numbers_of_a_websocket_are_messages_and_the_bytes_of_their_frames(autojump_clock, lines):
    async with in_memory(site()) as peer:
        await peer.open("/")
        await peer.send_text("hello")
        assert await peer.receive_text() == "hello"
        assert await peer.close(4000) == (4000, "")
    opened, closed = lines()
    assert opened.getMessage() == '- "WebSocket /" open'
    assert (opened.client, opened.path) == ("-", "/")
    assert closed.getMessage().endswith(", received 1 messages 11 bytes, sent 1 messages 7 bytes")
    assert (closed.code, closed.received_messages, closed.received_bytes) == (4000, 1, 11)
    assert (closed.sent_messages, closed.sent_bytes, closed.sent_control_frames) == (1, 7, 1)


async def test_the_line_of_a_silent_websocket_counts_nothing(autojump_clock, lines):
    async with in_memory(site()) as peer:
        await peer.open("/")
        assert await peer.close() == (1000, "")
    assert lines()[1].getMessage().endswith(", received 0 messages 0 bytes, sent 0 messages 0 bytes")

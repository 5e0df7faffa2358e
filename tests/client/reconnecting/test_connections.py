"""`reconnecting`: which ends lead to another connection, and what the body sees of it."""

from __future__ import annotations

import logging

import pytest
import trio
import trio.testing
from support.links.changing_site import AWAY, STALLED, closing_with, received_by, refusal
from support.serving import running
from support.waiting import settled

import trioweb
from trioweb import (
    Close,
    Config,
    ConnectionClosed,
    ConnectionClosedError,
    LocalProtocolError,
    Timeouts,
)

# One connection after the other


async def test_a_body_gets_one_connection_after_the_other(autojump_clock, site):
    site.handle = closing_with(1001, 1000, 1011)
    found = []
    async for ws in site.loop():
        found.append(ws)
        try:
            await ws.send("hello")
            assert await ws.receive() == "hello"
            break
        except ConnectionClosed:
            continue
    assert len(set(found)) == 4
    assert [ws.attempt for ws in found] == [1, 2, 3, 4]
    assert [ws.last_close for ws in found] == [None, Close(1001), Close(1000), Close(1011)]
    assert [ws.seconds_apart for ws in found] == pytest.approx([None, 0.2, 0.4, 0.8])


async def test_a_body_without_messages_left_goes_on_to_the_next_connection(autojump_clock, site):
    site.handle = closing_with(1001, 1000)
    ends = []
    async for ws in site.loop():
        ends.append(ws.last_close)
        if len(ends) == 3:
            break
        assert await received_by(ws) == []
    assert ends == [None, Close(1001), Close(1000)]


async def test_the_first_connection_comes_at_once_and_a_failure_doubles_the_wait(autojump_clock, site):
    site.answers = [
        AWAY,
        refusal(503, Retry_After="0"),
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"garbage\r\n\r\n",
        refusal(500),
    ]
    async for ws in site.loop():
        assert ws.attempt == 6
        assert ws.last_close is ws.seconds_apart is None
        break
    assert site.times == pytest.approx([0, 0.2, 0.6, 1.4, 3.0, 6.2])


async def test_after_a_stable_connection_the_waiting_begins_with_the_first_delay_again(autojump_clock, site):
    lasting = [1, 1, 60, 1]

    async def handle(ws):
        await trio.sleep(lasting.pop(0))

    site.handle = handle
    attempts = []
    async for ws in site.loop(stable_seconds=10):
        attempts.append(ws.attempt)
        if not lasting:
            break
        await received_by(ws)
    assert attempts == [1, 2, 3, 1]
    assert site.times == pytest.approx([0, 1.2, 2.6, 62.8])


async def test_the_time_after_the_end_does_not_make_a_connection_stable(autojump_clock, site):
    site.handle = closing_with(1001, 1001)
    found = []
    async for ws in site.loop():
        found.append(ws)
        if len(found) == 3:
            break
        await received_by(ws)
        await trio.sleep(100)
    assert [ws.attempt for ws in found] == [1, 2, 3]
    assert found[1].seconds_apart == pytest.approx(100.2)


async def test_a_body_that_ends_first_closes_its_connection_with_1000(autojump_clock, site):
    count = 0
    async for ws in site.loop():
        assert await ws.ping() < 1
        count += 1
        if count == 3:
            break
    assert site.ends == [Close(1000), Close(1000)]
    assert site.times == pytest.approx([0, 0.2, 0.6])


async def test_a_body_may_close_with_a_code_of_its_own_and_go_on(autojump_clock, site):
    codes = [4001, 1008]
    async for ws in site.loop():
        if not codes:
            assert ws.last_close == Close(1008, "mine")
            break
        await ws.aclose(codes.pop(0), "mine")
    assert site.ends == [Close(4001, "mine"), Close(1008, "mine")]


async def test_a_server_that_does_not_answer_in_time_counts_as_a_failure(autojump_clock, site):
    site.answers = [STALLED]
    config = Config(timeouts=Timeouts(connect_seconds=3))
    async for ws in site.loop(config=config):
        assert ws.attempt == 2
        break
    assert site.times == pytest.approx([0, 3.2])


# Servers that ask for patience


@pytest.mark.parametrize("code", [1012, 1013])
async def test_a_server_that_starts_again_is_left_alone_for_longer(autojump_clock, site, code):
    site.handle = closing_with(code)
    count = 0
    async for ws in site.loop():
        count += 1
        if count == 2:
            assert ws.seconds_apart == pytest.approx(30)
            break
        with pytest.raises(ConnectionClosedError):
            await ws.receive()


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (refusal(503), 30),
        (refusal(429), 30),
        (refusal(503, Retry_After="7"), 7.2),
        (refusal(502, Retry_After="7"), 7.2),
        (refusal(429, Retry_After="3600"), 30),
        (
            refusal(503, Date="Thu, 26 Nov 2026 12:00:00 GMT", Retry_After="Thu, 26 Nov 2026 12:00:09 GMT"),
            9.2,
        ),
    ],
)
async def test_a_refusal_says_how_long_to_wait(autojump_clock, site, answer, seconds):
    site.answers = [answer]
    async for _ in site.loop():
        break
    assert site.times == pytest.approx([0, seconds])


# Several loops and tasks


async def test_several_loops_go_on_side_by_side(autojump_clock, site):
    site.handle = closing_with(1001, 1001, 1001, 1001)
    found = []

    async def one():
        count = 0
        async for ws in site.loop():
            count += 1
            if count == 3:
                await ws.send("here")
                found.append(await ws.receive())
                break
            await received_by(ws)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one)
        nursery.start_soon(one)
    assert found == ["here", "here"]


async def test_two_tasks_cannot_wait_for_the_same_loop(autojump_clock, site, nursery):
    site.answers = [STALLED]
    loop = site.loop()
    nursery.start_soon(anext, loop)
    await settled(0.01)
    for use in (anext, type(loop).aclose):
        with pytest.raises(LocalProtocolError, match=r"call reconnecting\(\) once for each"):
            await use(loop)


# Logs, and what is checked at once


async def test_each_wait_is_logged_with_its_reason(autojump_clock, site, caplog):
    caplog.set_level(logging.INFO, "trioweb")
    site.answers = [refusal(500)]
    site.handle = closing_with(1001)
    count = 0
    async for ws in site.loop("ws://ann:secret@site/"):
        count += 1
        if count == 2:
            break
        await received_by(ws)
    records = [record for record in caplog.records if "again in" in record.getMessage()]
    assert [record.levelname for record in records] == ["WARNING", "INFO"]
    assert (
        records[0]
        .getMessage()
        .startswith("connecting to ws://site/ failed, trying again in 0.2 s: the server")
    )
    assert records[1].getMessage() == "connection to ws://site/ closed with 1001, connecting again in 0.4 s"
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"url": "http://site/"}, ValueError),
        ({"subprotocols": "chat"}, LocalProtocolError),
        ({"resume": ""}, trioweb.ConfigError),
        ({"retry": 5}, trioweb.ConfigError),
        ({"config": trioweb.Retry()}, trioweb.ConfigError),
        ({"headers": "Cookie: id=1"}, LocalProtocolError),
    ],
)
def test_wrong_arguments_are_refused_at_once(options, error):
    with pytest.raises(error):
        trioweb.reconnecting(**{"url": "ws://site/", **options})


async def test_a_loop_without_async_for_says_what_to_write():
    with pytest.raises(TypeError, match="async for"):
        await trioweb.reconnecting("ws://site/")
    with pytest.raises(TypeError, match="async for"):
        async with trioweb.reconnecting("ws://site/"):
            pass
    with pytest.raises(TypeError, match="async for"):
        for _ in trioweb.reconnecting("ws://site/"):
            pass


async def test_every_attempt_sends_the_same_headers(autojump_clock):
    found = []
    app = trioweb.App()

    @app.websocket("/", subprotocols=["chat"])
    async def handle(ws):
        found.append(ws.request.headers.get_all("x-mine"))

    async with running(app) as server:
        headers = iter([("X-Mine", "1"), ("X-Mine", "2")])
        url = f"ws://127.0.0.1:{server.port}/"
        loop = trioweb.reconnecting(url, headers=headers, subprotocols=iter(["chat"]))
        async for ws in loop:
            assert ws.subprotocol == "chat"
            await ws.wait_closed()
            if ws.attempt == 2:
                break
    assert found == [["1", "2"]] * 2


# Real sockets


async def test_a_server_that_goes_away_and_comes_back_is_found_again():
    app = trioweb.App()

    @app.websocket("/")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    ends = []

    async def serve_for_a_while(listeners):
        async with running(app, listeners=listeners):
            await trio.sleep(0.02)

    async def client():
        retry = trioweb.Retry(first_seconds=0.01, most_seconds=0.02)
        async for ws in trioweb.reconnecting(f"ws://127.0.0.1:{port}/", retry=retry):
            ends.append(ws.last_close)
            await ws.send("hello")
            assert await ws.receive() == "hello"
            if len(ends) == 3:
                return
            assert await received_by(ws) == []

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client)
            listeners = [listener]
            while len(ends) < 3:
                await serve_for_a_while(listeners)
                await trio.sleep(0.02)  # nobody listens
                listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
            await listeners[0].aclose()
    assert ends == [None, Close(1001), Close(1001)]

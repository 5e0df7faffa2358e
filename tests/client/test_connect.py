"""A client and one of our servers: messages, and how the block ends."""

from __future__ import annotations

import pytest
import trio
from trio.testing import memory_stream_pair

import trioweb
from trioweb import (
    App,
    Close,
    CloseWebSocket,
    Config,
    ConfigError,
    ConnectionClosedError,
    Deflate,
    LocalProtocolError,
    Timeouts,
)


@pytest.fixture
async def ends(nursery):
    return trio.open_memory_channel(10)


@pytest.fixture
async def url(nursery, ends):
    """The URL of an echo server that reports how each connection has ended."""
    app = App()

    @app.websocket("/", subprotocols=["chat"])
    async def echo(ws):
        try:
            async for message in ws:
                await ws.send(message)
        finally:
            ends[0].send_nowait(ws.closed)

    server = await nursery.start(trioweb.serve, app, "127.0.0.1", 0)
    return f"ws://127.0.0.1:{server.port}/"


@pytest.mark.parametrize("message", ["Grüße", "", b"", b"\x00\xff", "x" * 70_000, b"y" * 300_000], ids=len)
async def test_a_message_comes_back_as_it_was_sent(url, message):
    async with trioweb.connect(url) as ws:
        await ws.send(message)
        assert await ws.receive() == message


async def test_leaving_the_block_closes_with_1000_and_waits_for_the_end(url, ends):
    async with trioweb.connect(url) as ws:
        assert ws.closed is None

    assert ws.closed == Close(1000)
    assert not ws.closed.received_first
    assert (await ends[1].receive()).code == 1000


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("mine"), 1011),
        (CloseWebSocket(4001, "bye"), 4001),
        (ExceptionGroup("mine", [ValueError("one")]), 1011),
        (SystemExit(3), 1001),
    ],
    ids=repr,
)
async def test_an_exception_leaves_the_block_as_it_is_and_the_server_gets_its_code(url, ends, error, code):
    with pytest.raises(BaseException) as caught:
        async with trioweb.connect(url) as ws:
            raise error

    assert caught.value is error
    assert error.__context__ is None
    assert ws.closed.code == (await ends[1].receive()).code == code


async def test_a_cancelled_block_closes_with_1001(url, ends):
    with trio.CancelScope() as scope:
        async with trioweb.connect(url) as ws:
            scope.cancel()
            await ws.receive()

    assert scope.cancelled_caught
    assert ws.closed.code == (await ends[1].receive()).code == 1001


async def test_the_response_and_the_subprotocol_are_shown(url):
    async with trioweb.connect(url, subprotocols=["other", "chat"]) as ws:
        assert ws.subprotocol == "chat"
        assert ws.response.status == 101
        assert ws.response.headers["UPGRADE"] == "websocket"
        assert ws.url == url


async def test_after_the_block_the_websocket_is_closed_for_good(url):
    async with trioweb.connect(url) as ws:
        pass

    with pytest.raises(trioweb.AlreadyClosed):
        await ws.send("late")


async def test_closing_in_the_block_decides_the_code(url, ends):
    async with trioweb.connect(url) as ws:
        await ws.aclose(4000, "enough")
        assert repr(ws) == f"<ClientWebSocket {url} 4000 enough>"

    assert (await ends[1].receive()) == Close(4000, "enough", received_first=True)


async def test_compression_is_offered_when_it_is_asked_for(nursery):
    app = App(Config(compression=Deflate()))

    @app.websocket("/")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    server = await nursery.start(trioweb.serve, app, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.port}/"
    text = "the same again, " * 1000
    for options in ({"compression": Deflate()}, {"config": Config(compression=Deflate())}):
        before = server.statistics().bytes_received
        async with trioweb.connect(url, **options) as ws:
            await ws.send(text)
            assert await ws.receive() == text
        assert server.statistics().bytes_received - before < 1000


async def test_a_block_that_has_been_left_can_be_entered_again(url):
    connecting = trioweb.connect(url)
    async with connecting as ws:
        with pytest.raises(LocalProtocolError, match="is in use"):
            async with connecting:
                pass
    async with connecting as again:
        assert again is not ws
        await again.send("here")
        assert await again.receive_text() == "here"


async def test_text_bytes_and_json_are_asked_for_by_name(url):
    async with trioweb.connect(url) as ws:
        await ws.send_json({"a": 1})
        assert await ws.receive_json() == {"a": 1}
        await ws.send(b"data")
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.receive_text()

    assert caught.value.code == 1003


async def test_a_ping_is_answered_and_gives_the_latency(url):
    async with trioweb.connect(url) as ws:
        assert ws.latency_seconds is None
        assert await ws.ping() == ws.latency_seconds


async def test_connect_without_async_with_says_what_to_write(url):
    with pytest.raises(TypeError, match="async with"):
        await trioweb.connect(url)
    with pytest.raises(TypeError, match="async with"), trioweb.connect(url):
        pass
    with pytest.raises(TypeError, match="reconnecting"):
        async for _ in trioweb.connect(url):
            pass
    with pytest.raises(AttributeError, match="async with"):
        trioweb.connect(url).send("x")


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"config": Timeouts()}, ConfigError, "config takes Config, not Timeouts"),
        ({"headers": "Cookie: secret"}, LocalProtocolError, "headers takes a dict .* not this str$"),
        ({"headers": ["Cookie: secret"]}, LocalProtocolError, "headers takes a dict .* not this list$"),
        ({"stream": None}, LocalProtocolError, "takes a stream of Trio, .* not NoneType"),
    ],
)
def test_an_argument_of_a_wrong_kind_is_refused_where_it_is_written(arguments, error, text):
    with pytest.raises(error, match=text):
        trioweb.connect_stream(**{"stream": memory_stream_pair()[0], "url": "ws://server/"} | arguments)


async def test_a_client_cannot_join_a_room_and_is_told_what_to_do(url):
    room = App().room("lobby")
    async with trioweb.connect(url) as ws:
        with pytest.raises(LocalProtocolError, match=r"ClientWebSocket cannot join a room.*subscribe"):
            room.join(ws)

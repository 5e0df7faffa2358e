"""What a test expects next; and a failure that says by itself what happened."""

from __future__ import annotations

import json
import time

import pytest
import trio

from trioweb import App, CloseWebSocket, Config, Deflate, Timeouts, WebSocket
from trioweb.testing import open_client

app = App()


@app.websocket("/say")
async def say(ws: WebSocket) -> None:
    """Send back what each text asks for."""
    async for message in ws:
        if message == "close":
            raise CloseWebSocket(4000, "as asked")
        if message == "later":
            await trio.sleep(50)
            await ws.send("late")
        else:
            await ws.send(message)


@pytest.fixture
def failing():
    """Run a scenario that must fail, and return the text of its failure."""

    async def failing(scenario, **options):
        async with open_client(app, **options) as client:
            with pytest.raises(AssertionError) as caught:
                async with client.websocket("/say") as ws:
                    await scenario(ws)
        return str(caught.value)

    return failing


async def test_expected_messages_are_returned(autojump_clock):
    async with open_client(app) as client, client.websocket("/say") as ws:
        for message in ("one", b"two", '{"n": 3}', "null", b'"five"', "six", b"seven"):
            await ws.send(message)
        assert await ws.expect_text("one") == "one"
        assert await ws.expect_bytes(b"two") == b"two"
        assert await ws.expect_json({"n": 3}) == {"n": 3}
        assert await ws.expect_json(None) is None
        assert await ws.expect_json() == "five"
        assert await ws.expect_text() == "six"
        assert await ws.expect_bytes() == b"seven"
        await ws.send("later")
        await ws.expect_nothing(49)
        await ws.expect_text("late")
        await ws.send("close")
        close = await ws.expect_close(4000, "as asked")
        assert (close.code, close.reason) == (4000, "as asked")


async def test_a_close_may_be_expected_without_a_code():
    async with open_client(app) as client, client.websocket("/say") as ws:
        await ws.send("close")
        assert (await ws.expect_close()).code == 4000


async def test_a_wrong_text_fails_with_both_texts_and_the_last_frames(failing):
    async def scenario(ws):
        await ws.send("hello")
        await ws.expect_text("hullo")

    lines = (await failing(scenario)).splitlines()
    assert lines[:3] == [
        "expect_text('hullo') on WebSocket /say",
        "    expected: the text 'hullo'",
        "    received: the text 'hello'",
    ]
    passed = [line.split(" s  ", 1)[1] for line in lines[4:]]
    assert passed[0].startswith("client -> server  GET /say HTTP/1.1")
    assert passed[1].startswith("client <- server  HTTP/1.1 101 Switching Protocols")
    assert passed[2:] == [
        "client -> server  TEXT  5 bytes  'hello'",
        "client <- server  TEXT  5 bytes  'hello'",
    ]


@pytest.mark.parametrize(
    ("sent", "call", "arguments", "expected", "received"),
    [
        (b"\x01", "expect_text", (), "a text", "the bytes b'\\x01'"),
        ("x", "expect_bytes", (b"x",), "the bytes b'x'", "the text 'x'"),
        ("x", "expect_bytes", (), "a binary message", "the text 'x'"),
        ("{", "expect_json", (), "JSON", "the text '{'"),
        ('{"n":1}', "expect_json", ({"n": 2},), "the JSON value {'n': 2}", "the text '{\"n\":1}'"),
        ("close", "expect_text", ("x",), "the text 'x'", "a close with 4000 and the reason 'as asked', which the server began"),
        ("close", "expect_json", (), "JSON", "a close with 4000 and the reason 'as asked', which the server began"),
        ("{", "expect_json", ({},), "the JSON value {}", "the text '{'"),
        ("x", "expect_close", (4000,), "a close with 4000", "the text 'x'"),
        ("close", "expect_close", (4001,), "a close with 4001", "a close with 4000 and the reason 'as asked', which the server began"),
        ("close", "expect_close", (4000, "no"), "a close with 4000 and the reason 'no'", "a close with 4000 and the reason 'as asked', which the server began"),
        ("x", "expect_nothing", (5,), "nothing for 5 s", "the text 'x'"),
        ("close", "expect_nothing", (5,), "nothing for 5 s", "a close with 4000 and the reason 'as asked', which the server began"),
    ],
)  # fmt: skip
async def test_something_else_that_comes_is_named(failing, sent, call, arguments, expected, received):
    async def scenario(ws):
        await ws.send(sent)
        await getattr(ws, call)(*arguments)

    lines = (await failing(scenario)).splitlines()
    assert lines[1:3] == [f"    expected: {expected}", f"    received: {received}"]


async def test_long_texts_are_cut_and_their_first_difference_shown(failing):
    async def scenario(ws):
        await ws.send("a" * 5000 + "b" * 5000)
        await ws.expect_text("a" * 5001 + "b" * 4999)

    text = await failing(scenario)
    assert "they differ from 5000 on: 'abbb" in text
    assert "10000 bytes" in text
    assert len(text) < 2500


async def test_json_that_differs_is_compared_line_by_line(failing):
    async def scenario(ws):
        await ws.send_json({"users": ["ann", "bob"], "n": 1})
        await ws.expect_json({"users": ["ann", "eve"], "n": 1})

    text = await failing(scenario)
    assert '-     "eve"' in text
    assert '+     "bob"' in text


async def test_a_difference_deep_in_long_json_is_found_and_shown(failing):
    received = [{"number": number, "text": "x" * 10_000} for number in range(90)]
    expected = [{**one, "number": one["number"] // 50 * 50 or one["number"]} for one in received]

    async def scenario(ws):
        await ws.send_json(received)
        await ws.expect_json(expected)

    began = time.process_time()
    text = await failing(scenario)
    assert '-     "number": 50' in text
    assert '+     "number": 51' in text
    assert "lines that are the same" in text
    assert len(text) < 20_000
    assert time.process_time() - began < 2


@pytest.mark.parametrize("value", [[1, (2, 3)], {"1": {2: 3}}])
async def test_json_that_only_looks_the_same_is_explained(failing, value):
    async def scenario(ws):
        await ws.send(json.dumps(value))
        await ws.expect_json(value)

    assert "the same as JSON, but not equal in Python" in await failing(scenario)


async def test_the_transcript_is_bounded_and_leaves_out_pings(failing, autojump_clock):
    async def scenario(ws):
        for number in range(100):
            await ws.send(str(number))
            await ws.expect_text(str(number))
        await ws.expect_nothing(1005)
        await ws.expect_nothing(1005)
        await ws.send("end")
        await ws.expect_text("the end")

    text = await failing(scenario)
    assert text.count("TEXT") == 31
    assert "... 173 earlier" in text
    assert "200 pings and pongs" in text


async def test_the_transcript_shows_every_kind_of_frame(failing):
    async def scenario(ws):
        await ws.send(b"\x00\xff")
        await ws.expect_bytes(b"\x00\xff")
        async with ws.send_stream(text=True) as writer:
            await writer.send("in ")
            await writer.send("pieces")
        await ws.expect_text("in pieces")
        await ws.ping()
        await ws.send("close")
        await ws.expect_text("x")

    text = await failing(scenario)
    for line in (
        "client -> server  BINARY  2 bytes  b'\\x00\\xff'",
        "client -> server  TEXT  3 bytes  to be continued  'in '",
        "CONTINUATION",
        "2 pings and pongs",
        "client <- server  CLOSE  10 bytes  4000 'as asked'",
    ):
        assert line in text


async def test_compressed_frames_are_shown_as_such(failing):
    async def scenario(ws):
        await ws.send("a" * 1000)
        await ws.expect_text("b")

    async with open_client(app, config=Config(compression=Deflate())) as client:
        with pytest.raises(AssertionError, match="compressed") as caught:
            async with client.websocket("/say", compression=Deflate()) as ws:
                await scenario(ws)
    assert "received: the text 'aaaa" in str(caught.value)


async def test_a_connection_that_is_cut_is_shown_as_its_end(autojump_clock):
    @(inner := App(Config(timeouts=Timeouts(send_seconds=5)))).websocket("/flood")
    async def flood(ws: WebSocket) -> None:
        while True:
            await ws.send(bytes(100_000))

    async with open_client(inner) as client, client.websocket("/flood") as ws:
        await trio.sleep(100)
        with pytest.raises(
            AssertionError, match="the end of the connection, without a close frame"
        ) as caught:
            while True:
                await ws.expect_bytes()
    assert "of which only a part was sent" in str(caught.value)

"""A handler's exception comes out in the test, as it is, at the call that met it."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager

import pytest
import trio

from trioweb import (
    App,
    CloseWebSocket,
    ConnectionClosed,
    HandshakeRejected,
    HTTPError,
    Request,
    Stream,
    Text,
    WebSocket,
)
from trioweb.testing import open_client

app = App()


class Bug(Exception):
    pass


class Expected(Exception):
    pass


@app.error_handler(Expected)
async def answer(request, error):
    return Text("handled", status=409)


@app.get("/bug/{text}")
async def bug(request: Request, text: str) -> Text:
    raise Bug(text)


@app.get("/expected")
async def expected(request):
    raise Expected


@app.get("/forbidden")
async def forbidden(request):
    raise HTTPError(403)


@app.get("/breaks")
async def breaks(request):
    async def pieces():
        yield b"begun"
        await trio.sleep(1)
        raise Bug("in the stream")

    return Stream(pieces())


@app.websocket("/ws/{text}")
async def fail_on_demand(ws: WebSocket, text: str) -> None:
    try:
        async for message in ws:
            if message == "bug":
                raise Bug(text)
            if message == "close":
                raise CloseWebSocket(4000, "as asked")
            if message == "tasks":
                ws.nursery.start_soon(fail, text)
                await trio.sleep_forever()
            await ws.send(message)
    finally:
        if text == "late":
            raise Bug("late")


@app.websocket("/refuse")
async def refuse(ws: WebSocket) -> None:
    raise Bug("before it was accepted")


async def fail(text):
    raise Bug(f"a task of {text}")


async def test_a_request_raises_what_its_handler_did():
    async with open_client(app) as client:
        with pytest.raises(Bug, match="one") as caught:
            await client.get("/bug/one")
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)
        with pytest.raises(Bug, match="two"):
            async with client.stream("GET", "/bug/two"):
                pass


@pytest.mark.parametrize("path", ["/expected", "/forbidden", "/nowhere"])
async def test_an_answer_to_a_request_is_not_an_error(path):
    async with open_client(app) as client:
        assert (await client.get(path)).status_code in {403, 404, 409}


async def test_a_body_that_breaks_off_raises_what_its_source_did(autojump_clock):
    async with open_client(app) as client:
        with pytest.raises(Bug, match="in the stream"):
            await client.get("/breaks")
        async with client.stream("GET", "/breaks") as response:
            pieces = response.aiter_bytes()
            assert await anext(pieces) == b"begun"
            with pytest.raises(Bug, match="in the stream"):
                await anext(pieces)


@pytest.mark.parametrize("call", ["receive", "expect_text", "expect_close", "wait_closed", "__anext__"])
async def test_a_websocket_raises_what_its_handler_did(call):
    async with open_client(app) as client, client.websocket("/ws/one") as ws:
        await ws.send("before")
        await ws.expect_text("before")
        await ws.send("bug")
        with pytest.raises(Bug, match="one") as caught:
            await getattr(ws, call)()
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


async def test_a_call_that_the_kit_leaves_as_it_is_raises_what_the_handler_did():
    async with open_client(app) as client:
        with pytest.raises(Bug, match="one"):
            async with client.websocket("/ws/one") as ws:
                await ws.send("bug")
                async with ws.receive_stream() as chunks:
                    async for _ in chunks:
                        pass


async def test_the_end_of_a_block_raises_what_the_handler_did_at_its_own_end():
    async with open_client(app) as client:
        with pytest.raises(Bug, match="late"):
            async with client.websocket("/ws/late") as ws:
                await ws.send("x")


async def test_a_task_of_a_handler_fails_like_the_handler():
    async with open_client(app) as client, client.websocket("/ws/one") as ws:
        await ws.send("tasks")
        with pytest.raises(Bug, match="a task of one"):
            await ws.receive()


async def test_a_handshake_raises_what_its_handler_did():
    async with open_client(app) as client:
        with pytest.raises(Bug, match="before it was accepted"):
            async with client.websocket("/refuse"):
                pass


async def test_a_close_that_the_handler_asked_for_is_not_an_error():
    async with open_client(app) as client, client.websocket("/ws/one") as ws:
        await ws.send("close")
        await ws.expect_close(4000, "as asked")


async def test_a_status_that_comes_too_late_is_an_error():
    @(inner := App()).websocket("/late")
    async def late(ws: WebSocket) -> None:
        await ws.accept()
        raise HTTPError(403)

    async with open_client(inner) as client, client.websocket("/late") as ws:
        with pytest.raises(HTTPError) as caught:
            await ws.receive()
    assert "raise CloseWebSocket" in caught.value.__notes__[0]


async def test_each_client_gets_its_own_error():
    async with (
        open_client(app) as client,
        client.websocket("/ws/ann") as ann,
        client.websocket("/ws/bob") as bob,
    ):
        await bob.send("bug")
        await ann.send("still here")
        await ann.expect_text("still here")
        assert (await client.get("/forbidden")).status_code == 403
        with pytest.raises(Bug, match="bob"):
            await bob.receive()


async def test_an_error_that_no_call_met_is_raised_at_the_end():
    with pytest.raises(Bug, match="unmet"):
        async with open_client(app) as client:
            stream = client.open_stream()
            await stream.send_all(b"GET /bug/unmet HTTP/1.1\r\nHost: testserver\r\n\r\n")
            assert b" 500 " in await stream.receive_some()


async def test_several_errors_that_no_call_met_are_raised_as_a_group():
    with pytest.raises(ExceptionGroup) as caught:
        async with open_client(app) as client:
            for text in ("one", "two"):
                stream = client.open_stream()
                await stream.send_all(f"GET /bug/{text} HTTP/1.1\r\nHost: testserver\r\n\r\n".encode())
                await stream.receive_some()
    assert [str(error) for error in caught.value.exceptions] == ["one", "two"]


async def test_an_error_that_no_call_met_is_a_note_of_what_the_block_raises():
    with pytest.raises(AssertionError, match="mine") as caught:
        async with open_client(app) as client, client.websocket("/ws/unmet") as ws:
            await ws.send("bug")
            await trio.testing.wait_all_tasks_blocked()
            raise AssertionError("mine")
    assert "Bug: unmet" in caught.value.__notes__[0]
    assert "/ws/unmet" in caught.value.__notes__[0]


async def test_an_error_is_raised_although_the_block_was_cancelled(autojump_clock):
    with pytest.raises(Bug, match="unmet"), trio.fail_after(10):
        async with open_client(app) as client, client.websocket("/ws/unmet") as ws:
            await ws.send("bug")
            await trio.sleep_forever()


async def test_without_raising_errors_the_server_answers_as_in_production(caplog):
    async with open_client(app, raise_errors=False) as client:
        assert (await client.get("/bug/one")).status_code == 500
        with pytest.raises(HandshakeRejected, match="500"):
            async with client.websocket("/refuse"):
                pass
        async with client.websocket("/ws/one") as ws:
            await ws.send("bug")
            await ws.expect_close(1011, "")
    assert [record.exc_info[0] for record in caplog.records if record.levelno == logging.ERROR] == [Bug] * 3


async def test_an_error_that_is_raised_is_left_out_of_the_log(caplog):
    async with open_client(app) as client:
        with pytest.raises(Bug):
            await client.get("/bug/one")
    assert not caplog.records


@pytest.mark.parametrize("raise_errors", [True, False])
@pytest.mark.parametrize("moment", ["before", "between", "after"])
async def test_errors_of_the_lifespan_come_out_of_the_block(moment, raise_errors):
    @asynccontextmanager
    async def lifespan(nursery):
        if moment == "before":
            raise Bug(moment)
        if moment == "between":
            nursery.start_soon(fail, "the lifespan")
        yield
        if moment == "after":
            raise Bug(moment)

    with pytest.raises(Bug) as caught:
        async with open_client(App(lifespan=lifespan), raise_errors=raise_errors):
            if moment == "between":
                await trio.sleep_forever()
    assert caught.value.__cause__ is None


@asynccontextmanager
async def failing_lifespan(nursery):
    async def fail_later():
        await trio.sleep(5)
        raise Bug("the lifespan")

    nursery.start_soon(fail_later)
    yield


@pytest.mark.parametrize("call", ["receive", "expect_text", "wait_closed", "expect_close"])
async def test_a_websocket_raises_what_a_task_of_the_lifespan_did(call, autojump_clock):
    chat = App(lifespan=failing_lifespan)

    @chat.websocket("/echo")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    with pytest.raises(Bug, match="the lifespan"):
        async with open_client(chat) as client, client.websocket("/echo") as ws:
            await getattr(ws, call)()
    with pytest.raises(ConnectionClosed) as caught:
        async with open_client(chat, raise_errors=False) as client, client.websocket("/echo") as ws:
            await ws.receive()
    assert "Bug: the lifespan" in caught.value.__notes__[-1]


async def test_a_request_raises_what_a_task_of_the_lifespan_did(autojump_clock):
    shop = App(lifespan=failing_lifespan)

    @shop.get("/")
    async def index(request):
        await trio.sleep(10)

    with pytest.raises(Bug):
        async with open_client(shop) as client:
            with pytest.raises(Bug):
                await client.get("/")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
async def test_an_interrupted_handler_ends_the_test_and_is_not_hidden_in_a_group(kind, autojump_clock):
    interrupted = App()

    @interrupted.get("/")
    async def interrupt(request):
        raise kind

    with pytest.raises(kind):
        async with open_client(interrupted) as client:
            await client.get("/")


async def test_a_test_that_sends_without_receiving_is_told_so_when_it_is_cut(autojump_clock):
    talkative = App()

    @talkative.websocket("/")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    with pytest.raises(ConnectionClosed, match="1006") as caught:
        async with open_client(talkative) as client, client.websocket("/") as ws:
            while True:
                await ws.send("x" * 1000)
    assert "full inbox" in caught.value.__notes__[-1]

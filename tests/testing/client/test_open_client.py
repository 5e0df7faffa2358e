"""An app and its client in one block: real serving, without a network."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest
import trio

from trioweb import (
    JSON,
    App,
    Config,
    ConnectFailed,
    EventStream,
    HandshakeRejected,
    HTTPError,
    Limits,
    Redirect,
    Response,
    ServerSentEvent,
    Stream,
    Text,
    WebSocket,
    connect_stream,
)
from trioweb._transport.engine import engines_of_this_run
from trioweb.errors import SetupError
from trioweb.testing import FaultyStream, RawPeer, open_client
from trioweb.testing.bare_nursery import bare_nursery

app = App()


@app.get("/who")
async def who(request):
    return JSON({"client": str(request.client), "scheme": request.scheme, "url": str(request.url)})


@app.post("/echo")
async def echo(request):
    return Response(await request.body())


@app.get("/cookie")
async def set_cookie(request):
    response = Text("here")
    response.set_cookie("seen", "by-http")
    return response


@app.get("/cookies")
async def show_cookies(request):
    return JSON(dict(request.cookies))


@app.get("/away")
async def away(request):
    return Redirect("/who")


@app.get("/prices")
async def prices(request):
    async def source():
        start = int(request.last_event_id or 0)
        for number in range(start + 1, start + 3):
            yield ServerSentEvent(f"price\n{number}\u2028", id=str(number), event="tick")

    return EventStream(source(), retry_seconds=1.5)


@app.get("/countdown")
async def countdown(request):
    async def pieces():
        for number in (3, 2, 1):
            yield f"{number} ".encode()
            await trio.sleep(60)

    return Stream(pieces())


@app.websocket("/ws", subprotocols=["chat.v2", "chat.v1"])
async def ws(ws: WebSocket) -> None:
    await ws.accept(headers=[("set-cookie", "room=lobby; Path=/"), ("x-room", "lobby")])
    await ws.send_json({"cookies": dict(ws.request.cookies), "query": ws.request.query.get("q")})
    async for message in ws:
        await ws.send(message)


@app.websocket("/closed")
async def closed(ws: WebSocket) -> None:
    raise HTTPError(403, "members only", {"set-cookie": "refused=once"})


async def test_requests_reach_the_app_and_its_responses_come_back():
    async with open_client(app) as client:
        response = await client.post("/echo", content=b"x" * 300_000)
        assert response.content == b"x" * 300_000
        assert (await client.get("/nowhere")).status_code == 404


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_app_sees_the_peer_and_the_scheme_that_the_test_asks_for(scheme):
    async with open_client(app, peer=("198.51.100.7", 4000), scheme=scheme) as client:
        shown = (await client.get("/who")).json()
        assert shown["client"] == "198.51.100.7:4000"
        assert shown["scheme"] == scheme
        assert client.server.urls == [f"{scheme}://testserver"]


async def test_a_client_may_have_no_address():
    async with open_client(app, peer=None) as client:
        assert (await client.get("/who")).json()["client"] == "None"


async def test_a_scheme_must_be_one_of_the_web():
    with pytest.raises(SetupError, match="gopher"):
        open_client(app, scheme="gopher")


async def test_cookies_go_both_ways_between_requests_and_websockets():
    async with open_client(app) as client:
        await client.get("/cookie")
        async with client.websocket("/ws", params={"q": "x y"}) as one:
            assert await one.expect_json() == {"cookies": {"seen": "by-http"}, "query": "x y"}
        assert (await client.get("/cookies")).json() == {"seen": "by-http", "room": "lobby"}
        with pytest.raises(HandshakeRejected) as caught:
            async with client.websocket("/closed"):
                pass
        assert caught.value.status == 403
        assert client.cookies["refused"] == "once"


async def test_the_clients_own_fields_are_sent_with_a_handshake():
    @(inner := App()).websocket("/fields")
    async def fields(ws: WebSocket) -> None:
        names = ("authorization", "user-agent", "x-one", "accept")
        await ws.send_json({name: ws.request.headers.get(name) for name in names})

    async with open_client(inner) as client:
        client.headers["authorization"] = "Bearer t"
        async with client.websocket("/fields", headers={"X-One": "1", "User-Agent": "test"}) as one:
            await one.expect_json(
                {"authorization": "Bearer t", "user-agent": "test", "x-one": "1", "accept": None}
            )


async def test_the_websocket_of_a_test_can_do_everything_that_a_clients_can():
    async with open_client(app) as client, client.websocket("/ws", subprotocols=["chat.v1"]) as one:
        assert one.subprotocol == "chat.v1"
        assert one.response.headers["x-room"] == "lobby"
        assert await one.receive_json() == {"cookies": {}, "query": None}
        await one.send(b"\x00")
        assert await one.receive() == b"\x00"
        await one.send("text")
        await one.flush()
        assert await one.receive_text() == "text"
        assert await one.ping() >= 0
        async with one.send_stream(text=True) as writer:
            await writer.send("a")
            await writer.send("b")
        async with one.receive_stream() as chunks:
            assert "".join([chunk async for chunk in chunks]) == "ab"
        await one.aclose(4001, "done")
        assert one.closed.code == 4001


async def test_redirects_are_shown_unless_they_are_followed():
    async with open_client(app) as client:
        assert (await client.get("/away")).status_code == 303
        assert (await client.get("/away", follow_redirects=True)).json()["url"] == "http://testserver/who"


async def test_server_sent_events_are_read_as_a_browser_does():
    async with open_client(app) as client:
        async with client.events("/prices") as events:
            got = [event async for event in events]
        assert [(event.data, event.id, event.event) for event in got[1:]] == [
            ("price\n1\u2028", "1", "tick"),
            ("price\n2\u2028", "2", "tick"),
        ]
        assert got[0].retry_seconds == 1.5
        async with client.events("/prices", last_event_id=events.last_event_id) as events:
            await anext(events)
            assert (await anext(events)).id == "3"
        with pytest.raises(AssertionError, match="expected a stream of events"):
            async with client.events("/who"):
                pass
        with pytest.raises(httpx.HTTPStatusError):
            async with client.events("/nowhere"):
                pass


async def test_a_streamed_response_arrives_piece_by_piece(autojump_clock):
    async with open_client(app) as client, client.stream("GET", "/countdown") as response:
        assert response.status_code == 200
        started = trio.current_time()
        times = [(piece, trio.current_time() - started) async for piece in response.aiter_text()]
    assert times == [("3 ", 0), ("2 ", 60), ("1 ", 120)]


async def test_time_outs_of_httpx_run_by_the_clock_of_the_test(autojump_clock):
    async with open_client(app) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/countdown", timeout=30)
        assert trio.current_time() == 30


async def test_connections_are_kept_and_counted(autojump_clock):
    async with open_client(app) as client:
        for _ in range(3):
            await client.get("/who")
        statistics = client.server.statistics()
        assert (statistics.requests, statistics.connections_accepted) == (3, 1)
        await trio.sleep(100)  # longer than Timeouts.idle_seconds
        await client.get("/who")
        assert client.server.statistics().connections_accepted == 2


async def test_limits_on_connections_apply():
    async with open_client(app, config=Config(limits=Limits(connections=1))) as client:
        async with client.websocket("/ws"):
            assert (await client.get("/who")).status_code == 503
            with pytest.raises(HandshakeRejected, match="503"):
                async with client.websocket("/ws"):
                    pass
        assert client.server.statistics().connections_refused == 2


async def test_the_server_can_be_shut_down_within_the_block(autojump_clock):
    async with open_client(app) as client:
        async with client.websocket("/ws") as one:
            await one.expect_json()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.server.aclose, None, 1012, "back soon")
                await one.expect_close(1012, "back soon")
        with pytest.raises(httpx.ConnectError, match="shut down"):
            await client.get("/who")
        with pytest.raises(ConnectFailed, match="shut down"):
            async with client.websocket("/ws"):
                pass


async def test_a_peer_of_bytes_talks_to_the_same_server():
    async with open_client(app) as client:
        peer = RawPeer(client.open_stream())
        await peer.open("/ws?q=1")
        assert await peer.receive_text() == '{"cookies":{},"query":"1"}'
        await peer.close()


async def test_the_lifespan_lasts_as_long_as_the_block():
    story = []

    @asynccontextmanager
    async def lifespan(nursery):
        story.append("begin")
        yield
        story.append("end")

    async with open_client(App(lifespan=lifespan)):
        story.append("block")
    assert story == ["begin", "block", "end"]


async def test_a_handler_has_ended_when_the_block_of_its_websocket_has():
    @(inner := App()).websocket("/story")
    async def story(ws: WebSocket) -> None:
        try:
            async for _ in ws:
                pass
        finally:
            with trio.CancelScope(shield=True):
                for _ in range(10):
                    await trio.lowlevel.checkpoint()
            told.append("the end")

    told = []
    async with open_client(inner) as client:
        async with client.websocket("/story"):
            pass
        assert told == ["the end"]


async def test_exceptions_of_the_block_come_out_as_they_are():
    with pytest.raises(KeyError) as caught:
        async with open_client(app) as client, client.websocket("/ws"):
            raise KeyError("mine")
    assert caught.value.__cause__ is None
    group = ExceptionGroup("mine", [ValueError()])
    with pytest.raises(ExceptionGroup) as grouped:
        async with open_client(app):
            raise group
    assert grouped.value is group
    with pytest.raises(pytest.fail.Exception, match="no use"):
        async with open_client(app):
            pytest.fail("no use")


async def test_a_block_that_is_cancelled_ends_at_once(autojump_clock):
    with trio.move_on_after(5) as scope:
        async with open_client(app) as client, client.websocket("/ws"):
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() < 7


async def test_a_connection_at_rest_has_no_deadline_but_that_of_its_pings():
    async with open_client(app) as client, client.websocket("/ws") as one:
        await one.expect_json()
        await one.send("x")
        await one.expect_text("x")
        await trio.testing.wait_all_tasks_blocked()
        callbacks = [one for engine in engines_of_this_run() for one in engine.timers.callbacks()]
        assert [type(callback.__self__).__name__ for callback in callbacks] == ["Keepalive"]


async def test_messages_can_be_received_in_a_loop_until_the_end():
    @(inner := App()).websocket("/count")
    async def count(ws: WebSocket) -> None:
        for number in range(3):
            await ws.send(str(number))

    async with open_client(inner) as client, client.websocket("/count") as one:
        assert [message async for message in one] == ["0", "1", "2"]
        assert (await one.wait_closed()).code == 1000


async def test_a_handshake_that_the_server_drops_has_failed():
    @(inner := App()).websocket("/slow")
    async def slow(ws: WebSocket) -> None:
        client.server.abort()
        await trio.sleep_forever()

    async with open_client(inner) as client:
        with pytest.raises(ConnectFailed):
            async with client.websocket("/slow"):
                pass


async def test_a_network_with_faults_can_be_put_between_client_and_server(autojump_clock):
    async with open_client(app) as client:
        stream = FaultyStream(client.open_stream(), faults=["split", "delay"], seed=1)
        async with connect_stream(stream, "ws://testserver/ws") as one:
            await one.receive_json()
            await one.send("x" * 10_000)
            assert await one.receive() == "x" * 10_000


async def test_failures_of_the_block_and_of_a_task_beside_it_are_a_group():
    async def fail():
        raise KeyError("task")

    with pytest.raises(ExceptionGroup) as caught:
        async with bare_nursery() as nursery:
            nursery.start_soon(fail)
            raise ValueError("block")
    assert {type(error) for error in caught.value.exceptions} == {KeyError, ValueError}


def test_asyncio_is_refused_with_an_explanation():
    async def main():
        async with open_client(app):
            pass

    with pytest.raises(SetupError, match="trioweb runs under Trio"):
        asyncio.run(main())

"""A wait that can never end raises Stuck and says who waits for whom; one that can end never does."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import asynccontextmanager

import anyio.from_thread
import pytest
import trio
import trio.testing

from trioweb import App, Config, EventStream, Text, Timeouts, WebSocket
from trioweb.testing import RawPeer, Stuck, open_client

app = App()


@app.get("/never")
async def never(request):
    await trio.Event().wait()


@app.get("/hour")
async def hour(request):
    await trio.sleep(3600)
    return Text("an hour later")


@app.get("/thread")
async def thread(request):
    await trio.to_thread.run_sync(time.sleep, 0.03)
    return Text("worked")


@app.get("/quiet")
async def quiet(request):
    async def source():
        yield "first"
        await trio.sleep_forever()

    return EventStream(source())


@app.websocket("/echo")
async def echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


@app.websocket("/never-accepts")
async def never_accepts(ws: WebSocket) -> None:
    await trio.sleep_forever()


async def test_a_request_that_is_never_answered_is_stuck(autojump_clock):
    async with open_client(app) as client:
        with pytest.raises(Stuck) as caught:
            await client.get("/never")
        text = str(caught.value)
        assert "GET /never: tests/testing/client/test_stuck.py:" in text
        assert 'await client.get("/never")' in text
        assert "in never: await trio.Event().wait()" in text
        assert "client -> server  GET /never HTTP/1.1" in text
        assert (await client.get("/hour")).text == "an hour later"  # the client can still be used


async def test_a_message_that_never_comes_is_stuck_and_both_sides_are_named(autojump_clock):
    async with open_client(app) as client, client.websocket("/echo") as ws:
        await ws.send("ping")
        await ws.expect_text("ping")
        with pytest.raises(Stuck) as caught:
            await ws.expect_text("pong")
    lines = [line.strip() for line in str(caught.value).splitlines()]
    test, server = lines.index("The test waits in:"), lines.index("The application waits in:")
    assert lines[test + 1].startswith("WebSocket /echo, expect_text('pong'): tests/testing/client/")
    assert lines[test + 1].endswith('await ws.expect_text("pong")')
    assert lines[server + 1].endswith("in echo: async for message in ws:")
    assert any("client <- server  TEXT  4 bytes  'ping'" in line for line in lines)


async def test_a_handshake_that_is_never_answered_is_stuck(autojump_clock):
    async with open_client(app) as client:
        with pytest.raises(Stuck, match=r"websocket\('/never-accepts'\)"):
            async with client.websocket("/never-accepts"):
                pass


async def test_two_clients_that_wait_for_each_other_are_stuck(autojump_clock):
    async with open_client(app) as client:
        with pytest.raises(ExceptionGroup) as caught:
            async with (
                client.websocket("/echo") as ann,
                client.websocket("/echo") as bob,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(ann.receive)
                nursery.start_soon(bob.receive)
    assert [type(error) for error in caught.value.exceptions] == [Stuck]


async def test_a_quiet_stream_of_events_is_stuck_in_spite_of_its_comments(autojump_clock):
    async with open_client(app) as client, client.events("/quiet") as events:
        assert (await anext(events)).data == "first"
        with pytest.raises(Stuck, match="the body of GET /quiet"):
            await anext(events)


async def test_a_test_that_waits_for_something_else_is_stuck_in_its_block(autojump_clock):
    with pytest.raises(Stuck, match=r"await trio.Event\(\).wait\(\)"):
        async with open_client(app), open_client(app):
            await trio.Event().wait()


async def test_a_lifespan_that_never_starts_is_stuck(autojump_clock):
    @asynccontextmanager
    async def lifespan(nursery):
        await trio.sleep_forever()
        yield

    with pytest.raises(Stuck, match="at the start of the lifespan"):
        async with open_client(App(lifespan=lifespan)):
            pass


async def test_a_task_that_wakes_every_minute_does_not_hide_that_a_test_is_stuck(autojump_clock):
    @asynccontextmanager
    async def lifespan(nursery):
        async def tidy():
            while True:
                tidied.append(trio.current_time())
                await trio.sleep(60)

        nursery.start_soon(tidy)
        yield

    tidied = []
    inner = App(lifespan=lifespan)
    inner.get("/never")(never)
    async with open_client(inner) as client:
        with pytest.raises(Stuck, match="for a day of the virtual clock"):
            await client.get("/never")


async def test_waiting_is_not_being_stuck_however_long_it_takes(autojump_clock):
    async with open_client(app) as client, client.websocket("/echo") as ws:
        started = trio.current_time()
        assert (await client.get("/hour")).text == "an hour later"
        await trio.sleep(300)
        await ws.send("still here")
        await ws.expect_text("still here")
        with pytest.raises(trio.TooSlowError), trio.fail_after(300):
            await ws.receive()
        assert trio.current_time() == started + 4200


async def test_a_peer_that_answers_no_pings_is_cut_and_not_stuck(autojump_clock):
    async with open_client(app) as client:
        peer = RawPeer(client.open_stream())
        await peer.open("/echo")
        await peer.receive_end()
    assert trio.current_time() >= 40


async def test_a_client_that_does_not_read_is_cut_and_not_stuck(autojump_clock):
    @(inner := App()).websocket("/flood")
    async def flood(ws: WebSocket) -> None:
        try:
            while True:
                await ws.send(bytes(100_000))
        finally:
            ended.set()

    ended = trio.Event()
    async with open_client(inner) as client, client.websocket("/flood"):
        await ended.wait()


@pytest.mark.parametrize("is_virtual", [True, False])
def test_work_in_a_thread_is_not_being_stuck(is_virtual):
    async def check():
        async with open_client(app, stuck_seconds=0.02) as client:
            assert (await client.get("/thread")).text == "worked"

    trio.run(check, clock=trio.testing.MockClock(autojump_threshold=0) if is_virtual else None)


async def test_no_virtual_time_passes_while_a_thread_works(autojump_clock):
    async with open_client(app) as client, client.websocket("/echo"):
        await client.get("/thread")
        assert trio.current_time() == 0


async def test_a_thread_that_never_ends_does_not_stop_a_virtual_clock(autojump_clock, monkeypatch):
    monkeypatch.setattr("trioweb.testing.stuck.watch.THREAD_SECONDS", 0.02)
    end = threading.Event()
    async with open_client(app) as client, trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, end.wait)
        try:
            assert (await client.get("/hour")).text == "an hour later"
            assert trio.current_time() == 3600
        finally:
            end.set()


@pytest.mark.parametrize("is_virtual", [True, False])
def test_waiting_for_a_socket_is_not_being_stuck(is_virtual):
    @(inner := App()).get("/socket")
    async def wait_for_socket(request):
        return Text((await trio.socket.from_stdlib_socket(ours).recv(1)).decode())

    async def check():
        async with open_client(inner, stuck_seconds=0.02) as client:
            threading.Timer(0.03, theirs.send, [b"x"]).start()
            assert (await client.get("/socket")).text == "x"

    ours, theirs = socket.socketpair()
    with ours, theirs:
        trio.run(check, clock=trio.testing.MockClock(autojump_threshold=0) if is_virtual else None)


def test_a_run_that_another_thread_makes_use_of_is_not_stuck():
    with (
        anyio.from_thread.start_blocking_portal("trio") as portal,
        portal.wrap_async_context_manager(open_client(app, stuck_seconds=0.02)) as client,
    ):
        time.sleep(0.06)
        assert portal.call(client.get, "/thread").text == "worked"


@pytest.mark.parametrize("path", ["/never", "/echo"])
async def test_under_a_real_clock_a_stuck_test_fails_after_a_moment(path):
    started = time.perf_counter()
    with pytest.raises(Stuck):
        async with open_client(app, stuck_seconds=0.02) as client:
            if path == "/never":
                await client.get(path)
            else:
                async with client.websocket(path) as ws:
                    await ws.receive()
    assert 0.02 <= time.perf_counter() - started < 2


async def test_the_watch_can_be_switched_off(autojump_clock):
    config = Config(timeouts=Timeouts(ping_interval_seconds=None))
    async with open_client(app, config=config, stuck_seconds=None) as client, client.websocket("/echo") as ws:
        with trio.move_on_after(10) as scope:
            await ws.receive()
        assert scope.cancelled_caught


async def test_a_clock_that_stands_still_does_not_hide_that_a_test_is_stuck(mock_clock):
    async with open_client(app) as client, client.websocket("/echo") as ws:
        with pytest.raises(Stuck):
            await ws.receive()


async def test_a_test_that_moves_the_clock_itself_is_not_stuck(mock_clock):
    async with open_client(app) as client, trio.open_nursery() as nursery:

        @nursery.start_soon
        async def move():
            for _ in range(4):
                await trio.testing.wait_all_tasks_blocked(0.01)
                mock_clock.jump(1000)

        assert (await client.get("/hour")).text == "an hour later"


@pytest.mark.parametrize("fails", [False, True])
async def test_a_handler_that_shields_itself_does_not_hold_up_the_end_of_the_test(fails, autojump_clock):
    shielding = App()

    @shielding.websocket("/")
    async def shield(ws: WebSocket) -> None:
        await ws.receive()
        with trio.CancelScope(shield=True):
            await trio.sleep_forever()

    with pytest.raises(LookupError if fails else Stuck) as caught:
        async with open_client(shielding) as client, client.websocket("/") as ws:
            await ws.send("hello")
            if fails:
                raise LookupError("in the test")
    text = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    assert "WebSocket /: " in text
    assert "in shield: await trio.sleep_forever()" in text


async def test_a_task_that_wakes_every_hour_does_not_hide_a_test_that_waits_alone(
    autojump_clock, monkeypatch
):
    monkeypatch.setattr("trioweb.testing.stuck.watch.MOST_WAKES", 500)

    @asynccontextmanager
    async def lifespan(nursery):
        async def tick():
            while True:
                ticks.append(await trio.sleep(3600))

        nursery.start_soon(tick)
        yield
        nursery.cancel_scope.cancel()

    ticks = []
    with pytest.raises(Stuck):
        async with open_client(App(lifespan=lifespan)):
            await trio.Event().wait()

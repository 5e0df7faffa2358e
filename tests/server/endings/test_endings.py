"""The ends of a WebSocket: every row of the table, seen from both sides."""

from __future__ import annotations

import logging

import pytest
import trio
from support.serving import connected, in_memory, running

import trioweb
from trioweb import App, Close, CloseWebSocket, Config, Limits, Timeouts
from trioweb.testing import TEXT, close_frame, frame


def app_with(handler, **options):
    app = App(Config(**options))
    app.websocket("/")(handler)
    return app


async def test_a_handler_that_returns_closes_with_1000(autojump_clock):
    async def handler(ws):
        await ws.send("bye")

    async with in_memory(app_with(handler)) as peer:
        await peer.open()

        assert await peer.receive_text() == "bye"
        assert await peer.receive_close() == (1000, "")


async def test_a_handler_that_returns_without_using_the_websocket_accepts_it(autojump_clock):
    async def handler(ws):
        pass

    async with in_memory(app_with(handler)) as peer:
        await peer.open()

        assert await peer.receive_close() == (1000, "")


async def test_a_value_that_a_handler_returns_causes_one_warning(caplog):
    async def handler(ws):
        return trioweb.Text("for nobody")

    async with running(app_with(handler)) as server:
        for _ in range(2):
            async with connected(server) as peer:
                await peer.open()
                assert await peer.receive_close() == (1000, "")
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert (
        "the handler of WebSocket / returned Text, which nobody gets: send it with `await ws.send" in warning
    )


async def test_close_websocket_ends_with_the_handlers_own_code(autojump_clock):
    async def handler(ws):
        await ws.accept()
        raise CloseWebSocket(4001, "bye")

    async with in_memory(app_with(handler)) as peer:
        await peer.open()

        assert await peer.receive_close() == (4001, "bye")


@pytest.mark.parametrize(("code", "closed"), [(1000, 1000), (1001, 1001), (None, 1005)])
async def test_the_peers_ordinary_close_is_echoed_and_ends_async_for(autojump_clock, code, closed):
    seen = []

    async def handler(ws):
        async for message in ws:
            seen.append(message)
        seen.append(ws.closed)

    async with in_memory(app_with(handler)) as peer:
        await peer.open()
        await peer.send_text("last")

        assert await peer.close(code) == (code, "")
    assert seen == ["last", Close(closed)]
    assert seen[1].received_first is True


async def test_the_peers_other_close_is_echoed_and_raised(autojump_clock):
    seen = []

    async def handler(ws):
        try:
            async for message in ws:
                seen.append(message)
        except trioweb.ConnectionClosedError as error:
            seen.append((error.code, error.reason, error.received_first))
            raise

    async with in_memory(app_with(handler)) as peer:
        await peer.open()

        assert await peer.close(4321, "why") == (4321, "why")
    assert seen == [(4321, "why", True)]


async def test_a_peer_that_vanishes_is_1006_from_every_pending_and_later_call(autojump_clock):
    seen = []

    async def expect(name, call, *arguments):
        with pytest.raises(trioweb.ConnectionClosedError) as caught:
            await call(*arguments)
        seen.append((name, caught.value.code))

    async def handler(ws):
        await ws.accept()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(expect, "receive", ws.receive)
            nursery.start_soon(expect, "ping", ws.ping)
        await expect("send", ws.send, "late")
        await expect("receive", ws.receive)
        await expect("ping", ws.ping)
        await expect("flush", ws.flush)
        assert (await ws.wait_closed()).code == 1006
        assert ws.closed == Close(1006)
        assert ws.closed.received_first is None

    async with in_memory(app_with(handler)) as peer:
        await peer.open()
        await peer.receive_frame()  # the ping
        await peer.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
    assert sorted(seen[:2]) == [("ping", 1006), ("receive", 1006)]
    assert seen[2:] == [(name, 1006) for name in ("send", "receive", "ping", "flush")]


async def test_messages_that_came_before_the_end_are_received_first(autojump_clock):
    seen = []

    async def handler(ws):
        await ws.accept()
        await trio.sleep(1)
        with pytest.raises(trioweb.ConnectionClosedError):
            while True:
                seen.append(await ws.receive())

    async with in_memory(app_with(handler)) as peer:
        await peer.open()
        await peer.send(frame(TEXT, b"one") + frame(TEXT, b"two"))
        await peer.stream.aclose()
        await trio.sleep(2)
    assert seen == ["one", "two"]


@pytest.mark.parametrize(
    ("data", "limits", "code"),
    [
        (frame(0x3, b""), {}, 1002),
        (frame(TEXT, b"unmasked", mask=None), {}, 1002),
        (frame(TEXT, b"\xff"), {}, 1007),
        (frame(TEXT, b"x" * 11), {"message_bytes": 10}, 1009),
        (
            frame(TEXT, b"", is_final=False) + frame(0, b"", is_final=False) * 5,
            {"message_fragments": 5},
            1008,
        ),
    ],
    ids=["opcode", "unmasked", "utf-8", "too big", "fragments"],
)
async def test_a_peer_that_breaks_the_protocol_is_told_why(autojump_clock, data, limits, code):
    seen = []

    async def handler(ws):
        try:
            await ws.receive()
        except trioweb.ConnectionClosedError as error:
            seen.append((error.code, error.received_first))
            raise

    async with in_memory(app_with(handler, limits=Limits(**limits))) as peer:
        await peer.open()
        await peer.send(data)

        got, reason = await peer.receive_close()
        assert got == code
        assert reason
        await peer.receive_end()
    assert seen == [(code, False)]


async def test_a_peer_that_does_not_answer_our_close_is_cut(autojump_clock):
    async def handler(ws):
        await ws.send("bye")

    async with in_memory(app_with(handler)) as peer:
        await peer.open()
        await peer.receive_text()
        await peer.receive_close()
        started = trio.current_time()
        await peer.receive_end()

        assert trio.current_time() - started == pytest.approx(Timeouts().close_seconds)


async def test_a_handler_is_cancelled_when_its_grace_after_the_end_is_over(autojump_clock):
    seen = []

    async def handler(ws):
        await ws.accept()
        started = trio.current_time()
        try:
            await trio.sleep_forever()
        finally:
            seen.append(trio.current_time() - started)

    app = app_with(handler, timeouts=Timeouts(handler_grace_seconds=3))
    async with in_memory(app) as peer:
        await peer.open()
        await peer.close()
    assert seen == [pytest.approx(3)]


async def test_calls_after_the_handlers_own_close_raise_already_closed(autojump_clock):
    seen = []

    async def handler(ws):
        await ws.accept()
        await ws.aclose(4000, "enough")
        await ws.aclose()
        for call in (ws.receive, ws.ping, ws.flush):
            with pytest.raises(trioweb.AlreadyClosed) as caught:
                await call()
            seen.append(caught.value.code)
        with pytest.raises(trio.ClosedResourceError):
            await ws.send("late")
        assert ws.closed == Close(4000, "enough")

    async with in_memory(app_with(handler)) as peer:
        await peer.open()
        assert await peer.receive_close() == (4000, "enough")
        await peer.send(close_frame(4000))
        await peer.receive_end()
    assert seen == [4000, 4000, 4000]


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 70000])
async def test_a_code_that_cannot_be_sent_is_refused_by_the_call(autojump_clock, code):
    seen = []

    async def handler(ws):
        await ws.accept()
        with pytest.raises(trioweb.LocalProtocolError, match=str(code)):
            await ws.aclose(code)
        with pytest.raises(trioweb.LocalProtocolError, match="124 bytes"):
            await ws.aclose(1000, "é" * 62)
        with pytest.raises(trioweb.LocalProtocolError, match="UTF-8"):
            await ws.aclose(1000, "half of a pair: \ud83d")
        with pytest.raises(trioweb.LocalProtocolError):
            CloseWebSocket(code)
        seen.append("open still")

    async with in_memory(app_with(handler)) as peer:
        await peer.open()
        assert await peer.receive_close() == (1000, "")
    assert seen == ["open still"]


async def test_both_sides_may_close_at_the_same_time(autojump_clock):
    async def handler(ws):
        await ws.accept()
        await ws.aclose(4000)

    async with in_memory(app_with(handler)) as peer:
        await peer.open()
        await peer.send(close_frame(1000))

        assert (await peer.receive_close())[0] in (1000, 4000)
        assert await peer.receive_end() == b""


async def test_a_ping_after_our_close_harms_nobody(autojump_clock):
    async def handler(ws):
        await ws.accept()

    async with in_memory(app_with(handler)) as peer:
        await peer.open()
        assert await peer.receive_close() == (1000, "")
        await peer.send(frame(0x9, b"late ping") + close_frame(1000))

        assert await peer.receive_end() == b""


async def test_messages_before_a_violation_are_answered_before_the_close(autojump_clock):
    async def handler(ws):
        async for message in ws:
            await trio.sleep(0.1)
            await ws.send(message)

    async with in_memory(app_with(handler)) as peer:
        await peer.open()
        await peer.send(frame(TEXT, b"one") + frame(TEXT, b"two") + frame(0x3, b""))

        assert [await peer.receive_text(), await peer.receive_text()] == ["one", "two"]
        assert (await peer.receive_close())[0] == 1002


async def test_a_violation_does_not_wait_for_a_handler_that_does_not_receive(autojump_clock):
    async def handler(ws):
        await ws.accept()
        await trio.sleep(1000)

    async with in_memory(app_with(handler)) as peer:
        await peer.open()
        await peer.send(frame(TEXT, b"one") + frame(0x3, b""))
        started = trio.current_time()

        assert (await peer.receive_close())[0] == 1002
        assert trio.current_time() - started == pytest.approx(Timeouts().close_seconds)


async def test_ten_pings_get_ten_pongs(autojump_clock):
    async def handler(ws):
        await ws.receive()

    async with in_memory(app_with(handler)) as peer:
        await peer.open()
        await peer.send(b"".join(frame(0x9, b"%d" % number) for number in range(10)))

        assert [(await peer.receive_frame()).payload for _ in range(10)] == [b"%d" % n for n in range(10)]

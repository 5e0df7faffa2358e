"""Handlers that fail, and tasks in a handler's nursery: 1011, and what the log says."""

from __future__ import annotations

import logging

import trio
from support.serving import in_memory

from trioweb import App, Config


def app_with(handler, **options):
    app = App(Config(**options))
    app.websocket("/")(handler)
    return app


async def test_any_other_exception_is_1011_without_a_reason_and_is_logged(autojump_clock, caplog):
    async def handler(ws):
        await ws.accept()
        raise KeyError("secret")

    async with in_memory(app_with(handler)) as peer:
        await peer.open()

        assert await peer.receive_close() == (1011, "")
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "secret" in caplog.text
    assert record.exc_info


async def test_in_debug_the_reason_shows_the_exception(autojump_clock, caplog):
    async def handler(ws):
        await ws.accept()
        raise KeyError("x" * 200)

    async with in_memory(app_with(handler, debug=True)) as peer:
        await peer.open()

        code, reason = await peer.receive_close()
        assert code == 1011
        assert reason.startswith("KeyError: 'xxx")
        assert len(reason) == 123


async def test_a_task_of_the_nursery_that_fails_ends_the_handler_with_1011(autojump_clock, caplog):
    ended = []

    async def failing():
        raise KeyError("child")

    async def handler(ws):
        await ws.accept()
        ws.nursery.start_soon(failing)
        try:
            await trio.sleep_forever()
        finally:
            ended.append(True)

    async with in_memory(app_with(handler)) as peer:
        await peer.open()

        assert await peer.receive_close() == (1011, "")
    assert ended
    assert "KeyError: 'child'" in caplog.text


async def test_two_tasks_that_fail_are_both_logged(autojump_clock, caplog):
    async def failing(name):
        try:
            await trio.sleep(1)
        finally:
            raise KeyError(name)

    async def handler(ws):
        await ws.accept()
        ws.nursery.start_soon(failing, "one")
        ws.nursery.start_soon(failing, "two")
        await trio.sleep_forever()

    async with in_memory(app_with(handler)) as peer:
        await peer.open()

        assert await peer.receive_close() == (1011, "")
    assert "several tasks of the WebSocket failed" in caplog.text
    assert "KeyError: 'one'" in caplog.text
    assert "KeyError: 'two'" in caplog.text


async def test_tasks_of_the_nursery_end_with_the_handler(autojump_clock):
    ended = []

    async def child():
        try:
            await trio.sleep_forever()
        finally:
            ended.append(True)

    async def handler(ws):
        ws.nursery.start_soon(child)
        await ws.receive()

    async with in_memory(app_with(handler)) as peer:
        await peer.open()
        await peer.send_text("now")

        assert await peer.receive_close() == (1000, "")
        assert ended

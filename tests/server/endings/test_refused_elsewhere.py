"""A client in a handler that fails: its error does not answer the handler's own client."""

from __future__ import annotations

import logging

import pytest
import trio
from support.serving import in_memory

from trioweb import (
    AlreadyClosed,
    App,
    Close,
    Config,
    ConnectionClosedError,
    ConnectionClosedOK,
    HandshakeRejected,
    HTTPError,
    Stream,
    Text,
)
from trioweb.errors import BadHandshake, ConnectTimedOut
from trioweb.testing import handshake

ERRORS = [
    HandshakeRejected(403, "Forbidden", [("Set-Cookie", "inner=1")], body=b"inner secret"),
    HandshakeRejected(302, "Found", [("Location", "/inner")], body=b""),
    BadHandshake("inner"),
    ConnectTimedOut("inner", "TLS"),
    ConnectionClosedError(None, Close(4001, "inner"), True),
    ConnectionClosedError(),
]


def failing_app(error, **options):
    app = App(Config(**options))

    @app.get("/page")
    async def page(request):
        raise error

    @app.websocket("/accepted")
    async def accepted(ws):
        await ws.accept()
        raise error

    @app.websocket("/early")
    async def early(ws):
        raise error

    @app.websocket("/task")
    async def task(ws):
        async def connect():
            raise error

        await ws.accept()
        ws.nursery.start_soon(connect)
        await trio.sleep_forever()

    return app


async def get(peer, path):
    await peer.send(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    return await peer.receive_response()


@pytest.mark.parametrize("error", ERRORS, ids=repr)
async def test_a_request_is_answered_with_500(error, autojump_clock, caplog):
    async with in_memory(failing_app(error)) as peer:
        head, body = await get(peer, "/page")

    assert head.startswith("HTTP/1.1 500 ")
    assert "inner" not in f"{head}{body}"
    assert [record.levelno for record in caplog.records if record.exc_info] == [logging.ERROR]


@pytest.mark.parametrize("path", ["/accepted", "/task"])
@pytest.mark.parametrize("error", ERRORS, ids=repr)
async def test_a_websocket_is_closed_with_1011(error, path, autojump_clock, caplog):
    async with in_memory(failing_app(error)) as peer:
        await peer.open(path)

        assert await peer.receive_close() == (1011, "")
    (record,) = [record for record in caplog.records if record.exc_info]
    assert not getattr(record.exc_info[1], "__notes__", [])


@pytest.mark.parametrize("path", ["/accepted", "/task", "/early"])
@pytest.mark.parametrize(
    "error",
    [ConnectionClosedOK(None, Close(1001, "inner"), True), AlreadyClosed(Close(1011), None, False)],
    ids=repr,
)
async def test_another_connection_that_has_ended_well_ends_a_websocket_well(
    error, path, autojump_clock, caplog
):
    async with in_memory(failing_app(error)) as peer:
        await peer.open(path)

        assert await peer.receive_close() == (1000, "")
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
async def test_a_handshake_is_refused_with_500(error, autojump_clock, caplog):
    async with in_memory(failing_app(error)) as peer:
        await peer.send(handshake("/early"))
        head, body = await peer.receive_response()

    assert head.startswith("HTTP/1.1 500 ")
    assert "inner" not in f"{head}{body}"


async def test_a_handler_of_http_errors_does_not_see_it_and_one_of_its_class_does(autojump_clock, caplog):
    app = failing_app(ERRORS[0])

    @app.error_handler(HTTPError)
    async def answer(request, error):
        return Text("as an answer", error.status)

    async with in_memory(app) as peer:
        head, _ = await get(peer, "/page")
        assert head.startswith("HTTP/1.1 500 ")

    @app.error_handler(HandshakeRejected)
    async def bad_gateway(request, error):
        return Text(f"upstream: {error.status}", 502)

    async with in_memory(app) as peer:
        head, _ = await get(peer, "/page")
        assert head.startswith("HTTP/1.1 502 ")


async def test_an_answer_that_breaks_off_is_logged_as_a_bug(autojump_clock, caplog):
    app = App()

    @app.get("/page")
    async def page(request):
        async def chunks():
            yield b"first"
            raise BadHandshake("inner")

        return Stream(chunks())

    async with in_memory(app) as peer:
        await peer.send(b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
        await peer.receive_end()

    assert [record.levelno for record in caplog.records if record.exc_info] == [logging.ERROR]

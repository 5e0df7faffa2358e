"""Each request has an id: in the response, in the handler and in the log."""

from __future__ import annotations

import logging
import re

import pytest
import trio
from support.serving import in_memory

from trioweb import App, ConfigError
from trioweb.middleware import RequestId, RequestIdFilter
from trioweb.testing import open_client

MADE = re.compile(r"[0-9a-f]{32}")


def app_with(layer):
    app = App()
    app.middleware(layer)

    @app.get("/")
    async def index(request):
        logging.getLogger("shop").warning("selling")
        return request.state.request_id

    @app.get("/broken")
    async def broken(request):
        raise RuntimeError("broken")

    @app.websocket("/ws")
    async def handler(ws):
        async def task():
            logging.getLogger("shop").warning("in a task")
            await ws.send(ws.state.request_id)

        ws.nursery.start_soon(task)
        await ws.receive()

    return app


@pytest.fixture
def lines():
    """The log, as written by a formatter that uses the filter's field."""
    lines = []

    class Lines(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    handler = Lines()
    handler.addFilter(RequestIdFilter())
    handler.setFormatter(logging.Formatter("%(request_id)s %(name)s %(message)s"))
    root, before = logging.getLogger(), logging.getLogger("trioweb.access").level
    level = logging.getLogger("trioweb").level
    root.addHandler(handler)
    logging.getLogger("trioweb.access").setLevel(logging.INFO)
    yield lines
    logging.getLogger("trioweb.access").setLevel(before)
    logging.getLogger("trioweb").setLevel(level)
    root.removeHandler(handler)


async def test_each_request_gets_an_id_of_its_own():
    async with open_client(app_with(RequestId())) as client:
        names = []
        for _ in range(3):
            response = await client.get("/")
            assert response.text == response.headers["x-request-id"]
            assert MADE.fullmatch(response.text)
            names.append(response.text)
        assert len(set(names)) == 3


async def test_errors_have_a_request_id(lines):
    async with open_client(app_with(RequestId()), raise_errors=False) as client:
        for path in ("/broken", "/nowhere"):
            assert MADE.fullmatch((await client.get(path)).headers["x-request-id"])
        assert any(re.match(r"[0-9a-f]{32} trioweb GET /broken failed", line) for line in lines)


@pytest.mark.parametrize("given", ["a", "4bf9-2f35_77b3.4da6~a3ce+929d/0e0e:47@36=", "x" * 128])
async def test_the_id_of_a_trusted_client_is_kept(given):
    async with open_client(app_with(RequestId(is_client_trusted=True))) as client:
        response = await client.get("/", headers={"X-Request-ID": given})
        assert (response.text, response.headers["x-request-id"]) == (given, given)


@pytest.mark.parametrize("given", ["", "x" * 129, "two words", "a,b", "<script>", "\xe4", 'a"b', "a\tb"])
async def test_an_invalid_id_is_replaced(given):
    async with open_client(app_with(RequestId(is_client_trusted=True))) as client:
        response = await client.get("/", headers={"X-Request-ID": given.encode("latin-1")})
        assert MADE.fullmatch(response.text)


async def test_two_ids_are_replaced():
    async with open_client(app_with(RequestId(is_client_trusted=True))) as client:
        response = await client.get("/", headers=[("X-Request-ID", "a"), ("X-Request-ID", "b")])
        assert MADE.fullmatch(response.text)


async def test_a_stranger_cannot_choose_the_id():
    async with open_client(app_with(RequestId())) as client:
        assert MADE.fullmatch((await client.get("/", headers={"X-Request-ID": "mine"})).text)


async def test_the_field_can_have_another_name():
    layer = RequestId(header="X-Correlation-ID", is_client_trusted=True)
    async with open_client(app_with(layer)) as client:
        response = await client.get("/", headers={"X-Correlation-ID": "mine", "X-Request-ID": "other"})
        assert response.headers["x-correlation-id"] == "mine"
        assert "x-request-id" not in response.headers


async def test_the_log_has_the_id_in_the_handler_and_in_the_line_about_the_response(lines):
    async with open_client(app_with(RequestId())) as client:
        names = [(await client.get("/")).text for _ in range(2)]
        await client.get("/")  # so that the lines about the others have been written
    for name in names:
        assert f"{name} shop selling" in lines
        assert (
            len([line for line in lines if line.startswith(f"{name} trioweb.access") and "GET /" in line])
            == 1
        )


async def test_requests_at_one_time_do_not_mix(lines):
    app, arrived, both = app_with(RequestId()), [], trio.Event()

    @app.get("/wait/{name}")
    async def wait(request, name):
        arrived.append(name)
        if len(arrived) == 2:
            both.set()
        await both.wait()
        logging.getLogger("shop").warning("%s", name)
        return request.state.request_id

    names = {}
    async with open_client(app) as client, trio.open_nursery() as nursery:

        async def ask(name):
            names[name] = (await client.get(f"/wait/{name}")).text

        nursery.start_soon(ask, "ann")
        nursery.start_soon(ask, "bob")
    assert {f"{names[name]} shop {name}" for name in ("ann", "bob")} <= set(lines)


async def test_a_websocket_has_its_id_in_its_handshake_state_and_log(autojump_clock, lines):
    async with open_client(app_with(RequestId())) as client, client.websocket("/ws") as ws:
        name = ws.response.headers["x-request-id"]
        await ws.expect_text(name)
    assert f"{name} shop in a task" in lines
    assert len([line for line in lines if line.startswith(f"{name} trioweb.access")]) == 2


async def test_a_connection_without_a_request_is_not_logged_under_the_last_id(autojump_clock, lines):
    logging.getLogger("trioweb").setLevel(logging.INFO)
    async with in_memory(app_with(RequestId(is_client_trusted=True))) as peer:
        await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Request-ID: first\r\n\r\n")
        assert (await peer.receive_response())[1] == b"first"
        await peer.send(b"GET / HTTP/1.1\r\nbad header\r\n\r\n")
        assert "400" in (await peer.receive_response())[0]
    assert "first shop selling" in lines
    (refusal,) = [line for line in lines if "refused a request" in line]
    assert refusal.startswith("- trioweb refused")


async def test_outer_middleware_does_not_log_under_the_last_id(autojump_clock, lines):
    app = App()

    @app.middleware
    async def note(request, call_next):
        logging.getLogger("shop").warning("came %s", request.path)
        return await call_next(request)

    app.middleware(RequestId(is_client_trusted=True))
    async with open_client(app) as client:
        for number in range(2):
            await client.get(f"/{number}", headers={"X-Request-ID": "first"})
    assert {"- shop came /0", "- shop came /1"} <= set(lines)


def test_outside_a_request_the_log_has_a_dash(lines):
    logging.getLogger("shop").warning("closed")
    assert lines == ["- shop closed"]


@pytest.mark.parametrize("header", ["", "two words", "a:b", 5, None])
def test_an_invalid_name_of_the_field_is_refused(header):
    with pytest.raises(ConfigError, match=r"RequestId\.header"):
        RequestId(header=header)


def test_trust_is_a_boolean():
    with pytest.raises(ConfigError, match=r"RequestId\.is_client_trusted takes bool"):
        RequestId(is_client_trusted="nginx")

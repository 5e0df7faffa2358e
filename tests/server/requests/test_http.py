"""HTTP as a client sees it: keep-alive, HEAD, continue, errors, and what bad input gets."""

from __future__ import annotations

import json

import httpx
import pytest
import trio
from support.serving import connected, in_memory, running
from support.streaming import Source

import trioweb
from trioweb import HTML, JSON, App, Config, HTTPError, Limits, Stream, Text, Timeouts
from trioweb.testing import handshake, open_client

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def site(**options):
    app = App(Config(**options))

    @app.get("/")
    async def index(request):
        return HTML("<h1>hello</h1>")

    @app.post("/mirror")
    async def mirror(request):
        return JSON(
            {"body": await request.text(), "query": dict(request.query), "client": request.client.host}
        )

    @app.post("/ignore")
    async def ignore(request):
        return Text("did not look")

    @app.get("/boom")
    async def boom(request):
        raise KeyError("secret")

    @app.get("/teapot")
    async def teapot(request):
        raise HTTPError(418, "short and stout", {"X-Handle": "left"})

    @app.get("/nothing")
    async def nothing(request):
        return None

    @app.get("/wrong")
    async def wrong(request):
        return object()

    @app.get("/split")
    async def split(request):
        return Text("x", headers={"X-Evil": "a\r\nSet-Cookie: b"})

    @app.websocket("/ws")
    async def ws(ws):
        await ws.receive()

    return app


@pytest.fixture
async def client():
    async with open_client(site(), raise_errors=False) as client:
        yield client


async def test_a_page_comes_with_type_length_and_date(client):
    answer = await client.get("/")
    assert (answer.status_code, answer.text) == (200, "<h1>hello</h1>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-length"] == "14"
    assert answer.headers["date"].endswith("GMT")


async def test_head_is_get_without_the_body(client):
    answer = await client.head("/")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "14")
    assert (await client.get("/")).text == "<h1>hello</h1>", "the connection goes on"


async def test_a_body_and_a_query_reach_the_handler(client):
    answer = await client.post("/mirror?a=1&b=%C3%A4", content="grüße")
    assert answer.json() == {"body": "grüße", "query": {"a": "1", "b": "ä"}, "client": "192.0.2.1"}


async def test_a_chunked_body_reaches_the_handler(client):
    async def chunks():
        yield b"one "
        yield b"two"

    assert (await client.post("/mirror", content=chunks())).json()["body"] == "one two"


async def test_an_unread_body_does_not_disturb_the_next_request(client):
    assert (await client.post("/ignore", content=b"x" * 100_000)).text == "did not look"
    assert (await client.get("/")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "header"),
    [
        ("GET", "/nowhere", 404, None),
        ("DELETE", "/", 405, ("allow", "GET, HEAD")),
        ("GET", "/ws", 426, ("upgrade", "websocket")),
        ("GET", "/teapot", 418, ("x-handle", "left")),
        ("GET", "/boom", 500, None),
        ("GET", "/wrong", 500, None),
        ("GET", "/split", 500, None),
        ("GET", "/%ff", 400, None),
    ],
)
async def test_errors_are_short_pages_or_json_by_accept(client, caplog, method, path, status, header):
    page = await client.request(method, path, headers={"Accept": "text/html"})
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert str(status) in page.text
    assert "secret" not in page.text
    data = await client.request(method, path, headers={"Accept": "application/json"})
    assert json.loads(data.text)["status"] == status
    if header:
        assert data.headers[header[0]] == header[1]


def a_page():
    return HTML("page")


def a_stream():
    return Stream(Source("page").run())


class Spoilt:
    """An app whose response is changed, after it was made, into one that cannot be sent."""

    def __init__(self, make_response, **changes):
        self.app = App()
        self.app.get("/")(self.answer)
        self.app.get("/next")(self.following)
        self.make_response = make_response
        self.changes = changes

    async def answer(self, request):
        response = self.make_response()
        for name, value in self.changes.items():
            setattr(response, name, value)
        return response

    async def following(self, request):
        return "next"


@pytest.mark.parametrize(
    ("make_response", "changes"),
    [
        (a_page, {"status": 700}),
        (a_page, {"status": 101}),
        (a_page, {"body": "text"}),
        (a_page, {"body": None}),
        (a_page, {"headers": {"A": "b"}}),
        (a_stream, {"status": 700}),
        (a_stream, {"headers": {"A": "b"}}),
    ],
)
async def test_a_response_that_cannot_be_sent_is_a_500_and_logged_once(
    autojump_clock, caplog, make_response, changes
):
    async with in_memory(Spoilt(make_response, **changes).app) as peer:
        await peer.send(GET + GET.replace(b"/", b"/next", 1))
        head, _ = await peer.receive_response()
        assert head.startswith("HTTP/1.1 500 ")
        assert (await peer.receive_response())[1] == b"next"
    (record,) = caplog.records
    assert record.message == "GET / failed"


@pytest.mark.parametrize("body", [bytearray(b"other"), memoryview(b"other"), b"other"])
async def test_the_body_of_a_response_may_be_replaced_by_any_kind_of_bytes(autojump_clock, body):
    async with in_memory(Spoilt(a_page, body=body).app) as peer:
        await peer.send(GET)
        assert (await peer.receive_response())[1] == b"other"


@pytest.mark.parametrize("status", [204, 205, 304])
@pytest.mark.parametrize("make_response", [a_page, a_stream])
async def test_a_status_without_a_body_leaves_the_connection_usable(
    autojump_clock, caplog, make_response, status
):
    async with in_memory(Spoilt(make_response, status=status).app) as peer:
        await peer.send(GET + GET.replace(b"/", b"/next", 1))
        head = await peer.receive_head()
        assert head.startswith(f"HTTP/1.1 {status} ")
        assert ("content-length: 0" in head.lower()) == (status == 205)
        assert (await peer.receive_response())[1] == b"next"
    assert not caplog.records


async def test_a_handler_that_returns_nothing_sends_no_content(client):
    answer = await client.get("/nothing")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-length" not in answer.headers


async def test_in_debug_an_error_page_shows_the_traceback(caplog):
    async with open_client(site(debug=True), raise_errors=False) as client:
        assert "KeyError" in (await client.get("/boom")).text


async def test_pipelined_requests_are_answered_in_order(autojump_clock):
    app = App()

    @app.get("/{number:int}")
    async def index(request, number):
        await trio.sleep(1 / (number + 1))
        return Text(str(number))

    async with in_memory(app) as peer:
        await peer.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(5)))
        for number in range(5):
            _, body = await peer.receive_response()
            assert body == str(number).encode()


async def test_continue_is_sent_when_the_body_is_wanted_and_only_then(autojump_clock):
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    app = site()
    app.state.clear()
    async with in_memory(app, client=trioweb.Address("10.0.0.1")) as peer:
        await peer.send(head % b"/mirror")
        assert (await peer.receive_head()).startswith("HTTP/1.1 100")
        await peer.send(b"hi")
        _, body = await peer.receive_response()
        assert json.loads(body)["body"] == "hi"
        await peer.send(head % b"/ignore")
        answer, body = await peer.receive_response()
        assert answer.startswith("HTTP/1.1 200")
        assert body == b"did not look"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20_000, 431),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST /mirror HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST /mirror HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ],
)
async def test_bad_input_gets_its_status_and_the_connection_is_closed(autojump_clock, data, status):
    async with in_memory(site()) as peer:
        await peer.send(data)
        head = await peer.receive_head()
        assert head.startswith(f"HTTP/1.1 {status} "), head
        assert "connection: close" in head.lower()
        await peer.receive_end()


async def test_a_head_that_takes_too_long_gets_408(autojump_clock):
    async with in_memory(site()) as peer:
        started = trio.current_time()
        for byte in b"GET / HTTP/1.1\r\nHost: x\r\n":
            await trio.sleep(0.3)
            await peer.send(bytes([byte]))
            if trio.current_time() - started > 12:
                break
        assert (await peer.receive_head()).startswith("HTTP/1.1 408")
        await peer.receive_end()
        assert trio.current_time() - started < 14


async def test_a_silent_connection_is_closed_without_a_response(autojump_clock):
    async with in_memory(site()) as peer:
        started = trio.current_time()
        assert await peer.receive_end() == b""
        assert trio.current_time() - started == pytest.approx(Timeouts().idle_seconds)


async def test_an_idle_connection_is_closed_after_its_time(autojump_clock):
    async with in_memory(site()) as peer:
        await peer.send(GET)
        await peer.receive_response()
        started = trio.current_time()
        assert await peer.receive_end() == b""
        assert trio.current_time() - started == pytest.approx(Timeouts().idle_seconds)


async def test_a_body_without_progress_gets_408(autojump_clock):
    async with in_memory(site()) as peer:
        await peer.send(b"POST /mirror HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        head, body = await peer.receive_response()
        assert head.startswith("HTTP/1.1 408")
        assert b"Timeouts.body_seconds" in body
        await peer.receive_end()


async def test_a_chunked_body_that_is_too_large_gets_413(autojump_clock):
    async with in_memory(site(limits=Limits(body_bytes=10))) as peer:
        await peer.send(
            b"POST /mirror HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n"
        )
        head, body = await peer.receive_response()
        assert head.startswith("HTTP/1.1 413")
        assert b"Limits.body_bytes" in body


async def test_a_foreign_origin_gets_403_that_names_the_setting(autojump_clock):
    async with in_memory(site()) as peer:
        await peer.send(handshake("/ws", ("Origin", "https://evil.example")))
        head, body = await peer.receive_response()
        assert head.startswith("HTTP/1.1 403")
        assert b"Config.origins" in body
        await peer.send(GET)
        assert (await peer.receive_response())[1] == b"<h1>hello</h1>"


@pytest.mark.parametrize(
    ("origins", "origin", "status"),
    [
        (None, "http://localhost", 101),
        (None, None, 101),
        ("*", "https://evil.example", 101),
        (["https://good.example"], "https://good.example", 101),
        (["https://good.example"], "https://evil.example", 403),
        (["https://good.example"], "http://localhost", 403),
    ],
)
async def test_origins_can_be_set(autojump_clock, origins, origin, status):
    async with in_memory(site(origins=origins)) as peer:
        await peer.send(handshake("/ws", ("Origin", origin)))
        assert (await peer.receive_head()).startswith(f"HTTP/1.1 {status}")


@pytest.mark.parametrize(
    ("field", "status"),
    [
        (("Sec-WebSocket-Version", "12"), 426),
        (("Sec-WebSocket-Key", "short"), 400),
        (("Sec-WebSocket-Key", None), 400),
        (("Sec-WebSocket-Protocol", "\xff"), 400),
    ],
)
async def test_a_bad_handshake_gets_its_status(autojump_clock, field, status):
    async with in_memory(site()) as peer:
        await peer.send(handshake("/ws", field))
        head, _ = await peer.receive_response()
        assert head.startswith(f"HTTP/1.1 {status}")
        if status == 426:
            assert "sec-websocket-version: 13" in head.lower()


async def test_a_connection_above_the_limit_gets_503_with_retry_after(caplog):
    async with running(site(limits=Limits(connections=2))) as server:
        async with connected(server) as one, connected(server) as two:
            for peer in (one, two):
                await peer.open("/ws")
            async with connected(server) as three:
                head, _ = await three.receive_response()
                assert head.startswith("HTTP/1.1 503")
                assert "Retry-After" in head
                await three.receive_end()
            assert server.statistics().connections_refused == 1
        async with httpx.AsyncClient(base_url=server.urls[0]) as http:
            with trio.fail_after(5):
                while (await http.get("/")).status_code != 200:
                    await http.aclose()
    assert "Limits.connections" in caplog.text


async def test_the_access_log_has_one_line_for_a_request_and_two_for_a_websocket(autojump_clock, caplog):
    caplog.set_level("INFO", "trioweb.access")
    async with in_memory(site(), client=trioweb.Address("10.0.0.1", 5)) as peer:
        await peer.send(b"GET /?token=secret HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await peer.receive_response()
        await peer.open("/ws?token=secret")
        await peer.send_text("x")
        await peer.receive_close()
        await peer.stream.aclose()
        await trio.sleep(1)
    first, second, third = [
        record.getMessage() for record in caplog.records if record.name == "trioweb.access"
    ]
    assert first.startswith('10.0.0.1:5 "GET /" 200 ')
    assert second == '10.0.0.1:5 "WebSocket /ws" open'
    assert third.startswith('10.0.0.1:5 "WebSocket /ws" closed 1000 after ')
    assert "received 1 messages" in third
    assert "secret" not in caplog.text

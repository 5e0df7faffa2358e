"""A client that many programs use, over real sockets: pools, redirects, cookies, bodies, time-outs."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import httpx
import pytest
import trio
from support.serving import running
from support.tls import contexts
from support.waiting import until

from trioweb import JSON, App, Config, Limits, Redirect, Response, Text

MEGABYTES = 8 * 1024 * 1024


class Pieces(Response):
    is_streamed = True

    async def chunks(self):
        for number in range(MEGABYTES // 65_536):
            yield bytes([number % 256]) * 65_536


def site():
    app = App(Config(limits=Limits(body_bytes=2 * MEGABYTES)))

    @app.get("/")
    async def index(request):
        return Text(str(request.client))

    @app.get("/slow/{seconds:float}")
    async def slow(request, seconds):
        await trio.sleep(seconds)
        return Text("slow")

    @app.route("/redirect/{status:int}", methods=["GET", "POST"])
    async def redirect(request, status):
        return Redirect("/mirror?from=redirect", status)

    @app.get("/loop")
    async def loop(request):
        return Redirect("/loop")

    @app.route("/mirror", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def mirror(request):
        return JSON([request.method, request.query_string, await request.text(), dict(request.cookies)])

    @app.post("/digest")
    async def digest(request):
        total, length = sha256(), 0
        async with aclosing(request.stream()) as pieces:
            async for piece in pieces:
                total.update(piece)
                length += len(piece)
        return JSON([length, total.hexdigest(), request.headers.get("transfer-encoding", "")])

    @app.get("/large")
    async def large(request):
        return Response(b"x" * MEGABYTES)

    @app.post("/large")
    async def large_and_unread(request):
        return Response(b"x" * 2 * MEGABYTES)

    @app.get("/pieces")
    async def pieces(request):
        return Pieces()

    @app.post("/cookies")
    async def set_cookies(request):
        response = Text("set")
        for name, options in (await request.json()).items():
            response.set_cookie(name, f"value-of-{name}", **options)
        return response

    @app.delete("/cookies")
    async def delete_cookies(request):
        response = Text("deleted")
        for name in request.cookies:
            response.delete_cookie(name)
        return response

    @app.get("/expiring")
    async def expiring(request):
        response = Text("set")
        response.set_cookie("later", "1", expires=datetime.now(UTC) + timedelta(hours=1))
        response.set_cookie("past", "1", expires=datetime.now(UTC) - timedelta(hours=1))
        return response

    @app.get("/shop/mirror")
    async def shop(request):
        return JSON(dict(request.cookies))

    return app


@pytest.fixture
async def server():
    async with running(site()) as server:
        yield server


@pytest.fixture
async def client(server):
    async with httpx.AsyncClient(base_url=server.urls[0], trust_env=False, timeout=20) as client:
        yield client


# Connections.


async def test_one_connection_serves_a_hundred_requests(server, client):
    peers = {(await client.get("/")).text for _ in range(100)}
    assert len(peers) == 1
    assert server.statistics().connections_accepted == 1


async def test_concurrent_requests_have_a_connection_each_and_use_it_again(server, client):
    async def fetch(count):
        answers = []

        async def one():
            answers.append((await client.get("/slow/0.2")).text)

        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(one)
        assert answers == ["slow"] * count

    started = trio.current_time()
    await fetch(20)
    assert trio.current_time() - started < 3, "side by side, not one after the other"
    accepted = server.statistics().connections_accepted
    assert accepted == 20
    await fetch(20)
    assert server.statistics().connections_accepted == accepted


async def test_a_connection_that_the_client_closes_ends_on_the_server(server, client):
    await client.get("/", headers={"Connection": "close"})
    await client.get("/")
    await client.aclose()
    await until(lambda: server.connections == 0)
    assert server.statistics().connections_accepted == 2


@pytest.mark.slow
async def test_a_client_that_loses_patience_leaves_the_server_to_others(server, client):
    with pytest.raises(httpx.ReadTimeout):
        await client.get("/slow/30", timeout=0.2)
    assert (await client.get("/slow/0")).text == "slow"


@pytest.mark.slow
async def test_a_cancelled_request_leaves_the_server_to_others(client):
    with trio.move_on_after(0.2):
        await client.get("/slow/30")
    assert (await client.get("/slow/0")).text == "slow"


# Redirects.


@pytest.mark.parametrize(
    ("status", "method", "body"),
    [(301, "GET", ""), (302, "GET", ""), (303, "GET", ""), (307, "POST", "hello"), (308, "POST", "hello")],
)
async def test_a_redirect_is_followed_with_the_method_that_its_status_says(client, status, method, body):
    answer = await client.post(f"/redirect/{status}", content="hello", follow_redirects=True)
    assert answer.json()[:3] == [method, "from=redirect", body]
    assert [one.status_code for one in answer.history] == [status]


async def test_an_endless_redirect_is_given_up_by_the_client(client):
    with pytest.raises(httpx.TooManyRedirects):
        await client.get("/loop", follow_redirects=True)
    assert (await client.get("/")).status_code == 200


# Cookies.


async def test_cookies_come_back_as_they_were_set(client):
    cookies = {
        "plain": {},
        "aged": {"max_age_seconds": 60},
        "whole": {"max_age_seconds": 60, "path": "/", "http_only": False, "same_site": "Strict"},
        "of-the-shop": {"path": "/shop"},
        "encrypted": {"secure": True, "same_site": "None", "partitioned": True},
        "__Secure-one": {"secure": True},
        "gone": {"max_age_seconds": 0},
    }
    answer = await client.post("/cookies", json=cookies)
    lines = answer.headers.get_list("set-cookie")
    assert [line.partition("=")[0] for line in lines] == list(cookies), "one line for each, in order"
    assert "encrypted=value-of-encrypted; Path=/; Secure; HttpOnly; Partitioned; SameSite=None" in lines
    everywhere = {name: f"value-of-{name}" for name in ("plain", "aged", "whole")}
    assert (await client.get("/mirror")).json()[3] == everywhere, (
        "what needs TLS does not come over plain HTTP"
    )
    assert (await client.get("/shop/mirror")).json() == everywhere | {"of-the-shop": "value-of-of-the-shop"}


async def test_deleted_cookies_do_not_come_back(client):
    await client.post("/cookies", json={"a": {}, "b": {"max_age_seconds": 60}})
    assert set((await client.get("/mirror")).json()[3]) == {"a", "b"}
    await client.delete("/cookies")
    assert (await client.get("/mirror")).json()[3] == {}


async def test_an_expiry_is_a_date_that_the_client_understands(client):
    await client.get("/expiring")
    assert (await client.get("/mirror")).json()[3] == {"later": "1"}


async def test_any_value_that_a_client_sends_can_be_read(client):
    for sent, read in [('"quoted"', "quoted"), ("a=b", "a=b"), ("%C3%BC", "%C3%BC"), ("", "")]:
        answer = await client.get("/mirror", headers={"Cookie": f"one={sent}; two=2"})
        assert answer.json()[3] == {"one": read, "two": "2"}


# Bodies.


@pytest.mark.parametrize("path", ["/large", "/pieces"])
async def test_a_large_response_arrives_whole(client, path):
    expected = (
        b"x" * MEGABYTES if path == "/large" else b"".join(bytes([n % 256]) * 65_536 for n in range(128))
    )
    answer = await client.get(path)
    assert answer.content == expected
    assert ("content-length" in answer.headers) is (path == "/large")


async def test_a_large_response_may_be_read_slowly_or_only_in_part(server, client):
    async with client.stream("GET", "/pieces") as answer:
        length = 0
        async for piece in answer.aiter_raw():
            length += len(piece)
            await trio.lowlevel.checkpoint()
        assert length == MEGABYTES
    async with client.stream("GET", "/pieces") as answer:
        assert answer.status_code == 200
    assert (await client.get("/")).status_code == 200


async def test_a_large_body_arrives_whole(client):
    body = bytes(range(256)) * (MEGABYTES // 256)
    assert (await client.post("/digest", content=body)).json() == [MEGABYTES, sha256(body).hexdigest(), ""]


async def test_a_body_that_is_made_while_it_is_sent_comes_in_chunks(client):
    async def pieces():
        for number in range(200):
            yield bytes([number]) * (number * 7 + 1)
            if number % 50 == 0:
                await trio.sleep(0.01)

    body = b"".join([piece async for piece in pieces()])
    answer = await client.post("/digest", content=pieces())
    assert answer.json() == [len(body), sha256(body).hexdigest(), "chunked"]


async def test_a_body_that_its_sender_cuts_off_disturbs_nobody(client, caplog):
    async def pieces():
        yield b"half"
        raise OSError("the client's disk is gone")

    with pytest.raises(OSError, match="disk"):
        await client.post("/digest", content=pieces())
    assert (await client.get("/")).status_code == 200
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("size", [3 * MEGABYTES, 10 * MEGABYTES])
async def test_a_body_that_is_too_long_gets_413_however_long_it_is(client, size):
    answer = await client.post("/digest", content=b"x" * size)
    assert answer.status_code == 413
    assert "Limits.body_bytes" in answer.text
    assert (await client.get("/")).status_code == 200


async def test_a_body_that_is_too_long_gets_413_over_tls():
    server_context, client_context = contexts()
    async with (
        running(site(), ssl_context=server_context) as server,
        httpx.AsyncClient(base_url=server.urls[0], verify=client_context, trust_env=False) as client,
    ):
        answer = await client.post("/digest", content=b"x" * 3 * MEGABYTES)
        assert answer.status_code == 413
        assert (await client.get("/")).status_code == 200


@pytest.mark.parametrize("size", [1000, MEGABYTES])
async def test_a_body_that_nobody_reads_disturbs_nobody(client, size):
    answer = await client.post("/nowhere", content=b"x" * size)
    assert answer.status_code == 404
    assert (await client.get("/")).status_code == 200


async def test_a_large_response_to_a_large_unread_body_arrives_whole(client):
    # The client reads nothing until it has sent everything, more than the system's buffers hold.
    answer = await client.post("/large", content=b"x" * 2 * MEGABYTES)
    assert len(answer.content) == MEGABYTES * 2
    assert (await client.get("/")).status_code == 200


async def test_forms_and_files_arrive_as_the_client_wrote_them(client):
    answer = await client.post(
        "/mirror", files={"file": ("a.txt", b"content", "text/plain")}, data={"field": "value"}
    )
    assert "content" in answer.json()[2]
    assert "value" in answer.json()[2]

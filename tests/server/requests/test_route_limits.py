"""The limits of a route, above and below the application's, for bodies of every framing."""

from __future__ import annotations

import pytest
from support.serving import in_memory

from trioweb import App, Config, ConfigError, Limits, Text

SMALL, LARGE = 10, 50_000
FRAMINGS = ["length", "chunks", "many chunks"]


def site():
    app = App(Config(limits=Limits(body_bytes=100)))
    seen = []

    async def count(request):
        seen.append(request.path)
        return str(len(await request.body()))

    async def ignore(request):
        seen.append(request.path)
        return "ignored"

    app.post("/usual")(count)
    app.post("/small", limits=Limits(body_bytes=SMALL))(count)
    app.put("/small", limits=Limits(body_bytes=SMALL))(count)
    app.patch("/small", limits=Limits(body_bytes=SMALL))(count)
    app.delete("/small", limits=Limits(body_bytes=SMALL))(count)
    app.get("/small", limits=Limits(body_bytes=SMALL))(count)
    app.route("/large", methods=["POST"], limits=Limits(body_bytes=LARGE))(count)
    app.post("/ignore", limits=Limits(body_bytes=SMALL))(ignore)

    @app.middleware
    async def stamp(request, call_next):
        response = await call_next(request)
        response.headers["X-Stamp"] = "seen"
        return response

    return app, seen


def request(path, size, framing="length", method="POST", *more):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *more]
    body = b"x" * size
    if framing == "length":
        lines.append(f"Content-Length: {size}")
    else:
        lines.append("Transfer-Encoding: chunked")
        step = max(1, size if framing == "chunks" else size // 7)
        chunks = [body[start : start + step] for start in range(0, size, step)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    return "\r\n".join([*lines, "\r\n"]).encode() + body


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize(("path", "limit"), [("/usual", 100), ("/small", SMALL), ("/large", LARGE)])
async def test_a_body_may_be_as_long_as_its_route_says_and_no_longer(autojump_clock, path, limit, framing):
    app, _ = site()
    async with in_memory(app) as peer:
        await peer.send(request(path, limit, framing))
        assert (await peer.receive_response())[1] == b"%d" % limit
        await peer.send(request(path, limit + 1, framing))
        head, body = await peer.receive_response()
        assert head.startswith("HTTP/1.1 413")
        assert b"%d" % limit in body or b"in chunks" in body
        assert b"Limits.body_bytes" in body
        assert "x-stamp: seen" in head.lower(), "middleware and error handlers see it"


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_the_limits_of_the_application_hold_where_no_route_takes_the_body(autojump_clock, framing):
    app, _ = site()

    @app.error_handler(404)
    async def echo(request, error):
        return Text(str(len(await request.body())), status=404)

    async with in_memory(app) as peer:
        await peer.send(request("/unknown", 100, framing))
        head, body = await peer.receive_response()
        assert (head.split()[1], body) == ("404", b"100")
        await peer.send(request("/unknown", 101, framing))
        head, body = await peer.receive_response()
        assert head.startswith("HTTP/1.1 413")
        assert b"Limits.body_bytes" in body


async def test_the_limit_of_one_request_is_not_that_of_the_next(autojump_clock):
    app, _ = site()
    async with in_memory(app) as peer:
        for path, size in [
            ("/large", LARGE),
            ("/usual", 100),
            ("/small", 5),
            ("/large", LARGE),
            ("/usual", 50),
        ]:
            for framing in FRAMINGS:
                await peer.send(request(path, size, framing))
                assert (await peer.receive_response())[1] == b"%d" % size


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_every_decorator_takes_limits(autojump_clock, method):
    app, _ = site()
    async with in_memory(app) as peer:
        await peer.send(request("/small", SMALL + 1, "length", method))
        assert (await peer.receive_head()).startswith("HTTP/1.1 413")


async def test_a_length_above_the_limit_is_refused_before_the_handler_and_the_body(autojump_clock):
    app, seen = site()
    async with in_memory(app) as peer:
        await peer.send(request("/ignore", 0).replace(b"Length: 0", b"Length: 1000000000"))
        head, _ = await peer.receive_response()
        assert head.startswith("HTTP/1.1 413")
        assert "connection: close" in head.lower()
        await peer.receive_end()
    assert not seen


async def test_a_body_slightly_too_long_is_discarded_and_the_connection_continues(autojump_clock):
    app, seen = site()
    async with in_memory(app) as peer:
        await peer.send(request("/ignore", SMALL + 1) + request("/usual", 3))
        assert (await peer.receive_response())[0].startswith("HTTP/1.1 413")
        assert (await peer.receive_response())[1] == b"3"
    assert seen == ["/usual"]


@pytest.mark.parametrize(("path", "size", "status"), [("/small", 11, 413), ("/large", 101, 200)])
async def test_a_client_is_asked_to_continue_only_if_its_body_will_be_taken(
    autojump_clock, path, size, status
):
    app, _ = site()
    data = request(path, size, "length", "POST", "Expect: 100-continue")
    async with in_memory(app) as peer:
        await peer.send(data[:-size])
        head = await peer.receive_head()
        if status == 200:
            assert head.startswith("HTTP/1.1 100")
            await peer.send(data[-size:])
            assert (await peer.receive_response())[1] == b"%d" % size
        else:
            assert head.startswith("HTTP/1.1 413")
            assert "connection: close" in head.lower()


async def test_a_path_without_a_route_answers_404_and_takes_no_body(autojump_clock):
    app, _ = site()
    async with in_memory(app) as peer:
        await peer.send(request("/nowhere", 300_000, "chunks"))
        assert (await peer.receive_response())[0].startswith("HTTP/1.1 404")
        await peer.receive_end()
    async with in_memory(app) as peer:
        await peer.send(request("/nowhere", 100_000) + request("/usual", 1))
        assert (await peer.receive_response())[0].startswith("HTTP/1.1 404")
        assert (await peer.receive_response())[1] == b"1"


async def test_middleware_is_held_to_the_applications_limit_where_there_is_no_route(autojump_clock):
    app, _ = site()

    @app.middleware
    async def reads(request, call_next):
        await request.body()
        return await call_next(request)

    for framing in FRAMINGS:
        async with in_memory(app) as peer:
            await peer.send(request("/nowhere", 101, framing))
            assert (await peer.receive_response())[0].startswith("HTTP/1.1 413")
            await peer.receive_end()


def test_an_argument_that_is_not_limits_is_refused():
    async def handler(request):
        return None

    with pytest.raises(ConfigError, match=r"HttpRoute\.limits takes Limits or None, not 100"):
        App().post("/", limits=100)(handler)

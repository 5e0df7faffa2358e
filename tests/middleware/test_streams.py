"""Streams in middleware: each answers one request, and a dropped one does not keep its source waiting."""

from __future__ import annotations

import pytest
import trio

from trioweb import App, Config, HTTPError, Stream, Text, Timeouts
from trioweb.middleware import GZip
from trioweb.testing import open_client


async def pass_on(request, call_next):
    return await call_next(request)


async def stamp(request, call_next):
    response = await call_next(request)
    response.headers["x-stamp"] = str(response.status)
    return response


async def upper(request, call_next):
    response = await call_next(request)

    async def pieces():
        async for piece in response.chunks():
            yield piece.upper()

    return Stream(pieces(), content_type="text/plain")


async def test_a_stream_is_prepared_once():
    app, ended = App(), []
    app.middleware(stamp)
    app.middleware(pass_on)

    async def numbers():
        try:
            yield "1"
            yield "2"
        finally:
            ended.append(True)

    @app.get("/")
    async def index(request):
        return Stream(numbers(), content_type="text/plain")

    async with open_client(app) as client:
        response = await client.get("/")
        assert (response.text, response.headers["x-stamp"]) == ("12", "200")
        assert (await client.head("/")).headers["x-stamp"] == "200"
    assert ended == [True]


@pytest.mark.parametrize("layers", [[GZip(), stamp], [stamp, upper]])
async def test_a_stream_keeps_the_order_of_its_fields_when_its_body_is_replaced(layers):
    app = App()
    for layer in layers:
        app.middleware(layer)

    async def numbers():
        yield "one"

    @app.get("/")
    async def index(request):
        return Stream(numbers(), content_type="text/plain")

    async with open_client(app) as client:
        response = await client.get("/", headers={"Accept-Encoding": "gzip"})
    names = list(response.headers)
    assert response.text.lower() == "one"
    assert names.index("content-type") < names.index("x-stamp")


async def test_a_stream_that_is_kept_does_not_answer_a_second_request(caplog):
    async def numbers():
        yield "1"

    app, kept = App(), Stream(numbers(), content_type="text/plain")
    app.middleware(pass_on)

    @app.get("/")
    async def index(request):
        return kept

    async with open_client(app, raise_errors=False) as client:
        assert (await client.get("/")).text == "1"
        assert (await client.get("/")).status_code == 500
    assert "this Stream has answered a request: make another" in caplog.text


@pytest.fixture
def channelled():
    """An app that answers with a channel, and the side of it that waits for a reader."""
    app = App(Config(timeouts=Timeouts(drain_seconds=0.1)))
    app.senders = []

    @app.get("/")
    async def index(request):
        sender, receiver = trio.open_memory_channel(0)
        app.senders.append(sender)
        return Stream(receiver, content_type="text/plain")

    return app


async def nobody_reads(app):
    for sender in app.senders:
        with trio.fail_after(5), pytest.raises(trio.BrokenResourceError):
            await sender.send("x")
    return len(app.senders)


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("answers", [True, False])
async def test_a_stream_that_middleware_does_not_send_is_closed(channelled, depth, answers):
    @channelled.middleware
    async def instead(request, call_next):
        await call_next(request)
        if answers:
            return Text("instead", 403)
        raise HTTPError(403, "no")

    for _ in range(depth - 1):
        channelled.middleware(pass_on)

    async with open_client(channelled) as client:
        assert (await client.get("/")).status_code == 403
        assert await nobody_reads(channelled) == 1


async def test_a_stream_that_is_replaced_is_closed_after_its_replacement(channelled):
    async def numbers():
        yield "1"

    @channelled.middleware
    async def instead(request, call_next):
        await call_next(request)
        return Stream(numbers(), content_type="text/plain")

    async with open_client(channelled) as client:
        assert (await client.get("/")).text == "1"
        assert await nobody_reads(channelled) == 1


async def test_a_compressed_stream_that_is_not_sent_is_closed(channelled):
    @channelled.middleware
    async def instead(request, call_next):
        await call_next(request)
        return "instead"

    channelled.middleware(GZip())

    async with open_client(channelled) as client:
        assert (await client.get("/")).text == "instead"
        assert await nobody_reads(channelled) == 1


async def test_streams_are_closed_when_their_middleware_is_cancelled(channelled, autojump_clock):
    waiting = trio.Event()

    @channelled.middleware
    async def wait(request, call_next):
        await call_next(request)
        await call_next(request)
        waiting.set()
        await trio.sleep_forever()

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:

            async def serve():
                async with open_client(channelled) as client:
                    await client.get("/")

            nursery.start_soon(serve)
            await waiting.wait()
            nursery.cancel_scope.cancel()
    assert await nobody_reads(channelled) == 2


async def test_a_dropped_source_that_cannot_be_closed_is_a_failure_and_keeps_no_other_open(
    channelled, caplog
):
    class Stuck:
        def __aiter__(self):
            return self

        async def __anext__(self):
            raise AssertionError("never asked")

        async def aclose(self):
            raise RuntimeError("cannot be closed")

    @channelled.middleware
    async def instead(request, call_next):
        await call_next(request)
        return "instead"

    @channelled.middleware
    async def stuck(request, call_next):
        await call_next(request)
        return Stream(Stuck())

    async with open_client(channelled, raise_errors=False) as client:
        assert (await client.get("/")).status_code == 500
        assert await nobody_reads(channelled) == 1
    assert "cannot be closed" in caplog.text


@pytest.mark.parametrize("has_middleware", [False, True])
async def test_an_error_handler_may_answer_with_a_stream(has_middleware):
    app, ended = App(), []
    if has_middleware:
        app.middleware(stamp)

    async def words():
        try:
            yield "not "
            yield "here"
        finally:
            ended.append(True)

    @app.error_handler(404)
    async def not_found(request, error):
        return Stream(words(), 404, content_type="text/plain")

    async with open_client(app) as client:
        response = await client.get("/")
        assert (response.status_code, response.text) == (404, "not here")
        assert (await client.head("/")).status_code == 404
    assert ended == [True]


@pytest.mark.parametrize("has_middleware", [False, True])
async def test_an_error_handler_whose_stream_was_used_before_has_failed(caplog, has_middleware):
    async def words():
        yield "not here"

    app, kept = App(), Stream(words(), 404)
    if has_middleware:
        app.middleware(pass_on)

    @app.error_handler(404)
    async def not_found(request, error):
        return kept

    async with open_client(app, raise_errors=False) as client:
        assert (await client.get("/")).text == "not here"
        response = await client.get("/")
        assert (response.status_code, response.text) == (500, "500 Internal Server Error\n")
    assert "this Stream has answered a request" in caplog.text

"""What is compressed, for which clients, and that decompressing restores it."""

from __future__ import annotations

import gzip
import random
import threading
from types import SimpleNamespace

import pytest
import trio
from support.compressed import GZIPPED, TEXT, answering, raw

from trioweb import App, ConfigError, File, HTTPError, Redirect, Response, Stream, Text
from trioweb.headers import Headers
from trioweb.middleware import GZip
from trioweb.testing import open_client


def tokens(response, name):
    return [token.strip().lower() for token in response.headers.get(name, "").split(",")]


# Which clients.


@pytest.mark.parametrize(
    ("accept_encoding", "is_compressed"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("gzip;q=0.001", True),
        ("*", True),
        ("*;q=0.5", True),
        ("identity;q=0, *", True),
        ("gzip;q=0.5, identity;q=0.5", True),
        ("identity;q=0.5, gzip;q=1.0", True),
        (None, False),
        ("", False),
        ("identity", False),
        ("deflate, br", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("gzip;q=0.2, identity;q=0.5", False),
        ("gzip;q=high", False),
        ("gzipped", False),
    ],
)
async def test_the_client_decides_by_its_weights(accept_encoding, is_compressed):
    fields = {} if accept_encoding is None else {"Accept-Encoding": accept_encoding}
    async with open_client(answering(lambda: TEXT)) as client:
        response, content = await raw(client, fields)
    assert ("content-encoding" in response.headers) is is_compressed
    assert (gzip.decompress(content) if is_compressed else content).decode() == TEXT
    assert int(response.headers["content-length"]) == len(content)
    assert tokens(response, "vary") == ["accept-encoding"], "the answer to anybody depends on it"


async def test_httpx_reads_a_compressed_response():
    async with open_client(answering(lambda: {"text": TEXT})) as client:
        response = await client.get("/", headers=GZIPPED)
        assert response.headers["content-encoding"] == "gzip"
        assert response.json() == {"text": TEXT}


# What.


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/html; charset=utf-8",
        "TEXT/CSS",
        "application/json",
        "application/problem+json",
        "application/atom+xml",
        "application/javascript",
        "application/wasm",
        "image/svg+xml",
        "font/ttf",
    ],
)
async def test_types_that_become_smaller_are_compressed(content_type):
    app = answering(lambda: Response(TEXT.encode(), content_type=content_type))
    async with open_client(app) as client:
        response = await client.get("/", headers=GZIPPED)
        assert response.headers["content-encoding"] == "gzip"
        assert response.headers["content-type"] == content_type
        assert response.text == TEXT


@pytest.mark.parametrize(
    "content_type",
    ["image/png", "application/zip", "video/mp4", "font/woff2", "application/octet-stream", "x/text"],
)
async def test_incompressible_types_are_left_alone_and_vary_by_nothing(content_type):
    app = answering(lambda: Response(TEXT.encode(), content_type=content_type))
    async with open_client(app) as client:
        response, content = await raw(client)
        assert content == TEXT.encode()
        assert not {"vary", "content-encoding"} & set(response.headers)


async def test_content_that_is_encoded_or_must_not_change_is_left_alone():
    for headers in (
        {"Content-Encoding": "br"},
        {"Cache-Control": "max-age=5, No-Transform"},
    ):
        app = answering(lambda headers=headers: Text(TEXT, headers=headers))
        async with open_client(app) as client:
            async with client.stream("GET", "/", headers=GZIPPED) as response:
                content = b"".join([piece async for piece in response.aiter_raw()])
            assert content == TEXT.encode()
            assert response.headers.get("content-encoding") == headers.get("Content-Encoding")
            assert "vary" not in response.headers


@pytest.mark.parametrize(("size", "is_compressed"), [(0, False), (499, False), (500, True)])
async def test_short_bodies_are_left_alone(size, is_compressed):
    async with open_client(answering(lambda: "a" * size)) as client:
        response, content = await raw(client)
        assert ("content-encoding" in response.headers) is is_compressed
        assert "accept-encoding" in tokens(response, "vary")
        assert (gzip.decompress(content) if is_compressed else content) == b"a" * size


async def test_the_minimum_length_can_be_set():
    async with open_client(answering(lambda: "a" * 50, minimum_bytes=50, level=9)) as client:
        assert (await client.get("/", headers=GZIPPED)).headers["content-encoding"] == "gzip"


async def test_a_client_that_refuses_the_identity_gets_even_short_bodies_compressed():
    fields = {"Accept-Encoding": "gzip, identity;q=0"}
    async with open_client(answering(lambda: "short")) as client:
        response, content = await raw(client, fields)
        assert response.headers["content-encoding"] == "gzip"
        assert gzip.decompress(content) == b"short"
    async with open_client(answering(lambda: Text(""))) as client:
        response, content = await raw(client, fields)
        assert "content-encoding" not in response.headers
        assert content == b""


async def test_a_body_that_would_become_larger_is_sent_as_it_is():
    noise = bytes(random.Random(7).randbytes(2000))
    app = answering(lambda: Response(noise, content_type="text/x-noise", headers={"ETag": '"7"'}))
    async with open_client(app) as client:
        response, content = await raw(client)
        assert content == noise
        assert "content-encoding" not in response.headers
        assert response.headers["etag"] == '"7"'
        assert tokens(response, "vary") == ["accept-encoding"]


async def test_responses_without_content_are_left_alone():
    for make in (lambda: None, lambda: Redirect("/elsewhere")):
        async with open_client(answering(make)) as client:
            response, content = await raw(client)
            assert (content, response.headers.get("content-encoding")) == (b"", None)


# The header fields about it.


async def test_vary_is_added_to_and_fields_of_the_other_content_go():
    def make():
        fields = {"Vary": "Cookie", "Accept-Ranges": "bytes", "Digest": "x", "X-Kept": "1", "ETag": '"7"'}
        return Text(TEXT, headers=fields)

    async with open_client(answering(make)) as client:
        response, _ = await raw(client)
        assert response.headers["vary"] == "Cookie, Accept-Encoding"
        assert response.headers["etag"] == 'W/"7"'
        assert response.headers["x-kept"] == "1"
        assert not {"accept-ranges", "digest"} & set(response.headers)


@pytest.mark.parametrize("vary", ["*", "accept-encoding", "Cookie, ACCEPT-ENCODING"])
async def test_a_vary_field_that_already_names_it_stays(vary):
    async with open_client(answering(lambda: Text(TEXT, headers={"Vary": vary}))) as client:
        response, _ = await raw(client)
        assert response.headers.get_list("vary") == [vary]


async def test_a_weak_tag_stays():
    async with open_client(answering(lambda: Text(TEXT, headers={"ETag": 'W/"7"'}))) as client:
        assert (await raw(client))[0].headers["etag"] == 'W/"7"'


async def test_a_response_to_head_has_the_fields_of_one_to_get(tmp_path):
    (tmp_path / "page.html").write_text(TEXT)

    async def pieces():
        yield TEXT

    for make in (
        lambda: TEXT,
        lambda: "short",
        lambda: File(tmp_path / "page.html"),
        lambda: Stream(pieces(), content_type="text/plain"),
    ):
        async with open_client(answering(make)) as client:
            got, _ = await raw(client)
            asked = await client.head("/", headers=GZIPPED)
            assert asked.content == b""
            assert {**asked.headers, "date": ""} == {**got.headers, "date": ""}


async def test_errors_are_compressed():
    app = App()
    app.middleware(GZip())

    @app.get("/")
    async def fail(request):
        raise HTTPError(409, TEXT)

    async with open_client(app) as client:
        response = await client.get("/", headers=GZIPPED)
        assert response.status_code == 409
        assert response.headers["content-encoding"] == "gzip"
        assert tokens(response, "vary") == ["accept", "accept-encoding"]
        assert TEXT in response.text


# The cost of a large body to other tasks.


async def test_a_large_body_is_compressed_in_a_worker_thread(monkeypatch):
    threads = []
    run_sync = trio.to_thread.run_sync

    async def counting(function, *arguments, **options):
        threads.append(function)
        return await run_sync(function, *arguments, **options)

    monkeypatch.setattr("trio.to_thread.run_sync", counting)
    for size, count in ((1000, 0), (32 * 1024, 1)):
        async with open_client(answering(lambda size=size: "a" * size)) as client:
            threads.clear()
            assert (await client.get("/", headers=GZIPPED)).text == "a" * size
            assert len([one for one in threads if getattr(one, "func", None) is gzip.compress]) == count


async def test_a_cancelled_response_does_not_wait_for_compression(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr("gzip.compress", lambda *_, **__: release.wait(10))
    request = SimpleNamespace(headers=Headers([("Accept-Encoding", "gzip")]))

    async def call_next(request):
        return Text("a" * 100_000)

    with trio.move_on_after(0.05) as scope:
        await GZip()(request, call_next)
    release.set()
    assert scope.cancelled_caught


# Handshakes.


async def test_a_handshake_passes_untouched():
    app = App()
    app.middleware(GZip(minimum_bytes=0))

    @app.websocket("/")
    async def echo(ws):
        await ws.send(await ws.receive())

    async with open_client(app) as client, client.websocket("/", headers=GZIPPED) as ws:
        await ws.send(TEXT)
        await ws.expect_text(TEXT)
    assert not {"vary", "content-encoding"} & {name.lower() for name in ws.response.headers}


async def test_a_refused_handshake_is_compressed_like_any_response():
    app = App()
    app.middleware(GZip(minimum_bytes=0))

    @app.websocket("/")
    async def refuse(ws):
        raise AssertionError("never runs")

    async with open_client(app) as client:
        response = await client.get("/", headers=GZIPPED)
        assert response.status_code == 426
        assert "accept-encoding" in tokens(response, "vary")


# Settings, and anything at all.


@pytest.mark.parametrize("settings", [{"level": 0}, {"level": 10}, {"minimum_bytes": -1}, {"level": "6"}])
def test_a_setting_that_cannot_work_is_refused(settings):
    with pytest.raises(ConfigError, match=f"GZip.{next(iter(settings))} takes a whole number"):
        GZip(**settings)

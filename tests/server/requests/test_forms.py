"""Forms and uploads as clients send them to a server that runs."""

from __future__ import annotations

import hashlib
import logging
import os
import tracemalloc

import pytest
import trio
from support.forms import BOUNDARY, Part, encode
from support.serving import connected, in_memory, running
from support.waiting import until

from trioweb import App, Config, HTTPError, Limits, LocalProtocolError, Stream, Text, Timeouts
from trioweb.testing import open_client

MIB = 1024 * 1024


def site(held=None, **limits):
    app = App(Config(limits=Limits(**limits)))

    @app.post("/form")
    async def form(request):
        form = await request.form()
        files = {}
        for name in form.files:
            for upload in form.files.get_all(name):
                digest = hashlib.sha256()
                async for piece in upload.stream():
                    digest.update(piece)
                files.setdefault(name, []).append(
                    [upload.filename, upload.content_type, upload.size_bytes, digest.hexdigest()]
                )
        return {"fields": {name: form.get_all(name) for name in form}, "files": files}

    @app.post("/age")
    async def age(request):
        return {
            "age": (await request.form()).read("age", int),
            "page": request.query.read("page", int, default=1),
        }

    @app.post("/keep")
    async def keep(request):
        held.append((await request.form()).upload("file"))
        if "fail" in request.query:
            raise KeyError("bug")
        if "wait" in request.query:
            await trio.sleep_forever()
        return "kept\n"

    @app.post("/echo")
    async def echo(request):
        return Stream((await request.form()).upload("file").stream())

    return app


def digest(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
async def client():
    async with open_client(site(form_memory_bytes=10_000)) as client:
        yield client


async def test_a_form_of_fields_reaches_the_handler(client):
    answer = await client.post("/form", data={"name": "Jürgen & Söhne", "tag": ["a", "b=c"], "": "x"})
    assert answer.json() == {
        "fields": {"name": ["Jürgen & Söhne"], "tag": ["a", "b=c"], "": ["x"]},
        "files": {},
    }


async def test_several_files_and_fields_with_names_in_utf_8_reach_the_handler(client):
    large = os.urandom(300_000)
    answer = await client.post(
        "/form",
        data={"größe": "5 µm", 'quoted "name"': "back\\slash"},
        files=[
            ("bilder", ("Füße 写真.jpg", b"\xff\xd8", "image/jpeg")),
            ("bilder", ('a"b\\c.txt', b"\r\n--\r\n", "text/plain")),
            ("large", ("large.bin", large)),
            ("empty", ("empty.txt", b"")),
        ],
    )
    assert answer.json() == {
        "fields": {"größe": ["5 µm"], 'quoted "name"': ["back\\slash"]},
        "files": {
            "bilder": [
                ["Füße 写真.jpg", "image/jpeg", 2, digest(b"\xff\xd8")],
                ['a"b\\c.txt', "text/plain", 6, digest(b"\r\n--\r\n")],
            ],
            "large": [["large.bin", "application/octet-stream", 300_000, digest(large)]],
            "empty": [["empty.txt", "text/plain", 0, digest(b"")]],
        },
    }


@pytest.mark.parametrize(
    ("content", "headers", "status", "detail"),
    [
        (b"{}", {"Content-Type": "application/json"}, 415, "expected application/x-www-form-urlencoded"),
        (b"x", {}, 415, "there is no Content-Type"),
        (b"x", {"Content-Type": "multipart/form-data"}, 400, "boundary"),
        (b"x", {"Content-Type": "multipart/form-data; boundary=b"}, 400, "RFC 7578"),
        (b"&" * 5000, {"Content-Type": "application/x-www-form-urlencoded"}, 413, "Limits.form_fields"),
    ],
)
async def test_bad_forms_get_their_status_and_the_connection_continues(
    client, content, headers, status, detail
):
    answer = await client.post("/form", content=content, headers=headers)
    assert answer.status_code == status
    assert detail in answer.text
    assert (await client.post("/form", data={"a": "1"})).json()["fields"] == {"a": ["1"]}


async def test_a_wrong_value_is_400_that_names_the_field(client):
    assert (await client.post("/age?page=2", data={"age": "41"})).json() == {"age": 41, "page": 2}
    for data, query, detail in [
        ({"age": "old"}, "", "the field 'age' of the form is 'old': expected a whole number"),
        ({}, "", "there is no Content-Type"),
        ({"x": "1"}, "", "the field 'age' of the form is missing: expected a whole number"),
        ({"age": "1"}, "?page=x", "the field 'page' of the query is 'x': expected a whole number"),
    ]:
        answer = await client.post(f"/age{query}", data=data)
        assert answer.status_code in {400, 415}
        assert detail in answer.text


async def test_thirty_mebibytes_go_to_disk_and_not_into_memory():
    size = 30 * MIB
    app = site(body_bytes=32 * MIB)
    async with open_client(app) as client:
        assert (await client.post("/form", data={"a": "1"})).status_code == 200
        expected = hashlib.sha256()
        for _ in range(30):
            expected.update(bytes(MIB))

        def body():
            head, tail = encode(Part("big", b"SPLIT", "zeros.bin", "x/y")).split(b"SPLIT")
            yield head
            for _ in range(30 * 16):
                yield bytes(65_536)
            yield tail

        async def pieces():
            for piece in body():
                yield piece

        tracemalloc.start()
        try:
            answer = await client.post(
                "/form",
                content=pieces(),
                headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
                timeout=60,
            )
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert answer.json()["files"] == {"big": [["zeros.bin", "x/y", size, expected.hexdigest()]]}
    assert peak < 4 * MIB, "client and server together"


async def test_an_upload_may_be_streamed_back_before_it_is_gone():
    data = os.urandom(500_000)
    async with open_client(site(form_memory_bytes=1000)) as client:
        assert (await client.post("/echo", files={"file": ("a", data)})).content == data


@pytest.mark.parametrize("query", ["", "?fail"])
@pytest.mark.parametrize("size", [10, 300_000])
async def test_the_upload_is_gone_when_the_request_is_answered(query, size, caplog):
    held = []
    async with open_client(site(held, form_memory_bytes=1000), raise_errors=False) as client:
        answer = await client.post(f"/keep{query}", files={"file": ("a", b"x" * size)})
        assert answer.status_code == (500 if query else 200)
        file = held[0]._content._spool.file
        await until(lambda: file.is_closed and not file.exists)
        with pytest.raises(LocalProtocolError, match="gone"):
            await held[0].read()


async def test_the_upload_is_gone_when_the_server_is_cancelled():
    held = []
    app = site(held, form_memory_bytes=1000)
    app.config = Config(limits=app.config.limits, timeouts=Timeouts(drain_seconds=0.1))
    async with trio.open_nursery() as nursery:

        async def serve_and_wait():
            async with open_client(app) as client:
                await client.post("/keep?wait", files={"file": ("a", b"x" * 300_000)}, timeout=None)

        nursery.start_soon(serve_and_wait)
        await until(lambda: held)
        nursery.cancel_scope.cancel()
    file = held[0]._content._spool.file
    assert file.is_closed
    assert not file.exists


def head_of(length, *more, path="/form"):
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
        f"Content-Length: {length}",
        *more,
    ]
    return "\r\n".join([*lines, "\r\n"]).encode()


async def test_the_file_of_a_client_that_leaves_during_its_form_is_closed(monkeypatch, caplog):
    spools = []
    import trioweb._web.forms.form_reader as reader

    class Noted(reader.Spool):
        def __init__(self, memory_bytes):
            super().__init__(memory_bytes)
            spools.append(self)

    monkeypatch.setattr(reader, "Spool", Noted)
    async with running(site(form_memory_bytes=0)) as server:
        async with connected(server) as peer:
            body = encode(Part("a", b"x" * 600_000, "f"))
            await peer.send(head_of(len(body)) + body[:-1000])
            await until(lambda: spools and spools[0].file.exists)
        await until(lambda: spools[0].file.is_closed and not spools[0].file.exists)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_form_that_stops_coming_gets_408_and_its_file_is_closed(autojump_clock):
    body = encode(Part("a", b"x" * 1000, "f"))
    async with in_memory(site(form_memory_bytes=0)) as peer:
        await peer.send(head_of(len(body)) + body[:500])
        head, answer = await peer.receive_response()
        assert head.startswith("HTTP/1.1 408")
        assert b"Timeouts.body_seconds" in answer


async def test_a_form_may_arrive_byte_by_byte_before_the_next_request(autojump_clock):
    body = encode(Part("a", b"1"), Part("f", b"\r\n--", "x"))
    data = head_of(len(body)) + body
    async with in_memory(site()) as peer:
        for start in range(len(data)):
            await peer.send(data[start : start + 1])
        first = await peer.receive_response()
        await peer.send(data + data)
        assert [await peer.receive_response(), await peer.receive_response()][0][1] == first[1]
        assert b'"fields":{"a":["1"]}' in first[1]


async def test_an_error_handler_sees_what_was_wrong_with_a_form():
    app = site()

    @app.error_handler(413)
    async def too_much(request, error):
        assert isinstance(error, HTTPError)
        return Text(f"sorry: {error.detail}", 413)

    async with open_client(app) as client:
        answer = await client.post("/form", data={f"f{number}": "" for number in range(1001)})
        assert answer.text == "sorry: the form has more than 1000 fields (Limits.form_fields)"

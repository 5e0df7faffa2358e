"""Files that are sent to the upload program, whole or in slices, by foreign clients."""

from __future__ import annotations

import hashlib
import json
from contextlib import AsyncExitStack

import pytest
import trio
from support.uploads import SLICE, expect_close, on_shelf, send_slices, some_bytes, unfinished
from support.waiting import until

import trioweb
from trioweb.testing import BINARY, TEXT, RawPeer, frame

KEY = "k" * 22


@pytest.mark.parametrize("size", [0, 1, 300_000, 5_000_000])
async def test_a_whole_file_is_stored_and_answered_saved(module, client, shelve, size):
    content = some_bytes(size)
    assert await shelve("some.bin", content) == {
        "type": "message",
        "message": "saved",
        "name": "some.bin",
        "size": size,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert on_shelf(module) == {"some.bin": content}
    assert not await unfinished(module)


async def test_the_content_may_follow_the_name_at_once(module, client):
    content = some_bytes(2_000_000)
    async with client.websocket("/whole") as visitor:
        await visitor.send_json({"name": "some.bin", "size": len(content)})
        await visitor.send(content)
        assert (await visitor.expect_json())["type"] == "ready"
        assert (await visitor.expect_json())["message"] == "saved"
    assert on_shelf(module) == {"some.bin": content}


async def test_name_and_content_may_arrive_together(module, client):
    async with client.open_stream() as stream:
        peer = RawPeer(stream)
        await peer.open("/whole")
        name = json.dumps({"name": "some.bin", "size": 100_000}).encode()
        await peer.send(frame(TEXT, name) + frame(BINARY, b"x" * 100_000))
        assert json.loads(await peer.receive_text())["type"] == "ready"
        assert json.loads(await peer.receive_text())["message"] == "saved"
    assert on_shelf(module) == {"some.bin": b"x" * 100_000}


@pytest.mark.parametrize("size", [0, 1, SLICE, SLICE + 1, 3 * SLICE])
async def test_each_slice_is_acknowledged_and_the_last_answered_received(module, client, begin, size):
    content = some_bytes(size)
    async with begin("/slices", "some.bin", size) as visitor:
        assert visitor.ready["received"] == 0
        answer = await send_slices(visitor, content)
        digest = hashlib.sha256(content).hexdigest()
        assert (answer["message"], answer["name"], answer["sha256"]) == ("received", "some.bin", digest)
        await expect_close(visitor, 1000)
    assert on_shelf(module) == {"some.bin": content}


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("../../evil", "evil"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\evil.exe", "evil.exe"),
        ("C:\\evil", "evil"),
        ("a/b/", "file"),
        ("..", "file"),
        ("", "file"),
        (".bashrc", "bashrc"),
        (" . . name . ", "name"),
        ("nul\x00byte\n.txt", "nulbyte.txt"),
        ("\ud800half", "half"),
        ("\u202efdp.exe", "fdp.exe"),
        ("Grüße 世界 <b>.txt", "Grüße 世界 <b>.txt"),
        ("x" * 3000 + ".txt", "x" * 100 + ".txt"),
        ("世" * 200, "世" * 33),
        ("x." + "y" * 3000, "x." + "y" * 15),
    ],
)
async def test_the_name_of_a_whole_file_is_never_a_path_of_the_client(
    module, client, shelve, tmp_path, wanted, name
):
    assert (await shelve(wanted))["name"] == name
    everything = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert everything == [module.SHELF / name]


async def test_the_name_of_a_file_in_slices_is_never_a_path_of_the_client(module, client, begin, tmp_path):
    async with begin("/slices", "../../evil", 1) as visitor:
        assert (await send_slices(visitor, b"x"))["name"] == "evil"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [module.SHELF / "evil"]


async def test_a_second_file_of_a_name_gets_a_number(module, client, shelve):
    names = [(await shelve("a.txt", content))["name"] for content in (b"1", b"2", b"3")]
    assert names == ["a.txt", "a (2).txt", "a (3).txt"]
    assert on_shelf(module) == {"a.txt": b"1", "a (2).txt": b"2", "a (3).txt": b"3"}


async def test_uploads_at_the_same_time_do_not_mix(module, client, begin):
    contents = [some_bytes(5 * SLICE + 7, seed) for seed in range(4)]

    async def send(content, path):
        async with begin(path, "same.bin", len(content)) as visitor:
            if path == "/slices":
                await send_slices(visitor, content)
            else:
                await visitor.send(content)
                await visitor.expect_json()

    async with trio.open_nursery() as nursery:
        for number, content in enumerate(contents):
            nursery.start_soon(send, content, ("/slices", "/whole")[number % 2])
    assert sorted(on_shelf(module).values()) == sorted(contents)


async def test_an_upload_continues_where_a_lost_connection_stopped_it(module, client, begin):
    content = some_bytes(5 * SLICE)
    stream = client.open_stream()
    async with trioweb.connect_stream(stream, "ws://testserver/slices") as lost:
        await lost.send_json({"name": "some.bin", "size": len(content)})
        key = (await lost.receive_json())["upload"]
        await send_slices(lost, content, end=2 * SLICE)
        await stream.aclose()
    async with begin("/slices", "some.bin", len(content), key) as visitor:
        assert visitor.ready == {"type": "ready", "upload": key, "received": 2 * SLICE}
        answer = await send_slices(visitor, content, begin=2 * SLICE)
        assert answer["sha256"] == hashlib.sha256(content).hexdigest()
    assert on_shelf(module) == {"some.bin": content}


async def test_a_newer_connection_with_the_key_takes_the_upload_over(module, client, begin):
    """The older connection may be dead without the server's knowledge."""
    content = some_bytes(2 * SLICE)
    async with begin("/slices", "some.bin", len(content)) as older:
        await send_slices(older, content, end=SLICE)
        async with begin("/slices", "some.bin", len(content), older.ready["upload"]) as newer:
            assert newer.ready["received"] == SLICE
            await expect_close(older, 4409, "continued over another connection")
            assert (await send_slices(newer, content, begin=SLICE))["message"] == "received"


async def test_of_several_connections_with_the_key_one_continues_alone(module, client, begin):
    content = some_bytes(SLICE)
    answers, closes = [], []

    async def go_on(visitor):
        try:
            await visitor.receive_json()
            answers.append(await send_slices(visitor, content))
        except trioweb.ConnectionClosed as end:
            closes.append(end.code)

    async with begin("/slices", "some.bin", SLICE) as older, AsyncExitStack() as stack:
        newer = [await stack.enter_async_context(client.websocket("/slices")) for _ in range(6)]
        for visitor in newer:
            await visitor.send_json({"name": "some.bin", "size": SLICE, "upload": older.ready["upload"]})
        async with trio.open_nursery() as nursery:
            for visitor in newer:
                nursery.start_soon(go_on, visitor)
    assert (len(answers), set(closes), on_shelf(module)) == (1, {4409}, {"some.bin": content})
    await until(lambda: not module.uploads)


async def test_nobody_touches_an_upload_without_its_key(module, client, begin):
    content = some_bytes(2 * SLICE)
    async with begin("/slices", "some.bin", len(content)) as visitor:
        await send_slices(visitor, content, end=SLICE)
        async with begin("/slices", "some.bin", len(content), KEY) as other:
            assert other.ready["received"] == 0
        for key in (KEY, "%2e%2e", "%2e%2e%2fshelf", "some.bin"):
            assert (await client.delete(f"/uploads/{key}")).status_code in {204, 404}
        assert (await send_slices(visitor, content, begin=SLICE))["message"] == "received"


async def test_an_upload_is_cancelled_by_its_key(module, client, begin):
    async with begin("/slices", "some.bin", 2 * SLICE) as visitor:
        assert (await client.delete(f"/uploads/{visitor.ready['upload']}")).status_code == 204
        await expect_close(visitor, 4409)
        assert not await unfinished(module)
        assert (await client.delete(f"/uploads/{visitor.ready['upload']}")).status_code == 204

"""The upload example's server: whole files and slices from foreign clients, and from bad ones."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import time
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
import trio
from support.peer import BINARY, TEXT, connected, frame
from support.program import Program
from support.serving import running
from support.waiting import until
from websockets.exceptions import ConnectionClosed

SLICE = 256 * 1024
KEY = "k" * 22


@pytest.fixture
def module(example, tmp_path, monkeypatch):
    module = example("upload")
    folder = tmp_path / "uploads"
    monkeypatch.setattr(module, "FOLDER", folder)
    monkeypatch.setattr(module, "SHELF", folder / "shelf")
    monkeypatch.setattr(module, "UNFINISHED", folder / "unfinished")
    return module


@pytest.fixture
async def server(module):
    async with running(module.app) as server:
        yield server


@pytest.fixture
async def client(server):
    async with httpx.AsyncClient(base_url=server.urls[0], trust_env=False) as client:
        yield client


@pytest.fixture
def begin(visit):
    """Announce a file, and give what the server answers to that first."""

    @asynccontextmanager
    async def begin(server, path, name, size, key=None):
        async with visit(server, path) as visitor:
            await visitor.tell(name=name, size=size, upload=key)
            visitor.ready = await visitor.hear()
            yield visitor

    return begin


@pytest.fixture
def shelve(begin):
    """Send a file whole, and return the last answer."""

    async def shelve(server, name, content=b"content"):
        async with begin(server, "/whole", name, len(content)) as visitor:
            await visitor.send(content)
            return await visitor.hear()

    return shelve


def some_bytes(size, seed=0):
    return random.Random(seed).randbytes(size)


def slice_at(offset, content):
    return offset.to_bytes(8, "big") + content


async def send_slices(visitor, content, begin=0, end=None):
    """Send one after the other, and check that each is acknowledged; return the last answer."""
    for offset in range(begin, end or len(content), SLICE):
        await visitor.send(slice_at(offset, content[offset : offset + SLICE]))
        answer = await visitor.hear()
        received = min(offset + SLICE, len(content))
        assert answer == {"type": "message", "message": "receiving", "received": received}
    return await visitor.hear() if end is None else None


async def expect_close(visitor, code, reason=""):
    await visitor.ws.wait_closed()
    assert visitor.ws.close_code == code
    assert reason in visitor.ws.close_reason


async def unfinished(module):
    """What is left of uploads that have ended, once the last handler has."""
    for upload in list(module.uploads.values()):
        await upload.has_ended.wait()
    return {path.name: path.stat().st_size for path in module.UNFINISHED.iterdir()}


def on_shelf(module):
    return {path.name: path.read_bytes() for path in module.SHELF.iterdir()}


@pytest.mark.parametrize("size", [0, 1, 300_000, 5_000_000])
async def test_a_whole_file_is_stored_and_answered_saved(module, server, shelve, size):
    content = some_bytes(size)
    assert await shelve(server, "some.bin", content) == {
        "type": "message",
        "message": "saved",
        "name": "some.bin",
        "size": size,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert on_shelf(module) == {"some.bin": content}
    assert not await unfinished(module)


async def test_the_content_may_follow_the_name_at_once(module, server, visit):
    content = some_bytes(2_000_000)
    async with visit(server, "/whole") as visitor:
        await visitor.tell(name="some.bin", size=len(content))
        await visitor.send(content)
        assert (await visitor.hear())["type"] == "ready"
        assert (await visitor.hear())["message"] == "saved"
    assert on_shelf(module) == {"some.bin": content}


async def test_name_and_content_may_arrive_together(module, server):
    async with connected(server) as peer:
        await peer.open("/whole")
        name = json.dumps({"name": "some.bin", "size": 100_000}).encode()
        await peer.send(frame(TEXT, name) + frame(BINARY, b"x" * 100_000))
        assert json.loads(await peer.receive_text())["type"] == "ready"
        assert json.loads(await peer.receive_text())["message"] == "saved"
    assert on_shelf(module) == {"some.bin": b"x" * 100_000}


@pytest.mark.parametrize("size", [0, 1, SLICE, SLICE + 1, 3 * SLICE])
async def test_each_slice_is_acknowledged_and_the_last_answered_received(module, server, begin, size):
    content = some_bytes(size)
    async with begin(server, "/slices", "some.bin", size) as visitor:
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
    module, server, shelve, tmp_path, wanted, name
):
    assert (await shelve(server, wanted))["name"] == name
    everything = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert everything == [module.SHELF / name]


async def test_the_name_of_a_file_in_slices_is_never_a_path_of_the_client(module, server, begin, tmp_path):
    async with begin(server, "/slices", "../../evil", 1) as visitor:
        assert (await send_slices(visitor, b"x"))["name"] == "evil"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [module.SHELF / "evil"]


async def test_a_second_file_of_a_name_gets_a_number(module, server, shelve):
    names = [(await shelve(server, "a.txt", content))["name"] for content in (b"1", b"2", b"3")]
    assert names == ["a.txt", "a (2).txt", "a (3).txt"]
    assert on_shelf(module) == {"a.txt": b"1", "a (2).txt": b"2", "a (3).txt": b"3"}


async def test_uploads_at_the_same_time_do_not_mix(module, server, begin):
    contents = [some_bytes(5 * SLICE + 7, seed) for seed in range(4)]

    async def send(content, path):
        async with begin(server, path, "same.bin", len(content)) as visitor:
            if path == "/slices":
                await send_slices(visitor, content)
            else:
                await visitor.send(content)
                await visitor.hear()

    async with trio.open_nursery() as nursery:
        for number, content in enumerate(contents):
            nursery.start_soon(send, content, ("/slices", "/whole")[number % 2])
    assert sorted(on_shelf(module).values()) == sorted(contents)


async def test_an_upload_continues_where_a_lost_connection_stopped_it(module, server, begin):
    content = some_bytes(5 * SLICE)
    async with begin(server, "/slices", "some.bin", len(content)) as visitor:
        key = visitor.ready["upload"]
        await send_slices(visitor, content, end=2 * SLICE)
        visitor.ws.stream.socket.close()
    async with begin(server, "/slices", "some.bin", len(content), key) as visitor:
        assert visitor.ready == {"type": "ready", "upload": key, "received": 2 * SLICE}
        answer = await send_slices(visitor, content, begin=2 * SLICE)
        assert answer["sha256"] == hashlib.sha256(content).hexdigest()
    assert on_shelf(module) == {"some.bin": content}


async def test_a_newer_connection_with_the_key_takes_the_upload_over(module, server, begin):
    """The older may be dead without the server knowing."""
    content = some_bytes(2 * SLICE)
    async with begin(server, "/slices", "some.bin", len(content)) as older:
        await send_slices(older, content, end=SLICE)
        async with begin(server, "/slices", "some.bin", len(content), older.ready["upload"]) as newer:
            assert newer.ready["received"] == SLICE
            await expect_close(older, 4409, "continued over another connection")
            assert (await send_slices(newer, content, begin=SLICE))["message"] == "received"


async def test_of_several_connections_with_the_key_one_goes_on_alone(module, server, begin, visit):
    content = some_bytes(SLICE)
    answers, closes = [], []

    async def go_on(visitor):
        try:
            await visitor.hear()
            answers.append(await send_slices(visitor, content))
        except ConnectionClosed:
            closes.append(visitor.ws.close_code)

    async with begin(server, "/slices", "some.bin", SLICE) as older, AsyncExitStack() as stack:
        newer = [await stack.enter_async_context(visit(server, "/slices")) for _ in range(6)]
        for visitor in newer:
            await visitor.tell(name="some.bin", size=SLICE, upload=older.ready["upload"])
        async with trio.open_nursery() as nursery:
            for visitor in newer:
                nursery.start_soon(go_on, visitor)
    assert (len(answers), set(closes), on_shelf(module)) == (1, {4409}, {"some.bin": content})
    await until(lambda: not module.uploads)


async def test_nobody_touches_an_upload_without_its_key(module, server, begin, client):
    content = some_bytes(2 * SLICE)
    async with begin(server, "/slices", "some.bin", len(content)) as visitor:
        await send_slices(visitor, content, end=SLICE)
        async with begin(server, "/slices", "some.bin", len(content), KEY) as other:
            assert other.ready["received"] == 0
        for key in (KEY, "%2e%2e", "%2e%2e%2fshelf", "some.bin"):
            assert (await client.delete(f"/uploads/{key}")).status_code in {204, 404}
        assert (await send_slices(visitor, content, begin=SLICE))["message"] == "received"


async def test_an_upload_is_cancelled_by_its_key(module, server, begin, client):
    async with begin(server, "/slices", "some.bin", 2 * SLICE) as visitor:
        assert (await client.delete(f"/uploads/{visitor.ready['upload']}")).status_code == 204
        await expect_close(visitor, 4409)
        assert not await unfinished(module)
        assert (await client.delete(f"/uploads/{visitor.ready['upload']}")).status_code == 204


@pytest.mark.parametrize(
    "message",
    [
        "no JSON",
        b"\xff\xfe",
        "[" * 2000,
        "[]",
        '{"name": "a"}',
        '{"name": 7, "size": 1}',
        '{"name": "a", "size": -1}',
        '{"name": "a", "size": true}',
        '{"name": "a", "size": 1.5}',
        '{"name": "a", "size": "1"}',
        '{"name": "a", "size": 1, "upload": "../../../../../etc/ab"}',
        '{"name": "a", "size": 1, "upload": ["x"]}',
        f'{{"name": "a", "size": 1, "upload": "{"k" * 21}\\n"}}',
    ],
)
@pytest.mark.parametrize("path", ["/whole", "/slices"])
async def test_a_message_that_does_not_announce_a_file_is_refused(module, server, visit, path, message):
    async with visit(server, path) as visitor:
        await visitor.send(message)
        await expect_close(visitor, 1008, 'expected {"name": ')
    assert not await unfinished(module)


@pytest.mark.parametrize("size", ["500001", "1" + "0" * 4000])
@pytest.mark.parametrize("path", ["/whole", "/slices"])
async def test_a_file_that_is_too_large_is_refused_before_it_comes(
    module, server, visit, monkeypatch, path, size
):
    monkeypatch.setattr(module, "FILE_BYTES", 500_000)
    async with visit(server, path) as visitor:
        await visitor.send(f'{{"name": "a", "size": {size}}}')
        await expect_close(visitor, 4413, "a file may have 0.5 MB, and this one has more")


async def test_more_than_was_announced_is_refused_while_it_comes(module, server, begin):
    async with begin(server, "/whole", "some.bin", 1000) as visitor:
        await visitor.send(b"x" * 1001)
        await expect_close(visitor, 4413, "more came than the 1000 bytes that were announced")
    assert not on_shelf(module)
    assert not await unfinished(module)


@pytest.mark.parametrize(
    ("message", "code"), [(b"x" * 999, 1008), (b"", 1008), ("x" * 999, 1003)], ids=["short", "none", "text"]
)
async def test_content_other_than_the_announced_file_is_refused(module, server, begin, message, code):
    async with begin(server, "/whole", "some.bin", 1000) as visitor:
        await visitor.send(message)
        await expect_close(visitor, code)
    assert not on_shelf(module)
    assert not await unfinished(module)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (slice_at(1, b"x"), 1008),
        (slice_at(2**64 - 1, b"x"), 1008),
        (slice_at(0, b""), 1008),
        (b"short", 1008),
        ("text with an offset", 1008),
        (slice_at(0, b"x" * (SLICE + 1)), 1009),
        (slice_at(0, b"x" * 1001), 4413),
    ],
    ids=["gap", "far", "empty", "short", "text", "long", "more than was announced"],
)
async def test_a_slice_other_than_the_next_is_refused(module, server, begin, message, code):
    async with begin(server, "/slices", "some.bin", 1000) as visitor:
        await visitor.send(message)
        await expect_close(visitor, code)
    assert set((await unfinished(module)).values()) == {0}


@pytest.mark.parametrize("setting", [{"FOLDER_BYTES": 1500}, {"MOST_FILES": 1}])
async def test_a_full_shelf_takes_no_more_until_something_is_deleted(
    module, server, visit, shelve, client, monkeypatch, setting
):
    for name, value in setting.items():
        monkeypatch.setattr(module, name, value)
    await shelve(server, "first.bin", b"x" * 1000)
    async with visit(server, "/slices") as visitor:
        await visitor.tell(name="second.bin", size=1000)
        await expect_close(visitor, 4507, "the shelf is full")
    assert not await unfinished(module)
    await client.delete("/files/first.bin")
    assert (await shelve(server, "second.bin", b"x" * 1000))["message"] == "saved"


async def test_an_upload_on_its_way_has_its_room_reserved(module, server, begin, visit, monkeypatch):
    monkeypatch.setattr(module, "FOLDER_BYTES", 1500)
    async with begin(server, "/slices", "first.bin", 1000), visit(server, "/slices") as second:
        await second.tell(name="second.bin", size=1000)
        await expect_close(second, 4507)


async def test_only_a_few_files_are_on_their_way_at_a_time(module, server, begin, visit, monkeypatch):
    monkeypatch.setattr(module, "MOST_UPLOADS", 1)
    async with begin(server, "/slices", "first.bin", 1000), visit(server, "/whole") as second:
        await second.tell(name="second.bin", size=1000)
        await expect_close(second, 1013)


@pytest.mark.parametrize("path", ["/whole", "/slices"])
async def test_a_client_that_falls_silent_is_not_waited_for(module, server, begin, monkeypatch, path):
    monkeypatch.setattr(module, "WAITED_SECONDS", 0.1)
    async with begin(server, path, "some.bin", 1000) as visitor:
        await expect_close(visitor, 4408, "nothing came for 0.1 seconds")


@pytest.mark.slow
async def test_a_slow_file_is_waited_for_as_long_as_something_comes(module, server, monkeypatch):
    monkeypatch.setattr(module, "WAITED_SECONDS", 0.5)
    async with connected(server) as peer:
        await peer.open("/whole")
        await peer.send_text('{"name": "slow.bin", "size": 8}')
        await peer.receive_text()
        await peer.send(b"\x82\x88\x00\x00\x00\x00")
        for byte in b"01234567":
            await trio.sleep(0.1)
            await peer.send(bytes([byte]))
        assert json.loads(await peer.receive_text())["message"] == "saved"
    assert on_shelf(module) == {"slow.bin": b"01234567"}


@pytest.mark.parametrize("path", ["/whole", "/slices"])
async def test_a_full_disk_is_reported(module, server, begin, monkeypatch, path):
    def write(upload, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.Upload, "write", write)
    async with begin(server, path, "some.bin", 1) as visitor:
        await visitor.send(slice_at(0, b"x") if path == "/slices" else b"x")
        await expect_close(visitor, 4507, "the server cannot store it: No space left on device")
    assert not on_shelf(module)


async def test_the_rest_of_a_longer_file_cannot_become_a_shorter_one(module, server, begin, visit):
    async with begin(server, "/slices", "some.bin", 3000) as visitor:
        await visitor.send(slice_at(0, b"x" * 2000))
        await visitor.hear()
    async with visit(server, "/slices") as again:
        await again.tell(name="some.bin", size=1000, upload=visitor.ready["upload"])
        await expect_close(again, 4507)
    assert not await unfinished(module)


async def test_a_file_is_sent_to_be_saved_and_never_shown(server, shelve, client):
    content = b"<script>alert(1)</script>"
    await shelve(server, 'page "<1>".html', content)
    answer = await client.get("/files/page%20%22%3C1%3E%22.html")
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("attachment;")
    part = await client.get("/files/page%20%22%3C1%3E%22.html", headers={"range": "bytes=1-6"})
    assert (part.status_code, part.content) == (206, b"script")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("name", ["other", "%2e%2e", "..%2f..%2fsecret", "%2fetc%2fpasswd", "", "%00"])
async def test_only_files_on_the_shelf_can_be_downloaded_or_deleted(
    module, server, shelve, client, tmp_path, method, name
):
    (tmp_path / "secret").write_text("secret")
    await shelve(server, "some.bin")
    assert (await client.request(method, f"/files/{name}")).status_code in {400, 404}
    assert (tmp_path / "secret").exists()
    assert list(on_shelf(module)) == ["some.bin"]


async def test_the_list_follows_files_that_come_and_go(module, server, shelve, visit, client):
    async with visit(server, "/watch") as watcher:
        first = await watcher.hear()
        assert (first["files"], first["file_bytes"]) == ([], module.FILE_BYTES)
        assert first["unfinished_seconds"] == module.UNFINISHED_SECONDS
        await watcher.send("nobody listens")
        await shelve(server, "some.bin", b"x" * 1000)
        (file,) = (await watcher.hear())["files"]
        assert (file["name"], file["size"]) == ("some.bin", 1000)
        assert file["until"] == pytest.approx(time.time() + module.KEPT_SECONDS, abs=60)
        assert (await client.delete("/files/some.bin")).status_code == 204
        assert (await watcher.hear())["files"] == []
        assert (await client.delete("/files/some.bin")).status_code == 404


async def test_old_files_are_removed_but_not_those_on_their_way(module, visit, begin):
    async with running(module.app) as server:
        async with begin(server, "/slices", "left.bin", 1000) as visitor:
            left = visitor.ready["upload"]
        await unfinished(module)
        (module.SHELF / "old.bin").write_bytes(b"old")
        (module.SHELF / "new.bin").write_bytes(b"new")
        async with begin(server, "/slices", "some.bin", 1000) as visitor, visit(server, "/watch") as watcher:
            assert len((await watcher.hear())["files"]) == 2
            for path in (module.SHELF / "old.bin", *module.UNFINISHED.iterdir()):
                os.utime(path, (0, 0))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(module.tidy_up)
                assert [file["name"] for file in (await watcher.hear())["files"]] == ["new.bin"]
                nursery.cancel_scope.cancel()
            assert {path.name for path in module.UNFINISHED.iterdir()} == {visitor.ready["upload"]} != {left}


async def test_a_folder_of_somebody_else_is_not_used(module, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    module.FOLDER.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError, match="belongs to somebody else"):
        module.make_folders()


async def test_a_file_that_goes_while_the_list_is_made_is_left_out(module, tmp_path, monkeypatch):
    module.make_folders()
    (module.SHELF / "gone").symlink_to(tmp_path / "nowhere")
    (module.SHELF / "there").write_bytes(b"x")
    assert set(module.held_in(module.SHELF)) == {"there"}


def test_the_program_serves_by_itself_until_ctrl_c(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Program("demo/upload.py", "--port", "0") as program:
        assert "<h1>Upload</h1>" in httpx.get(program.wait_for_url(), trust_env=False).text
        assert program.interrupt()[0] == 0

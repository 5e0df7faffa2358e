"""The uploads that the program refuses, and the clients that it does not wait for."""

from __future__ import annotations

import errno
import json
import os

import pytest
import trio
from support.uploads import SLICE, expect_close, on_shelf, slice_at, unfinished

from trioweb.testing import RawPeer

KEY = "k" * 22


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
async def test_a_message_that_does_not_announce_a_file_is_refused(module, client, path, message):
    async with client.websocket(path) as visitor:
        await visitor.send(message)
        await expect_close(visitor, 1008, 'expected {"name": ')
    assert not await unfinished(module)


@pytest.mark.parametrize("size", ["500001", "1" + "0" * 4000])
@pytest.mark.parametrize("path", ["/whole", "/slices"])
async def test_a_file_that_is_too_large_is_refused_before_it_comes(module, client, monkeypatch, path, size):
    monkeypatch.setattr(module, "FILE_BYTES", 500_000)
    async with client.websocket(path) as visitor:
        await visitor.send(f'{{"name": "a", "size": {size}}}')
        await expect_close(visitor, 4413, "a file may have 0.5 MB, and this one has more")


async def test_more_than_was_announced_is_refused_while_it_comes(module, client, begin):
    async with begin("/whole", "some.bin", 1000) as visitor:
        await visitor.send(b"x" * 1001)
        await expect_close(visitor, 4413, "more came than the 1000 bytes that were announced")
    assert not on_shelf(module)
    assert not await unfinished(module)


@pytest.mark.parametrize(
    ("message", "code"), [(b"x" * 999, 1008), (b"", 1008), ("x" * 999, 1003)], ids=["short", "none", "text"]
)
async def test_content_other_than_the_announced_file_is_refused(module, client, begin, message, code):
    async with begin("/whole", "some.bin", 1000) as visitor:
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
async def test_a_slice_other_than_the_next_is_refused(module, client, begin, message, code):
    async with begin("/slices", "some.bin", 1000) as visitor:
        await visitor.send(message)
        await expect_close(visitor, code)
    assert set((await unfinished(module)).values()) == {0}


@pytest.mark.parametrize("setting", [{"FOLDER_BYTES": 1500}, {"MOST_FILES": 1}])
async def test_a_full_shelf_takes_no_more_until_something_is_deleted(
    module, client, shelve, monkeypatch, setting
):
    for name, value in setting.items():
        monkeypatch.setattr(module, name, value)
    await shelve("first.bin", b"x" * 1000)
    async with client.websocket("/slices") as visitor:
        await visitor.send_json({"name": "second.bin", "size": 1000})
        await expect_close(visitor, 4507, "the shelf is full")
    assert not await unfinished(module)
    await client.delete("/files/first.bin")
    assert (await shelve("second.bin", b"x" * 1000))["message"] == "saved"


async def test_an_upload_on_its_way_has_its_room_reserved(module, client, begin, monkeypatch):
    monkeypatch.setattr(module, "FOLDER_BYTES", 1500)
    async with begin("/slices", "first.bin", 1000), client.websocket("/slices") as second:
        await second.send_json({"name": "second.bin", "size": 1000})
        await expect_close(second, 4507)


async def test_only_a_few_files_are_on_their_way_at_a_time(module, client, begin, monkeypatch):
    monkeypatch.setattr(module, "MOST_UPLOADS", 1)
    async with begin("/slices", "first.bin", 1000), client.websocket("/whole") as second:
        await second.send_json({"name": "second.bin", "size": 1000})
        await expect_close(second, 1013)


@pytest.mark.parametrize("path", ["/whole", "/slices"])
async def test_a_client_that_falls_silent_is_not_waited_for(module, client, begin, monkeypatch, path):
    monkeypatch.setattr(module, "WAITED_SECONDS", 0.1)
    async with begin(path, "some.bin", 1000) as visitor:
        await expect_close(visitor, 4408, "nothing came for 0.1 seconds")


@pytest.mark.slow
async def test_a_slow_file_is_waited_for_as_long_as_something_comes(module, client, monkeypatch):
    monkeypatch.setattr(module, "WAITED_SECONDS", 0.5)
    async with client.open_stream() as stream:
        peer = RawPeer(stream)
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
async def test_a_full_disk_is_reported(module, client, begin, monkeypatch, path):
    def write(upload, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.Upload, "write", write)
    async with begin(path, "some.bin", 1) as visitor:
        await visitor.send(slice_at(0, b"x") if path == "/slices" else b"x")
        await expect_close(visitor, 4507, "the server cannot store it: No space left on device")
    assert not on_shelf(module)


async def test_the_rest_of_a_longer_file_cannot_become_a_shorter_one(module, client, begin):
    async with begin("/slices", "some.bin", 3000) as visitor:
        await visitor.send(slice_at(0, b"x" * 2000))
        await visitor.expect_json()
    async with client.websocket("/slices") as again:
        await again.send_json({"name": "some.bin", "size": 1000, "upload": visitor.ready["upload"]})
        await expect_close(again, 4507)
    assert not await unfinished(module)

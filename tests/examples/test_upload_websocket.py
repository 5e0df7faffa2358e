"""The example `upload_websocket.py`."""

from __future__ import annotations

import pytest
from support.waiting import until

from trioweb.testing import BINARY, RawPeer, frame


@pytest.fixture
def module(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return example("upload_websocket")


@pytest.fixture
def app(module):
    return module.app


async def test_a_message_of_any_size_is_stored_whole(client, tmp_path):
    content = bytes(range(256)) * 20_000  # above the limit for messages that are held in memory
    for sent in (b"", content):
        async with client.websocket("/upload") as ws:
            await ws.send(sent)
            stored = await ws.expect_text()
            assert (tmp_path / stored).read_bytes() == sent
            await ws.expect_close(1000)
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("message", ["text", b"x" * 1001])
async def test_text_and_what_is_too_large_are_refused_and_leave_nothing(
    module, client, tmp_path, monkeypatch, message
):
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    async with client.websocket("/upload") as ws:
        await ws.send(message)
        assert "expected a binary message of up to 1000 bytes" in (await ws.expect_close()).reason
    await until(lambda: not any(tmp_path.iterdir()))


async def test_an_upload_that_breaks_off_leaves_nothing(client, tmp_path):
    async with client.open_stream() as stream:
        peer = RawPeer(stream)
        await peer.open("/upload")
        await peer.send(frame(BINARY, bytes(100_000))[:50_000])
        await until(lambda: any(path.stat().st_size for path in tmp_path.glob("*.part")))
    await until(lambda: not any(tmp_path.iterdir()))


async def test_the_page_sends_the_chosen_file(client):
    assert "ws.send(target.files[0])" in (await client.get("/")).text

"""The example `upload_websocket.py`."""

from __future__ import annotations

import pytest
import trio
from support.waiting import until
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK

from trioweb.testing import BINARY, RawPeer, frame


@pytest.fixture
def module(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return example("upload_websocket")


@pytest.fixture
async def there(module, site):
    async with site(module.app) as there:
        yield there


async def test_a_message_of_any_size_is_stored_whole(there, tmp_path):
    content = bytes(range(256)) * 20_000  # above the limit for messages that are held in memory
    for sent in (b"", content):
        async with there.connect("/upload") as client:
            await client.send(sent)
            stored = await client.recv()
            assert (tmp_path / stored).read_bytes() == sent
            with pytest.raises(ConnectionClosedOK):
                await client.recv()
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("message", ["text", b"x" * 1001])
async def test_text_and_what_is_too_large_are_refused_and_leave_nothing(
    module, there, tmp_path, monkeypatch, message
):
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    async with there.connect("/upload") as client:
        await client.send(message)
        with pytest.raises(ConnectionClosedError, match="expected a binary message of up to 1000 bytes"):
            await client.recv()
    await until(lambda: not any(tmp_path.iterdir()))


async def test_an_upload_that_breaks_off_leaves_nothing(there, tmp_path):
    async with await trio.open_tcp_stream("127.0.0.1", there.port) as stream:
        peer = RawPeer(stream)
        await peer.open("/upload")
        await peer.send(frame(BINARY, bytes(100_000))[:50_000])
        await until(lambda: any(path.stat().st_size for path in tmp_path.glob("*.part")))
    await until(lambda: not any(tmp_path.iterdir()))


async def test_the_page_sends_the_chosen_file(there):
    assert "ws.send(target.files[0])" in (await there.get("/")).text

"""The messages of a client of the upload program, and the files that the program stores."""

from __future__ import annotations

import random

SLICE = 256 * 1024


def some_bytes(size, seed=0):
    return random.Random(seed).randbytes(size)


def slice_at(offset, content):
    return offset.to_bytes(8, "big") + content


async def send_slices(visitor, content, begin=0, end=None):
    """Send slices one after another, and check that each is acknowledged; return the last answer."""
    for offset in range(begin, end or len(content), SLICE):
        await visitor.send(slice_at(offset, content[offset : offset + SLICE]))
        answer = await visitor.receive_json()
        received = min(offset + SLICE, len(content))
        assert answer == {"type": "message", "message": "receiving", "received": received}
    return await visitor.receive_json() if end is None else None


async def expect_close(visitor, code, reason=""):
    close = await visitor.wait_closed()
    assert close.code == code
    assert reason in close.reason


async def unfinished(module):
    """What is left of uploads that have ended, once the last handler has."""
    for upload in list(module.uploads.values()):
        await upload.has_ended.wait()
    return {path.name: path.stat().st_size for path in module.UNFINISHED.iterdir()}


def on_shelf(module):
    return {path.name: path.read_bytes() for path in module.SHELF.iterdir()}

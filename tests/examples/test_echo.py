"""The example `echo.py`."""

from __future__ import annotations


async def test_text_and_bytes_come_back_as_they_are(example, site):
    async with site(example("echo").app) as there, there.connect("/echo") as client:
        for message in ("tea", b"\x00\xff", ""):
            await client.send(message)
            assert await client.recv() == message

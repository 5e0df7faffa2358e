"""The bill of the push comparison: every byte that a bare socket sends and receives."""

from __future__ import annotations

import json

import pytest

import trioweb


async def billed(visitor, way, line, requests):
    """Add up the bills until they match the count of the line."""
    total = {"requests": 0, "up_bytes": 0, "down_bytes": 0}
    while total != {"requests": requests, "up_bytes": line.sent, "down_bytes": line.received}:
        costs = (await visitor.receive_json())["costs"]
        assert set(costs) <= {way}
        for name, value in costs.get(way, {}).items():
            total[name] += value
        assert total["up_bytes"] <= line.sent
        assert total["down_bytes"] <= line.received


@pytest.mark.slow
@pytest.mark.parametrize("way", ["polling", "long_polling"])
async def test_each_byte_of_polling_is_billed(server, feed, line, way):
    async with trioweb.connect(f"ws://127.0.0.1:{server.port}/visit/v") as visitor:
        await visitor.receive_json()
        for number in range(3):
            cursor = feed.newest
            feed.tick()
            await line.ask(f"/feed/v/{way}?after={cursor}", f"Cookie: n={number}")
            await line.receive_until(b'"}')
        await billed(visitor, way, line, 3)


async def test_each_byte_of_server_sent_events_is_billed(server, feed, line):
    async with trioweb.connect(f"ws://127.0.0.1:{server.port}/visit/v") as visitor:
        await visitor.receive_json()
        await line.ask("/feed/v/server_sent_events", "Accept: text/event-stream")
        await line.receive_until(b"retry: 500\n\n\r\n")
        for _ in range(3):
            feed.tick()
            await line.receive_until(b"}\n\n\r\n")
        await visitor.send_json({"type": "cut"})
        await line.receive_until(b"0\r\n\r\n")
        await billed(visitor, "server_sent_events", line, 1)


async def test_each_byte_of_a_websocket_is_billed(server, feed, line):
    async with trioweb.connect(f"ws://127.0.0.1:{server.port}/visit/v") as visitor:
        await visitor.receive_json()
        await line.ask(
            "/feed/v/websocket",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )
        where = json.dumps({"after": feed.newest}).encode()
        await line.send(bytes([0x81, 0x80 | len(where), 0, 0, 0, 0]) + where)
        for _ in range(3):
            feed.tick()
            await line.receive_until(b"}")
        await billed(visitor, "websocket", line, 1)

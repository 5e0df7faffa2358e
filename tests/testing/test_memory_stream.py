"""Streams in memory keep Trio's rules for streams, and are as bounded as sockets."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from trioweb.testing.memory.listener import MemoryConnection, MemoryListener
from trioweb.testing.memory.stream import BUFFER_BYTES


async def make_pair():
    connection = MemoryConnection(None, is_encrypted=False)
    return connection.client, connection.server


async def make_clogged_pair():
    client, server = await make_pair()
    await client.send_all(bytes(BUFFER_BYTES))
    await server.send_all(bytes(BUFFER_BYTES))
    return client, server


async def test_a_stream_in_memory_keeps_trios_rules_for_streams():
    await trio.testing.check_half_closeable_stream(make_pair, make_clogged_pair)


async def test_a_side_that_does_not_read_makes_the_other_wait(autojump_clock):
    client, server = await make_pair()
    with trio.move_on_after(10) as scope:
        await client.send_all(bytes(BUFFER_BYTES + 1))
    assert scope.cancelled_caught
    received = b""
    while len(received) < BUFFER_BYTES:
        received += await server.receive_some()
    await client.send_all(b"there is room again")


async def test_waiting_for_room_ends_when_the_other_side_reads_or_leaves():
    client, server = await make_clogged_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.wait_send_all_might_not_block)
        await trio.testing.wait_all_tasks_blocked()
        assert nursery.child_tasks
        await server.receive_some(1)
    await client.send_all(b"1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.wait_send_all_might_not_block)
        await trio.testing.wait_all_tasks_blocked()
        await server.aclose()


async def test_a_listener_that_is_closed_refuses_and_ends_what_waits():
    listener = MemoryListener(None, is_encrypted=False)
    connection = listener.connect()
    await listener.aclose()
    assert await connection.client.receive_some() == b""
    with pytest.raises(ConnectionRefusedError):
        listener.connect()
    with pytest.raises(trio.ClosedResourceError):
        await listener.accept()

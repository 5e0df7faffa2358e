"""A peer made of bytes, on both sides of a connection."""

from __future__ import annotations

import struct

import pytest
import trio
import trio.testing

import trioweb
from trioweb.testing import CLOSE, CONTINUATION, PING, TEXT, Frame, RawPeer, close_frame, frame, handshake


@pytest.fixture
def pair():
    """A peer that plays the client, and one that plays the server."""
    near, far = trio.testing.memory_stream_pair()
    return RawPeer(near), RawPeer(far, is_server=True)


@pytest.mark.parametrize("length", [0, 1, 5, 125, 126, 65535, 65536])
async def test_frames_of_every_length_cross_in_both_directions(pair, autojump_clock, length):
    data = bytes(range(256)) * (length // 256 + 1)
    for sender, receiver in (pair, pair[::-1]):
        await sender.send_binary(data[:length])
        assert await receiver.receive_binary() == data[:length]


async def test_a_frame_is_what_the_example_of_the_rfc_shows(pair, autojump_clock):
    client, server = pair
    await client.send_text("Hello")
    await server.send_text("Hello")
    assert await server.stream.receive_some() == b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
    assert await client.stream.receive_some() == b"\x81\x05Hello"


async def test_a_frame_shows_its_opcode_its_bits_and_its_payload(pair, autojump_clock):
    client, server = pair
    await client.send_frame(CONTINUATION, b"half", is_final=False, reserved=5)
    assert await server.receive_frame() == Frame(CONTINUATION, b"half", is_final=False, reserved=5)


@pytest.mark.parametrize("mask", [None, b"mask"])
async def test_a_mask_on_the_wrong_side_is_reported(pair, autojump_clock, mask):
    client, server = pair
    sender, receiver = (server, client) if mask else (client, server)
    await sender.send(frame(TEXT, b"x", mask=mask))
    with pytest.raises(AssertionError, match=r"§5\.1"):
        await receiver.receive_frame()


async def test_both_sides_of_a_handshake_fit_each_other(pair, autojump_clock):
    client, server = pair
    responses = []

    async def open_it():
        responses.append(await client.open("/chat?room=tea", ("Sec-WebSocket-Protocol", "tea")))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(open_it)
        request = await server.accept(("Sec-WebSocket-Protocol", "tea"))
    assert request.startswith("GET /chat?room=tea HTTP/1.1\r\nHost: localhost\r\n")
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in responses[0]
    assert "Sec-WebSocket-Protocol: tea" in responses[0]


async def test_a_field_without_a_value_is_left_out_of_the_handshake():
    assert b"Upgrade: websocket" not in handshake("/", ("Upgrade", None))
    assert b"\r\nHost: tea.example\r\n" in handshake(host="tea.example")


async def test_a_refused_handshake_shows_the_response(pair, autojump_clock):
    client, server = pair
    await server.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno!\n")
    with pytest.raises(AssertionError, match="403 Forbidden"):
        await client.open()
    assert await client.receive_exactly(4) == b"no!\n"


async def test_a_response_comes_with_its_body_and_leaves_the_rest(pair, autojump_clock):
    client, server = pair
    await server.send(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\ntea" + frame(TEXT, b"more", mask=None))
    assert await client.receive_response() == ("HTTP/1.1 200 OK\r\ncontent-length: 3", b"tea")
    assert await client.receive_text() == "more"


async def test_a_close_frame_is_found_after_pings(pair, autojump_clock):
    client, server = pair
    await server.send_frame(PING)
    await server.send_close(4001, "tea is ready")
    assert await client.receive_close() == (4001, "tea is ready")
    await server.send_close(None)
    assert await client.receive_close() == (None, "")


async def test_an_illegal_code_can_be_sent():
    assert close_frame(1005, mask=None) == struct.pack("!BBH", 0x80 | CLOSE, 2, 1005)


async def test_the_end_of_the_connection_shows_what_had_come(pair, autojump_clock):
    client, server = pair
    await server.send(b"\x81")
    await server.stream.aclose()
    with pytest.raises(AssertionError, match=r"ended the connection after b'\\x81'"):
        await client.receive_frame()
    assert await client.receive_end() == b"\x81"


async def test_the_end_of_the_connection_shows_little_of_a_lot(pair, autojump_clock):
    client, server = pair
    client.buffer = b"x" * 1_000_000
    await server.stream.aclose()
    with pytest.raises(AssertionError) as raised:
        await client.receive_exactly(2_000_000)
    assert len(str(raised.value)) < 2000


async def test_a_message_other_than_the_expected_one_is_shown(pair, autojump_clock):
    client, server = pair
    await server.send_binary(b"tea")
    with pytest.raises(AssertionError, match=r"opcode=2, payload=b'tea'"):
        await client.receive_text()


async def test_a_server_of_ours_takes_it_for_a_client(autojump_clock):
    app = trioweb.App()

    @app.websocket("/")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    near, far = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trioweb.serve_stream, app, far)
        peer = RawPeer(near)
        await peer.open("/")
        await peer.send_text("tea")
        assert await peer.receive_text() == "tea"
        assert await peer.close(4000) == (4000, "")

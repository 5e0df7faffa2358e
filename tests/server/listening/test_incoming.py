"""Sockets that were accepted: their addresses and options, for each family."""

from __future__ import annotations

import socket

import pytest
import trio
import trio.testing
from support.serving import running

from trioweb import App
from trioweb._server.incoming import connection_of, peer_of
from trioweb._web.address import Address

VSOCK = getattr(socket, "AF_VSOCK", None)
ANY_CONTEXT = ANY_PORT = 0xFFFFFFFF


async def vsock_listener():
    if VSOCK is None:
        pytest.skip("this system has no vsock")
    listening = trio.socket.socket(VSOCK, trio.socket.SOCK_STREAM)
    try:
        await listening.bind((ANY_CONTEXT, ANY_PORT))
    except OSError as error:
        listening.close()
        pytest.skip(f"this kernel has no such vsock: {error}")
    listening.listen()
    return trio.SocketListener(listening)


async def test_the_url_of_a_vsock_listener_names_its_family_and_its_port_is_not_a_tcp_port():
    listener = await vsock_listener()
    _, number = listener.socket.getsockname()
    async with running(App(), listeners=[listener]) as server:
        assert server.urls == [f"vsock:{ANY_CONTEXT}:{number}"]
        assert server.port is None


def test_a_tuple_is_an_address_only_on_a_tcp_socket():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        incoming = connection_of(ours, (3, 1234))  # as vsock names a peer: a context and a port
        incoming.carrier.send(b"served")
        assert theirs.recv(100) == b"served"
        assert incoming.peer is None


def test_a_tcp_socket_sends_small_messages_at_once_and_its_peer_has_an_address():
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as client,
    ):
        connected, name = listening.accept()
        with connected:
            incoming = connection_of(connected, name)
            assert incoming.peer == Address("127.0.0.1", client.getsockname()[1])
            assert incoming.carrier.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert not incoming.is_unix


async def test_a_stream_without_a_socket_or_with_a_unix_socket_has_no_address():
    ours, theirs = socket.socketpair()
    with theirs:
        async with trio.SocketStream(trio.socket.from_stdlib_socket(ours)) as stream:
            assert peer_of(stream) is None
    memory, _ = trio.testing.memory_stream_pair()
    assert peer_of(memory) is None

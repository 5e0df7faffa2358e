"""The TLS handshake: the mistakes of peers, and bytes that come with its end."""

from __future__ import annotations

import socket
import ssl
import sys

import pytest
import trio
import trio.testing
from support.links.tls_pair import meeting, receive_whole, secured
from support.tls import VERSIONS, contexts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs epoll or kqueue")
JUNK = b"\x17\x03\x03\x00\x20" + b"?" * 32


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


async def test_a_handshake_completes_and_bytes_are_pulled_and_sent(version):
    async with secured(version) as (transport, client):
        assert transport.is_plain is False
        assert client.tls.version() == version.replace(" ", "v")
        assert transport.try_receive() is None
        await client.send_all(b"hello")
        assert await transport.receive() == b"hello"
        await transport.send_all(b"x" * 200_000)
        assert await receive_whole(client, 200_000) == b"x" * 200_000


@pytest.mark.parametrize("waits", [False, True])
async def test_bytes_that_come_with_the_end_of_the_handshake_are_available_at_once(waits):
    async with meeting(*contexts("TLS 1.3")) as (transport, client):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(transport.secure)
            finished = await client.handshake()
            await client.send_raw(finished + client.encrypted(b"hello"))
        with trio.fail_after(5):
            assert (await transport.receive() if waits else transport.try_receive()) == b"hello"
        assert transport.try_receive() is None


async def test_session_tickets_wait_for_the_first_write():
    """A client that never reads would otherwise reset the connection when it closes."""
    async with secured("TLS 1.3", is_greeted=False) as (transport, client):
        with pytest.raises(BlockingIOError):
            client.socket.recv(1)
        await transport.send_all(b"hello")
        assert await client.receive_some() == b"hello"
        assert client.tls.session.has_ticket


async def test_a_peer_that_does_not_speak_tls_gets_an_alert():
    async with meeting(*contexts()) as (transport, client):
        await client.send_raw(b"\x16\x03\x01\x00\x05no TLS at all\r\n\r\n")
        with pytest.raises(trio.BrokenResourceError, match="the TLS handshake failed"):
            await transport.secure()
        assert (await client.receive_raw())[:1] == b"\x15"  # an alert (RFC 8446 §5.1)


async def test_a_peer_that_speaks_an_older_tls_than_allowed_gets_an_alert():
    server_context, client_context = contexts("TLS 1.2")
    server_context.minimum_version = ssl.TLSVersion.TLSv1_3
    async with meeting(server_context, client_context) as (transport, client):
        async with trio.open_nursery() as nursery:

            async def shake():
                with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
                    await client.handshake()

            nursery.start_soon(shake)
            with pytest.raises(trio.BrokenResourceError, match="UNSUPPORTED_PROTOCOL"):
                await transport.secure()
        assert await transport.receive() == b""
        with pytest.raises(trio.BrokenResourceError):
            await transport.send_all(b"x")
        await transport.aclose()


@pytest.mark.parametrize("said_bytes", [0, 100])
async def test_a_peer_that_leaves_during_the_handshake_is_gone(version, said_bytes):
    async with meeting(*contexts(version)) as (transport, client):
        with pytest.raises(ssl.SSLWantReadError):
            client.tls.do_handshake()
        await client.send_raw(client._outgoing.read()[:said_bytes])
        client.socket.shutdown(socket.SHUT_WR)
        with pytest.raises(trio.BrokenResourceError, match="left during the TLS handshake"):
            await transport.secure()


async def test_a_handshake_that_never_arrives_can_be_cancelled():
    async with meeting(*contexts()) as (transport, client):
        await client.send_raw(b"\x16\x03\x01")
        with trio.move_on_after(0.01) as scope:
            await transport.secure()
        assert scope.cancelled_caught
        await transport.aclose()
        assert await client.receive_raw() == b""

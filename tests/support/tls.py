"""Certificates, and a TLS client over whose bytes on the wire the test has full control."""

from __future__ import annotations

import functools
import socket
import ssl
from contextlib import asynccontextmanager

import trio
import trustme

VERSIONS = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}


@functools.cache
def authority():
    return trustme.CA()


@functools.cache
def certificate():
    return authority().issue_cert("localhost", "127.0.0.1")


def contexts(version=None):
    """Return the context of a server, and that of a client that trusts it."""
    # Not `ssl.create_default_context()`, which reads all authorities of the system.
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    certificate().configure_cert(server)
    authority().configure_trust(client)
    if version is not None:
        client.minimum_version = client.maximum_version = VERSIONS[version]
    return server, client


class TlsClient(trio.abc.Stream):
    """A client over a socket.

    `has_heard_goodbye` distinguishes a close_notify from a bare end of TCP; `hello` and `answer` are the first
    bytes of the handshake.
    """

    def __init__(self, connected, context):
        connected.setblocking(False)
        self.socket = connected
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        self.has_heard_goodbye = False
        self.hello = self.answer = b""

    def encrypted(self, data):
        """Return the records that carry `data`, without sending them."""
        self.tls.write(data)
        return self._outgoing.read()

    def goodbye(self):
        """Return a close_notify, without sending it."""
        try:
            self.tls.unwrap()
        except ssl.SSLError:  # the server has yet to answer
            pass
        return self._outgoing.read()

    def decrypted(self, data):
        """Return the content of records that arrived some other way than by `receive_some`."""
        self._incoming.write(data)
        pieces = []
        try:
            while piece := self.tls.read(65_536):
                pieces.append(piece)
            self.has_heard_goodbye = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.has_heard_goodbye = True
        return b"".join(pieces)

    async def send_raw(self, data):
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self.socket.send(rest) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self.socket)

    async def receive_raw(self):
        while True:
            await trio.lowlevel.wait_readable(self.socket)
            try:
                return self.socket.recv(65_536)
            except BlockingIOError:
                continue

    async def handshake(self):
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                words = self._outgoing.read()
                await self.send_raw(words)
                data = await self.receive_raw()
                assert data, "the server ended the connection within the handshake"
                self._incoming.write(data)
                self.hello, self.answer = self.hello or words, self.answer or data
            else:
                return self._outgoing.read()

    async def send_all(self, data):
        await self.send_raw(self.encrypted(data))

    async def receive_some(self, max_bytes=None):
        while not self.has_heard_goodbye:
            if data := self.decrypted(b""):
                return data
            if self.has_heard_goodbye or not (raw := await self.receive_raw()):
                break
            if data := self.decrypted(raw):
                return data
        return b""

    async def wait_send_all_might_not_block(self):
        await trio.lowlevel.wait_writable(self.socket)

    async def aclose(self):
        self.socket.close()
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def tls_client(port, context):
    """Connect to a server and shake hands."""
    async with TlsClient(socket.create_connection(("127.0.0.1", port)), context) as client:
        await client.send_raw(await client.handshake())
        yield client

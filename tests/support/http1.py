"""Requests in bytes, and the steps of a server that reads them and responds."""

from __future__ import annotations

from trioweb._wire.http1.response_encoder import ResponseEncoder
from trioweb._wire.http1.wire import Body, EndOfBody, Http1Wire, RequestHead

GET = b"GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n"
HEAD = GET.replace(b"GET", b"HEAD")
OLD = b"GET /old HTTP/1.0\r\n\r\n"
POST = b"POST /b?c HTTP/1.1\r\nHost: example.org\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"PUT /d HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n"
EXPECTING = POST.replace(b"\r\n\r\nhello", b"\r\nExpect: 100-continue\r\n\r\n")
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def make_wire(data: bytes = b"", *, head_bytes: int = 400, head_fields: int = 100) -> Http1Wire:
    wire = Http1Wire(head_bytes=head_bytes, head_fields=head_fields)
    if data:
        wire.feed(data)
    return wire


def read_head(wire: Http1Wire, *, body_bytes: int = 64) -> RequestHead:
    head = wire.next_event()
    assert isinstance(head, RequestHead)
    wire.limit_body(body_bytes)
    return head


def read_body(wire: Http1Wire) -> bytes:
    body = b""
    while isinstance(event := wire.next_event(), Body):
        body += event.data
    assert isinstance(event, EndOfBody)
    return body


def respond(wire: Http1Wire, body: bytes = b"ok", status: int = 200, *, is_close: bool = False) -> bytes:
    responses = ResponseEncoder(wire)
    head = responses.encode_head(status, [("X", "y")], content_bytes=len(body), is_close=is_close)
    return head + responses.encode_body(body) + responses.encode_end()

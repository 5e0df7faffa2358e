"""Heads of requests in bytes, and what a wire makes of them."""

from __future__ import annotations

import pytest

from trioweb._wire.http1.wire import Http1Wire, RequestHead
from trioweb.errors import RemoteProtocolError

HEAD_BYTES = 1024


def wire_with(data: bytes, head_bytes: int = HEAD_BYTES) -> Http1Wire:
    wire = Http1Wire(head_bytes=head_bytes)
    wire.feed(data)
    return wire


def read(data: bytes) -> RequestHead:
    head = wire_with(data).next_event()
    assert isinstance(head, RequestHead)
    return head


def refusal(data: bytes, head_bytes: int = HEAD_BYTES) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        wire_with(data, head_bytes).next_event()
    return caught.value


def request(*lines: bytes, start: bytes = b"GET / HTTP/1.1", host: bytes = b"Host: example.org") -> bytes:
    return b"\r\n".join([start, *([host] if host else []), *lines, b"", b""])

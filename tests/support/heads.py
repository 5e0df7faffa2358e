"""Heads of requests in bytes, and what a wire makes of them."""

from __future__ import annotations

import pytest
from support.http1 import make_wire

from trioweb._wire.http1.wire import RequestHead
from trioweb.errors import RemoteProtocolError

HEAD_BYTES = 1024


def read(data: bytes) -> RequestHead:
    head = make_wire(data, head_bytes=HEAD_BYTES).next_event()
    assert isinstance(head, RequestHead)
    return head


def refusal(data: bytes, head_bytes: int = HEAD_BYTES) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        make_wire(data, head_bytes=head_bytes).next_event()
    return caught.value


def request(*lines: bytes, start: bytes = b"GET / HTTP/1.1", host: bytes = b"Host: example.org") -> bytes:
    return b"\r\n".join([start, *([host] if host else []), *lines, b"", b""])

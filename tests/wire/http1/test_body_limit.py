"""The limit of a request's body, without which it cannot be read."""

from __future__ import annotations

import pytest
from support.http1 import CHUNKED, GET, POST, make_wire, read_body, read_head, respond

from trioweb._wire.http1.wire import RequestHead
from trioweb.errors import BodyTooLarge, LocalProtocolError


@pytest.mark.parametrize("request_bytes", [POST, CHUNKED])
def test_a_body_of_exactly_the_limit_is_accepted(request_bytes: bytes) -> None:
    wire = make_wire(request_bytes)
    read_head(wire)
    wire.limit_body(5)
    assert len(read_body(wire)) == 5


def test_an_announced_length_is_refused_and_the_body_can_still_be_thrown_away() -> None:
    wire = make_wire(POST + GET)
    read_head(wire)
    with pytest.raises(BodyTooLarge, match=r"5 bytes was announced, and at most 4 .*Limits\.body_bytes"):
        wire.limit_body(4)
    respond(wire, status=413)
    assert read_body(wire) == b"hello"
    wire.start_next_request()
    assert read_head(wire).raw_path == "/a"


def test_chunks_are_refused_by_the_size_that_they_announce() -> None:
    wire = make_wire(CHUNKED.partition(b"abc")[0])
    read_head(wire)
    wire.limit_body(2)
    with pytest.raises(BodyTooLarge):
        wire.next_event()


@pytest.mark.parametrize("request_bytes", [POST, CHUNKED])
def test_a_limit_applies_to_one_request(request_bytes: bytes) -> None:
    wire = make_wire(POST + request_bytes)
    read_head(wire)
    read_body(wire)
    respond(wire)
    wire.start_next_request()
    assert isinstance(wire.next_event(), RequestHead)
    with pytest.raises(LocalProtocolError, match="no limit yet"):
        wire.next_event()
    wire.limit_body(5)
    assert len(read_body(wire)) == 5


def test_only_a_body_that_is_still_to_come_can_be_limited() -> None:
    wire = make_wire()
    with pytest.raises(LocalProtocolError, match="no body to limit"):
        wire.limit_body(5)
    wire.feed(GET)
    read_head(wire)
    assert read_body(wire) == b""
    with pytest.raises(LocalProtocolError, match="no body to limit"):
        wire.limit_body(5)

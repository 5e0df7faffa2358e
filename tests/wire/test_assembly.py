"""The rules and limits of a message, whichever parser decodes it."""

from __future__ import annotations

import pytest

from trioweb._wire.assembly import Assembly
from trioweb._wire.events import Fragment
from trioweb.errors import MessageTooBig, RemoteProtocolError

FINAL, TEXT, BINARY, COMPRESSED = 0x80, 1, 2, 0x40


def new_assembly(message_bytes=100, message_fragments=1000):
    return Assembly(message_bytes=message_bytes, message_fragments=message_fragments)


@pytest.mark.parametrize("part", ["é", b"\xc3\xa9"])
@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 600])
def test_any_number_of_parts_becomes_one_message(part, count):
    assembly, out = new_assembly(), []
    assembly.begin_frame(TEXT)
    for _ in range(count - 1):
        assembly.add(part, is_last=False, out=out)
    assembly.add(part, is_last=True, out=out)

    assert out == [part * count]
    assert not assembly.is_open


@pytest.mark.parametrize("count", [1, 256, 300])
def test_a_backlog_is_handed_out_as_one_piece(count):
    assembly, out = new_assembly(), []
    assembly.begin_frame(BINARY)
    for _ in range(count):
        assembly.add(b"x", is_last=False, out=out)

    assert not assembly.has_backlog

    assembly.is_streaming = True

    assert assembly.has_backlog

    assembly.hand_out_backlog(out)

    assert out == [Fragment(b"x" * count, is_last=False)]
    assert not assembly.has_backlog


def test_a_message_ends_before_the_next_begins():
    assembly = new_assembly()
    assembly.begin_frame(TEXT)
    assembly.begin_frame(FINAL)

    with pytest.raises(RemoteProtocolError, match="before the last one's final frame"):
        assembly.begin_frame(BINARY)


def test_a_continuation_has_something_to_continue():
    with pytest.raises(RemoteProtocolError, match="without a message to continue"):
        new_assembly().begin_frame(FINAL)


def test_frames_are_counted_unless_they_leave_nothing_behind():
    assembly = new_assembly(message_fragments=1)
    assembly.begin_frame(TEXT)

    with pytest.raises(
        RemoteProtocolError, match=r"more than 1 frames \(Limits.message_fragments\)"
    ) as caught:
        assembly.begin_frame(0)

    assert caught.value.close_code == 1008

    assembly.is_streaming = True
    assembly.begin_frame(0)


@pytest.mark.parametrize(("first", "most"), [(TEXT, 100), (TEXT | COMPRESSED, 100 + 12 + 1024)])
def test_the_lengths_that_frames_announce_are_added_up(first, most):
    assembly = new_assembly()
    assembly.begin_frame(first)
    assembly.announce(most - 1)
    assembly.announce(1)

    assert not assembly.is_over_limit

    assembly.announce(1)

    assert assembly.is_over_limit
    assert isinstance(assembly.too_big(), MessageTooBig)


def test_streaming_is_taken_back_until_a_piece_was_handed_out():
    assembly, out = new_assembly(), []
    assembly.is_streaming = True
    assembly.begin_frame(TEXT)
    assembly.stop_streaming()

    assert not assembly.is_streaming

    assembly.is_streaming = True
    assembly.add("a", is_last=False, out=out)
    assembly.stop_streaming()

    assert assembly.is_streaming

    assembly.add("", is_last=True, out=out)

    assert not assembly.is_streaming
    assert out == [Fragment("a", is_last=False), Fragment("", is_last=True)]

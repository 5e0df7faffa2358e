"""wsproto gets the bytes of one frame at a time."""

from __future__ import annotations

import pytest

from trioweb._wire.assembly import Assembly
from trioweb._wire.events import PeerClosed, Ping
from trioweb._wire.frames import MASKED
from trioweb._wire.judge import Judge
from trioweb.closing import Close
from trioweb.errors import RemoteProtocolError
from trioweb.testing import BINARY, CLOSE, CONTINUATION, PING, TEXT, frame


@pytest.fixture
def judge():
    return Judge(Assembly(message_bytes=1000, message_fragments=100), None, MASKED)


def test_a_header_is_consumed_and_nothing_after_it(judge):
    out = []
    data = frame(BINARY, b"x" * 200) * 2
    position = judge.take_header(data, 0, out)
    while not judge.has_header:
        position = judge.take_header(data, position, out)

    assert position == 8
    assert judge.payload_left == 200
    assert not judge.is_between_frames

    position = judge.take_payload(data, position, 150, out)

    assert (position, judge.payload_left, out) == (158, 50, [])

    position = judge.take_payload(data, position, 1000, out)

    assert (position, judge.payload_left, out) == (208, 0, [b"x" * 200])
    assert judge.is_between_frames


@pytest.mark.parametrize(
    ("opcode", "expected"), [(TEXT, ""), (PING, Ping(b"")), (CLOSE, PeerClosed(Close(1005)))]
)
def test_a_frame_without_payload_is_complete_with_its_header(judge, opcode, expected):
    out = []
    judge.take_header(frame(opcode), 0, out)

    assert out == [expected]
    assert judge.is_between_frames
    assert judge.has_closed is (opcode == CLOSE)


def test_a_violation_is_described_in_words(judge):
    judge.take_header(frame(TEXT, is_final=False), 0, [])

    with pytest.raises(RemoteProtocolError, match="Invalid opcode 0x3"):
        judge.take_header(frame(3), 0, [])


def test_a_control_frame_may_come_between_fragments(judge):
    out = []
    for part in (frame(TEXT, is_final=False), frame(PING), frame(CONTINUATION)):
        judge.take_header(part, 0, out)

    assert out == [Ping(b""), ""]

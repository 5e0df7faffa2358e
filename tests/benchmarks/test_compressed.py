from __future__ import annotations

import json

import compressed
import pytest


@pytest.mark.parametrize("text_bytes", [200, 1024, 5000])
def test_the_text_is_json_of_just_this_length(text_bytes):
    text = compressed.json_text(text_bytes)
    assert len(text) == text_bytes
    assert json.loads(text)[0]["sensor"] == "hall-0"


@pytest.mark.parametrize("text_bytes", [200, 1024, 5000])
def test_the_frame_holds_the_text_compressed_and_masked(text_bytes):
    text = compressed.json_text(text_bytes)
    frame = compressed.masked_frame(text)
    assert frame[0] == 0xC1  # final, compressed, text
    assert frame[1] & 0x80
    head_bytes = 4 if frame[1] & 0x7F == 126 else 2
    mask, masked = frame[head_bytes : head_bytes + 4], frame[head_bytes + 4 :]
    payload = bytes(octet ^ mask[place % 4] for place, octet in enumerate(masked))
    assert compressed.is_answer(payload, text)
    assert not compressed.is_answer(payload, text + b" ")
    assert len(frame) < text_bytes


def test_a_text_that_is_not_compressed_is_not_an_echo():
    assert not compressed.is_answer(b"nonsense", b"text")

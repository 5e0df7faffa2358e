from __future__ import annotations

import tracemalloc
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.forms import cut

from trioweb._web.forms.urlencoded import SLICE_BYTES, UrlencodedDecoder, decode_urlencoded


def in_pieces(pieces: list[bytes]) -> list[tuple[bytes, bytes]]:
    decoder = UrlencodedDecoder()
    for piece in pieces:
        decoder.feed(piece)
    return [(name, bytes(value)) for name, value in decoder.finish()]


def by_the_library(octets: bytes) -> list[tuple[bytes, bytes]]:
    fields = [field.partition(b"=") for field in octets.replace(b"+", b" ").split(b"&") if field]
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in fields]


@pytest.mark.parametrize(
    ("octets", "pairs"),
    [
        (b"", []),
        (b"&&", []),
        (b"a", [(b"a", b"")]),
        (b"=", [(b"", b"")]),
        (b"a=b=c&d", [(b"a", b"b=c"), (b"d", b"")]),
        (b"a+%2B=%3d+%26", [(b"a +", b"= &")]),
        (b"%&%4&%4=%&%zz=%", [(b"%", b""), (b"%4", b""), (b"%4", b"%"), (b"%zz", b"%")]),
        (b"%%41=%4%31", [(b"%A", b"%41")]),
    ],
)
def test_names_and_values_are_decoded_once(octets: bytes, pairs: list[tuple[bytes, bytes]]) -> None:
    assert decode_urlencoded(octets) == pairs
    assert in_pieces([bytes([octet]) for octet in octets]) == pairs


OCTETS = st.lists(
    st.sampled_from([b"%", b"%4", b"%41", b"%fF", b"%g", b"&", b"=", b"+", b"a", b"4", b"\xff"])
).map(b"".join)


@given(OCTETS, st.lists(st.integers(0, 100)))
def test_cutting_the_text_anywhere_makes_no_difference(octets: bytes, places: list[int]) -> None:
    assert in_pieces(cut(octets, places)) == by_the_library(octets)


@given(OCTETS, st.integers(0, 10))
def test_the_slices_of_the_decoder_make_no_difference(octets: bytes, before: int) -> None:
    octets = b"a=" + b"x" * (SLICE_BYTES - before) + octets
    assert in_pieces([octets]) == by_the_library(octets)


@pytest.mark.slow
@pytest.mark.parametrize("unit", [b"%41", b"%41a", b"%41ab", b"%", b"%%4", b"&", b"=&", b"a+"])
def test_decoding_takes_little_memory_on_the_way(unit: bytes) -> None:
    octets = unit * (2**20 // len(unit))
    if b"&" in unit:
        octets = octets[: 1000 * len(unit)]
    tracemalloc.start()
    try:
        decode_urlencoded(octets)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(octets) + 2**20

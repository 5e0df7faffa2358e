"""Masking is its own inverse, in both implementations."""

from __future__ import annotations

import builtins
import importlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._wire import masking
from trioweb._wire.masking import apply_mask, mask_in_python


def octet_by_octet(data, key):
    return bytes(octet ^ key[place % 4] for place, octet in enumerate(data))


@given(data=st.binary(max_size=1000), key=st.binary(min_size=4, max_size=4))
def test_both_functions_do_what_the_rfc_says(data, key):
    expected = octet_by_octet(data, key)

    assert mask_in_python(data, key) == expected
    assert apply_mask(data, key) == expected


@pytest.mark.parametrize("length", [0, 1, 3, 4, 319, 320, 321, 4096])
def test_a_masked_payload_unmasks_to_itself(length):
    data, key = bytes(range(256)) * 16, b"\x00\xff\x12\x80"

    assert mask_in_python(mask_in_python(data[:length], key), key) == data[:length]


def test_the_example_of_the_rfc():  # RFC 6455 §5.7
    assert mask_in_python(b"\x7f\x9f\x4d\x51\x58", b"\x37\xfa\x21\x3d") == b"Hello"


def test_without_speedups_python_does_it(monkeypatch):
    real_import = builtins.__import__

    def refuse(name, *rest):
        if name.startswith("websockets"):
            raise ImportError(name)
        return real_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    spec = importlib.util.find_spec(masking.__name__)
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)

    assert fresh.apply_mask is fresh.mask_in_python

from __future__ import annotations

import pytest

from trioweb._web.address import Address


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (Address("192.0.2.1", 80), "192.0.2.1:80"),
        (Address("192.0.2.1"), "192.0.2.1"),
        (Address("2001:db8::1", 80), "[2001:db8::1]:80"),
        (Address("2001:db8::1"), "[2001:db8::1]"),
    ],
)
def test_an_address_reads_as_in_a_url(address: Address, text: str) -> None:
    assert str(address) == text


def test_addresses_can_be_keys() -> None:
    assert {Address("::1", 1): "here"}[Address("::1", 1)] == "here"

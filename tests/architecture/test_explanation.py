"""How much the clever packages say about themselves."""

from __future__ import annotations

import pytest
from support.code_figures import density, sources

# Lines of docstrings and comments for each line of code.
DENSITY = {
    "_server": 0.4,
    "_transport": 0.4,
    "_websocket": 0.4,
    "_http": 0.4,
    "_wire": 0.4,
    "_wire/http1": 0.4,
    "_client": 0.4,
    "testing": 0.4,
}


@pytest.mark.parametrize("package", DENSITY)
def test_a_package_explains_why_it_does_what_it_does(package: str) -> None:
    assert density(sources(f"trioweb/{package}")) >= DENSITY[package]

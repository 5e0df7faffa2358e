"""A server in memory for the tests of `reconnecting`."""

from __future__ import annotations

import pytest
from support.links.changing_site import Site


@pytest.fixture
async def site(nursery):
    return Site(nursery)

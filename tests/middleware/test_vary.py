from __future__ import annotations

import pytest

from trioweb.headers import MutableHeaders
from trioweb.middleware.vary import vary_on


@pytest.mark.parametrize(
    ("before", "names", "after"),
    [
        ([], ["Origin"], ["Origin"]),
        ([], [], []),
        (["Cookie"], ["Origin", "Accept"], ["Cookie, Origin, Accept"]),
        (["Cookie", "Accept"], ["Origin"], ["Cookie, Accept, Origin"]),
        (["cookie", "ORIGIN"], ["Origin"], ["cookie", "ORIGIN"]),
        (["Cookie, origin"], ["Origin", "Accept"], ["Cookie, origin, Accept"]),
        (["*"], ["Origin"], ["*"]),
        ([""], ["Origin"], ["Origin"]),
    ],
)
def test_names_are_added_to_existing_ones(before: list[str], names: list[str], after: list[str]) -> None:
    headers = MutableHeaders([("Vary", value) for value in before])
    vary_on(headers, *names)
    assert headers.get_all("vary") == after

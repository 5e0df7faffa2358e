"""The reason phrases of statuses."""

from __future__ import annotations

import pytest

from trioweb.phrases import phrase


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (404, "Not Found"),
        (413, "Content Too Large"),
        (422, "Unprocessable Content"),
        (299, "Success"),
        (499, "Client Error"),
    ],
)
def test_a_status_has_the_phrase_of_its_rfc_or_of_its_class(status, expected):
    assert phrase(status) == expected

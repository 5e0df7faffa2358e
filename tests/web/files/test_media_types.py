from __future__ import annotations

import pytest

from trioweb._web.files.media_types import media_type


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("APP.JS", "text/javascript; charset=utf-8"),
        ("data.json", "application/json"),
        ("logo.svg", "image/svg+xml"),
        ("voice.webm", "video/webm"),
        ("archive.tar.gz", "application/gzip"),
        ("server.log", "text/plain; charset=utf-8"),
        ("table.tsv", "text/tab-separated-values; charset=utf-8"),
        ("map.geojson", "application/geo+json"),
        ("README", "application/octet-stream"),
        ("html", "application/octet-stream"),
        ("a.unheard", "application/octet-stream"),
        ("a.", "application/octet-stream"),
    ],
)
def test_the_end_of_the_name_decides(name: str, expected: str) -> None:
    assert media_type(name) == expected

"""The example `static_files.py`."""

from __future__ import annotations

import pytest


@pytest.fixture
async def there(example, site):
    async with site(example("static_files").app) as there:
        yield there


async def test_the_folder_is_served_with_its_index(there):
    page = await there.get("/")
    assert page.text == (await there.get("/index.html")).text
    assert 'href="style.css"' in page.text
    assert (await there.get("/style.css")).headers["content-type"].startswith("text/css")
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_a_range_is_sent_alone_and_an_unchanged_file_not_again(there):
    part = await there.get("/index.html", headers={"Range": "bytes=0-14"})
    assert (part.status_code, part.text) == (206, "<!doctype html>")
    again = await there.get(
        "/style.css", headers={"If-None-Match": (await there.get("/style.css")).headers["etag"]}
    )
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path", ["/..%2fstatic_files.py", "/%2e%2e/static_files.py", "/static_files.py", "/nowhere"]
)
async def test_nothing_outside_the_folder_is_served(there, path):
    assert (await there.get(path)).status_code == 404

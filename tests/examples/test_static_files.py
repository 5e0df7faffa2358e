"""The example `static_files.py`."""

from __future__ import annotations

import pytest


@pytest.fixture
def app(example):
    return example("static_files").app


async def test_the_folder_is_served_with_its_index(client):
    page = await client.get("/")
    assert page.text == (await client.get("/index.html")).text
    assert 'href="style.css"' in page.text
    assert (await client.get("/style.css")).headers["content-type"].startswith("text/css")
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_a_range_is_sent_alone_and_an_unchanged_file_not_again(client):
    part = await client.get("/index.html", headers={"Range": "bytes=0-14"})
    assert (part.status_code, part.text) == (206, "<!doctype html>")
    again = await client.get(
        "/style.css", headers={"If-None-Match": (await client.get("/style.css")).headers["etag"]}
    )
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path", ["/..%2fstatic_files.py", "/%2e%2e/static_files.py", "/static_files.py", "/nowhere"]
)
async def test_nothing_outside_the_folder_is_served(client, path):
    assert (await client.get(path)).status_code == 404

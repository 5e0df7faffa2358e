"""The example `upload_form.py`."""

from __future__ import annotations

import pytest


@pytest.fixture
def app(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return example("upload_form").app


@pytest.mark.parametrize("size", [0, 5, 1_000_000])
async def test_a_file_is_stored_under_a_name_of_the_servers(client, tmp_path, size):
    response = await client.post("/upload", files={"document": ("../../etc/tea.txt", b"t" * size)})
    assert response.status_code == 201
    stored = list((tmp_path / "uploads").iterdir())
    assert [path.read_bytes() for path in stored] == [b"t" * size]
    assert response.text == f"{stored[0].name}: {size} bytes\n"
    assert stored[0].name.endswith("-tea.txt")


async def test_two_files_of_one_name_do_not_meet(client, tmp_path):
    for content in (b"green", b"black"):
        await client.post("/upload", files={"document": ("tea.txt", content)})
    assert {path.read_bytes() for path in (tmp_path / "uploads").iterdir()} == {b"green", b"black"}


async def test_a_wrong_form_or_one_that_is_too_large_is_refused_and_leaves_nothing(client, tmp_path):
    assert (await client.post("/upload", data={"document": "text"})).status_code in (400, 415)
    assert (await client.post("/upload", files={"other": ("a", b"a")})).status_code == 400
    large = {"document": ("a", bytes(10 * 1024 * 1024))}
    assert (await client.post("/upload", files=large)).status_code == 413
    assert not [*tmp_path.rglob("*.*")]


async def test_the_page_has_the_form(client):
    assert 'name="document" type="file"' in (await client.get("/")).text

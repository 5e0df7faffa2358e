"""Files that are compressed on their way: their tags, parts and conditions."""

from __future__ import annotations

import gzip
import json
import os
import random

import pytest
from support.compressed import GZIPPED, TEXT, answering, raw

from trioweb import App, File
from trioweb.middleware import GZip
from trioweb.testing import open_client


def tokens(response, name):
    return [token.strip().lower() for token in response.headers.get(name, "").split(",")]


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.html"
    path.write_text(TEXT)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


async def test_a_file_is_compressed_and_its_tag_is_weak(page):
    async with open_client(answering(lambda: File(page))) as client:
        plain, _ = await raw(client, {})
        response, content = await raw(client)
        assert gzip.decompress(content).decode() == TEXT
        assert response.headers["etag"] == "W/" + plain.headers["etag"]
        assert plain.headers["accept-ranges"] == "bytes"
        assert not {"content-length", "accept-ranges"} & set(response.headers)
        assert response.headers["last-modified"] == plain.headers["last-modified"]
        assert tokens(plain, "vary") == tokens(response, "vary") == ["accept-encoding"]


async def test_a_compressed_copy_is_revalidated(page):
    async with open_client(answering(lambda: File(page))) as client:
        response, _ = await raw(client)
        weak = response.headers["etag"]
        for condition in (weak, f'"other", {weak}'):
            again = await client.get("/", headers={**GZIPPED, "If-None-Match": condition})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == weak, "by which the cache finds its copy"
            assert tokens(again, "vary") == ["accept-encoding"]
            assert "content-encoding" not in again.headers


async def test_a_plain_copy_keeps_its_strong_tag(page):
    async with open_client(answering(lambda: File(page))) as client:
        strong = (await raw(client, {}))[0].headers["etag"]
        for fields in ({}, GZIPPED):
            again = await client.get("/", headers={**fields, "If-None-Match": strong})
            assert (again.status_code, again.headers["etag"]) == (304, strong)


async def test_a_part_is_sent_as_it_is_and_never_fits_a_compressed_copy(page):
    async with open_client(answering(lambda: File(page))) as client:
        response, content = await raw(client, {**GZIPPED, "Range": "bytes=3-12"})
        assert (response.status_code, content) == (206, TEXT[3:13].encode())
        assert response.headers["etag"].startswith('"')
        assert tokens(response, "vary") == ["accept-encoding"]
        weak = (await raw(client))[0].headers["etag"]
        whole, content = await raw(client, {**GZIPPED, "Range": "bytes=3-12", "If-Range": weak})
        assert (whole.status_code, gzip.decompress(content).decode()) == (200, TEXT)


@pytest.mark.parametrize("condition", ["If-Range", "If-Unmodified-Since"])
@pytest.mark.parametrize("fields", [{}, GZIPPED])
async def test_a_compressed_copy_is_not_completed_by_its_date_with_plain_bytes(page, condition, fields):
    async with open_client(answering(lambda: File(page))) as client:
        date = (await raw(client))[0].headers["last-modified"]
        whole, content = await raw(client, {**fields, "Range": "bytes=3-12", condition: date})
        assert whole.status_code == 200
        assert (gzip.decompress(content) if fields else content).decode() == TEXT
        strong = (await raw(client, {}))[0].headers["etag"]
        part, content = await raw(client, {**fields, "Range": "bytes=3-12", "If-Range": strong})
        assert (part.status_code, content) == (206, TEXT[3:13].encode()), "plain, as the tag says"


async def test_static_files_are_compressed_unless_they_are_images(page):
    (page.parent / "dot.png").write_bytes(b"\x89PNG" + bytes(5000))
    app = App()
    app.middleware(GZip())
    app.static("/", page.parent)

    async with open_client(app) as client:
        response, content = await raw(client, path="/page.html")
        assert gzip.decompress(content).decode() == TEXT
        response, content = await raw(client, path="/dot.png")
        assert len(content) == 5004
        assert response.headers["content-length"] == "5004"
        assert "vary" not in response.headers
        part, _ = await raw(client, {**GZIPPED, "Range": "bytes=0-3"}, "/dot.png")
        assert part.status_code == 206
        assert "vary" not in part.headers
        for ranges in ("bytes=0-3", "bytes=0-3,9-10"):
            part, _ = await raw(client, {**GZIPPED, "Range": ranges}, "/page.html")
            assert part.status_code == 206
            assert tokens(part, "vary") == ["accept-encoding"]


@pytest.mark.slow
async def test_a_large_file_is_compressed_while_others_are_served(tmp_path):
    data = json.dumps([random.Random(number).random() for number in range(100_000)]).encode()
    (tmp_path / "big.json").write_bytes(data)
    async with open_client(answering(lambda: File(tmp_path / "big.json"))) as client:
        response = await client.get("/", headers=GZIPPED)
        assert response.content == data

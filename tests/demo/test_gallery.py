"""The gallery: its index, the examples under it, and their sources."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest
from support.program import Program


@pytest.fixture
def module(example):
    return example("gallery")


async def test_every_example_has_a_card_that_leads_to_it_and_to_its_source(example, client, autojump_clock):
    index = (await client.get("/")).text
    for entry in example("gallery").EXAMPLES:
        assert f'href="{entry.name}/"' in index
        assert f'href="source/{entry.name}"' in index
        page = await client.get(f"/{entry.name}/")
        assert page.status_code == 200
        assert f"<h1>{entry.title}</h1>" in page.text
        for file in ("style.css", "page.js", "icon.svg"):
            assert (await client.get(f"/{entry.name}/shared/{file}")).status_code == 200


async def test_every_response_has_security_headers_except_those_billed_by_the_byte(
    example, client, autojump_clock
):
    entries = example("gallery").EXAMPLES
    for path in (
        "/",
        "/source/echo",
        "/nowhere",
        *(f"/{entry.name}/" for entry in entries),
        "/shared/page.js",
    ):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "strict-transport-security" not in headers
    answer = await client.get("/push_compared/feed/somebody/polling")
    assert "content-security-policy" not in answer.headers


async def test_every_program_in_the_folder_is_in_the_gallery(example):
    module = example("gallery")
    assert {path.stem for path in module.FOLDER.glob("*.py")} - {"gallery"} == set(module.BY_NAME)


async def test_a_source_is_shown_as_it_is(example, client, autojump_clock):
    module = example("gallery")
    for name in module.BY_NAME:
        page = (await client.get(f"/source/{name}")).text
        shown = [
            unescape(re.sub(r"<[^>]*>", "", block))
            for block in re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", page, re.DOTALL)
        ]
        assert shown == [
            (module.FOLDER / f"{name}.py").read_text(encoding="utf-8"),
            (module.PAGES / f"{name}.html").read_text(encoding="utf-8"),
        ]


@pytest.mark.parametrize(
    "path", ["/source/gallery", "/source/..%2Fgallery", "/source/nothing", "/nothing", "/nothing/"]
)
async def test_a_path_that_is_not_an_example_is_not_found(client, path, autojump_clock):
    assert (await client.get(path)).status_code == 404


async def test_an_example_without_the_last_slash_is_sent_to_its_page(client, autojump_clock):
    answer = await client.get("/echo")
    assert (answer.status_code, answer.headers["location"]) == (308, "echo/")


async def test_the_examples_work_under_their_names(client, autojump_clock):
    async with client.websocket("/echo/ws") as echo:
        await echo.send("hello")
        await echo.expect_text("hello")
    async with client.websocket("/group_chat/ws") as chat:
        await chat.send_json({"type": "join", "name": "Ann"})
        assert (await chat.expect_json())["type"] == "welcome"
    async with client.websocket("/embedding/ws") as watcher:
        assert (await watcher.expect_json())["can_stop"] is False


def test_the_gallery_serves_by_itself_until_ctrl_c():
    with Program("demo/gallery.py", "--port", "0") as program:
        assert httpx.get(program.wait_for_url(), trust_env=False).status_code == 200
        assert program.interrupt()[0] == 0

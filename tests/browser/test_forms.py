"""Forms as Chromium sends them: the handler reads what a person filled in."""

from __future__ import annotations

import json
import queue
import threading
from functools import partial

import pytest
import trio

import trioweb
from trioweb import HTML, App, Limits

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><meta charset="utf-8"><title>Form</title>
<form method="post" action="/form" enctype="{kind}">
  <input type="hidden" name="_charset_">
  <input name="größe"><input name='a"b\\c'><textarea name="text"></textarea>
  <input type="checkbox" name="public"><input type="checkbox" name="hidden">
  <input type="file" name="files" multiple><input type="file" name="none">
  <button>Send</button>
</form>"""


def site() -> App:
    app = App()

    @app.get("/{kind}")
    async def page(request, kind):
        return HTML(PAGE.format(kind={"parts": "multipart/form-data"}.get(kind, "")))

    @app.post("/form", limits=Limits(body_bytes=10_000_000, form_memory_bytes=1000))
    async def form(request):
        form = await request.form()
        return {
            "fields": {name: form.get_all(name) for name in form},
            "flags": [form.read(name, bool, default=False) for name in ("public", "hidden")],
            "files": [
                [upload.filename, upload.content_type, upload.size_bytes, sum(await upload.read())]
                for upload in form.files.get_all("files")
            ],
            "names": list(form.files),
        }

    return app


@pytest.fixture
def url():
    """Serve in a thread of its own, for Playwright keeps this one."""
    started = queue.Queue()

    async def serve():
        async with trio.open_nursery() as nursery:
            server = await nursery.start(partial(trioweb.serve, site(), port=0))
            started.put((server.urls[0], trio.lowlevel.current_trio_token(), nursery.cancel_scope))

    thread = threading.Thread(target=trio.run, args=(serve,))
    thread.start()
    url, token, scope = started.get(timeout=20)
    yield url
    token.run_sync_soon(scope.cancel)
    thread.join(40)
    assert not thread.is_alive()


def fill(page):
    page.locator('[name="größe"]').fill("5 µm & 写真 100% + 😀")
    page.locator("[name^='a\"b']").fill('back\\slash "quoted"')
    page.locator("textarea").fill("one\ntwo")
    page.locator('[name="public"]').check()


FIELDS = {
    "_charset_": ["UTF-8"],
    "größe": ["5 µm & 写真 100% + 😀"],
    'a"b\\c': ['back\\slash "quoted"'],
    "text": ["one\r\ntwo"],
    "public": ["on"],
}


def test_a_form_with_files_arrives_as_it_was_filled_in(page, url):
    page.goto(f"{url}/parts")
    fill(page)
    page.locator('[name="files"]').set_input_files(
        [
            {"name": 'Füße "写真".png', "mimeType": "image/png", "buffer": b"\xff\r\n--"},
            {"name": "large.bin", "mimeType": "application/octet-stream", "buffer": b"\1" * 2_000_000},
            {"name": "empty.txt", "mimeType": "text/plain", "buffer": b""},
        ]
    )
    page.locator("button").click()
    assert json.loads(page.locator("body").inner_text()) == {
        "fields": FIELDS,
        "flags": [True, False],
        "files": [
            ['Füße "写真".png', "image/png", 3 + 2, 0xFF + 0x0D + 0x0A + 2 * 0x2D],
            ["large.bin", "application/octet-stream", 2_000_000, 2_000_000],
            ["empty.txt", "text/plain", 0, 0],
        ],
        "names": ["files"],
    }


def test_a_form_without_files_arrives_url_encoded(page, url):
    page.goto(f"{url}/plain")
    fill(page)
    page.locator("button").click()
    answer = json.loads(page.locator("body").inner_text())
    assert answer["fields"] == FIELDS | {"files": [""], "none": [""]}
    assert answer["flags"] == [True, False]

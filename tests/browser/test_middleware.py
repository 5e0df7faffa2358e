"""Chromium with compressed responses, CORS and the security headers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import trio

import trioweb
from trioweb import App, File, HTTPError, Request, Stream
from trioweb.middleware import CORS, GZip, SecurityHeaders

pytestmark = pytest.mark.browser

TEXT = "a text that is worth it " * 200


@contextmanager
def served(app: App) -> Iterator[str]:
    """Serve from another thread, since Playwright keeps this one."""
    started, found = threading.Event(), []

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            server = await nursery.start(partial(trioweb.serve, app, "127.0.0.1", 0))
            found.append((server, trio.lowlevel.current_trio_token()))
            started.set()

    thread = threading.Thread(target=trio.run, args=(main,))
    thread.start()
    assert started.wait(10)
    server, token = found[0]
    yield server.urls[0].rstrip("/")
    trio.from_thread.run(partial(server.aclose, grace_seconds=1), trio_token=token)
    thread.join(10)


def pages() -> App:
    app = App()

    @app.get("/")
    async def index(request: Request) -> trioweb.HTML:
        return trioweb.HTML("<!doctype html><title>page</title>")

    return app


FETCH = """async ([url, options]) => {
  try {
    const answer = await fetch(url, options);
    return [answer.status, (await answer.text()).length, answer.headers.get("x-total")];
  } catch (error) { return String(error.name); }
}"""


def test_only_pages_of_listed_origins_may_read(page: Any) -> None:
    def api(*origins: str) -> App:
        app = App()
        app.middleware(CORS(origins=origins, credentials=True, headers="*", exposed_headers=["X-Total"]))

        @app.put("/thing")
        async def put(request: Request) -> trioweb.Response:
            assert request.headers["authorization"] == "Bearer 7"
            return trioweb.Text("done", headers={"X-Total": "3"})

        @app.get("/fail")
        async def fail(request: Request) -> None:
            raise HTTPError(409, "no")

        return app

    options = {"method": "PUT", "headers": {"Authorization": "Bearer 7"}, "credentials": "include"}
    with served(pages()) as home, served(api(home)) as open_api, served(api("https://a.example")) as other:
        page.goto(home)
        assert page.evaluate(FETCH, [f"{open_api}/thing", options]) == [200, 4, "3"]
        status, _, total = page.evaluate(FETCH, [f"{open_api}/fail", {}])
        assert (status, total) == (409, None)
        assert page.evaluate(FETCH, [f"{other}/thing", options]) == "TypeError"
        assert page.evaluate(FETCH, [f"{other}/fail", {}]) == "TypeError"


def test_compressed_responses_are_read_and_revalidated(page: Any, tmp_path: Any) -> None:
    (tmp_path / "file.txt").write_text(TEXT)
    app, seen = pages(), []
    app.middleware(SecurityHeaders())

    @app.middleware
    async def look(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        seen.append((request.path, response.status, response.headers.get("content-encoding")))
        return response

    app.middleware(GZip())

    @app.get("/file")
    async def file(request: Request) -> File:
        return File(tmp_path / "file.txt", headers={"Cache-Control": "no-cache"})

    @app.get("/stream")
    async def stream(request: Request) -> Stream:
        async def pieces() -> Any:
            for start in range(0, len(TEXT), 1000):
                yield TEXT[start : start + 1000]

        return Stream(pieces(), content_type="text/plain")

    with served(app) as home:
        page.goto(home)
        assert page.evaluate(FETCH, [f"{home}/stream", {}]) == [200, len(TEXT), None]
        for _ in range(2):
            assert page.evaluate(FETCH, [f"{home}/file", {}]) == [200, len(TEXT), None]
    assert [(status, coding) for path, status, coding in seen if path == "/file"] == [
        (200, "gzip"),
        (304, None),
    ]
    assert ("/stream", 200, "gzip") in seen

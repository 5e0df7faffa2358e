"""A request that needs a file when no descriptor is left may be repeated, and is not a failure."""

from __future__ import annotations

import resource
import tempfile
from contextlib import contextmanager

import pytest
from support.forms import BOUNDARY, Part, encode
from support.serving import in_memory

from trioweb import App, Config, File, Limits


@contextmanager
def no_descriptor():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def app(tmp_path):
    (tmp_path / "page.txt").write_text("words")
    app = App(Config(limits=Limits(form_memory_bytes=0)))
    app.static("/static", tmp_path)

    @app.get("/file")
    async def file(request):
        return File(tmp_path / "page.txt")

    @app.post("/form")
    async def form(request):
        return str((await request.form()).upload("file").size_bytes)

    return app


FORM = encode(Part("file", b"x" * 1000, filename="a"))
REQUESTS = {
    "/static/page.txt": b"GET /static/page.txt HTTP/1.1\r\nHost: x\r\n\r\n",
    "/file": b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n",
    "/form": b"POST /form HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=%s\r\n"
    b"Content-Length: %d\r\n\r\n" % (BOUNDARY.encode(), len(FORM)) + FORM,
}


@pytest.mark.parametrize("folder", ["known", "unknown"])
@pytest.mark.parametrize("path", REQUESTS)
async def test_a_request_without_a_descriptor_gets_503_and_its_response_once_there_is_one(
    app, caplog, monkeypatch, path, folder
):
    if folder == "unknown":  # no temporary file has been made yet in this process
        monkeypatch.setattr(tempfile, "tempdir", None)
    async with in_memory(app) as peer:
        await peer.send(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")  # the server itself has all it needs
        await peer.receive_response()
        with no_descriptor():
            await peer.send(REQUESTS[path])
            head, body = await peer.receive_response()
        assert head.startswith("HTTP/1.1 503")
        assert "retry-after: 5" in head.lower()
        assert body == b"503 Service Unavailable\nThe server is busy. Try again later.\n"
        await peer.send(REQUESTS[path])
        head, _ = await peer.receive_response()
        assert head.startswith("HTTP/1.1 200")
    assert not [record for record in caplog.records if record.exc_info]

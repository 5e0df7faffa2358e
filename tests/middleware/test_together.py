"""All layers of trioweb around one app, in the order that the guide gives."""

from __future__ import annotations

import pytest

from trioweb import App, HTTPError, Stream
from trioweb.middleware import CORS, AllowedHosts, GZip, RequestId, SecurityHeaders
from trioweb.testing import open_client

TEXT = "one text for all " * 100
SHOP = {"Origin": "https://shop.example", "Accept-Encoding": "gzip"}


@pytest.fixture
def app(tmp_path):
    app = App()
    app.middleware(RequestId())
    app.middleware(SecurityHeaders())
    app.middleware(AllowedHosts(hosts=["testserver"]))
    app.middleware(CORS(origins=["https://shop.example"]))
    app.middleware(GZip())

    @app.get("/text")
    async def text(request):
        return TEXT

    @app.get("/stream")
    async def stream(request):
        async def pieces():
            for start in range(0, len(TEXT), 100):
                yield TEXT[start : start + 100]

        return Stream(pieces(), content_type="text/plain")

    @app.get("/fail")
    async def fail(request):
        raise HTTPError(409, TEXT)

    @app.websocket("/ws")
    async def echo(ws):
        await ws.send(await ws.receive())

    (tmp_path / "file.txt").write_text(TEXT)
    app.static("/static", tmp_path)
    return app


@pytest.mark.parametrize("path", ["/text", "/stream", "/fail", "/static/file.txt"])
async def test_a_response_has_the_fields_of_every_layer(app, path):
    async with open_client(app) as client:
        response = await client.get(path, headers=SHOP)
        assert TEXT in response.text
        assert response.headers["content-encoding"] == "gzip"
        assert response.headers["access-control-allow-origin"] == SHOP["Origin"]
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["x-request-id"]
        assert response.headers["vary"].removeprefix("Accept, ") == "Accept-Encoding, Origin"
        head = await client.head(path, headers=SHOP)
        changing = {"date": "", "x-request-id": ""}
        assert {**head.headers, **changing} == {**response.headers, **changing}


async def test_a_preflight_and_a_refusal_have_the_fields_of_outer_layers(app):
    async with open_client(app) as client:
        asked = {**SHOP, "Access-Control-Request-Method": "PUT"}
        response = await client.options("/text", headers=asked)
        assert response.status_code == 204
        assert response.headers["x-request-id"]
        assert response.headers["x-frame-options"] == "DENY"
        response = await client.get("/text", headers={**SHOP, "Host": "evil.example"})
        assert response.status_code == 421
        assert response.headers["x-request-id"]
        assert "access-control-allow-origin" not in response.headers


async def test_a_revalidated_file_has_the_fields_of_every_layer(app):
    async with open_client(app) as client:
        first = await client.get("/static/file.txt", headers=SHOP)
        again = await client.get("/static/file.txt", headers={**SHOP, "If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        for name in ("etag", "vary", "access-control-allow-origin", "x-frame-options"):
            assert again.headers[name] == first.headers[name]


async def test_a_websocket_is_opened_as_if_there_were_no_middleware(app):
    async with open_client(app) as client, client.websocket("/ws", headers={"Accept-Encoding": "gzip"}) as ws:
        await ws.send(TEXT)
        await ws.expect_text(TEXT)
    assert {name.lower() for name in ws.response.headers} - {"date", "server"} == {
        "upgrade",
        "connection",
        "sec-websocket-accept",
        "x-request-id",
    }

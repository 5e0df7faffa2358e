"""Which headers browsers get, where, and which setting wins."""

from __future__ import annotations

import pytest

from trioweb import App, Config, ConfigError, File, Text
from trioweb.middleware import SecurityHeaders
from trioweb.testing import open_client

DEFAULTS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "content-security-policy": "base-uri 'self'; frame-ancestors 'none'; object-src 'none'",
}
HTTPS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}


def app_with(layer, page):
    app = App(Config(trusted_proxies=["192.0.2.1"]))
    app.middleware(layer)

    @app.get("/")
    async def index(request):
        return "hello"

    @app.get("/framed")
    async def framed(request):
        fields = {"X-Frame-Options": "SAMEORIGIN", "Content-Security-Policy": "default-src 'self'"}
        return Text("framed", headers=fields)

    @app.get("/file")
    async def file(request):
        return File(page)

    return app


@pytest.fixture
def page(tmp_path):
    (tmp_path / "page.txt").write_text("text")
    return tmp_path / "page.txt"


async def test_every_response_has_the_security_headers(page):
    async with open_client(app_with(SecurityHeaders(), page)) as client:
        file = await client.get("/file")
        answers = [
            file,
            await client.get("/"),
            await client.get("/nowhere"),
            await client.get("/file", headers={"If-None-Match": file.headers["etag"]}),
            await client.get("/file", headers={"If-Match": '"other"'}),
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 404, 304, 412]
        for answer in answers:
            assert DEFAULTS.items() <= answer.headers.items()
            assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
            assert not {"strict-transport-security", "permissions-policy"} & set(answer.headers)


async def test_an_error_page_keeps_its_stricter_policy(page):
    async with open_client(app_with(SecurityHeaders(), page)) as client:
        response = await client.get("/nowhere", headers={"Accept": "text/html"})
        assert response.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_header_set_by_a_handler_takes_precedence(page):
    async with open_client(app_with(SecurityHeaders(), page)) as client:
        headers = (await client.get("/framed")).headers
        assert headers.get_list("x-frame-options") == ["SAMEORIGIN"]
        assert headers.get_list("content-security-policy") == ["default-src 'self'"]
        assert headers["referrer-policy"] == DEFAULTS["referrer-policy"]


async def test_strict_transport_security_is_sent_only_over_https(page):
    async with open_client(app_with(SecurityHeaders(), page)) as client:
        assert (await client.get("/", headers=HTTPS)).headers["strict-transport-security"] == (
            "max-age=31536000"
        )


async def test_each_header_can_be_set_or_left_out(page):
    layer = SecurityHeaders(
        content_type_options=None,
        referrer_policy="no-referrer",
        frame_options=None,
        cross_origin_opener_policy=None,
        content_security_policy="default-src 'self'",
        permissions_policy="camera=()",
        strict_transport_security=None,
    )
    async with open_client(app_with(layer, page)) as client:
        headers = (await client.get("/", headers=HTTPS)).headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"] == "default-src 'self'"
        assert headers["permissions-policy"] == "camera=()"
        left_out = {
            "x-content-type-options",
            "x-frame-options",
            "cross-origin-opener-policy",
            "strict-transport-security",
        }
        assert not left_out & set(headers)


async def test_an_accepted_handshake_has_no_security_headers(autojump_clock):
    app = App()
    app.middleware(SecurityHeaders())

    @app.websocket("/")
    async def handler(ws):
        await ws.send("hello")

    async with open_client(app) as client, client.websocket("/") as ws:
        assert not set(DEFAULTS) & set(ws.response.headers)
        await ws.expect_text("hello")


@pytest.mark.parametrize("value", ["two\r\nlines", "\u20ac", 7])
def test_a_value_that_cannot_be_sent_is_refused(value):
    with pytest.raises(ConfigError, match=r"SecurityHeaders.permissions_policy: .*Permissions-Policy"):
        SecurityHeaders(permissions_policy=value)


def test_two_layers_with_the_same_settings_are_equal():
    assert SecurityHeaders() == SecurityHeaders()
    assert SecurityHeaders() != SecurityHeaders(frame_options=None)

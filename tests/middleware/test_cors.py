"""Which pages may read responses, by the fields that browsers check (Fetch standard §3.2)."""

from __future__ import annotations

import pytest

from trioweb import App, Config, ConfigError, HandshakeRejected, HTTPError, Text
from trioweb.middleware import CORS
from trioweb.testing import open_client

SHOP = "https://shop.example"


def app_with(cors):
    app = App()
    app.middleware(cors)

    @app.route("/", methods=["GET", "PUT", "OPTIONS"])
    async def index(request):
        return Text(request.method)

    @app.get("/broken")
    async def broken(request):
        raise RuntimeError("broken")

    @app.get("/forbidden")
    async def forbidden(request):
        raise HTTPError(403, "no")

    @app.get("/own")
    async def own(request):
        return Text("own", headers={"Access-Control-Allow-Origin": "https://own.example", "Vary": "Cookie"})

    return app


def permissions(response):
    prefix = "access-control-"
    return {
        name.removeprefix(prefix): value
        for name, value in response.headers.items()
        if name.startswith(prefix)
    }


async def preflight(client, origin=SHOP, method="PUT", fields=None, path="/"):
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    if fields is not None:
        headers["Access-Control-Request-Headers"] = fields
    return await client.options(path, headers=headers)


async def test_any_page_may_read_a_response_for_all_origins():
    async with open_client(app_with(CORS(origins="*"))) as client:
        for headers in ({}, {"Origin": SHOP}, {"Origin": "null"}):
            response = await client.get("/", headers=headers)
            assert permissions(response) == {"allow-origin": "*"}
            assert "vary" not in response.headers


@pytest.mark.parametrize(
    ("listed", "origin", "is_allowed"),
    [
        (SHOP, SHOP, True),
        ("https://Shop.Example", SHOP, True),
        ("https://shop.example:443", SHOP, True),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", True),
        ("http://[::1]:8000", "http://[::1]:8000", True),
        (SHOP, "http://shop.example", False),
        (SHOP, "https://shop.example:8443", False),
        (SHOP, "https://shop.example.evil.example", False),
        (SHOP, "https://evil-shop.example", False),
        (SHOP, "https://shop.example/", False),
        (SHOP, "null", False),
        (SHOP, "", False),
        (SHOP, None, False),
        (SHOP, f"{SHOP}, {SHOP}", False),
    ],
)
async def test_listed_pages_may_read_and_no_others(listed, origin, is_allowed):
    headers = {} if origin is None else {"Origin": origin}
    async with open_client(app_with(CORS(origins=["https://other.example", listed]))) as client:
        response = await client.get("/", headers=headers)
        assert response.text == "GET", "the request itself is nothing that CORS forbids"
        assert permissions(response) == ({"allow-origin": origin} if is_allowed else {})
        assert response.headers["vary"] == "Origin"


async def test_credentials_and_exposed_fields_are_announced_only_to_allowed_pages():
    cors = CORS(origins=[SHOP], credentials=True, exposed_headers=["ETag", "X-Total"])
    async with open_client(app_with(cors)) as client:
        assert permissions(await client.get("/", headers={"Origin": SHOP})) == {
            "allow-origin": SHOP,
            "allow-credentials": "true",
            "expose-headers": "ETag, X-Total",
        }
        assert permissions(await client.get("/", headers={"Origin": "https://x.example"})) == {}


@pytest.mark.parametrize(("path", "status"), [("/broken", 500), ("/forbidden", 403), ("/nowhere", 404)])
async def test_errors_may_be_read_by_allowed_pages(path, status, caplog):
    async with open_client(app_with(CORS(origins=[SHOP])), raise_errors=False) as client:
        response = await client.get(path, headers={"Origin": SHOP})
        assert response.status_code == status
        assert permissions(response) == {"allow-origin": SHOP}
        assert response.headers["vary"] == "Accept, Origin"


async def test_a_preflight_is_answered_without_the_handler():
    async with open_client(app_with(CORS(origins=[SHOP], headers=["X-Token", "Content-Type"]))) as client:
        for path in ("/", "/nowhere"):
            response = await preflight(client, path=path)
            assert (response.status_code, response.content) == (204, b"")
            assert permissions(response) == {
                "allow-origin": SHOP,
                "allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
                "allow-headers": "X-Token, Content-Type",
                "max-age": "600",
            }
            assert response.headers["vary"] == "Origin"
            assert "content-length" not in response.headers


async def test_the_answer_to_a_preflight_can_be_set():
    cors = CORS(origins="*", methods=["GET"], headers=[], max_age_seconds=0)
    async with open_client(app_with(cors)) as client:
        assert permissions(await preflight(client)) == {
            "allow-origin": "*",
            "allow-methods": "GET",
            "max-age": "0",
        }


async def test_a_preflight_of_another_page_is_refused():
    async with open_client(app_with(CORS(origins=[SHOP], credentials=True))) as client:
        for origin in ("https://x.example", "null"):
            response = await preflight(client, origin=origin)
            assert response.status_code == 403
            assert "CORS.origins" in response.text
            assert permissions(response) == {}
            assert response.headers["vary"] == "Origin"


@pytest.mark.parametrize("credentials", [False, True])
async def test_any_header_means_the_requested_ones(credentials):
    cors = CORS(origins=[SHOP], headers="*", credentials=credentials)
    async with open_client(app_with(cors)) as client:
        response = await preflight(client, fields="authorization, X-One,  ,bad name, x-two")
        assert permissions(response)["allow-headers"] == "authorization, x-one, x-two"
        assert response.headers["vary"] == "Origin, Access-Control-Request-Headers"
        assert "allow-headers" not in permissions(await preflight(client))


async def test_ordinary_options_requests_reach_the_handler():
    async with open_client(app_with(CORS(origins=[SHOP]))) as client:
        assert (await client.options("/", headers={"Origin": SHOP})).text == "OPTIONS"
        assert (await client.options("/", headers={"Access-Control-Request-Method": "PUT"})).text == "OPTIONS"
        method = {"Origin": SHOP, "Access-Control-Request-Method": "PUT"}
        assert (await client.get("/", headers=method)).text == "GET"


async def test_a_response_with_a_permission_of_its_own_keeps_it():
    async with open_client(app_with(CORS(origins=[SHOP], credentials=True))) as client:
        response = await client.get("/own", headers={"Origin": SHOP})
        assert permissions(response) == {"allow-origin": "https://own.example"}
        assert response.headers["vary"] == "Cookie, Origin"


async def test_handshakes_are_left_to_the_origins_setting(autojump_clock):
    app = App(Config(origins=["https://chat.example"]))
    app.middleware(CORS(origins=[SHOP]))

    @app.websocket("/")
    async def handler(ws):
        await ws.send("hello")

    async with open_client(app) as client:
        async with client.websocket("/", headers={"Origin": "https://chat.example"}) as ws:
            assert permissions(ws.response) == {}
            assert "vary" not in ws.response.headers
            await ws.expect_text("hello")
        with pytest.raises(HandshakeRejected) as rejected:
            async with client.websocket("/", headers={"Origin": SHOP}):
                pass
        assert rejected.value.status == 403


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"origins": "*", "credentials": True}, "list the origins"),
        ({"origins": SHOP}, r'CORS.origins takes "\*" or a list such as .*, not .https://shop'),
        ({"origins": 7}, r'CORS.origins takes "\*" or a list such as .*, not 7'),
        ({"origins": None}, "CORS.origins takes"),
        ({"origins": []}, "CORS.origins takes"),
        ({"origins": ["shop.example"]}, "an origin is scheme://host"),
        ({"origins": ["null"]}, "an origin is scheme://host"),
        ({"origins": ["https://shop.example/path"]}, "an origin is scheme://host"),
        ({"origins": ["https://*.example"]}, r"without a \* for any subdomain, not .https://\*.example"),
        ({"origins": "*", "methods": "GET"}, "CORS.methods takes a list of names"),
        ({"origins": "*", "methods": ["GET, PUT"]}, "CORS.methods takes a list of names"),
        ({"origins": "*", "methods": None}, "CORS.methods takes a list of names"),
        ({"origins": "*", "headers": "X-Token"}, "CORS.headers takes a list of names"),
        ({"origins": "*", "exposed_headers": [7]}, "CORS.exposed_headers takes a list of names"),
        ({"origins": "*", "max_age_seconds": -1}, "CORS.max_age_seconds takes a whole number"),
        ({"origins": [SHOP], "credentials": "yes"}, "CORS.credentials takes bool"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(settings, text):
    with pytest.raises(ConfigError, match=text):
        CORS(**settings)

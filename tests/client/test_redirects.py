"""Redirects of a handshake, which a client follows only when it is told how many."""

from __future__ import annotations

from functools import partial

import pytest
import trio
from support.tls import contexts

import trioweb
from trioweb import App, BadHandshake, ConfigError, HandshakeRejected, HTTPError


@pytest.fixture
def app():
    """`/old` leads where `app.state["to"]` says; `/new` sends its headers."""
    app = App()

    @app.websocket("/old")
    async def old(ws):
        raise HTTPError(400, "see there")

    @app.error_handler(400)
    async def lead_on(request, error):
        return trioweb.Redirect(app.state["to"], status=app.state.get("status", 302))

    @app.websocket("/new")
    async def new(ws):
        await ws.send_json(dict(ws.request.headers))
        async for _ in ws:
            pass

    return app


@pytest.fixture
async def port(nursery, app):
    return (await nursery.start(partial(trioweb.serve, app, "127.0.0.1", 0))).port


async def test_a_redirect_is_a_refusal_unless_asked_for(app, port):
    app.state["to"] = "/new"
    with pytest.raises(HandshakeRejected) as caught:
        async with trioweb.connect(f"ws://127.0.0.1:{port}/old"):
            pass

    assert caught.value.status == 302
    assert caught.value.headers["location"] == "/new"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed_when_asked_for(app, port, status):
    app.state.update(to="/new", status=status)
    headers = {"Cookie": "a=1", "Authorization": "Bearer x"}
    async with trioweb.connect(f"ws://127.0.0.1:{port}/old", most_redirects=1, headers=headers) as ws:
        seen = await ws.receive_json()

    assert ws.url == f"ws://127.0.0.1:{port}/new"
    assert (seen["cookie"], seen["authorization"]) == ("a=1", "Bearer x")


async def test_credentials_for_one_origin_are_not_sent_to_another(app, port):
    app.state["to"] = f"http://localhost:{port}/new"
    headers = {"Cookie": "a=1", "Authorization": "Bearer x", "X-Other": "1"}
    url = f"ws://ann:secret@127.0.0.1:{port}/old"
    async with trioweb.connect(url, most_redirects=1, headers=headers) as ws:
        seen = await ws.receive_json()

    assert {"cookie", "authorization"}.isdisjoint(seen)
    assert seen["x-other"] == "1"


async def test_more_redirects_than_asked_for_are_a_refusal(app, port):
    app.state["to"] = "/old"
    with pytest.raises(HandshakeRejected) as caught:
        async with trioweb.connect(f"ws://127.0.0.1:{port}/old", most_redirects=5):
            pass

    assert caught.value.status == 302


async def test_no_redirect_leads_from_wss_to_ws(nursery, app, port):
    server_context, context = contexts()
    secure = await nursery.start(partial(trioweb.serve, app, "127.0.0.1", 0, ssl_context=server_context))
    app.state["to"] = f"ws://127.0.0.1:{port}/new"
    with pytest.raises(BadHandshake, match="from wss to ws is never followed"):
        async with trioweb.connect(
            f"wss://127.0.0.1:{secure.port}/old", most_redirects=1, ssl_context=context
        ):
            pass


async def test_connect_seconds_covers_all_redirects_together(serving):
    async def lead_on(peer):
        await peer.receive_head()
        await trio.sleep(0.02)
        await peer.send(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")

    config = trioweb.Config(timeouts=trioweb.Timeouts(connect_seconds=0.1))
    async with serving(lead_on) as port:
        with pytest.raises(trioweb.ConnectTimedOut):
            async with trioweb.connect(f"ws://127.0.0.1:{port}/", most_redirects=1000, config=config):
                pass


async def test_a_number_of_redirects_is_a_number():
    with pytest.raises(ConfigError, match="most_redirects takes a whole number"):
        trioweb.connect("ws://host/", most_redirects=-1)

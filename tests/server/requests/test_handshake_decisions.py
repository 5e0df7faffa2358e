"""What an app decides about a handshake: rejecting it, failing, subprotocols and headers."""

from __future__ import annotations

import pytest
from support.serving import in_memory

from trioweb import (
    App,
    File,
    HandshakeRejected,
    HTTPError,
    LocalProtocolError,
    Response,
    Text,
)
from trioweb.testing import handshake, open_client


async def refused(app, **options):
    """Open a WebSocket that is refused, and return the response."""
    async with open_client(app, **options) as client:
        with pytest.raises(HandshakeRejected) as rejected:
            async with client.websocket("/"):
                pass
    return rejected.value


async def test_a_websocket_may_be_rejected_with_a_response_of_its_own(autojump_clock):
    app, seen = App(), []

    @app.websocket("/")
    async def handler(ws):
        await ws.reject(Text("full", 503, headers={"Retry-After": "9"}))
        with pytest.raises(HTTPError, match="503"):
            await ws.send("late")
        with pytest.raises(HTTPError):
            await ws.accept()
        seen.append(ws.is_rejected)

    async with in_memory(app) as peer:
        await peer.send(handshake("/"))
        head, body = await peer.receive_response()
        assert head.startswith("HTTP/1.1 503")
        assert body == b"full"
        await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await peer.receive_head()).startswith("HTTP/1.1 426"), "the connection is HTTP's still"
    assert seen == [True]


async def test_a_rejection_with_a_missing_file_becomes_an_error_page(autojump_clock, tmp_path, caplog):
    app = App()

    @app.websocket("/")
    async def handler(ws):
        await ws.reject(File(tmp_path / "missing.html", status=403))

    async with in_memory(app) as peer:
        await peer.send(handshake("/"))
        head, body = await peer.receive_response()
        assert (head.partition("\r\n")[0], body) == ("HTTP/1.1 404 Not Found", b"404 Not Found\n")
        await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await peer.receive_head()).startswith("HTTP/1.1 426"), "the connection is HTTP's still"


async def test_http_errors_before_accepting_answer_the_handshake(autojump_clock):
    app = App()

    @app.websocket("/")
    async def handler(ws):
        raise HTTPError(401, "log in", {"WWW-Authenticate": "Basic"})

    response = await refused(app)
    assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Basic")


async def test_a_bug_before_accepting_is_500(autojump_clock):
    app = App()

    @app.websocket("/")
    async def handler(ws):
        raise KeyError("x")

    assert (await refused(app, raise_errors=False)).status == 500


async def test_accepting_by_hand_chooses_the_subprotocol_and_adds_headers(autojump_clock):
    app, seen = App(), []

    @app.websocket("/", subprotocols=["chat.v1", "chat.v2"])
    async def handler(ws):
        with pytest.raises(LocalProtocolError, match=r"did not offer .*chat\.v9"):
            await ws.accept(subprotocol="chat.v9")
        with pytest.raises(LocalProtocolError, match="belongs to the handshake"):
            await ws.accept(headers={"Upgrade": "x"})
        await ws.accept(subprotocol="chat.v2", headers={"Set-Cookie": "a=b"})
        with pytest.raises(LocalProtocolError, match="accepted before"):
            await ws.accept()
        with pytest.raises(LocalProtocolError, match="accepted before"):
            await ws.reject(Response())
        seen.append(ws.subprotocol)

    async with open_client(app) as client, client.websocket("/", subprotocols=["chat.v2", "chat.v1"]) as ws:
        assert ws.subprotocol == "chat.v2"
        assert client.cookies["a"] == "b"
    assert seen == ["chat.v2"]


async def test_the_servers_order_decides_the_subprotocol(autojump_clock):
    app, seen = App(), []

    @app.websocket("/", subprotocols=["chat.v1", "chat.v2"])
    async def handler(ws):
        await ws.accept()
        seen.append(ws.subprotocol)

    async with open_client(app) as client:
        for offer, chosen in [
            (["chat.v2", "chat.v1"], "chat.v1"),
            (["chat.v2"], "chat.v2"),
            (["other"], None),
            ([], None),
        ]:
            async with client.websocket("/", subprotocols=offer) as ws:
                assert ws.subprotocol == chosen
                await ws.expect_close(1000)
            assert seen.pop() == chosen

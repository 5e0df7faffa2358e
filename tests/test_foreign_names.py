"""Names of other frameworks: the text of the error says what to write instead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.serving import conversing

import trioweb
from trioweb import App, Request, Response, Router, Text, WebSocket
from trioweb.foreign_names import KEYWORDS, MODULE, REQUEST, RESPONSE, ROUTER, WEBSOCKET

HOLDERS = ((WebSocket, WEBSOCKET), (Router, ROUTER), (Request, REQUEST), (Response, RESPONSE))


async def test_a_websocket_says_what_to_write(autojump_clock):
    async def handler(ws):
        for name in ("send_text", "close", "headers", "query_params", "cookies", "client"):
            with pytest.raises(
                AttributeError, match=f"'WebSocket' object has no attribute '{name}': write "
            ) as told:
                getattr(ws, name)
            assert (told.value.name, told.value.obj) == (name, ws)
            assert not hasattr(ws, name)
        assert not set(WEBSOCKET) & set(dir(ws)) and "send" in dir(ws)
        with pytest.raises(AttributeError) as told:
            await ws.send_text("hello")
        assert str(told.value).endswith("write await ws.send(text)")
        await ws.send("done")

    async with conversing(handler) as peer:
        assert await peer.receive_text() == "done"


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        (lambda app: app.include_router(Router()), "write app.include(prefix, router)"),
        (lambda app: app.add_middleware(object), "write app.middleware(GZip()), or @app.middleware over"),
        (
            lambda app: app.mount("/static", object()),
            "write app.include(prefix, router), or app.static(prefix, fol",
        ),
        (lambda app: app.on_event("startup"), "write App(lifespan=...)"),
    ],
)
def test_an_app_says_what_to_write(call, advice):
    with pytest.raises(AttributeError, match=re.escape("'App' object has no attribute ")) as told:
        call(App())
    assert advice in str(told.value)


def test_a_response_says_what_to_write():
    with pytest.raises(
        AttributeError, match=r"'Text' object has no attribute 'status_code': write response\.status"
    ):
        Text("").status_code  # noqa: B018


def test_unknown_names_are_errors_as_ever():
    with pytest.raises(AttributeError, match=r"^'App' object has no attribute 'nonsense'$"):
        App().nonsense  # noqa: B018
    assert "routes" in dir(App()) and "mount" not in dir(App())


@pytest.mark.parametrize(
    "advice", sorted({*WEBSOCKET.values(), *ROUTER.values(), *REQUEST.values(), *RESPONSE.values()})
)
def test_every_name_in_the_advice_exists(advice):
    classes = {"ws": WebSocket, "app": App, "request": Request, "response": Response}
    for variable, name, further in re.findall(r"\b(ws|app|request|response)\.(\w+)(?:\.(\w+))?", advice):
        members = {*dir(classes[variable]), *getattr(classes[variable], "__slots__", ())}
        assert name in members
        if (variable, name) == ("ws", "request"):
            assert further in {*dir(Request), *Request.__slots__}
    for name in re.findall(r"\btrioweb\.(\w+)", advice):
        assert hasattr(trioweb, name)


def test_a_foreign_name_is_not_one_of_ours():
    for holder, names in HOLDERS:
        assert not {name for name in names if hasattr(holder, name)}
    assert not {"body", "status", "headers", "content_type"} & set(KEYWORDS)


def test_the_page_for_newcomers_names_only_existing_things():
    page = (Path(__file__).parents[1] / "docs/guides/coming_from_fastapi.md").read_text(encoding="utf-8")
    rows = [row.split(" | ") for row in page.split("## Names")[1].splitlines() if row.startswith("| `")]
    classes = {"ws": WebSocket, "app": App, "request": Request, "response": Response}
    foreign = {"ws": WEBSOCKET, "app": ROUTER, "request": REQUEST, "response": RESPONSE}
    for there, here in rows:
        for variable, name in re.findall(r"\b(ws|app|request|response)\.(\w+)", there):
            assert name in {*foreign[variable], "app", "set_cookie"}
        for variable, name in re.findall(r"\b(ws|app|request|response)\.(\w+)", here):
            assert name in {*dir(classes[variable]), *getattr(classes[variable], "__slots__", ())}
        for name in re.findall(r"(?<![\w.])([A-Z]\w+)", re.sub(r'"[^"]*"', "", here)):
            assert (
                hasattr(trioweb, name) or hasattr(trioweb.middleware, name) or name in {"SomeError", "True"}
            )
    assert len(rows) > 20


def test_the_module_says_what_to_write_however_it_is_asked():
    with pytest.raises(
        ImportError, match=r"cannot import name 'JSONResponse' from 'trioweb': write trioweb\.JSON"
    ):
        from trioweb import JSONResponse  # noqa: F401
    with pytest.raises(AttributeError, match="has no attribute 'Depends': write a call in the handler"):
        trioweb.Depends  # noqa: B018
    assert not hasattr(trioweb, "responses")
    with pytest.raises(AttributeError, match=r"^module 'trioweb' has no attribute 'nonsense'$"):
        trioweb.nonsense  # noqa: B018
    for name, advice in MODULE.items():
        assert name not in dir(trioweb)
        for ours in re.findall(r"\btrioweb\.(\w+)", advice):
            assert hasattr(trioweb, ours)

"""A small chat, as an application has it, and the client that its tests use."""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from contextlib import asynccontextmanager

import pytest
import trio

from trioweb import (
    HTML,
    JSON,
    App,
    CloseWebSocket,
    Config,
    EventStream,
    HTTPError,
    Limits,
    Request,
    Response,
    ServerSentEvent,
    Stream,
    Text,
    Timeouts,
    WebSocket,
)
from trioweb.errors import MissingField

IDLE_SECONDS = 300
BAD_WORDS = {"darn", "heck"}


def make_chat() -> App:
    """Make an app with a state of its own, so that no test sees another one's."""

    @asynccontextmanager
    async def lifespan(app, nursery):
        app.state.users = {}
        app.state.history = defaultdict(list)
        app.state.online = defaultdict(list)
        app.state.is_open = True
        nursery.start_soon(expire, app.state.history)
        yield
        app.state.is_open = False

    app = App(
        Config(limits=Limits(body_bytes=64 * 1024, message_bytes=2000), timeouts=Timeouts(drain_seconds=20)),
        lifespan=lifespan,
    )
    app.middleware(name_the_user)
    app.error_handler(MissingField)(explain_missing_field)
    add_pages(app)
    add_rooms(app)
    return app


async def expire(history):
    while True:
        await trio.sleep(3600)
        history.clear()


async def name_the_user(request, call_next):
    request.state["user"] = request.app_state.users.get(request.cookies.get("session"))
    response = await call_next(request)
    response.headers["x-user"] = request.state["user"] or "nobody"
    return response


async def explain_missing_field(request, error):
    return Text(f"we need more: {error}", status=400)


def require_user(request: Request) -> str:
    if request.state["user"] is None:
        raise HTTPError(401, "log in first")
    return request.state["user"]


def add_pages(app: App) -> None:
    @app.get("/")
    async def index(request):
        return HTML("<h1>chat</h1>")

    @app.post("/login")
    async def log_in(request):
        form = await request.form()
        token = secrets.token_hex(8)
        request.app_state.users[token] = form["name"]
        response = JSON({"name": form["name"]})
        response.set_cookie("session", token)
        return response

    @app.post("/logout")
    async def log_out(request):
        request.app_state.users.pop(request.cookies.get("session"), None)
        response = Response(status=204)
        response.delete_cookie("session")
        return response

    @app.get("/me")
    async def me(request):
        return JSON({"name": require_user(request)})

    @app.get("/rooms/{room}/history")
    async def history(request, room):
        return JSON(request.app_state.history[room][-int(request.query.get("most", "10")) :])

    @app.get("/rooms/{room}/events")
    async def events(request, room):
        async def source():
            async for number, message in anumbered(app.room(room).subscribe()):
                yield ServerSentEvent(message, id=str(number))

        return EventStream(source())

    @app.get("/rooms/{room}/export")
    async def export(request, room):
        async def lines():
            for entry in request.app_state.history[room]:
                yield f"{entry['from']}: {entry['text']}\n"
                await trio.sleep(1)

        return Stream(lines())

    @app.post("/avatars")
    async def upload(request):
        form = await request.form()
        return JSON({"bytes": len(await form.files["avatar"].read()), "of": require_user(request)})

    @app.get("/crash")
    async def crash(request):
        raise RuntimeError("the page has a bug")


async def anumbered(messages):
    number = 0
    async for message in messages:
        number += 1
        yield number, message


def add_rooms(app: App) -> None:
    @app.websocket("/rooms/{room}", subprotocols=["chat.v2", "chat.v1"])
    async def enter(ws: WebSocket, room: str) -> None:
        name = require_user(ws.request)
        if room == "staff" and name != "root":
            raise HTTPError(403, "staff only")
        if name in app.state.online[room]:
            raise CloseWebSocket(4009, "here already")
        await take_part(app, ws, room, name)


async def take_part(app: App, ws: WebSocket, name_of_room: str, name: str) -> None:
    room, online = app.room(name_of_room), app.state.online[name_of_room]
    async with room.join(ws):
        online.append(name)
        await ws.send_json({"type": "welcome", "online": list(online)})
        await room.publish(json.dumps({"type": "joined", "name": name}), exclude=ws)
        try:
            while True:
                with trio.move_on_after(IDLE_SECONDS) as scope:
                    await answer(app, ws, name_of_room, name, await ws.receive())
                if scope.cancelled_caught:
                    raise CloseWebSocket(4008, "are you still there?")
        finally:
            online.remove(name)
            await room.publish(json.dumps({"type": "left", "name": name}), exclude=ws)


async def answer(app: App, ws: WebSocket, name_of_room: str, name: str, message: str | bytes) -> None:
    room = app.room(name_of_room)
    if isinstance(message, bytes):
        await ws.send(bytes(reversed(message)))
        return
    command, _, text = message.partition(" ")
    if command == "/who":
        await ws.send_json({"type": "online", "names": sorted(app.state.online[name_of_room])})
    elif command == "/later":
        ws.nursery.start_soon(remind, ws, text)
    elif command == "/quit":
        raise CloseWebSocket(4000, text or "bye")
    elif command == "/crash":
        raise RuntimeError(text)
    elif command == "/hang":
        await trio.sleep_forever()
    elif set(message.split()) & BAD_WORDS:
        raise CloseWebSocket(4003, "mind your words")
    else:
        entry = {"type": "text", "from": name, "text": message}
        app.state.history[name_of_room].append(entry)
        await room.publish(json.dumps(entry))


async def remind(ws: WebSocket, seconds: str) -> None:
    await trio.sleep(float(seconds))
    await ws.send_json({"type": "reminder"})


@pytest.fixture
def chat():
    return make_chat()


@pytest.fixture
async def client(trioweb_client, chat):
    async with trioweb_client(chat) as client:
        yield client


@pytest.fixture
def enter(client):
    """Log in, and enter a room: `async with enter("ann") as ann`."""

    @asynccontextmanager
    async def enter(name, room="lobby", **options):
        await client.post("/login", data={"name": name})
        async with client.websocket(f"/rooms/{room}", **options) as ws:
            welcome = await ws.expect_json()
            assert welcome["type"] == "welcome"
            assert welcome["online"][-1] == name
            yield ws

    return enter

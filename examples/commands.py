"""Commands: JSON in, JSON out, and an answer to everything.

$ trioweb run examples/commands.py
$ python -m websockets ws://127.0.0.1:8000/lights
> {"do": "switch", "light": "hall", "on": true}
"""

from trioweb import App, Limits, WebSocket

app = App()
lights = {"hall": False, "kitchen": False}


@app.websocket("/lights", limits=Limits(message_bytes=1024))
async def control(ws: WebSocket) -> None:
    while True:  # until the client closes: `receive_json` then raises, which ends the handler quietly
        command = await ws.receive_json()  # what is not JSON closes with 1007
        await ws.send_json(obey(command))


def obey(command: object) -> dict[str, object]:
    match command:
        case {"do": "show"}:
            return {"lights": lights}
        case {"do": "switch", "light": str(name), "on": bool(is_on)} if name in lights:
            lights[name] = is_on
            return {"lights": lights}
        case _:
            return {"error": 'expected {"do": "show"} or {"do": "switch", "light": name, "on": boolean}'}

"""Embedded: a Trio program with work of its own, which a browser can watch.

$ python examples/embedded.py
Open http://127.0.0.1:8000/ while it works.
"""

import trio

import trioweb
from trioweb import HTML, App, Overflow, Request, WebSocket

PAGE = """<!doctype html><title>Progress</title><progress max="100" value="0"></progress><script>
new WebSocket("progress").onmessage = ({data}) => document.querySelector("progress").value = data;</script>"""
app = App()
watchers = app.room("watchers", overflow=Overflow.LATEST)


@app.get("/")
async def page(request: Request) -> HTML:
    return HTML(PAGE)


@app.websocket("/progress")
async def watch(ws: WebSocket) -> None:
    async with watchers.join(ws):
        async for _ in ws:  # nothing is expected: the loop ends when the browser leaves
            pass


async def main() -> None:
    async with trio.open_nursery() as nursery:
        server = await nursery.start(trioweb.serve, app)  # a port in use is an exception here
        for percent in range(101):
            await trio.sleep(0.3)  # the work
            await watchers.publish(str(percent))
        await server.aclose(reason="the work is done")  # sends what is queued, then closes with 1001


if __name__ == "__main__":
    trio.run(main)

"""An event stream as `EventSource` reads it: opening, events, and coming again."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager

import pytest
import trio
from support.serving import running

from trioweb import HTML, App, EventStream, ServerSentEvent

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><title>events</title><script>
  const seen = []
  const source = new EventSource("/events")
  const note = (event) => seen.push([event.type, event.data, event.lastEventId])
  source.onopen = () => seen.push(["open"])
  source.onmessage = note
  source.addEventListener("joined", note)
</script>"""


def site(opened):
    """Return an app whose stream sends two events and ends; on reconnecting, it sends the last id it was given."""
    app = App()

    async def events(seen):
        await opened.wait()
        if seen is not None:
            yield f"seen {seen}"
            await trio.sleep_forever()
        yield "two\r\nlines ä"
        yield ServerSentEvent({"name": "ann"}, event="joined", id="grün 7")

    @app.get("/")
    async def page(request):
        return HTML(PAGE)

    @app.get("/events")
    async def stream(request):
        return EventStream(events(request.last_event_id), retry_seconds=0.1)

    return app


@contextmanager
def served(app):
    """Serve in another thread, for Playwright keeps this one; give the URL and Trio's token."""
    started = queue.Queue()

    async def serve():
        async with running(app) as server:
            stop = trio.Event()
            started.put((server.urls[0], trio.lowlevel.current_trio_token(), stop))
            await stop.wait()

    thread = threading.Thread(target=trio.run, args=(serve,))
    thread.start()
    url, token, stop = started.get(timeout=10)
    try:
        yield url, token
    finally:
        trio.from_thread.run_sync(stop.set, trio_token=token)
        thread.join()


def test_a_page_gets_events_and_comes_again_with_the_last_id(page):
    opened = trio.Event()
    with served(site(opened)) as (url, token):
        page.goto(url)
        page.wait_for_function("seen.length == 1")
        trio.from_thread.run_sync(opened.set, trio_token=token)
        page.wait_for_function("seen.length == 5")
        seen = page.evaluate("seen")
        page.goto("about:blank")
    assert seen == [
        ["open"],
        ["message", "two\nlines ä", ""],
        ["joined", '{"name":"ann"}', "grün 7"],
        ["open"],
        ["message", "seen grün 7", "grün 7"],
    ]

"""Server-sent events as a test reads them."""

from __future__ import annotations

import gc

import pytest
import trio

from trioweb import App, EventStream, Response, ServerSentEvent
from trioweb.testing import open_client


@pytest.fixture
def left():
    """Whether the generator of the app has ended."""
    return trio.Event()


@pytest.fixture
def app(left):
    app = App()

    @app.get("/ticks")
    async def ticks(request):
        return EventStream(tick())

    async def tick():
        try:
            for number in range(100):
                yield ServerSentEvent(str(number), id=f"tick-{number}")
                await trio.sleep(1)
        finally:
            left.set()

    return app


async def test_a_reader_that_leaves_early_leaves_nothing_to_the_collector(app, left, autojump_clock):
    async with open_client(app) as client:
        async with client.events("/ticks") as events:
            assert [(await anext(events)).data for _ in range(3)] == ["0", "1", "2"]
        assert events.last_event_id == "tick-2"
        gc.collect()  # Trio warns about generators that only the collector ends
        await left.wait()


async def test_a_reader_that_is_cancelled_leaves_the_stream(app, left, autojump_clock):
    async with open_client(app) as client:
        with trio.move_on_after(2.5):
            async with client.events("/ticks") as events:
                async for event in events:
                    last = event.data
        assert last == "2"
        gc.collect()
        await left.wait()


@pytest.mark.parametrize(
    ("retry", "seconds"),
    [("1500", 1.5), ("90000000", 86_400), ("²", None), ("9" * 5000, None), ("-1", None), ("", None)],
)
async def test_a_wait_that_is_not_a_number_is_ignored_and_a_long_one_is_bounded(
    app, autojump_clock, retry, seconds
):
    @app.get("/odd")
    async def odd(request):
        return Response(
            f"retry: {retry}\ndata: x\n\n".encode(), headers={"Content-Type": "text/event-stream"}
        )

    async with open_client(app) as client, client.events("/odd") as events:
        event = await anext(events)
    assert (event.data, event.retry_seconds) == ("x", seconds)

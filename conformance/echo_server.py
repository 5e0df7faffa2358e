"""The server under test: trioweb, echoing every message, on a free port that it prints."""

from __future__ import annotations

import argparse
import logging
import signal
from functools import partial

import trio

import trioweb
from trioweb import App, Config, Deflate, Limits, Timeouts, WebSocket

MESSAGE_BYTES = 32 * 1024 * 1024


def echo_app(*, fast_lane: bool) -> App:
    """Build an app that accepts the suite's largest messages and sends nothing by itself."""
    # Category 9 sends 16 MiB at once, and 4 MiB in 65 536 fragments.
    limits = Limits(message_bytes=MESSAGE_BYTES, message_fragments=100_000)
    app = App(
        Config(
            limits=limits,
            timeouts=Timeouts(ping_interval_seconds=None),
            origins="*",
            compression=Deflate(window_bits=15, memory_level=8),
            fast_lane=fast_lane,
        )
    )

    @app.websocket("/")
    async def echo(ws: WebSocket) -> None:
        async for message in ws:
            await ws.send(message)

    return app


async def main(*, fast_lane: bool) -> None:
    """Serve until the process is interrupted."""
    serve = partial(trioweb.serve, echo_app(fast_lane=fast_lane), port=0)
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            server = await nursery.start(serve)
            print(server.urls[0], flush=True)
            await anext(signals)
            await server.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-fast-lane", action="store_true", help="let wsproto parse every frame")
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    trio.run(partial(main, fast_lane=not options.no_fast_lane))

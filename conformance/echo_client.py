"""The client under test: trioweb, echoing every message of every case.

python conformance/echo_client.py URL COUNT

The suite's fuzzing server numbers its cases from 1 to COUNT, and begins one when the client
asks for it by number. When the client asks for the reports, the server writes them.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
from functools import partial

import trio

import trioweb
from trioweb import Config, ConnectionClosed, Deflate, Limits, Timeouts

# Category 9 sends 16 MiB at once, and 4 MiB in 65 536 fragments.
LIMITS = Limits(message_bytes=32 * 1024 * 1024, message_fragments=100_000)
COMPRESSION = Deflate(window_bits=15, memory_level=8)


async def echo(url: str, config: Config) -> None:
    """Send every message back until the server closes or breaks the connection."""
    # Many cases are protocol errors, which the client must answer and its user gets to see.
    with contextlib.suppress(ConnectionClosed):
        async with trioweb.connect(url, compression=COMPRESSION, config=config) as ws:
            async for message in ws:
                await ws.send(message)


async def main(url: str, count: int, *, fast_lane: bool) -> None:
    """Go through all cases, one after the other."""
    config = Config(limits=LIMITS, timeouts=Timeouts(ping_interval_seconds=None), fast_lane=fast_lane)
    for number in range(1, count + 1):
        await echo(f"{url}/runCase?case={number}&agent=trioweb", config)
    await echo(f"{url}/updateReports?agent=trioweb", config)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("count", type=int)
    parser.add_argument("--no-fast-lane", action="store_true", help="let wsproto parse every frame")
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    trio.run(partial(main, options.url, options.count, fast_lane=not options.no_fast_lane))

"""A server as the whole program, and the signals that end it."""

from __future__ import annotations

import errno
import logging
import signal
import socket
from contextlib import asynccontextmanager

import pytest
import trio
from support.waiting import until

import trioweb
from trioweb import App, ConfigError


@pytest.fixture
def info(caplog):
    caplog.set_level(logging.INFO, "trioweb")
    return caplog


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_the_server_gracefully_and_leaves_logging_alone(info, number):
    seen, handlers = [], list(logging.getLogger().handlers)

    @asynccontextmanager
    async def lifespan(app, nursery):
        nursery.start_soon(stop)
        yield
        seen.append("down")

    async def stop():
        await until(lambda: "serving on http://127.0.0.1:" in info.text)
        signal.raise_signal(number)

    trioweb.run(App(lifespan=lifespan), port=0)
    assert seen == ["down"]
    assert "a second signal ends it at once" in info.text
    assert logging.getLogger().handlers == handlers


def test_a_second_signal_ends_the_server_at_once(info):
    seen, leaving = [], []

    @asynccontextmanager
    async def lifespan(app, nursery):
        nursery.start_soon(stop_twice)
        yield
        leaving.append(True)
        try:
            await trio.sleep_forever()
        finally:
            seen.append("cancelled")

    async def stop_twice():
        await until(lambda: "serving on" in info.text)
        signal.raise_signal(signal.SIGINT)
        await until(lambda: leaving)
        signal.raise_signal(signal.SIGINT)

    trioweb.run(App(lifespan=lifespan), port=0)
    assert seen == ["cancelled"]


def test_a_port_in_use_is_reported_without_a_traceback_through_trio():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError) as caught:
            trioweb.run(App(), port=port)
    assert type(caught.value) is OSError
    assert caught.value.errno == errno.EADDRINUSE
    assert f"127.0.0.1 port {port} is in use: stop the program that listens there" in str(caught.value)
    assert caught.value.__suppress_context__
    assert len(caught.traceback) == 2  # this line, and the one in `run`


@pytest.mark.parametrize("port", [-1, 65536, 70000, "8000"])
def test_an_invalid_port_is_refused_and_not_taken_modulo_65536(port):
    with pytest.raises(ConfigError, match=f"port={port!r}: a port is a number from 0 to 65535"):
        trioweb.run(App(), port=port)

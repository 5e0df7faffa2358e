"""A server of a test on a real port, and tests without a plugin."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest
import trio

import trioweb
from trioweb import App, Text, WebSocket
from trioweb.testing import open_client, open_server, run_test

app = App()


@app.get("/bug/{text}")
async def bug(request, text):
    raise ZeroDivisionError(text)


@app.get("/")
async def index(request):
    return Text("hello")


@app.websocket("/echo")
async def echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


async def get(server, path):
    async with httpx.AsyncClient(base_url=server.urls[0], trust_env=False, verify=False) as client:
        return await client.get(path)


async def test_an_app_is_served_on_a_real_port(trioweb_server):
    async with trioweb_server(app) as server:
        assert (await get(server, "/")).text == "hello"
        async with trioweb.connect(f"ws://127.0.0.1:{server.port}/echo") as ws:
            await ws.send("x")
            assert await ws.receive() == "x"


async def test_a_failure_on_a_real_port_is_raised_when_the_block_ends():
    with pytest.raises(ZeroDivisionError, match="one"):
        async with open_server(app) as server:
            assert (await get(server, "/bug/one")).status_code == 500
    with pytest.raises(ExceptionGroup) as caught:
        async with open_server(app) as server:
            await get(server, "/bug/one")
            await get(server, "/bug/two")
    assert len(caught.value.exceptions) == 2
    async with open_server(app, raise_errors=False) as server:
        assert (await get(server, "/bug/one")).status_code == 500


async def test_an_exception_of_the_block_comes_before_a_failure_on_a_real_port():
    with pytest.raises(KeyError, match="mine"):
        async with open_server(app) as server:
            await get(server, "/bug/one")
            raise KeyError("mine")


def test_an_async_function_is_run_without_a_plugin():
    async def hours(number):
        await trio.sleep(number * 3600)
        return trio.current_time()

    async def fail():
        async with open_client(app):
            raise KeyError("mine")

    assert run_test(hours, 3) == 3 * 3600
    assert run_test(hours, 0, autojump=False) >= 0
    with pytest.raises(KeyError, match="mine"):
        run_test(fail)


@pytest.mark.slow
def test_the_kit_names_the_class_of_its_client_without_importing_httpx_for_it():
    program = """
import sys
import trioweb.testing
assert "httpx" not in sys.modules
print(trioweb.testing.AppClient.__name__, hasattr(trioweb.testing, "Client"))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=True
    )
    assert done.stdout.split() == ["AppClient", "False"]

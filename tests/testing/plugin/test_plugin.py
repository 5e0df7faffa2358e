"""pytest finds the fixtures by itself, with every plugin for Trio, and unittest does without them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

APP = """
from trioweb import App, Text, WebSocket

app = App()

@app.get("/")
async def index(request):
    return Text("hello")

@app.get("/bug")
async def bug(request):
    raise ZeroDivisionError("here")

@app.websocket("/echo")
async def echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)

@asynccontextmanager
async def lifespan(nursery):
    async def fail():
        await trio.sleep(0.01)
        raise ZeroDivisionError("in the lifespan")

    nursery.start_soon(fail)
    yield

shop = App(lifespan=lifespan)
"""

CHECKS = """
async def check_memory(client_of):
    async with client_of(app) as client, client.websocket("/echo") as ws:
        assert (await client.get("/")).text == "hello"
        await ws.send("x")
        await ws.expect_text("x")
        with pytest.raises(ZeroDivisionError):
            await client.get("/bug")

async def check_port(server_of):
    async with server_of(app) as server, trioweb.connect(server.urls[0].replace("http", "ws") + "/echo") as ws:
        await ws.send("x")
        assert await ws.receive() == "x"
"""

UNDER_PYTEST_TRIO = """
async def test_memory(trioweb_client, autojump_clock):
    await check_memory(trioweb_client)

async def test_port(trioweb_server):
    await check_port(trioweb_server)

@pytest.fixture
async def client(trioweb_client):
    async with trioweb_client(app) as client:
        yield client

async def test_own_fixture(client):
    assert (await client.get("/")).text == "hello"

@pytest.mark.xfail(strict=True)  # it raises groups
async def test_stuck_in_a_fixture(client, autojump_clock):
    async with client.websocket("/echo") as ws:
        await ws.receive()
"""

UNDER_ANYIO = """
pytestmark = pytest.mark.anyio

@pytest.fixture(params=["real", "virtual"])
def anyio_backend(request):
    clock = MockClock(autojump_threshold=0) if request.param == "virtual" else None
    return "trio", {"clock": clock}

async def test_memory(trioweb_client):
    await check_memory(trioweb_client)

async def test_port(trioweb_server):
    await check_port(trioweb_server)

@pytest.fixture
async def client(trioweb_client):
    async with trioweb_client(app, stuck_seconds=0.1) as client:
        yield client

async def test_own_fixture(client):
    assert (await client.get("/")).text == "hello"

@pytest.mark.xfail(raises=Stuck, strict=True)
async def test_stuck_in_a_fixture(client):
    async with client.websocket("/echo") as ws:
        await ws.receive()

@pytest.fixture
async def shop_client(trioweb_client):
    async with trioweb_client(shop) as client:
        yield client

@pytest.mark.xfail(strict=True)  # it is cancelled, and its fixture says why
@pytest.mark.parametrize("wait", [trio.sleep_forever, trio.Event().wait])
async def test_ended_in_a_fixture(wait, client, shop_client):
    await wait()
"""

UNDER_UNITTEST = """
class AppTest(unittest.TestCase):
    def test_memory(self):
        run_test(check_memory, open_client)

    def test_port(self):
        run_test(check_port, open_server, autojump=False)

    def test_result(self):
        async def double(number):
            await trio.sleep(3600)
            return 2 * number
        self.assertEqual(run_test(double, 21), 42)

    def test_failure(self):
        async def fail():
            async with open_client(app) as client:
                self.fail("as it is")
        with self.assertRaisesRegex(self.failureException, "as it is"):
            run_test(fail)
"""

IMPORTS = """
from contextlib import asynccontextmanager
import unittest
import pytest
import trio
from trio.testing import MockClock
import trioweb
from trioweb.testing import Stuck, open_client, open_server, run_test
"""


def run(folder: Path, tests: str, *arguments: str) -> str:
    (folder / "test_it.py").write_text(f"{IMPORTS}{APP}{CHECKS}{tests}")
    command = [sys.executable, "-W", "error", "-m", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=50, check=False)
    return f"{done.stdout}{done.stderr}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tests", "arguments", "expected"),
    [
        (UNDER_PYTEST_TRIO, ["pytest", "-q", "-o", "trio_mode=true"], "3 passed, 1 xfailed"),
        (UNDER_ANYIO, ["pytest", "-q", "-p", "no:trio"], "6 passed, 10 xfailed"),
        (UNDER_UNITTEST, ["unittest", "-q", "test_it"], "Ran 4 tests"),
    ],
    ids=["pytest-trio", "anyio", "unittest"],
)
def test_an_app_is_tested_with_the_runner_of_its_author(tmp_path, tests, arguments, expected):
    output = run(tmp_path, tests, *arguments)
    assert expected in output, output
    assert "FAILED" not in output, output


BAD_NETWORK = """
from trioweb.testing import FaultyStream

@pytest.mark.parametrize("seed", [7, 8])
async def test_network(trioweb_client, autojump_clock, seed):
    async with trioweb_client(app) as client:
        FaultyStream(client.open_stream(), seed=seed)
        assert seed == 8
"""


@pytest.mark.slow
def test_a_failed_test_shows_the_seeds_of_its_own_networks(tmp_path):
    output = run(tmp_path, BAD_NETWORK, "pytest", "-q", "-o", "trio_mode=true")
    assert "1 failed, 1 passed" in output
    assert output.count("FaultyStream(seed=7): 0 bytes sent (no fault), 0 bytes received (no fault)") == 1
    assert "seed=8" not in output


def test_a_project_that_does_not_use_the_fixtures_imports_nothing_for_them():
    program = """
import sys, pytest
before = set(sys.modules)
import pytest_trioweb
print(sorted(set(sys.modules) - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=True
    )
    assert done.stdout.strip() == "['pytest_trioweb']"


@pytest.mark.slow
def test_without_httpx_only_what_needs_it_is_missing():
    program = """
import sys
sys.modules["httpx"] = None
import trio
from trioweb import App
from trioweb.errors import SetupError
from trioweb.testing import FaultyStream, RawPeer, open_client, open_server, run_test

async def main():
    async with open_server(App()):
        pass
    try:
        async with open_client(App()):
            pass
    except SetupError as error:
        print(error)

run_test(main, autojump=False)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=True
    )
    expected = "open_client needs httpx, which is not installed: pip install 'trioweb[testing]'"
    assert done.stdout.strip() == expected

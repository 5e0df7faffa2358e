"""The load generator against trioweb, and against servers that misbehave."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
from functools import partial

import environment
import measure
import pytest
import rivals
import trio
import workloads
from generator import build_generator

pytestmark = pytest.mark.slow

ACCEPT = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
SHORT = measure.Durations(rounds=1, seconds=0.2, warm_seconds=0.05)
ENOUGH_SECONDS = 10


@pytest.fixture(scope="module")
def generator(require_tool, tmp_path_factory):
    require_tool("cc", "gcc", "clang")
    program, _ = build_generator(tmp_path_factory.mktemp("generator") / "load")
    return program


@pytest.fixture
def load(generator):
    """Run the generator against a handler of TCP streams, and return its report."""

    async def load(handler, mode, *options):
        async def tolerant(stream):
            with contextlib.suppress(trio.BrokenResourceError):
                await handler(stream)

        brief = ("--seconds", "0.1", "--warm", "0", "--open-seconds", "0.5")
        async with trio.open_nursery() as nursery:
            serve = partial(trio.serve_tcp, tolerant, 0, host="127.0.0.1")
            (listener,) = await nursery.start(serve)
            port = str(listener.socket.getsockname()[1])
            command = [generator, mode, "--port", port, *brief, *options]
            with trio.fail_after(ENOUGH_SECONDS):
                done = await trio.run_process(command, capture_stdout=True, check=False)
            nursery.cancel_scope.cancel()
        report = json.loads(done.stdout)
        assert done.returncode == ("failure" in report)
        return report

    return load


async def shake_hands(stream):
    """Answer the handshake, and return the bytes after it."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive_some()
    await stream.send_all(ACCEPT)
    return data.partition(b"\r\n\r\n")[2]


def sending(answer):
    """A server that sends `answer` for each message of 32 bytes, whatever its content."""

    async def handler(stream):
        data = await shake_hands(stream)
        while True:
            for _ in range(len(data) // 38):
                await stream.send_all(answer)
            data = data[len(data) // 38 * 38 :]
            if not (more := await stream.receive_some()):
                return
            data += more

    return handler


@pytest.mark.parametrize(
    "name", ["echo-32", "echo-64k", "broadcast-100", "broadcast-100-10-stalled", "handshakes"]
)
def test_trioweb_is_put_under_load(generator, name):
    place = environment.Environment(python=sys.executable, generator=generator)
    report = measure.run_once(place, workloads.BY_NAME[name], rivals.BY_NAME["trioweb"], SHORT)
    assert "failure" not in report
    assert report["done"] > 0
    assert report["cpu_us"] > 0
    assert 0 < report["cpu_share"] < 2


def test_memory_of_idle_connections_is_measured(generator):
    place = environment.Environment(python=sys.executable, generator=generator)
    report = measure.run_once(place, workloads.BY_NAME["idle-1000"], rivals.BY_NAME["trioweb"], SHORT)
    assert report["open"] == 1000
    assert 1000 < report["connection_bytes"] < 100_000


def test_paced_messages_are_sent_at_the_rate_that_was_asked_for(generator):
    place = environment.Environment(python=sys.executable, generator=generator)
    longer = measure.Durations(rounds=1, seconds=0.5, warm_seconds=0.1)
    report = measure.run_once(
        place, workloads.BY_NAME["latency-common-rate"], rivals.BY_NAME["trioweb"], longer
    )
    assert 0.5 < report["per_second"] / workloads.COMMON_RATE < 1.5
    assert 0 < report["p50_us"] <= report["p90_us"] <= report["p99_us"] <= report["p999_us"]


def test_compressed_messages_are_sent_and_their_answers_looked_into(generator):
    place = environment.Environment(python=sys.executable, generator=generator)
    report = measure.run_once(place, workloads.BY_NAME["deflate-1k"], rivals.BY_NAME["trioweb"], SHORT)
    assert "failure" not in report
    assert report["done"] > 0


@pytest.fixture
def echo_server(monkeypatch):
    """The server for clients, in place of one that is installed for benchmarks only."""
    monkeypatch.setattr(measure, "ECHO_SERVER", rivals.OURS)


@pytest.mark.parametrize("name", workloads.CLIENTS)
def test_a_client_is_measured_by_its_own_cpu_time(name, echo_server):
    place = environment.Environment(python=sys.executable, generator="load")
    for workload in ("client-32", "client-32-deep"):
        report = measure.run_once(place, workloads.BY_NAME[workload], rivals.BY_NAME[name], SHORT)
        assert "failure" not in report
        assert report["done"] > 0
        assert 1 < report["cpu_us"] < 10_000
        assert 0 < report["cpu_share"] < 2
        assert 0 < report["own_cpu_share"] < 2


def test_a_client_that_fails_is_a_failure_of_its_cell(echo_server):
    nothing = dataclasses.replace(rivals.BY_NAME["trioweb"], client="no_such_file.py")
    place = environment.Environment(python=sys.executable, generator="load")
    report = measure.run_once(place, workloads.BY_NAME["client-32"], nothing, SHORT)
    assert report["failure"].startswith("the client printed no report:")
    assert "no_such_file.py" in report["failure"]


def test_a_server_that_does_not_start_is_a_failure_of_its_cell(tmp_path, generator):
    nothing = rivals.Rival("nothing", "nothing", "no_such_file.py", ())
    place = environment.Environment(python=sys.executable, generator=generator)
    report = measure.run_once(place, workloads.BY_NAME["echo-32"], nothing, SHORT)
    assert report["failure"].startswith("the server ended with status 2")


async def test_a_right_echo_is_counted(load):
    report = await load(sending(b"\x82\x20abcdefghijklmnopqrstuvwxyzabcdef"), "echo")
    assert "failure" not in report
    assert report["done"] > 0


@pytest.mark.parametrize(
    "answer",
    [
        b"\x82\x20" + bytes(32),
        b"\x81\x20abcdefghijklmnopqrstuvwxyzabcdef",
        b"\x82\x1fabcdefghijklmnopqrstuvwxyzabcde",
        b"\x82\x21abcdefghijklmnopqrstuvwxyzabcdefg",
    ],
    ids=["content", "kind", "short", "long"],
)
async def test_a_wrong_echo_is_a_failure(load, answer):
    assert (await load(sending(answer), "echo"))["failure"] == "an answer was not what had been sent"


async def test_a_close_is_reported_with_its_code_and_reason(load):
    report = await load(sending(b"\x88\x05\x03\xf5why"), "echo")
    assert report["failure"] == "the server closed a WebSocket with 1013 why"


async def test_a_refused_handshake_is_reported_with_the_response(load):
    async def refuse(stream):
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await trio.sleep_forever()

    report = await load(refuse, "echo")
    assert report["failure"].startswith("the handshake was not answered as expected: HTTP/1.1 403 Forbidden")


async def test_a_server_that_says_nothing_does_not_hold_up_the_run(load):
    async def say_nothing(stream):
        await trio.sleep_forever()

    report = await load(say_nothing, "idle", "--connections", "3")
    assert report["failure"] == "not all connections were open in time (--open-seconds)"


async def test_an_echo_that_stops_is_noticed(load):
    async def stop(stream):
        await shake_hands(stream)
        await trio.sleep_forever()

    report = await load(stop, "echo")
    assert report["failure"] == "not every connection received something"


async def test_a_ping_is_answered_with_what_is_in_it(load):
    pong = b"\x8a\x83\x00\x00\x00\x00abc"
    seen = []

    async def ping(stream):
        data = await shake_hands(stream)
        await stream.send_all(b"\x89\x03abc")
        while pong not in data and (more := await stream.receive_some()):
            data += more
        seen.append(data)

    await load(ping, "echo")
    assert pong in seen[0]

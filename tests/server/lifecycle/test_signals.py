"""Signals at every moment of a program: none is lost, and a second one always ends it."""

from __future__ import annotations

import logging
import signal
import textwrap
import threading
import time
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from support.program import Program
from support.waiting import until

import trioweb
from trioweb import App
from trioweb._server.program import run_until_signal
from trioweb._server.signals import ENDING, EndingSignals

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="signals as POSIX has them")


@pytest.fixture(autouse=True)
def ctrl_c_as_python_has_it():
    """A shell's background jobs are started with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def info(caplog):
    caplog.set_level(logging.INFO, "trioweb")
    return caplog


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_while_the_lifespan_is_being_entered_ends_the_start(info, number):
    seen = []

    @asynccontextmanager
    async def lifespan(nursery):
        signal.raise_signal(number)
        try:
            await trio.sleep_forever()
        finally:
            seen.append("cancelled")
        yield

    trioweb.run(App(lifespan=lifespan), port=0)
    assert seen == ["cancelled"]
    assert "the start is cancelled; a second signal ends it at once" in info.text
    assert "serving on" not in info.text


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_while_it_serves_is_graceful(info, number):
    @asynccontextmanager
    async def lifespan(nursery):
        nursery.start_soon(stop)
        yield

    async def stop():
        await until(lambda: "serving on" in info.text)
        signal.raise_signal(number)

    trioweb.run(App(lifespan=lifespan), port=0)
    assert "shutting down; a second signal ends it at once" in info.text


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_before_trio_runs_is_heeded_when_it_does(number):
    announced = []
    with EndingSignals(5) as signals:
        signal.raise_signal(number)
        trio.run(run_until_signal, partial(trioweb.serve, App(), port=0), announced.append, signals)
    assert not announced


@pytest.mark.parametrize("count", [1, 2])
def test_signals_in_the_last_instant_of_the_start_end_the_server(count):
    announced = []

    class Status:
        def __init__(self, status):
            self.status = status

        def started(self, server):
            self.status.started(server)
            for _ in range(count):
                signals._came(signal.SIGTERM, None)

    async def serving(task_status):
        await trioweb.serve(App(), port=0, task_status=Status(task_status))

    with EndingSignals(5) as signals:
        trio.run(run_until_signal, serving, announced.append, signals)
    assert not announced


def test_a_signal_after_everything_has_ended_is_left_to_the_program():
    with pytest.raises(KeyboardInterrupt), EndingSignals(5):
        signal.raise_signal(signal.SIGINT)


def test_handlers_are_put_back_and_a_third_signal_is_left_to_the_system():
    before = [signal.getsignal(number) for number in ENDING]
    with EndingSignals(5) as signals:
        taken = [signal.getsignal(number) for number in ENDING]
        signal.raise_signal(signal.SIGTERM)
        assert [signal.getsignal(number) for number in ENDING] == taken
        signal.raise_signal(signal.SIGINT)
        assert [signal.getsignal(number) for number in ENDING] == [signal.SIG_DFL] * len(ENDING)
        signals._is_heeded = True
    assert [signal.getsignal(number) for number in ENDING] == before


@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda number, frame: None])
def test_a_hangup_that_the_program_ignores_or_handles_itself_is_left_alone(handler):
    before = signal.signal(signal.SIGHUP, handler)
    try:
        with EndingSignals(5) as signals:
            assert signal.getsignal(signal.SIGHUP) == handler
            signal.raise_signal(signal.SIGHUP)
            assert signals.count == 0
        assert signal.getsignal(signal.SIGHUP) == handler
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_hangup_is_never_the_second_signal():
    with EndingSignals(5) as signals:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGHUP):
            signal.raise_signal(number)
        assert signals.count == 1
        signals._is_heeded = True


def test_a_thread_that_cannot_handle_signals_gets_an_error_with_advice():
    failures = []

    def run():
        with pytest.raises(RuntimeError, match=r"in another one use trio\.run with trioweb\.serve"):
            trioweb.run(App(), port=0)
        failures.append("told")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert failures == ["told"]


PROGRAM = """
import time
from contextlib import asynccontextmanager

import trio
import trioweb
from trioweb import App, Config, Timeouts


async def shield():
    with trio.CancelScope(shield=True):
        await trio.sleep(60)


@asynccontextmanager
async def lifespan(nursery):
    print("entering", flush=True)
    {entering}
    yield
    {leaving}


app = App(Config(timeouts=Timeouts(drain_seconds=1)), lifespan=lifespan)
trioweb.run(app, port=0)
"""

SHIELDED = "await shield()"
IN_A_THREAD = "await trio.to_thread.run_sync(time.sleep, 60)"
BLOCKING = "time.sleep(60)"


def ended_by(tmp_path, *numbers, entering="pass", leaving="pass", first_line):
    """Run a program, send it signals, and return the seconds it took, its status and its output."""
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(PROGRAM.format(entering=entering, leaving=leaving)), encoding="utf-8")
    with Program(script) as program:
        program.wait_for(first_line)
        started = time.monotonic()
        for number in numbers:
            program.process.send_signal(number)
            time.sleep(0.1)
        status, printed = program.wait()
    return time.monotonic() - started, status, printed


@pytest.mark.slow
@pytest.mark.parametrize("entering", [SHIELDED, IN_A_THREAD, BLOCKING])
def test_one_signal_ends_a_start_that_cannot_be_cancelled(tmp_path, entering):
    seconds, status, printed = ended_by(tmp_path, signal.SIGTERM, entering=entering, first_line="entering")
    assert seconds < 5
    assert status == 128 + signal.SIGTERM
    assert "ending by force, 0.8 s after signal 15" in printed
    assert "Traceback" not in printed


@pytest.mark.slow
@pytest.mark.parametrize("leaving", [SHIELDED, IN_A_THREAD, BLOCKING])
def test_one_signal_ends_a_shutdown_that_cannot_be_cancelled(tmp_path, leaving):
    seconds, status, printed = ended_by(tmp_path, signal.SIGINT, leaving=leaving, first_line="serving on")
    assert seconds < 5
    assert status == 128 + signal.SIGINT
    assert "ending by force" in printed
    assert "Traceback" not in printed


@pytest.mark.slow
def test_a_third_signal_ends_the_process_at_once(tmp_path):
    numbers = [signal.SIGTERM] * 3
    seconds, status, _ = ended_by(tmp_path, *numbers, leaving=BLOCKING, first_line="serving on")
    assert seconds < 1
    assert status == -signal.SIGTERM


@pytest.mark.parametrize("is_blocking", [False, True])
def test_an_embedding_program_may_be_interrupted_while_the_lifespan_is_entered(is_blocking):
    @asynccontextmanager
    async def lifespan(nursery):
        timer = threading.Timer(0.05, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
        timer.start()
        if is_blocking:
            time.sleep(20)  # noqa: ASYNC251 - as programs should not
        await trio.sleep(20)
        yield

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        trio.run(partial(trioweb.serve, App(lifespan=lifespan), port=0))
    assert time.monotonic() - started < 10

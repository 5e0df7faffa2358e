"""The arguments of `trioweb connect`, and the real command as a process of its own."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys

import pytest
import trio
from support.program import ROOT
from support.serving import running
from support.tls import contexts

from trioweb import App
from trioweb.cli import main


def command(*arguments):
    return [sys.executable, "-m", "trioweb", "connect", *arguments]


async def run(*arguments, data=b""):
    """Run the command with this input, and return its status and its output on both sides."""
    done = await trio.run_process(
        command(*arguments), stdin=data, capture_stdout=True, capture_stderr=True, check=False, cwd=ROOT
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def app():
    app = App()

    @app.websocket("/", subprotocols=["chat"])
    async def echo(ws):
        await ws.accept()
        await ws.send(f"{ws.subprotocol} {ws.request.headers.get('x-mine')}")
        async for message in ws:
            await ws.send(message)

    return app


# Arguments


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "the following arguments are required: URL (see trioweb connect --help)"),
        (["ws://h/", "-H", "Cookie"], "expected NAME:VALUE, such as 'Cookie: id=1', not 'Cookie'"),
        (["ws://h/", "--wait", "soon"], "expected seconds, such as 2.5, or inf, not 'soon'"),
        (["ws://h/", "--wait=-1"], "expected seconds"),
        (["ws://h/", "--wait", "nan"], "expected seconds"),
        (["ws://h/", "--insecure", "--cafile", "x"], "not allowed with argument --insecure"),
        (["ws://h/", "--proxy", "http://p", "--no-proxy"], "not allowed with argument --proxy"),
        (["ws://h/", "--resume", "since"], "--resume needs --reconnect"),
        (["ws://h/", "--insecure"], "--insecure and --cafile are for wss://"),
        (["ws://h/", "--nonsense"], "unrecognized arguments: --nonsense (see trioweb connect --help)"),
    ],
)
def test_arguments_that_cannot_work_are_one_line(complaint, folder, arguments, text):
    status, line = complaint("connect", *arguments)
    assert status == 2
    assert text in line


def test_certificates_that_cannot_be_loaded_are_one_line(complaint, write):
    assert complaint("connect", "wss://h/", "--cafile", "nowhere.pem") == (
        1,
        "the certificates cannot be loaded from nowhere.pem: No such file or directory",
    )
    write("empty.pem", "")
    assert complaint("connect", "wss://h/", "--cafile", "empty.pem")[0] == 1


def test_help_lists_the_exit_statuses(capsys):
    with pytest.raises(SystemExit):
        main(["connect", "--help"])
    text = capsys.readouterr().out
    assert "102-115" in text
    assert "/close 1000 bye" in text


# The real command


@pytest.mark.slow
async def test_the_command_speaks_tls_with_subprotocols_and_headers(app, tmp_path):
    server_context, _ = contexts()
    async with running(app, ssl_context=server_context) as server:
        url = f"wss://localhost:{server.port}/"
        arguments = (
            "--insecure",
            "--subprotocol",
            "x",
            "--subprotocol",
            "chat",
            "-H",
            "X-Mine: a:b",
            "--wait",
            "0.3",
        )
        assert await run(url, *arguments, data=b"hello") == (0, "chat a:b\nhello\n", "")
        status, output, error = await run(url)
    assert (status, output) == (1, "")
    assert error.startswith("trioweb: connecting failed (TLS)")
    assert len(error.splitlines()) == 1


@pytest.mark.slow
async def test_a_reader_that_takes_only_the_first_line_ends_the_command(app):
    async with running(app) as server:
        url = f"ws://127.0.0.1:{server.port}/"
        line = f"yes | {' '.join(command(url, '--wait', 'inf'))} | head -n 2"
        done = await trio.run_process(
            ["bash", "-c", line], capture_stdout=True, capture_stderr=True, cwd=ROOT
        )
    assert done.stdout == b"None None\ny\n"
    assert done.stderr == b""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_ctrl_c_ends_the_process_soon_while_its_input_is_open(app, nursery, number):
    async with running(app) as server:
        url = f"ws://127.0.0.1:{server.port}/"
        process = await trio.lowlevel.open_process(
            command(url, "--json"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        )
        async with process.stdin, process.stdout:
            read = b""
            while b"None None" not in read:
                read += await process.stdout.receive_some()
            process.send_signal(number)
            began = trio.current_time()
            assert await process.wait() == 0
            assert trio.current_time() - began < 3
            last = json.loads((await process.stdout.receive_some()).decode().splitlines()[-1])
    assert (last["event"], last["code"], last["by"]) == ("close", 1001, "client")


@pytest.mark.slow
async def test_the_process_at_a_terminal_gives_it_back_as_it_was(app):
    person, program = pty.openpty()
    before = pty.tcgetattr(program)
    async with running(app) as server:
        process = await trio.lowlevel.open_process(
            command(f"ws://127.0.0.1:{server.port}/"), stdin=program, stdout=program, stderr=program, cwd=ROOT
        )
        shown = ""
        for typed, expected in (
            ("", "< None None\r\n"),
            ("hello\n", "< hello\r\n"),
            ("\x04", "closed by this side"),
        ):
            os.write(person, typed.encode())
            while expected not in shown:
                await trio.lowlevel.wait_readable(person)
                shown += os.read(person, 4096).decode()
        assert await process.wait() == 0
    assert pty.tcgetattr(program) == before
    assert os.get_blocking(program)
    os.close(person)
    os.close(program)


@pytest.mark.slow
async def test_a_process_without_a_terminal_is_quiet_about_failed_attempts(app):
    async with running(app) as server:
        port = server.port
    process = await trio.lowlevel.open_process(
        command(f"ws://127.0.0.1:{port}/", "--reconnect"),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    async with process.stdin, process.stderr:
        await trio.sleep(2)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130
        assert await process.stderr.receive_some() == b""


def without(*descriptors, of):
    """Return a command for a process that is started with these descriptors closed."""
    closed = " ".join(f"{descriptor}>&-" for descriptor in descriptors)
    return ["sh", "-c", f'exec "$@" {closed}', "sh", *of]


@pytest.mark.slow
async def test_a_process_without_input_or_output_writes_to_no_socket():
    received = []
    app = App()

    @app.websocket("/")
    async def greet(ws):
        await ws.send("hello")
        received.extend([message async for message in ws])

    async with running(app) as server:
        url = f"ws://127.0.0.1:{server.port}/"
        for closed in ([0], [1], [0, 1, 2]):
            done = await trio.run_process(
                without(*closed, of=command("--wait", "0.01", url)), stdin=b"", check=False, cwd=ROOT
            )
            assert done.returncode == 0, closed
    assert received == []


@pytest.mark.slow
async def test_a_process_without_standard_error_keeps_its_output_clean():
    done = await trio.run_process(
        without(2, of=command("ws://")), stdin=b"", capture_stdout=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (2, b"")

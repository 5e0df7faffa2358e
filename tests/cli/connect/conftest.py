"""`trioweb connect` in this process: with pipes, as in a script, or at a terminal, as a person has it."""

from __future__ import annotations

import os
from functools import partial

import pytest
import trio

import trioweb
from trioweb import App, CloseWebSocket, HTTPError
from trioweb._cli.connecting import Destination, connect_and_talk, exit_status
from trioweb._cli.connection_report import ConnectionReport, JSONReport
from trioweb._cli.conversation import Conversation, ConversationSettings
from trioweb._cli.line_input import LineInput
from trioweb._cli.line_output import LineOutput
from trioweb._cli.refusal import Refusal


class Shell:
    """Runs the command with these descriptors.

    Attributes:
        status: The exit status, once it has ended.
        complaint: The line that the command would print in the end.
    """

    def __init__(self, url, *, source, output, notes, wait=0.05, is_json=False, **arguments):
        settings = {"has_commands": False, "is_hex": False, "wait_seconds": wait, "reconnects": False}
        destination = {
            "url": url,
            "headers": [],
            "subprotocols": [],
            "ssl_context": None,
            "proxy": None,
            "is_compressed": False,
            "resume": None,
        }
        for name, value in arguments.items():
            (settings if name in settings else destination)[name] = value
        lines, out = LineInput(source), LineOutput(output)
        is_typed = lines.is_terminal and out.is_terminal and not is_json
        self._report = (JSONReport if is_json else ConnectionReport)(
            out, LineOutput(notes), is_typed=is_typed
        )
        self._conversation = Conversation(lines, self._report, ConversationSettings(**settings))
        self._destination = Destination(**destination)
        self.status, self.complaint = None, ""

    async def run(self):
        try:
            await connect_and_talk(self._conversation, self._destination, self._report)
            self.status = exit_status(self._conversation)
        except Refusal as refusal:
            self.status, self.complaint = refusal.status, str(refusal)


class Pipes:
    """A shell in a script, with a pipe for each of its three files."""

    def __init__(self, url, **arguments):
        source, self.write_end = os.pipe()
        self.read_end, output = os.pipe()
        self._notes, notes = os.pipe()
        self._inner = [source, output, notes]
        self.shell = Shell(url, source=source, output=output, notes=notes, **arguments)

    def write(self, data):
        os.write(self.write_end, data)

    def end_input(self):
        os.close(self.write_end)
        self.write_end = None

    async def read_line(self):
        """Read what is there; every report is a line, and short."""
        await trio.lowlevel.wait_readable(self.read_end)
        return os.read(self.read_end, 65536).decode()

    def end_output(self):
        os.close(self.read_end)
        self.read_end = None

    def close(self):
        """Close everything, and return what was written since, to the output and as notes."""
        for descriptor in [*self._inner, self.write_end]:
            if descriptor is not None:
                os.close(descriptor)
        return "" if self.read_end is None else _rest(self.read_end), _rest(self._notes)


def _rest(descriptor):
    with open(descriptor, "rb") as file:
        return file.read().decode()


class Terminal:
    """A shell at a terminal, with a person who types."""

    def __init__(self, url, **arguments):
        self._person, self._program = os.openpty()
        program = self._program
        self.shell = Shell(url, source=program, output=program, notes=program, **arguments)
        self.shown = ""

    def type(self, text):
        os.write(self._person, text.encode())

    async def see(self, text):
        """Wait until the screen shows a text."""
        with trio.fail_after(5):
            while text not in self.shown:
                await trio.lowlevel.wait_readable(self._person)
                self.shown += os.read(self._person, 65536).decode()

    def close(self):
        os.close(self._person)
        os.close(self._program)


@pytest.fixture
async def server(nursery):
    app = App()

    @app.websocket("/echo", subprotocols=["chat"])
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    @app.websocket("/bye")
    async def bye(ws):
        """Close as the first message says."""
        code, _, reason = (await ws.receive_text()).partition(" ")
        raise CloseWebSocket(int(code), reason)

    @app.websocket("/flood")
    async def flood(ws):
        while True:
            await ws.send("x" * 1000)

    @app.websocket("/lines")
    async def lines(ws):
        await ws.send("one\n< two")
        await ws.receive()

    @app.websocket("/refused")
    async def refused(ws):
        raise HTTPError(401, "who are you?")

    @app.websocket("/cookie")
    async def cookie(ws):
        await ws.send(ws.request.headers.get("cookie", "none"))
        await ws.send(ws.request.headers.get("sec-websocket-extensions", "none"))
        await ws.receive()

    return await nursery.start(partial(trioweb.serve, app, port=0))


@pytest.fixture
def url(server):
    return f"ws://127.0.0.1:{server.port}"


@pytest.fixture
def script():
    """Run the command in a script, and return its status, its output and its complaint."""

    async def script(url, data=b"", **arguments):
        pipes = Pipes(url, **arguments)
        pipes.write(data)
        pipes.end_input()
        with trio.fail_after(10):
            await pipes.shell.run()
        output, notes = pipes.close()
        assert notes == ""
        return pipes.shell.status, output, pipes.shell.complaint

    return script


@pytest.fixture
def pipes(nursery):
    """Start the command with pipes that stay open."""
    opened = []

    def start(url, **arguments):
        opened.append(Pipes(url, **arguments))
        nursery.start_soon(opened[-1].shell.run)
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture
def terminal(nursery):
    """Start the command at a terminal."""
    opened = []

    def start(url, **arguments):
        opened.append(Terminal(url, **arguments))
        nursery.start_soon(opened[-1].shell.run)
        return opened[-1]

    yield start
    for one in opened:
        one.close()

"""A working directory with modules of the test."""

from __future__ import annotations

import sys
import textwrap

import pytest

from trioweb.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in an empty folder; modules imported from it are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def write(folder):
    def write(name, text):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write


@pytest.fixture
def main_module(write):
    """An app with a WebSocket and two pages, as a user would write it."""
    return write(
        "main.py",
        """
        from trioweb import App, Text

        app = App()

        @app.get("/")
        async def index(request):
            return Text("it works")

        @app.route("/things/{number:int}", methods=["PUT", "DELETE"], name="thing")
        async def change(request, number):
            return Text("changed")

        @app.websocket("/echo")
        async def echo(ws):
            async for message in ws:
                await ws.send(message)
        """,
    )


@pytest.fixture
def complaint(capsys):
    """Run a command that must fail, and return its status and its one line."""

    def complaint(*arguments):
        status = main(arguments)
        printed = capsys.readouterr()
        assert printed.out == ""
        lines = printed.err.splitlines()
        assert len(lines) == 1, printed.err
        assert lines[0].startswith("trioweb: ")
        return status, lines[0].removeprefix("trioweb: ")

    return complaint

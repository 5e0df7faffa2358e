"""Chromium, and the demo as a user starts it."""

from __future__ import annotations

import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
START_SECONDS = 20
STOP_SECONDS = 20

# Nothing here may reach a network.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


# For a module, not for the session: Playwright keeps an event loop in this thread while it is there.
@pytest.fixture(scope="module")
def chromium(require_tool: Callable[..., str], go_without: Callable[[str], None]) -> Iterator[Browser]:
    """Run the system's Chromium without a window."""
    program = require_tool("chromium", "chromium-browser", "google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        go_without("needs the playwright package: make tools")
        raise
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Open an empty page, and fail if one of its scripts throws."""
    context = chromium.new_context()
    page = context.new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    yield page
    context.close()
    assert not thrown


@pytest.fixture
def expect(chromium: Browser) -> Callable[..., object]:
    """Return Playwright's assertions, which wait until they hold."""
    from playwright.sync_api import expect

    return expect


def lines_of(process: subprocess.Popen[str]) -> queue.Queue[str | None]:
    """Collect what a process prints, so that it never waits for us; `None` is its end."""
    lines: queue.Queue[str | None] = queue.Queue()

    def collect() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=collect, daemon=True).start()
    return lines


def wait_for_url(lines: queue.Queue[str | None]) -> str:
    printed: list[str] = []
    while (line := lines.get(timeout=START_SECONDS)) is not None:
        printed.append(line)
        if match := re.search(r"https?://[\w.\[\]:]+:\d+", line):
            return match[0]
    pytest.fail(f"the demo ended without a URL: {''.join(printed)}")


@pytest.fixture(scope="module")
def demo_server() -> Iterator[str]:
    """Start the demo on a free port, yield its URL, and end it as Ctrl-C does."""
    command = [sys.executable, "-m", "trioweb", "demo", "--port", "0"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        lines = lines_of(process)
        try:
            yield wait_for_url(lines)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                status = process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
    assert status == 0
    rest = "".join(iter(lines.get, None))
    assert "Traceback" not in rest

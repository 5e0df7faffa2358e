"""The fixtures of trioweb, which pytest finds by itself.

A module of its own, outside the package. pytest imports every plugin that is installed, before anything else and in
projects that have nothing to do with it. As a module of the package, this one would import all of trioweb, Trio and httpx
there; and here, before coverage measures. So nothing is imported before a test asks for a fixture.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from trioweb import Server
    from trioweb.testing import AppClient


@pytest.fixture
def trioweb_client() -> Callable[..., AbstractAsyncContextManager[AppClient]]:
    """Return `trioweb.testing.open_client`, which serves an app and gives a client for it."""
    from trioweb.testing import open_client

    return open_client


@pytest.fixture
def trioweb_server() -> Callable[..., AbstractAsyncContextManager[Server]]:
    """Return `trioweb.testing.open_server`, which serves an app on a port and gives its server."""
    from trioweb.testing import open_server

    return open_server


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forget the bad networks of the last test."""
    del item
    if streams := sys.modules.get("trioweb.testing.faults.stream"):
        streams.forget_recent_faults()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure the seed of each `FaultyStream` of the test, and what it did."""
    del item, call
    report = yield
    streams = sys.modules.get("trioweb.testing.faults.stream")
    if report.failed and streams and (faults := streams.recent_faults()):
        report.sections.append(("Bad networks", "\n".join(faults)))
    return report

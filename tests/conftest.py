"""What every test may use."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable

import pytest
from hypothesis import settings
from support.examples import EXAMPLES

# Two busy cores make single examples slow; the limit on a whole test is pytest-timeout's.
settings.register_profile("trioweb", deadline=None, max_examples=min(EXAMPLES, 100))
settings.load_profile("trioweb")


def pytest_collection_finish() -> None:
    """Leave pytest, the tests and what they import out of every later garbage collection.

    They never become garbage, and are so many objects that full collections took a fifth of the time of all tests:
    those that a test of memory asks for, and those that come by themselves.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After each file do the same with the reports of its tests, which pytest keeps."""
    if nextitem is not None and nextitem.path != item.path:
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session")
def go_without() -> Callable[[str], None]:
    """End the test because something is missing: a skip for a user, a failure in CI."""

    def go_without(reason: str) -> None:
        if os.environ.get("CI"):
            pytest.fail(f"{reason} (a failure because CI is set)", pytrace=False)
        pytest.skip(reason)

    return go_without


@pytest.fixture(scope="session")
def require_tool(go_without: Callable[[str], None]) -> Callable[..., str]:
    """Return the path of the first of these programs that exists."""

    def require_tool(*names: str) -> str:
        for name in names:
            if path := shutil.which(name):
                return path
        go_without(f"needs {' or '.join(names)}")
        raise AssertionError

    return require_tool

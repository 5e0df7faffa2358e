"""The embedding page: it follows the program's clock, and can end the program."""

from __future__ import annotations

import re

import pytest
from support.program import Program

pytestmark = pytest.mark.browser


@pytest.fixture
def expect():
    return pytest.importorskip("playwright.sync_api").expect


def test_the_page_follows_the_clock(page, expect, demo_server):
    page.goto(f"{demo_server}/embedding/")
    expect(page.locator("#time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    seen = page.locator("#tick").inner_text()
    expect(page.locator("#tick")).not_to_have_text(seen)
    expect(page.locator("#watching")).to_have_text("1")
    expect(page.get_by_role("button", name="Stop the program")).to_be_hidden()


def test_the_button_stops_the_program_and_the_page_says_so(page, expect):
    with Program("examples/embedding.py", "--port", "0") as program:
        page.goto(program.wait_for_url())
        expect(page.get_by_role("link", name="All examples")).to_be_hidden()
        page.get_by_role("button", name="Stop the program").click()
        expect(page.locator("#log")).to_contain_text("closed 1001 (going away): the program has ended")
        assert program.wait() == (0, "The program has ended.\n")
    expect(page.locator("#state")).to_have_text(re.compile("trying again in|connecting"))

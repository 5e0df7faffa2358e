"""The embedding page: it follows the program's clock, and can end the program."""

from __future__ import annotations

import re

import pytest
from support.program import Program

pytestmark = pytest.mark.browser


def test_the_page_follows_the_clock(page, expect, demo_server):
    page.goto(f"{demo_server}/embedding/")
    expect(page.locator("#time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    seen = page.locator("#tick").inner_text()
    expect(page.locator("#tick")).not_to_have_text(seen)
    expect(page.locator("#watching")).to_have_text("1")
    expect(page.get_by_role("button", name="Stop the program")).to_be_hidden()


def test_the_button_stops_the_program_and_the_page_says_so(page, expect):
    with Program("demo/embedding.py", "--port", "0") as program:
        page.goto(program.wait_for_url())
        expect(page.get_by_role("link", name="All examples")).to_be_hidden()
        page.get_by_role("button", name="Stop the program").click()
        last = page.locator("#log li").last
        expect(last).to_contain_text("closed 1001 (going away): the program has ended")
        expect(last).to_have_attribute("data-mark", "event")  # as it was asked to, so no error
        url = page.url
        assert program.wait() == (0, "The program has ended.\n")
    expect(page.locator("#state")).to_have_text("ended")
    expect(page.get_by_role("button", name="Try now")).to_be_focused()
    assert page.locator("#time").evaluate("(one) => getComputedStyle(one).opacity") == "1"
    with Program("demo/embedding.py", "--port", url.rstrip("/").rpartition(":")[2]) as program:
        program.wait_for_url()
        page.get_by_role("button", name="Try now").click()
        expect(page.locator("#state")).to_have_text("connected")
        assert program.interrupt()[0] == 0
    expect(page.locator("#state")).to_have_text("ended")


def test_the_page_keeps_trying_when_the_program_does_not_say_that_it_ends(page, expect, demo_server):
    routes = []

    def pass_on(route):
        routes.append(route)
        route.connect_to_server()

    page.route_web_socket("**/embedding/ws", pass_on)
    page.goto(f"{demo_server}/embedding/")
    expect(page.locator("#state")).to_have_text("connected")
    routes[0].close(code=1001, reason="the server is shutting down")
    expect(page.locator("#log")).to_contain_text("closed 1001 (going away): the server is shutting down")
    expect(page.locator("#state")).to_have_text("connected")

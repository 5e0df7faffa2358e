"""The private chat between two browsers, two tabs, and over a restart of the server."""

from __future__ import annotations

import re

import pytest
from support.program import Program

pytestmark = pytest.mark.browser

SLOW_MILLISECONDS = 20_000


@pytest.fixture
def expect():
    return pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def site():
    with Program("examples/private_chat.py", "--port", "0") as program:
        yield program.wait_for_url()
        assert program.interrupt()[0] == 0


@pytest.fixture
def enter(chromium, expect):
    """Log in, each time as another person with a browser of their own."""
    contexts = []

    def enter(url, name):
        contexts.append(chromium.new_context())
        page = contexts[-1].new_page()
        page.goto(url)
        log_in(page, name)
        expect(page.locator("#state")).to_have_text("connected")
        return page

    yield enter
    for context in contexts:
        context.close()


def log_in(page, name):
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Log in").click()


def write(page, name, text):
    page.get_by_role("button", name=re.compile(f"^{name}")).click()
    page.get_by_label("Message").fill(text)
    page.get_by_role("button", name="Send").click()


def test_s11_what_one_writes_only_the_other_receives_and_delivery_is_shown(enter, expect, site):
    ann, ben, cy = enter(site, "Ann"), enter(site, "Ben"), enter(site, "Cy")
    write(ann, "Ben", "<b>for you</b>")
    expect(ann.locator(".fate")).to_have_text("delivered")
    expect(ben.locator(".unread")).to_have_text("1 unread")
    ben.get_by_role("button", name=re.compile("^Ann")).click()
    expect(ben.locator(".said p")).to_have_text("<b>for you</b>")
    expect(ben.locator(".unread")).to_have_count(0)
    write(ben, "Ann", "and for you")
    expect(ann.locator(".said:not(.mine) p")).to_have_text("and for you")
    expect(cy.locator(".unread, .said")).to_have_count(0)
    expect(ann.locator(".said b")).to_have_count(0)


def test_s3_the_subprotocol_that_was_agreed_on_is_shown(enter, expect, site):
    expect(enter(site, "Ann").locator("#subprotocol")).to_have_text("chat")


def test_s11_a_message_to_somebody_who_has_gone_says_so(enter, expect, site):
    ann, ben = enter(site, "Ann"), enter(site, "Ben")
    expect(ann.locator(".person")).to_have_text(re.compile("Ben"))
    ben.context.close()
    expect(ann.locator(".person")).to_have_text(re.compile("Ben.*away"))
    write(ann, "Ben", "hello?")
    expect(ann.locator(".fate")).to_have_text("not delivered: not here")


def test_s11_a_name_that_is_taken_is_refused_on_the_page(enter, expect, page, site):
    enter(site, "Ann")
    page.goto(site)
    log_in(page, "Ann")
    expect(page.locator("#refusal")).to_have_text("Ann is here already. Choose another name.")
    log_in(page, "Ann's friend")
    expect(page.locator("#state")).to_have_text("connected")


def test_s11_a_second_tab_takes_over_and_the_first_says_so_and_may_come_back(enter, expect, site):
    first = enter(site, "Ann")
    second = first.context.new_page()
    second.goto(site)
    expect(second.locator("#state")).to_have_text("connected")
    expect(first.get_by_role("heading", name="You came in somewhere else")).to_be_visible()
    first.get_by_role("button", name="Use it here").click()
    expect(first.locator("#state")).to_have_text("connected")
    expect(second.get_by_role("heading", name="You came in somewhere else")).to_be_visible()


def test_logging_out_frees_the_name(enter, expect, page, site):
    ann = enter(site, "Ann")
    ann.get_by_role("button", name="Log out").click()
    expect(ann.get_by_role("heading", name="Log in")).to_be_visible()
    page.goto(site)
    log_in(page, "Ann")
    expect(page.locator("#state")).to_have_text("connected")


def test_the_page_logs_in_again_when_the_server_has_started_anew(enter, expect):
    with Program("examples/private_chat.py", "--port", "0") as program:
        url = program.wait_for_url()
        ann, ben = enter(url, "Ann"), enter(url, "Ben")
        expect(ann.locator(".person")).to_have_text(re.compile("Ben"))
        assert program.interrupt()[0] == 0
    expect(ann.locator(".told.gap").last).to_have_text("Connection lost: 1001 (going away).")
    expect(ann.locator("#state")).to_have_text(re.compile("trying again in|connecting"))
    with Program("examples/private_chat.py", "--port", url.rpartition(":")[2]) as program:
        program.wait_for_url()
        for one in (ann, ben):
            expect(one.locator("#state")).to_have_text("connected", timeout=SLOW_MILLISECONDS)
        write(ann, "Ben", "back again")
        expect(ann.locator(".fate").last).to_have_text("delivered")

"""The group chat between two browsers, and over a restart of the server."""

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
def enter(chromium, expect):
    """Come in under a name, each time as another person with a browser of their own."""
    contexts = []

    def enter(url, name):
        contexts.append(chromium.new_context())
        page = contexts[-1].new_page()
        page.goto(f"{url}/group_chat/")
        page.get_by_label("Your name").fill(name)
        page.get_by_role("button", name="Join").click()
        expect(page.locator("#state")).to_have_text("connected")
        expect(page.locator("#lines")).to_contain_text("You are here as")
        return page

    yield enter
    for context in contexts:
        context.close()


def say(page, text):
    page.get_by_label("Message").fill(text)
    page.get_by_role("button", name="Send").click()


def test_what_one_says_the_other_hears(enter, expect, demo_server):
    ann, ben = enter(demo_server, "Ann"), enter(demo_server, "Ben")
    expect(ann.locator(".told").last).to_have_text("Ben has come.")
    say(ann, "<b>Hello</b> Ben")
    expect(ben.locator(".said p")).to_have_text("<b>Hello</b> Ben")
    expect(ben.locator(".said strong")).to_have_text("Ann")
    say(ben, "Hello Ann")
    expect(ann.locator(".said:not(.mine) p")).to_have_text("Hello Ann")
    expect(ann.locator(".said.mine p")).to_have_text("<b>Hello</b> Ben")
    expect(ann.locator(".said b")).to_have_count(0)


def test_who_is_here_is_shown_and_leaving_is_announced(enter, expect, demo_server):
    ann, ben = enter(demo_server, "Ann"), enter(demo_server, "Ann")
    expect(ann.locator("#people li")).to_have_text(["Ann (you)", "Ann 2"])
    expect(ben.locator("#people li")).to_have_text(["Ann", "Ann 2 (you)"])
    ben.context.close()
    expect(ann.locator(".told").last).to_have_text("Ann 2 has left.")
    expect(ann.locator("#people li")).to_have_text(["Ann (you)"])


def test_the_page_says_when_the_server_is_gone_and_comes_back_by_itself(enter, expect):
    with Program("examples/gallery.py", "--port", "0") as program:
        url = program.wait_for_url()
        page = enter(url, "Ann")
        assert program.interrupt()[0] == 0
    expect(page.locator(".told.gap")).to_have_text("Connection lost: 1001 (going away).")
    expect(page.locator("#state")).to_have_text(re.compile("trying again in|connecting"))
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    with Program("examples/gallery.py", "--port", url.rpartition(":")[2]) as program:
        program.wait_for_url()
        expect(page.locator(".told").last).to_have_text("You are back.", timeout=SLOW_MILLISECONDS)
        expect(page.locator("#people li")).to_have_text(["Ann (you)"])
        say(page, "still here")
        expect(page.locator(".said.mine p")).to_have_text("still here")


def test_what_a_slow_connection_has_missed_is_marked_where_it_is_missing(page, expect, demo_server):
    held = []

    def pass_on(route):
        server = route.connect_to_server()
        held.append(route)
        server.on_message(route.send)

    # The server's side of dropping is tested without a browser; here its notice is put in by hand.
    page.route_web_socket("**/group_chat/ws", pass_on)
    page.goto(f"{demo_server}/group_chat/")
    page.get_by_label("Your name").fill("Ann")
    page.get_by_role("button", name="Join").click()
    expect(page.locator("#people li")).to_have_text(["Ann (you)"])
    held[0].send('{"type": "missed", "count": 3}')
    expect(page.locator(".told.gap")).to_have_text("3 lines are missing here: your connection was too slow.")

"""The group chat between two browsers, and over a restart of the server."""

from __future__ import annotations

import re

import pytest
from support.contrast import WEAK_CONTRAST
from support.links.slow_relay import SlowRelay
from support.program import Program

pytestmark = pytest.mark.browser

SLOW_MILLISECONDS = 20_000
PERSIAN = "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"  # its two parts do not join
CODER = "\U0001f469\u200d\U0001f4bb"  # a woman and a computer, joined
COLOUR = "(one) => getComputedStyle(one).color.match(/[\\d.]+/g).map(Number)"


@pytest.fixture
def enter(chromium, expect):
    """Enter under a name, each time as another person with a separate browser."""
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


def test_a_line_of_one_person_reaches_the_other(enter, expect, demo_server):
    ann, ben = enter(demo_server, "Ann"), enter(demo_server, "Ben")
    expect(ann.locator(".told").last).to_have_text("Ben has come.")
    say(ann, "<b>Hello</b> Ben")
    expect(ben.locator(".said p")).to_have_text("<b>Hello</b> Ben")
    expect(ben.locator(".said strong")).to_have_text("Ann")
    say(ben, "Hello Ann")
    expect(ann.locator(".said:not(.mine) p")).to_have_text("Hello Ann")
    expect(ann.locator(".said.mine p")).to_have_text("<b>Hello</b> Ben")
    expect(ann.locator(".said b")).to_have_count(0)


def test_the_people_present_are_shown_and_leaving_is_announced(enter, expect, demo_server):
    ann, ben = enter(demo_server, "Ann"), enter(demo_server, "Ann")
    expect(ann.locator("#people li")).to_have_text(["Ann (you)", "Ann 2"])
    expect(ben.locator("#people li")).to_have_text(["Ann", "Ann 2 (you)"])
    ben.context.close()
    expect(ann.locator(".told").last).to_have_text("Ann 2 has left.")
    expect(ann.locator("#people li")).to_have_text(["Ann (you)"])


def test_the_page_says_when_the_server_is_gone_and_comes_back_by_itself(enter, expect):
    with Program("demo/gallery.py", "--port", "0") as program:
        url = program.wait_for_url()
        page = enter(url, "Ann")
        assert program.interrupt()[0] == 0
    expect(page.locator(".told.gap")).to_have_text("Connection lost: 1001 (going away).")
    expect(page.locator("#state")).to_have_text(re.compile("trying again in|connecting"))
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    with Program("demo/gallery.py", "--port", url.rpartition(":")[2]) as program:
        program.wait_for_url()
        expect(page.locator(".told").last).to_have_text("You are back.", timeout=SLOW_MILLISECONDS)
        expect(page.locator("#people li")).to_have_text(["Ann (you)"])
        say(page, "still here")
        expect(page.locator(".said.mine p")).to_have_text("still here")


def test_a_slow_connection_is_shown_where_it_has_missed_lines_and_holds_up_nobody(enter, expect, demo_server):
    with SlowRelay(int(demo_server.rpartition(":")[2])) as relay:
        slow = enter(f"http://127.0.0.1:{relay.port}", "Slow")
        ann, ben = enter(demo_server, "Ann"), enter(demo_server, "Ben")
        expect(slow.locator("#people li")).to_have_count(3)
        relay.stall()
        ann.evaluate(TALK)
        expect(ben.locator(".said p").last).to_have_text("last", timeout=SLOW_MILLISECONDS)
        relay.resume()
        expect(slow.locator(".told.gap").first).to_have_text(
            re.compile(r"^\d+ lines are missing here: your connection was too slow\.$"),
            timeout=SLOW_MILLISECONDS,
        )
        expect(slow.locator("#missed")).to_have_text(re.compile(r"^[\d,]+ missed in all$"))
        expect(slow.locator(".said p").last).to_have_text("last", timeout=SLOW_MILLISECONDS)
        say(slow, "caught up")
        expect(ann.locator(".said p").last).to_have_text("caught up")


def test_an_invalid_name_is_asked_for_again_with_the_reason(page, expect, demo_server):
    page.goto(f"{demo_server}/group_chat/")
    box = page.get_by_label("Your name")
    fault = "document.getElementById('name').validationMessage"
    box.fill("   ")
    page.get_by_role("button", name="Join").click()
    assert page.evaluate(fault) == "A name needs more than spaces."
    box.fill("\u200b")
    assert page.evaluate(fault) == ""
    page.get_by_role("button", name="Join").click()
    page.wait_for_function(
        f"{fault} === 'A name has only characters that can be seen, and U+200B cannot be.'"
    )
    expect(box).to_be_visible()
    box.fill("Ann")
    page.get_by_role("button", name="Join").click()
    expect(page.locator(".told").first).to_have_text("You are here as Ann.")


def test_names_that_need_joiners_are_accepted(enter, expect, demo_server):
    page = enter(demo_server, PERSIAN)
    other = enter(demo_server, CODER)
    expect(other.locator("#people li")).to_have_text([PERSIAN, f"{CODER} (you)"])
    say(page, "hello")
    expect(other.locator(".said strong")).to_have_text(PERSIAN)


def test_names_stay_easy_to_read_when_day_becomes_night(enter, expect, demo_server):
    ann, ben = enter(demo_server, "Ann"), enter(demo_server, "Ben")
    ann.emulate_media(color_scheme="light")
    say(ben, "hello")
    expect(ann.locator(".said p")).to_have_text("hello")
    day = ann.locator(".said strong").evaluate(COLOUR)
    ann.emulate_media(color_scheme="dark")
    night = ann.locator(".said strong").evaluate(COLOUR)
    assert max(day) < 140 < max(night)
    ann.wait_for_function(f"({WEAK_CONTRAST})().length === 0")  # buttons change their colours slowly


def test_2000_characters_that_need_escapes_are_sent(enter, expect, demo_server):
    ann, ben = enter(demo_server, "Ann"), enter(demo_server, "Ben")
    say(ann, "x" + "\x01" * 1999)
    expect(ben.locator(".said")).to_have_count(1)
    expect(ann.locator("#state")).to_have_text("connected")


def test_a_persons_own_line_is_in_sight_while_they_read_further_up(enter, expect, demo_server):
    ann = enter(demo_server, "Ann")
    for number in range(30):
        say(ann, f"line {number}")
    ann.locator("#lines").evaluate("(list) => { list.scrollTop = 0; }")
    say(ann, "mine")
    expect(ann.locator(".said p").last).to_have_text("mine")
    expect(ann.locator(".said p").last).to_be_in_viewport()
    assert (
        ann.locator("#lines").evaluate("(list) => list.scrollHeight - list.scrollTop - list.clientHeight") < 2
    )


def test_the_list_of_people_can_be_scrolled_by_keys(enter, expect, demo_server):
    ann = enter(demo_server, "Ann")
    ann.set_viewport_size({"width": 1280, "height": 500})
    ann.evaluate(CROWD)
    expect(ann.locator("#people li")).to_have_count(13, timeout=SLOW_MILLISECONDS)
    ann.get_by_role("list", name="Here now").press("End")
    ann.wait_for_function("document.getElementById('people').scrollTop > 0")


CROWD = """() => {
  for (let number = 0; number < 12; number += 1) {
    const socket = new WebSocket(new URL("ws", location.href).href.replace("http", "ws"));
    socket.onopen = () => socket.send(JSON.stringify({ type: "join", name: `Person ${number}` }));
  }
}"""

# More than the outbox and the kernel hold for one who does not read; a pause now and then lets Ben draw.
TALK = """async () => {
  const socket = new WebSocket(new URL("ws", location.href).href.replace("http", "ws"));
  await new Promise((resolve) => { socket.onopen = resolve; });
  const say = (text) => socket.send(JSON.stringify({ type: "say", text }));
  socket.send(JSON.stringify({ type: "join", name: "Loud" }));
  for (let number = 0; number < 1200; number += 1) {
    say(`${number} ${"x".repeat(7000)}`);
    if (number % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  say("last");
}"""

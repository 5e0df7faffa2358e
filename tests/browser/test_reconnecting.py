"""All pages when the server is gone: the badge counts down, and nothing moves."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.browser

CARDS = {
    "embedding": "The program",
    "heartbeat": "This page",
    "push_compared": "The feed",
    "frames": "Make frames",
    "voice": "On the air",
    "upload": "Send",
}
HEIGHT = "(card) => card.querySelector('header').getBoundingClientRect().height"

LONGEST = """async (card) => {
  const { showState } = await import("./shared/page.js");
  showState(card.querySelector(".badge"), "waiting", "trying again in 15 s");
  card.querySelector(".badge + button").hidden = false;
  return card.querySelector("header").getBoundingClientRect().height;
}"""

# Badges and connections alone, with a clock that the test moves on.
SHOW = """async ([state, text]) => {
  const { showState } = await import("./shared/page.js");
  showState(document.getElementById("state"), state, text);
}"""
DELAYS = """async () => {
  const { stayConnected } = await import("./shared/page.js");
  const texts = [];
  const connection = stayConnected("nowhere", {
    received() {},
    changed(state, text, event) {
      if (event) texts.push(text);
      if (state === "waiting" && texts.length < 40) setTimeout(() => connection.retry());
    },
  });
  while (texts.length < 40) await new Promise((resolve) => setTimeout(resolve, 10));
  connection.stop();
  return texts;
}"""


@pytest.fixture
def lose(page):
    """Cut each connection of the page from now on, as soon as it is tried."""

    def lose(url):
        page.route_web_socket("**", lambda route: route.close(code=1012))
        page.goto(url)

    return lose


@pytest.mark.parametrize("width", [360, 390, 1280])
@pytest.mark.parametrize("name", CARDS)
def test_nothing_moves_when_the_connection_is_lost(page, expect, demo_server, lose, name, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{demo_server}/{name}/")
    card = page.locator(".card").filter(has=page.get_by_role("heading", name=CARDS[name], exact=True))
    expect(card.locator(".badge")).to_have_text(re.compile("connected|open"))
    before = card.evaluate(HEIGHT)
    lose(page.url)
    badge = card.locator(".badge")
    expect(badge).to_have_text(re.compile("trying again in"))
    assert card.evaluate(LONGEST) == before


def test_the_seconds_to_the_next_try_count_down_and_are_not_announced(page, expect, demo_server):
    page.clock.install()
    page.goto(f"{demo_server}/echo/")
    badge = page.locator("#state")
    expect(badge).to_have_text("closed")
    page.evaluate(SHOW, ["waiting", "trying again in 12 s"])
    expect(badge).to_have_text("trying again in 12 s")
    page.clock.run_for(2100)
    expect(badge).to_have_text("trying again in 10 s")
    assert badge.locator("[aria-live=off]").inner_text() == "10"
    page.evaluate(SHOW, ["waiting", "trying again in 12 s"])  # repeated, it continues
    page.clock.run_for(3000)
    expect(badge).to_have_text("trying again in 7 s")
    page.clock.run_for(30_000)
    expect(badge).to_have_text("trying again in 1 s")
    page.evaluate(SHOW, ["open", "connected"])
    page.clock.run_for(3000)
    expect(badge).to_have_text("connected")


def test_no_try_is_more_than_fifteen_seconds_away(page, demo_server):
    page.goto(f"{demo_server}/source/echo")
    page.route_web_socket("**/nowhere", lambda route: route.close(code=1012))
    page.goto(f"{demo_server}/upload/")
    texts = page.evaluate(DELAYS)
    seconds = [int(re.fullmatch(r"trying again in (\d+) s", text)[1]) for text in texts]
    assert min(seconds) >= 1
    assert 8 <= max(seconds) <= 15

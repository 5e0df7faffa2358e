"""Connections that die silently: no FIN, no RST. Each page notices, says so, and reconnects."""

from __future__ import annotations

import re

import pytest
from support.links.bad_line import BadLine

pytestmark = pytest.mark.browser

SLOW_MILLISECONDS = 20_000
CONNECTED = re.compile("^(connected|open)$")
SILENCE_SECONDS = 20  # of the page's clock, which the tests move on


def enter(page, name):
    page.get_by_label("Your name").fill(name)
    page.locator("main button.main:visible").click()


# How a visitor gets a connection, on pages that do not connect at once.
BEGINNINGS = {
    "browser_api": lambda _: None,
    "echo": lambda page: page.get_by_role("button", name="Open", exact=True).click(),
    "embedding": lambda _: None,
    "frames": lambda _: None,
    "group_chat": lambda page: enter(page, "Ann"),
    "heartbeat": lambda _: None,
    "private_chat": lambda page: enter(page, "Ann of the dead line"),
    "push_compared": lambda _: None,
    "upload": lambda _: None,
    "voice": lambda _: None,
}


@pytest.fixture
def line(demo_server):
    with BadLine(int(demo_server.rpartition(":")[2])) as line:
        yield line


@pytest.fixture
def visit(page, line):
    """Open a page over the line, with a clock that the test moves on."""

    def visit(name):
        page.clock.install()
        page.goto(f"http://127.0.0.1:{line.port}/{name}/")
        BEGINNINGS[name](page)

    return visit


RECORD = """(one) => {
  one.seen = [one.innerText];
  new MutationObserver(() => one.seen.push(one.innerText)).observe(one, { childList: true, subtree: true, characterData: true });
}"""


def seconds_until(page, locator, pattern):
    """Advance the page's clock until a text has appeared; return how many seconds it took."""
    locator.evaluate(RECORD)
    for seconds in range(SILENCE_SECONDS):
        if re.search(pattern, "\n".join(locator.evaluate("(one) => one.seen"))):
            return seconds
        page.clock.run_for(1000)
    pytest.fail(f"after {SILENCE_SECONDS} s it says {locator.inner_text()!r}")


@pytest.mark.parametrize("name", BEGINNINGS)
def test_a_page_notices_that_its_line_is_dead_and_comes_back(page, expect, line, visit, name):
    visit(name)
    state = page.locator("#state")
    expect(state).to_have_text(CONNECTED)
    line.fall_silent()
    seconds_until(page, state, "trying again in|connecting")
    page.clock.run_for(1000)
    # Five seconds were once too few: Chromium itself may delay a WebSocket after others have failed.
    expect(state).to_have_text(CONNECTED, timeout=SLOW_MILLISECONDS)


def test_a_clock_that_stops_is_noticed_within_seconds(page, expect, line, visit):
    visit("embedding")
    expect(page.locator("#time")).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    line.fall_silent()
    assert seconds_until(page, page.locator("#log"), r"closed 1006 .*nothing heard for \d s") < 8


def test_a_page_with_nothing_to_hear_is_not_cut_off(page, expect, demo_server):
    page.goto(f"{demo_server}/source/echo")
    assert page.evaluate(ALIVE_FOR, [f"{demo_server}/upload/", 17]) == ["connecting", "open"]


ALIVE_FOR = """async ([url, seconds]) => {
  const { stayConnected } = await import(`${url}shared/page.js`);
  const states = [];
  const connection = stayConnected(`${url}watch`, { received() {}, changed: (state) => states.push(state) });
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  return states;
}"""


def test_a_line_is_shown_as_said_only_when_it_was_passed_on(page, chromium, expect, line, visit, demo_server):
    visit("group_chat")
    send = page.get_by_role("button", name="Send")
    expect(send).to_be_enabled()
    say(page, "alone")
    fates = page.locator(".said.mine .fate")
    expect(fates.last).to_have_text("nobody else is here")
    other = chromium.new_context().new_page()
    other.goto(f"{demo_server}/group_chat/")
    enter(other, "Ben")
    expect(page.locator("#people li")).to_have_count(2)
    say(page, "heard")
    expect(fates.last).to_have_text("sent to 1")
    line.fall_silent()
    say(page, "lost")
    expect(fates.last).to_have_text("sending …")
    seconds_until(page, fates.last, "unknown: the connection was lost")
    expect(page.locator(".told.gap").last).to_contain_text("nothing heard for")
    page.clock.run_for(1000)
    expect(send).to_be_enabled()
    say(page, "again")
    expect(other.locator(".said p")).to_have_text(["heard", "again"])
    other.context.close()


def say(page, text):
    page.get_by_label("Message").fill(text)
    page.get_by_role("button", name="Send").click()
    page.clock.run_for(50)  # lines that come together are drawn in the next frame


def test_an_upload_whose_line_died_continues_over_another(page, expect, line, visit):
    visit("upload")
    expect(page.locator("#state")).to_have_text("connected")
    line.fall_silent_after(1_500_000)
    page.locator("#files").set_input_files(
        {
            "name": "dead line.bin",
            "mimeType": "application/octet-stream",
            "buffer": bytes(range(256)) * 16_000,
        }
    )
    upload = page.locator("#uploads li")
    seconds_until(page, upload, "The connection ended: 1006 .*nothing heard for")
    for _ in range(3):  # the list and the file each come back by themselves
        page.clock.run_for(1000)
    expect(upload.locator(".verdict")).to_contain_text("The same on both sides", timeout=SLOW_MILLISECONDS)
    page.request.delete(f"http://127.0.0.1:{line.port}/upload/files/dead%20line.bin")


def test_a_message_cut_off_by_a_dead_line_is_reported(page, expect, line, visit):
    visit("upload")
    page.get_by_label("Whole").check()
    line.fall_silent_after(500_000)
    page.locator("#files").set_input_files(
        {"name": "dead.bin", "mimeType": "application/octet-stream", "buffer": bytes(2_000_000)}
    )
    problem = page.locator("#uploads .problem")
    expect(page.locator("#uploads .badge")).to_have_text("sending")
    seconds_until(page, page.locator("#uploads"), "The connection was lost")
    expect(problem).to_be_visible()

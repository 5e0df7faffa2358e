"""The private chat between two browsers, two tabs, and over a restart of the server."""

from __future__ import annotations

import re

import pytest
from support.program import Program

pytestmark = pytest.mark.browser

SLOW_MILLISECONDS = 20_000


@pytest.fixture
def site():
    with Program("demo/private_chat.py", "--port", "0") as program:
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


def test_only_the_addressee_receives_a_message_and_its_delivery_is_shown(enter, expect, site):
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


def test_the_subprotocol_that_was_agreed_on_is_shown(enter, expect, site):
    expect(enter(site, "Ann").locator("#subprotocol")).to_have_text("chat")


def test_a_message_to_somebody_who_has_gone_says_so(enter, expect, site):
    ann, ben = enter(site, "Ann"), enter(site, "Ben")
    expect(ann.locator(".person")).to_have_text(re.compile("Ben"))
    ben.context.close()
    expect(ann.locator(".person")).to_have_text(re.compile("Ben.*away"))
    write(ann, "Ben", "hello?")
    expect(ann.locator(".fate")).to_have_text("not delivered: not here")


def test_a_name_that_is_taken_is_refused_on_the_page(enter, expect, page, site):
    enter(site, "Ann")
    page.goto(site)
    log_in(page, "Ann")
    expect(page.locator("#refusal")).to_have_text("Ann is here already. Choose another name.")
    log_in(page, "Ann's friend")
    expect(page.locator("#state")).to_have_text("connected")


def test_a_second_tab_takes_over_and_the_first_says_so_and_may_come_back(enter, expect, site):
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


def test_the_page_logs_in_again_when_the_server_has_restarted(enter, expect):
    with Program("demo/private_chat.py", "--port", "0") as program:
        url = program.wait_for_url()
        ann, ben = enter(url, "Ann"), enter(url, "Ben")
        expect(ann.locator(".person")).to_have_text(re.compile("Ben"))
        assert program.interrupt()[0] == 0
    expect(ann.locator(".told.gap").last).to_have_text("Connection lost: 1001 (going away).")
    expect(ann.locator("#state")).to_have_text(re.compile("trying again in|connecting"))
    expect(ann.locator(".person")).to_have_text(re.compile("Ben.*away"))
    expect(ann.locator("#alone")).to_be_hidden()
    with Program("demo/private_chat.py", "--port", url.rpartition(":")[2]) as program:
        program.wait_for_url()
        for one in (ann, ben):
            expect(one.locator("#state")).to_have_text("connected", timeout=SLOW_MILLISECONDS)
        write(ann, "Ben", "back again")
        expect(ann.locator(".fate").last).to_have_text("delivered")


def test_pressing_log_in_twice_comes_in_once(page, expect, site):
    underway = []

    def hold_up(route):  # as a slow network does
        underway.append(route)

    page.goto(site)
    page.route("**/login", hold_up)
    page.get_by_label("Your name").fill("Ann")
    with page.expect_request("**/login"):
        page.get_by_role("button", name="Log in").dblclick()
    for route in underway:
        route.continue_()
    expect(page.locator("#alone")).to_have_text("Nobody else is here yet.")
    expect(page.locator("#state")).to_have_text("connected")
    assert len(underway) == 1


def test_pressing_use_it_here_twice_comes_in_and_stays(enter, expect, site):
    first = enter(site, "Ann")
    second = first.context.new_page()
    second.goto(site)
    expect(second.locator("#state")).to_have_text("connected")
    expect(first.get_by_role("button", name="Use it here")).to_be_visible()
    first.evaluate("for (const _ of '12') document.getElementById('here').click()")
    expect(second.get_by_role("heading", name="You came in somewhere else")).to_be_visible()
    expect(first.locator("#state")).to_have_text("connected")
    expect(first.locator("#alone")).to_have_text("Nobody else is here yet.")
    expect(first.get_by_role("heading", name="You came in somewhere else")).to_be_hidden()


@pytest.mark.parametrize(
    ("name", "reason"), [("..", "which mean folders"), ("\u200b", "U+200B"), ("  ", "1 to 24 characters")]
)
def test_an_invalid_name_is_refused_with_the_reason(page, expect, site, name, reason):
    page.goto(site)
    log_in(page, name)
    expect(page.get_by_role("alert")).to_contain_text(reason)
    expect(page.get_by_label("Your name")).to_be_focused()


def test_a_person_for_whom_there_is_no_room_learns_why_and_only_once(page, expect, site):
    page.route_web_socket(
        "**/ws/*", lambda route: route.close(code=1013, reason="There are too many people here.")
    )
    page.goto(site)
    log_in(page, "Ann")
    told = page.locator(".told")
    expect(told).to_have_text("Connection lost: 1013 (try again later): There are too many people here.")
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_role("button", name="Try now")).to_be_visible()
    expect(told).to_have_count(1)


def test_each_conversation_has_its_own_draft(enter, expect, site):
    ann, _ben, _cy = enter(site, "Ann"), enter(site, "Ben"), enter(site, "Cy")
    box = ann.get_by_label("Message")
    box.fill("for whom?")
    ann.get_by_role("button", name=re.compile("^Ben")).click()
    expect(box).to_have_value("for whom?")
    box.fill("only for Ben")
    ann.get_by_role("button", name=re.compile("^Cy")).click()
    expect(box).to_have_value("")
    box.fill("only for Cy")
    ann.get_by_role("button", name=re.compile("^Ben")).click()
    expect(box).to_have_value("only for Ben")


def test_logging_out_without_a_network_says_that_it_could_not_be_told(enter, expect, site):
    ann = enter(site, "Ann")
    ann.context.set_offline(True)
    ann.get_by_role("button", name="Log out").click()
    expect(ann.get_by_role("alert")).to_have_text("The server could not be told: you are still logged in.")
    ann.context.set_offline(False)
    ann.get_by_role("button", name="Log out").click()
    expect(ann.get_by_role("heading", name="Log in")).to_be_visible()
    ann.reload()
    expect(ann.get_by_role("heading", name="Log in")).to_be_visible()


def test_logging_out_leaves_nothing_for_the_next_person(enter, expect, site):
    ann, _ben = enter(site, "Ann"), enter(site, "Ben")
    write(ann, "Ben", "a secret")
    expect(ann.locator(".fate")).to_have_text("delivered")
    ann.get_by_label("Message").fill("another")
    ann.get_by_role("button", name="Log out").click()
    expect(ann.locator("#refusal")).to_have_text("You have logged out.")
    log_in(ann, "Zoe")
    expect(ann.locator(".person")).to_have_text(re.compile("Ben"))
    expect(ann.locator(".said")).to_have_count(0)
    expect(ann.get_by_label("Message")).to_have_value("")
    expect(ann.get_by_role("heading", name="Nobody chosen")).to_be_visible()


def test_after_a_logout_in_one_tab_no_other_logs_in_by_itself(enter, expect, site):
    first = enter(site, "Ann")
    second = first.context.new_page()
    second.goto(site)
    expect(second.locator("#state")).to_have_text("connected")
    expect(first.get_by_role("button", name="Use it here")).to_be_visible()
    second.get_by_role("button", name="Log out").click()
    expect(second.get_by_role("heading", name="Log in")).to_be_visible()
    first.get_by_role("button", name="Use it here").click()
    expect(first.locator("#refusal")).to_have_text("You have logged out.")
    log_in(first, "Ann")
    expect(first.locator("#state")).to_have_text("connected")
    first.evaluate("fetch('logout', { method: 'POST' })")  # as another tab would, while this one is here
    expect(first.locator("#refusal")).to_have_text("You have logged out.")
    expect(first.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_persons_own_line_is_in_sight_while_they_read_further_up(enter, expect, site):
    ann, _ben = enter(site, "Ann"), enter(site, "Ben")
    for number in range(20):
        write(ann, "Ben", f"line {number}")
    ann.locator("#lines").evaluate("(list) => { list.scrollTop = 0; }")
    ann.get_by_label("Message").fill("mine")
    ann.get_by_label("Message").press("Enter")
    expect(ann.locator(".said").last).to_contain_text("mine")
    expect(ann.locator(".said").last).to_be_in_viewport()


def test_a_wide_name_keeps_a_narrow_page_from_scrolling_sideways(enter, expect, site):
    ann, _wide = enter(site, "M" * 24), enter(site, "W" * 24)
    ann.set_viewport_size({"width": 390, "height": 800})
    write(ann, "W", "hello")
    expect(ann.locator(".fate")).to_have_text("delivered")
    assert ann.evaluate("document.documentElement.scrollWidth") <= 390


def test_nobody_is_said_to_be_here_only_where_that_is_known(enter, expect, site):
    ann = enter(site, "Ann")
    expect(ann.locator("#alone")).to_have_text("Nobody else is here yet.")
    ben = enter(site, "Ben")
    expect(ann.locator("#alone")).to_be_hidden()
    ben.context.close()
    expect(ann.locator("#alone")).to_have_text("Nobody else is here now.")


def test_the_chosen_person_looks_unlike_one_under_the_pointer(enter, expect, site):
    ann, _ben, _cy = enter(site, "Ann"), enter(site, "Ben"), enter(site, "Cy")
    ben, cy = (ann.get_by_role("button", name=re.compile(f"^{name}")) for name in ("Ben", "Cy"))
    ben.click()
    cy.hover()
    expect(ben).to_have_css("box-shadow", re.compile("inset"))
    expect(cy).to_have_css("box-shadow", "none")
    expect(cy).to_have_css("background-color", "rgba(0, 0, 0, 0)")

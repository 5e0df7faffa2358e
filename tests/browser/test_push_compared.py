"""Polling, long polling, server-sent events and a WebSocket in one page, side by side."""

from __future__ import annotations

import re

import pytest
from support.program import Program

pytestmark = pytest.mark.browser

SLOW_MILLISECONDS = 20_000
WAYS = ("polling", "long_polling", "server_sent_events", "websocket")
SOME = re.compile(r"^[1-9][\d,]*$")


@pytest.fixture
def url():
    """Serve the gallery for one test alone: the rate of the feed is everybody's."""
    with Program("demo/gallery.py", "--port", "0") as program:
        yield program.wait_for_url()


def open_page(page, expect, url):
    page.goto(f"{url}/push_compared/")
    expect(page.locator("#state")).to_have_text("connected")
    for way in WAYS:
        expect(fact(page, way, "events")).to_have_text(SOME, timeout=SLOW_MILLISECONDS)


def fact(page, way, name):
    return page.locator(f"#{way} [data-fact={name}]")


def number(page, way, name):
    return int(fact(page, way, name).inner_text().replace(",", ""))


def set_rate(page, rate):
    """Move the slider as a person does: its scale is logarithmic."""
    page.locator("#rate").evaluate(
        "(slider, rate) => { slider.value = Math.log10(rate); slider.dispatchEvent(new Event('input')); }",
        rate,
    )


def test_the_four_ways_run_side_by_side_with_counts_of_requests_bytes_and_delay(page, expect, url):
    open_page(page, expect, url)
    set_rate(page, 20)
    for way in WAYS:
        expect(fact(page, way, "events")).to_have_text(re.compile(r"^\d{2,}$"), timeout=SLOW_MILLISECONDS)
        for name in ("requests", "up", "down"):
            expect(fact(page, way, name)).to_have_text(SOME)
        for name in ("median", "worst"):
            expect(fact(page, way, name)).to_have_text(re.compile(r"^[\d.]+ m?s$"))
        for name in ("missed", "repeated"):
            expect(fact(page, way, name)).to_have_text("0")
    for way in ("server_sent_events", "websocket"):
        assert number(page, way, "requests") == 1
        assert number(page, way, "each") < number(page, "long_polling", "each")
    assert number(page, "long_polling", "requests") > 5
    expect(page.locator("#clock")).to_contain_text("give or take")
    picture = page.locator("#plot").get_by_role("img")
    words = r"^Delay, the last 30 seconds\. Polling: last .* WebSocket: last [\d.]+ m?s, median"
    expect(picture).to_have_attribute("aria-label", re.compile(words), timeout=SLOW_MILLISECONDS)


def test_when_the_server_cuts_all_lines_nothing_is_missed_and_nothing_comes_twice(page, expect, url):
    open_page(page, expect, url)
    set_rate(page, 20)
    for count in (2, 3):
        page.get_by_role("button", name="Cut all lines").click()
        for way in ("server_sent_events", "websocket"):
            expect(fact(page, way, "requests")).to_have_text(str(count), timeout=SLOW_MILLISECONDS)
            expect(page.locator(f"#{way} .badge")).to_have_text("open")
    for way in WAYS:
        seen = number(page, way, "events")
        expect(fact(page, way, "events")).not_to_have_text(str(seen))
        assert number(page, way, "missed") == number(page, way, "repeated") == 0


def test_each_way_can_be_stopped_and_started(page, expect, url):
    open_page(page, expect, url)
    set_rate(page, 20)
    for way in WAYS:
        page.locator(f"#{way}").get_by_role("button", name=re.compile("^Stop")).click()
        expect(page.locator(f"#{way} .badge")).to_have_text("stopped")
    counts = {way: fact(page, way, "events").inner_text() for way in WAYS}
    page.get_by_role("button", name="Start WebSocket").click()
    expect(fact(page, "websocket", "events")).not_to_have_text(counts["websocket"])
    for way in WAYS[:3]:
        expect(fact(page, way, "events")).to_have_text(counts[way])
        page.locator(f"#{way}").get_by_role("button", name=re.compile("^Start")).dblclick()
        page.locator(f"#{way}").get_by_role("button", name=re.compile("^Start")).click()
        expect(fact(page, way, "events")).not_to_have_text(counts[way])
    for way in WAYS:
        expect(page.locator(f"#{way} .badge")).to_have_attribute("data-state", "open")
        # While it was stopped nothing was missed: nobody had asked for it.
        assert number(page, way, "missed") == number(page, way, "repeated") == 0


def test_the_counts_begin_from_zero_when_asked(page, expect, url):
    open_page(page, expect, url)
    set_rate(page, 20)
    expect(fact(page, "websocket", "events")).to_have_text(re.compile(r"^\d{2,}$"), timeout=SLOW_MILLISECONDS)
    for way in WAYS:
        page.locator(f"#{way}").get_by_role("button", name=re.compile("^Stop")).click()
    set_rate(page, 0.2)
    page.get_by_role("button", name="Count from zero").click()
    for way in WAYS:
        for name in ("events", "missed", "repeated"):
            expect(fact(page, way, name)).to_have_text("0")
        expect(fact(page, way, "median")).to_have_text("–")


def test_the_rate_is_the_same_for_all_and_the_slider_says_it_in_words(page, expect, url):
    open_page(page, expect, url)
    other = page.context.new_page()
    open_page(other, expect, url)
    page.locator("#rate").focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    expect(page.locator("#rate-shown")).to_have_text("1.3")
    expect(other.locator("#rate-shown")).to_have_text("1.3")
    expect(other.locator("#rate")).to_have_attribute("aria-valuetext", "1.3 events each second")
    assert page.evaluate("document.activeElement.id") == "rate"
    page.keyboard.press("Home")
    expect(other.locator("#rate-shown")).to_have_text("0.2")
    page.keyboard.press("End")
    expect(other.locator("#rate-shown")).to_have_text("20")


def test_a_tab_that_nobody_looks_at_keeps_no_connection_from_others(page, expect, url):
    open_page(page, expect, url)
    hide = """(is_hidden) => {
        Object.defineProperty(document, "hidden", { value: is_hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.get_by_role("button", name="Stop polling").click()
    page.evaluate(hide, True)
    for way in WAYS:
        expect(page.locator(f"#{way} .badge")).to_have_text("stopped")
    page.evaluate(hide, False)
    for way in WAYS[1:]:
        expect(page.locator(f"#{way} .badge")).to_have_attribute("data-state", "open")
    expect(page.locator("#polling .badge")).to_have_text("stopped")


def test_the_page_says_when_the_server_is_gone_and_all_come_back_by_themselves(page, expect):
    with Program("demo/gallery.py", "--port", "0") as program:
        url = program.wait_for_url()
        open_page(page, expect, url)
        set_rate(page, 20)
        assert program.interrupt()[0] == 0
    expect(page.locator("#state")).to_have_text(re.compile("trying again in|connecting"))
    expect(page.locator("#rate")).to_be_disabled()
    expect(page.get_by_role("button", name="Cut all lines")).to_be_disabled()
    for way in WAYS:
        expect(page.locator(f"#{way} .badge")).to_have_text(re.compile("trying again|connecting"))
    counts = {way: fact(page, way, "events").inner_text() for way in WAYS}
    with Program("demo/gallery.py", "--port", url.rpartition(":")[2]) as program:
        program.wait_for_url()
        expect(page.locator("#state")).to_have_text("connected", timeout=SLOW_MILLISECONDS)
        for way in WAYS:
            expect(page.locator(f"#{way} .badge")).to_have_attribute(
                "data-state", "open", timeout=SLOW_MILLISECONDS
            )
            expect(fact(page, way, "events")).not_to_have_text(counts[way], timeout=SLOW_MILLISECONDS)
            # The feed starts counting again, which is not a gap.
            assert number(page, way, "missed") == number(page, way, "repeated") == 0


def test_a_poll_answered_with_an_error_is_repeated(page, expect, url):
    refused = {"count": 0}

    def refuse_at_first(route):
        refused["count"] += 1
        if refused["count"] <= 6:
            route.fulfill(status=503)
        else:
            route.continue_()

    page.route("**/feed/*/*", refuse_at_first)
    page.goto(f"{url}/push_compared/")
    for way in WAYS[:3]:
        expect(page.locator(f"#{way} .badge")).to_have_attribute("data-state", "waiting")
    for way in WAYS:
        expect(fact(page, way, "events")).to_have_text(SOME, timeout=SLOW_MILLISECONDS)
        assert number(page, way, "missed") == number(page, way, "repeated") == 0

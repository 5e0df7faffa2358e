"""The pages of the demo as people see them: sound, usable, and loading nothing from outside."""

from __future__ import annotations

import re

import pytest
from support.contrast import WEAK_CONTRAST
from support.demo_pages import PAGES, SETTLED

pytestmark = pytest.mark.browser


@pytest.fixture(params=PAGES)
def path(request):
    return request.param


def test_the_index_leads_to_each_example_and_back(page, demo_server):
    page.goto(demo_server)
    names = page.locator(".example h2 a").all_inner_texts()
    assert len(names) == 10
    for name in names:
        page.get_by_role("link", name=name, exact=True).click()
        assert page.locator("h1").inner_text() == name
        page.get_by_role("link", name="All examples").click()
        assert page.locator("h1").inner_text() == "WebSockets first, on Trio"


def test_a_source_is_one_click_from_the_index_and_from_the_example(page, demo_server):
    page.goto(demo_server)
    page.get_by_role("link", name="Source of Echo").click()
    assert "async for message in ws:" in page.locator("pre").first.inner_text()
    page.get_by_role("link", name="Open it").click()
    page.get_by_role("link", name="Source", exact=True).click()
    assert page.url == f"{demo_server}/source/echo"


def test_a_page_loads_nothing_from_elsewhere_and_reports_no_errors(page, demo_server, path):
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{demo_server}{path}")
    page.wait_for_function(SETTLED)
    assert asked
    assert not [url for url in asked if not url.startswith(demo_server)]
    # That page provokes errors, which the browser then reports.
    assert path == "/browser_api/" or not complaints


@pytest.mark.parametrize("width", [320, 360])
def test_a_page_fits_a_phone(page, demo_server, path, width):
    page.set_viewport_size({"width": width, "height": 740})
    page.goto(f"{demo_server}{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = """[...document.querySelectorAll("button, input:not([type=radio])")]
        .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 32).length"""
    assert page.evaluate(small) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_is_easy_to_read_in_light_and_in_dark(page, demo_server, path, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{demo_server}{path}")
    assert (brightness(page, "backgroundColor") > 128) is (scheme == "light")
    weak = page.evaluate(WEAK_CONTRAST)
    assert not weak


def test_states_are_shown_in_forced_colours(page, demo_server):
    page.emulate_media(forced_colors="active")
    page.goto(f"{demo_server}/echo/")
    style = "(one, part) => { const s = getComputedStyle(one, part); return [s.outlineStyle, s.backgroundColor]; }"
    choices = page.locator(".choice span")
    assert [choices.nth(place).evaluate(style)[0] for place in range(2)] == ["solid", "none"]
    canvas = page.locator(".card").first.evaluate(style)[1]
    assert page.locator(".badge").first.evaluate(style, "::before")[1] != canvas


def brightness(page, property_name):
    colour = page.evaluate(f"getComputedStyle(document.body).{property_name}")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


def test_a_page_can_be_used_without_seeing_it(page, demo_server, path):
    page.goto(f"{demo_server}{path}")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("main").count() == 1
    assert page.locator("h1").count() == 1
    nameless = (
        """[...document.querySelectorAll("input, textarea, select")].filter((one) => !one.labels.length)"""
    )
    assert page.evaluate(f"{nameless}.length") == 0
    for button in page.get_by_role("button").all():
        assert button.inner_text().strip()


def test_a_page_shows_where_the_focus_is(page, demo_server, path):
    page.goto(f"{demo_server}{path}")
    page.keyboard.press("Tab")
    shown = """(() => {
      const focused = document.activeElement;
      return focused !== document.body && getComputedStyle(focused).outlineStyle !== "none";
    })()"""
    assert page.evaluate(shown)

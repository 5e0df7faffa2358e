"""The pages of the demo as a person meets them: sound, usable, and nothing from outside."""

from __future__ import annotations

import re

import pytest
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


def test_a_page_asks_nobody_else_and_complains_of_nothing(page, demo_server, path):
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{demo_server}{path}")
    page.wait_for_function(SETTLED)
    assert asked
    assert not [url for url in asked if not url.startswith(demo_server)]
    # That page provokes what the browser then complains of.
    assert path == "/browser_api/" or not complaints


def test_a_page_fits_a_phone(page, demo_server, path):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{demo_server}{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
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


def brightness(page, property_name):
    colour = page.evaluate(f"getComputedStyle(document.body).{property_name}")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


# WCAG 2.1, 1.4.3: text has a contrast of 4.5 to 1; what is disabled is excepted.
WEAK_CONTRAST = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  function behind(element) {
    for (let one = element; one; one = one.parentElement) {
      const colour = parts(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  }
  const weak = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!text || !element.checkVisibility() || element.closest(":disabled, script, style")) continue;
    const [a, b] = [parts(getComputedStyle(element).color), behind(element)].map(luminance).sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) weak.push(`${element.tagName} ${element.textContent.trim().slice(0, 40)}`);
  }
  return weak;
}"""


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

"""The heartbeat page: measuring, playing dead, and a server that falls silent."""

from __future__ import annotations

import re
import signal

import pytest
from support.program import Program

pytestmark = pytest.mark.browser

SLOW_MILLISECONDS = 20_000


@pytest.fixture
def url():
    """Serve the gallery for one test alone: the page shows everyone who is present."""
    with Program("demo/gallery.py", "--port", "0") as program:
        yield program.wait_for_url()


def open_page(page, expect, url):
    page.goto(f"{url}/heartbeat/")
    expect(page.locator("#state")).to_have_text("connected")
    expect(page.locator("#here")).to_contain_text("(you)")


def test_round_trips_of_both_heartbeats_are_drawn_and_listed(page, expect, url):
    open_page(page, expect, url)
    for label in ("Server pings browser", "Server asks page", "Page asks server"):
        row = page.locator("#figures tr").filter(has_text=label)
        expect(row.locator("td").first).to_have_text(re.compile(r"^[\d.]+ m?s$"))
        expect(row.locator("td").last).to_have_text("0")
    paths = page.locator("#plot path.line[d*=M]")
    expect(paths).to_have_count(6)  # three in the legend, three in the plot
    picture = page.locator("#plot").get_by_role("img")
    words = r"^Round trips, the last 60 seconds\. Server pings browser: last [\d.]+ ms, median .* Page asks server: last"
    expect(picture).to_have_attribute("aria-label", re.compile(words), timeout=SLOW_MILLISECONDS)


def test_a_page_that_plays_dead_is_dropped_and_comes_back(page, expect, url):
    open_page(page, expect, url)
    name = page.locator("#name").inner_text()
    page.get_by_role("button", name="Play dead").click()
    expect(page.get_by_role("button", name="Come back to life")).to_have_attribute("aria-pressed", "true")
    log = page.locator("#log")
    expect(log).to_contain_text("This page was told: 4001", timeout=SLOW_MILLISECONDS)
    expect(log).to_contain_text(f"{name} (you): 4001 (the application's own): no heartbeat for 5 s")
    expect(page.locator("#state")).to_have_text("connected")
    expect(page.locator("#name")).not_to_have_text(name)
    expect(page.get_by_role("button", name="Play dead")).to_have_attribute("aria-pressed", "false")
    # The browser has answered every ping, for the page that did not answer at all.
    expect(page.locator("#figures tr").nth(0).locator("td").last).to_have_text("0")
    expect(page.locator("#figures tr").nth(1).locator("td").last).to_have_text(re.compile("[1-5]"))


def test_a_page_that_comes_back_to_life_in_time_stays(page, expect, url):
    open_page(page, expect, url)
    name = page.locator("#name").inner_text()
    page.get_by_role("button", name="Play dead").click()
    expect(page.locator("#figures tr").nth(1).locator("td").last).not_to_have_text("0")
    page.get_by_role("button", name="Come back to life").click()
    expect(page.locator("#here")).to_contain_text("missed")
    expect(page.locator("#here")).not_to_contain_text("missed")
    expect(page.locator("#name")).to_have_text(name)
    expect(page.locator("#log li")).to_have_count(0)


def test_a_silent_client_is_seen_and_cut_by_the_server(page, expect, url):
    open_page(page, expect, url)
    page.get_by_role("button", name="Start a silent client").dblclick()
    expect(page.locator("#here tr").filter(has_text="silent client")).to_have_count(2)
    expect(page.locator("#count")).to_have_text("3")
    expect(page.locator("#log li").filter(has_text="no answer to a ping")).to_have_count(
        2, timeout=SLOW_MILLISECONDS
    )
    expect(page.locator("#here tr")).to_have_count(1)
    expect(page.locator("#state")).to_have_text("connected")


def test_the_page_says_why_no_more_clients_may_be_silent(page, expect, url):
    open_page(page, expect, url)
    button = page.get_by_role("button", name="Start a silent client")
    for _ in range(4):
        button.click()
    expect(button).to_be_disabled()
    expect(button).to_be_focused()
    expect(page.locator("#full")).to_contain_text("There are four now")
    expect(button).to_be_enabled(timeout=SLOW_MILLISECONDS)
    expect(page.locator("#full")).to_be_empty()


def test_each_page_sees_the_others(page, expect, url):
    open_page(page, expect, url)
    other = page.context.new_page()
    open_page(other, expect, url)
    expect(page.locator("#here tr")).to_have_count(2)
    other.reload()
    expect(page.locator("#log")).to_contain_text("page 2: 1001 (going away)")
    expect(other.locator("#log")).to_contain_text("page 2: 1001 (going away)")
    other.close()
    expect(page.locator("#here tr")).to_have_count(1)


def test_a_page_notices_a_server_that_has_fallen_silent(page, expect):
    with Program("demo/gallery.py", "--port", "0") as program:
        open_page(page, expect, program.wait_for_url())
        program.process.send_signal(signal.SIGSTOP)
        expect(page.locator("#log")).to_contain_text(
            "Nothing heard from the server for 5 s: connecting anew", timeout=SLOW_MILLISECONDS
        )
        expect(page.locator("#state")).to_have_text("connecting")
        program.process.send_signal(signal.SIGCONT)
        expect(page.locator("#state")).to_have_text("connected")
        expect(page.locator("#here tr")).to_have_count(1, timeout=SLOW_MILLISECONDS)
        # The last events of the old connection change nothing.
        expect(page.locator("#log")).to_contain_text("page 1:")
        expect(page.locator("#state")).to_have_text("connected")
        expect(page.get_by_role("button", name="Play dead")).to_be_enabled()


def test_the_page_says_when_the_server_is_gone_and_comes_back_by_itself(page, expect):
    with Program("demo/gallery.py", "--port", "0") as program:
        url = program.wait_for_url()
        open_page(page, expect, url)
        assert program.interrupt()[0] == 0
    expect(page.locator("#log")).to_contain_text("This page was told: 1001 (going away)")
    expect(page.locator("#state")).to_have_text(re.compile("trying again in|connecting"))
    expect(page.get_by_role("button", name="Play dead")).to_be_disabled()
    expect(page.locator("#here tr")).to_have_count(0)
    with Program("demo/gallery.py", "--port", url.rpartition(":")[2]) as program:
        program.wait_for_url()
        expect(page.locator("#state")).to_have_text("connected", timeout=SLOW_MILLISECONDS)
        expect(page.locator("#here")).to_contain_text("page 1 (you)")


# The plot itself

MEASURED = """async (code) => {
  const { Plot, duration } = await import("./shared/plot.js");
  const place = document.body.appendChild(document.createElement("div"));
  const names = ["one", "two", "three", "four"];
  const series = names.map((name) => ({ name, label: name, colour: "--accent" }));
  const make = (options) => new Plot(place, { title: "Test", series, ...options });
  return new Function("make", "place", "duration", code)(make, place, duration);
}"""


def in_plot(page, demo_server, code):
    page.goto(f"{demo_server}/heartbeat/")
    return page.evaluate(MEASURED, code)


def test_a_plot_holds_so_many_points_and_no_more(page, demo_server):
    count = in_plot(
        page,
        demo_server,
        """const plot = make();
        for (let number = 0; number < 100000; number += 1) plot.add("one", number);
        return plot.byName.get("one").points.length;""",
    )
    assert count == 2000


def test_a_plot_tells_its_lines_apart_without_colour(page, demo_server):
    looks = in_plot(
        page,
        demo_server,
        """const plot = make();
        for (const name of ["one", "two", "three", "four"]) plot.add(name, 5);
        plot.clear();
        for (const name of ["one", "two", "three", "four"]) plot.add(name, 5, performance.now() - 1000);
        place.getBoundingClientRect();
        return [...place.querySelectorAll(".legend li")].map((item) => [
          item.querySelector(".line").getAttribute("stroke-dasharray"), item.querySelector(".mark").getAttribute("d"),
        ]);""",
    )
    assert len({dash for dash, _ in looks}) == 4
    assert len({mark for _, mark in looks}) == 4


def test_a_plot_says_in_figures_what_it_shows(page, demo_server):
    statistics, none = in_plot(
        page,
        demo_server,
        """const plot = make({ seconds: 10 });
        plot.add("one", 9999, performance.now() - 11000);
        for (const value of [5, 1, NaN, null, -3, 2]) plot.add("one", value);
        return [plot.statistics("one"), plot.statistics("two")];""",
    )
    assert statistics == {"last": 2, "median": 2, "worst": 5, "missed": 2}
    assert none == {"last": None, "median": None, "worst": None, "missed": 0}


@pytest.mark.parametrize("logarithmic", ["true", "false"])
@pytest.mark.parametrize(
    "values", ["[]", "[null]", "[0]", "[0, 0.004, 1e7]", "[7]", "[null, 3, null, 4]", "[1e-9, 1e12]"]
)
def test_a_plot_draws_whatever_it_is_given(page, expect, demo_server, values, logarithmic):
    in_plot(
        page,
        demo_server,
        f"""const plot = make({{ isLogarithmic: {logarithmic} }});
        place.id = "drawn";
        const values = {values};
        values.forEach((value, place) => plot.add("one", value, performance.now() - 500 * (values.length - place)));""",
    )
    drawn = page.locator("#drawn .figure")
    count = sum(value not in ("null", "") for value in values.strip("[]").split(", "))
    expect(drawn.locator("text").first).to_be_visible()
    if count:
        expect(drawn.locator(".line").first).to_have_attribute("d", re.compile(r"^M"))
    numbers = drawn.evaluate(
        "(one) => [...one.querySelectorAll('path')].map((path) => path.getAttribute('d')).join()"
    )
    assert "NaN" not in numbers
    assert "Infinity" not in numbers
    labels = drawn.locator("text").all_inner_texts()
    assert 4 <= len(labels) <= 24


def test_a_duration_is_as_short_as_it_can_be_read(page, demo_server):
    code = "return [0, 0.004, 0.42, 7.25, 12.4, 999.7, 1300, null, undefined].map(duration);"
    texts = ["0 ms", "0 ms", "0.42 ms", "7.3 ms", "12 ms", "1 s", "1.3 s", "–", "–"]
    assert in_plot(page, demo_server, code) == texts

"""The echo page: open, send, close, and the texts of the log and the badge."""

from __future__ import annotations

import re

import pytest
from support.program import Program

pytestmark = pytest.mark.browser

SLOW_MILLISECONDS = 20_000


@pytest.fixture
def echo(page, demo_server):
    playwright = pytest.importorskip("playwright.sync_api")
    page.goto(f"{demo_server}/echo/")
    return Echo(page, playwright.expect)


class Echo:
    def __init__(self, page, expect):
        self.page = page
        self.expect = expect
        self.log = page.locator("#log li")

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def open(self):
        self.press("Open")
        self.expect(self.page.locator("#state")).to_have_text("open")

    def expect_last_line(self, text):
        self.expect(self.log.last.locator(".text")).to_contain_text(text)


def test_the_address_and_the_state_are_shown(echo, demo_server):
    echo.expect(echo.page.locator("#state")).to_have_text("closed")
    assert echo.page.locator("#address").inner_text() == f"{demo_server.replace('http', 'ws', 1)}/echo/ws"
    echo.expect(echo.page.get_by_role("button", name="Send text")).to_be_disabled()
    echo.open()
    echo.expect(echo.page.get_by_role("button", name="Send text")).to_be_enabled()
    echo.expect(echo.page.get_by_role("button", name="Open")).to_be_disabled()


def test_text_comes_back_and_is_in_the_log_with_the_time(echo):
    echo.open()
    echo.page.get_by_label("Message").fill("<img src=x onerror=alert(1)> Grüße 世界")
    echo.press("Send text")
    echo.expect(echo.page.locator("#received")).to_have_text("1")
    echo.expect_last_line("<img src=x onerror=alert(1)> Grüße 世界")
    assert [echo.log.nth(place).get_attribute("data-mark") for place in range(4)] == [
        "event",
        "event",
        "out",
        "in",
    ]
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", echo.log.last.locator("time").inner_text())
    assert echo.page.locator("#log img").count() == 0
    assert echo.page.locator("#trip").inner_text().endswith(" ms")


def test_enter_sends_and_shift_enter_is_a_new_line(echo):
    echo.open()
    box = echo.page.get_by_label("Message")
    box.fill("one")
    box.press("Shift+Enter")
    box.press_sequentially("two")
    box.press("Enter")
    echo.expect(echo.page.locator("#received")).to_have_text("1")
    assert echo.log.last.locator(".text").inner_text().endswith("one\ntwo")


def test_bytes_come_back_as_bytes(echo):
    echo.open()
    echo.page.get_by_label("Message").fill("Aé")
    echo.press("Send bytes")
    echo.expect(echo.page.locator("#received")).to_have_text("1")
    echo.expect_last_line("41 c3 a9 (3 bytes)")


def test_a_large_message_comes_back_exactly(echo):
    echo.open()
    echo.press("Send 200 kB")
    echo.expect_last_line("200,000 characters, exactly what was sent")


def test_two_large_messages_at_once_come_back_exactly(echo):
    echo.open()
    echo.page.get_by_role("button", name="Send 200 kB").dblclick()
    echo.expect(echo.page.locator("#received")).to_have_text("2")
    echo.expect(echo.log.filter(has_text="200,000 characters, exactly what was sent")).to_have_count(2)


def test_the_round_trip_is_measured_from_the_message_that_came_back(echo):
    held = []

    def hold(ws):
        held.append(ws)

    echo.page.clock.install()
    echo.page.route_web_socket("**/ws", hold)
    echo.open()
    for _ in range(2):
        echo.press("Send text")
        echo.page.clock.run_for(1000)
    held[0].send("first")
    echo.expect(echo.page.locator("#received")).to_have_text("1")
    assert float(echo.page.locator("#trip").inner_text().split()[0]) >= 2000
    held[0].send("second")
    echo.expect(echo.page.locator("#received")).to_have_text("2")
    assert 1000 <= float(echo.page.locator("#trip").inner_text().split()[0]) < 2000


def test_2000_short_messages_do_not_freeze_the_page(echo):
    echo.open()
    longest, seconds = echo.page.evaluate(FLOOD)
    echo.expect(echo.page.locator("#received")).to_have_text("2000")
    echo.expect_last_line("message number 1999")
    echo.expect(echo.log).to_have_count(500)
    assert longest < 2  # seconds; it was one task of 41
    assert seconds < 20
    assert float(echo.page.locator("#trip").inner_text().split()[0]) < 5000


FLOOD = """async () => {
  let longest = 0;
  new PerformanceObserver((list) => {
    longest = Math.max(longest, ...list.getEntries().map((one) => one.duration / 1000));
  }).observe({ entryTypes: ["longtask"] });
  const form = document.getElementById("send"), box = document.getElementById("message");
  const started = performance.now();
  for (let number = 0; number < 2000; number += 1) {
    box.value = `message number ${number}`;
    form.requestSubmit(form.querySelector("button"));
    if (number % 100 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  while (document.getElementById("received").textContent !== "2000") {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 100)));
  return [longest, (performance.now() - started) / 1000];
}"""


def test_the_log_shows_a_single_message_at_once(echo):
    press = "(one) => { one.click(); return document.querySelectorAll('#log li').length; }"
    assert echo.page.get_by_role("button", name="Open").evaluate(press) == 1


def test_the_other_path_answers_in_json(echo):
    echo.page.get_by_label("Wraps it in JSON").check()
    echo.open()
    echo.page.get_by_label("Message").fill('say "hi"')
    echo.press("Send text")
    echo.expect_last_line(r'{"message":"say \"hi\""}')
    echo.press("Send 200 kB")
    echo.expect_last_line("exactly what was sent")


@pytest.mark.parametrize(("code", "reason"), [("1000", ""), ("4321", "enough")])
def test_the_close_code_comes_back(echo, code, reason):
    echo.open()
    echo.page.get_by_label("Close code").fill(code)
    echo.page.get_by_label("Reason").fill(reason)
    echo.press("Close")
    echo.expect(echo.page.locator("#state")).to_have_text("closed")
    echo.expect(echo.page.locator("#closed")).to_have_text(code)
    echo.expect_last_line(f"closed {code}")
    assert (
        echo.log.nth(-2)
        .locator(".text")
        .inner_text()
        .endswith(f"closing with {code}{': ' * bool(reason)}{reason}")
    )
    echo.open()


def test_a_code_that_a_page_may_not_send_is_reported(echo):
    echo.open()
    echo.page.get_by_label("Close code").fill("1001")
    echo.press("Close")
    assert echo.log.last.get_attribute("data-mark") == "bad"
    echo.expect(echo.page.locator("#state")).to_have_text("open")


def test_plain_http_is_answered_while_the_websocket_is_open(echo):
    echo.open()
    echo.press("Plain HTTP, same port")
    echo.expect_last_line("200 Hello over plain HTTP.")


def test_the_log_can_be_cleared(echo):
    echo.open()
    echo.press("Clear")
    echo.expect(echo.log).to_have_count(0)


def test_the_page_comes_back_when_the_server_does_and_stays_closed_when_told_to(page):
    with Program("demo/gallery.py", "--port", "0") as program:
        url = program.wait_for_url()
        page.goto(f"{url}/echo/")
        echo = Echo(page, pytest.importorskip("playwright.sync_api").expect)
        echo.open()
        assert program.interrupt()[0] == 0
    echo.expect(page.locator("#state")).to_have_text(re.compile("trying again in|connecting"))
    echo.expect(page.get_by_role("button", name="Send text")).to_be_disabled()
    with Program("demo/gallery.py", "--port", url.rpartition(":")[2]) as program:
        program.wait_for_url()
        echo.expect(page.locator("#state")).to_have_text("open", timeout=SLOW_MILLISECONDS)
        echo.press("Send text")
        echo.expect(page.locator("#received")).to_have_text("1")
        echo.press("Close")
        echo.expect(page.locator("#state")).to_have_text("closed")

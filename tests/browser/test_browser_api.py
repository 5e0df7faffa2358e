"""The page that tries the browser's WebSocket: by http, by https, and when the server goes."""

from __future__ import annotations

import re

import pytest
import trustme
from support.program import Program

pytestmark = pytest.mark.browser

SLOW_MILLISECONDS = 30_000
CHECKS = 62


def verdicts(page, verdict):
    return page.locator(f".check[data-verdict={verdict}]")


def finish(page, expect, summary):
    expect(page.locator("#summary")).to_have_text(summary, timeout=SLOW_MILLISECONDS)


def test_every_property_event_and_method_passes(page, expect, demo_server):
    page.goto(f"{demo_server}/browser_api/")
    finish(page, expect, f"{CHECKS - 1} of {CHECKS - 1} pass; 1 not tried.")
    assert verdicts(page, "pass").count() == CHECKS - 1
    assert "○ not tried" in verdicts(page, "skipped").inner_text()  # wss, on a page that came by http
    page.get_by_role("button", name="Again: readyState").click()
    expect(verdicts(page, "running")).to_have_count(0)
    expect(verdicts(page, "pass")).to_have_count(CHECKS - 1)


@pytest.mark.parametrize(
    ("browser", "came"),
    [("Chromium", "no connection, 1006."), ("Firefox", "a connection, protocol empty, as Firefox does.")],
)
def test_browsers_may_differ_where_the_server_speaks_no_subprotocol_of_the_page(
    page, expect, demo_server, browser, came
):
    if browser == "Firefox":
        page.add_init_script(LIKE_FIREFOX)
    page.goto(f"{demo_server}/browser_api/")
    finish(page, expect, f"{CHECKS - 1} of {CHECKS - 1} pass; 1 not tried.")
    row = page.locator(".check", has_text="Offering only what the server does not speak")
    expect(row).to_contain_text(f"Came: {came}")


# It opens a connection though the server has chosen none of the subprotocols, which it should fail.
LIKE_FIREFOX = """
  const Real = window.WebSocket;
  window.WebSocket = class WebSocket extends Real {
    constructor(url, protocols) { protocols === "klingon" ? super(url) : super(url, protocols); }
  };
"""


def test_wss_is_tried_where_the_page_came_by_https(chromium, expect, tmp_path):
    certificate = trustme.CA().issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "chain.pem")
    command = ("-m", "trioweb", "demo", "--port", "0", "--certfile", tmp_path / "chain.pem")
    with Program(*command) as program:
        context = chromium.new_context(ignore_https_errors=True)
        page = context.new_page()
        page.goto(f"{program.wait_for_url()}/browser_api/")
        finish(page, expect, f"{CHECKS} of {CHECKS} pass.")
        assert page.locator("#address").inner_text().startswith("wss://")
        context.close()
        assert program.interrupt()[0] == 0


def test_a_server_that_goes_makes_checks_fail_and_one_that_comes_makes_them_pass(page, expect):
    with Program("demo/gallery.py", "--port", "0") as program:
        url = program.wait_for_url()
        page.goto(f"{url}/browser_api/")
        finish(page, expect, re.compile("^61 of 61"))
        assert program.interrupt()[0] == 0
    expect(page.locator("#state")).to_have_text(re.compile("trying again in|connecting"))
    expect(page.get_by_role("button", name="Run all again")).to_be_disabled()
    page.get_by_role("button", name="Again: A Blob").click()
    finish(page, expect, "60 of 61 pass, 1 fail; 1 not tried.")
    assert "closed instead of opened" in verdicts(page, "fail").inner_text()
    with Program("demo/gallery.py", "--port", url.rpartition(":")[2]) as program:
        program.wait_for_url()
        finish(page, expect, re.compile("^61 of 61"))


def test_a_server_that_was_killed_and_came_back_during_a_run_has_all_run_again(page, expect):
    with Program("demo/gallery.py", "--port", "0") as program:
        url = program.wait_for_url()
        with page.expect_websocket(lambda one: one.url.endswith("/late")) as late:
            page.goto(f"{url}/browser_api/")
        late.value.wait_for_event("framesent")  # the answer to it will never come
        program.process.kill()
        program.process.wait()
    with Program("demo/gallery.py", "--port", url.rpartition(":")[2]) as program:
        program.wait_for_url()
        finish(page, expect, re.compile("^61 of 61"))
        assert program.interrupt()[0] == 0

"""The pages of the examples, a few lines each, in a browser as their first lines say."""

from __future__ import annotations

import pytest
from support.program import ROOT, Program

pytestmark = pytest.mark.browser


@pytest.fixture
def visit(page, tmp_path):
    """Serve an example by its path, and open its page in so many tabs."""
    programs = []

    def visit(name, tabs=1):
        program = Program(
            "-m", "trioweb", "run", ROOT / "examples" / f"{name}.py", "--port", "0", cwd=tmp_path
        )
        programs.append(program)
        url = program.wait_for_url()
        pages = [page, *(page.context.new_page() for _ in range(tabs - 1))]
        for one in pages:
            one.goto(url)
        return pages

    yield visit
    for program in programs:
        with program:
            assert program.interrupt()[0] == 0


def test_two_windows_chat(visit, expect):
    ann, bob = visit("chat", tabs=2)
    ann.locator("input").fill("Hello <b>Bob</b>")
    ann.get_by_role("button", name="Send").click()
    for page in (ann, bob):
        expect(page.locator("div")).to_have_text("Hello <b>Bob</b>")
    expect(ann.locator("input")).to_have_value("")


def test_a_person_logs_in_and_is_known_to_the_websocket(visit, expect):
    [page] = visit("login")
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill("tea")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("body")).to_contain_text("You are ann.")


def test_a_form_sends_a_file(visit, expect, tmp_path):
    (tmp_path / "tea.txt").write_text("green")
    [page] = visit("upload_form")
    page.locator("input").set_input_files(tmp_path / "tea.txt")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("body")).to_contain_text("-tea.txt: 5 bytes")


def test_a_websocket_sends_a_file(visit, expect, tmp_path):
    content = bytes(range(256)) * 10_000
    (tmp_path / "tea.bin").write_bytes(content)
    [page] = visit("upload_websocket")
    page.locator("input").set_input_files(tmp_path / "tea.bin")
    expect(page.locator("body")).to_contain_text("1000")
    [stored] = tmp_path.glob("upload-*")
    assert stored.read_bytes() == content


def test_a_folder_is_shown_with_its_style(visit, expect):
    [page] = visit("static_files")
    expect(page.locator("h1")).to_have_text("Hello from a file")
    assert page.locator("body").evaluate("(one) => getComputedStyle(one).marginTop") == "64px"

"""The upload page: files in slices and whole, and over pauses, losses and restarts."""

from __future__ import annotations

import hashlib
import random
import re

import pytest
from support.program import Program

pytestmark = pytest.mark.browser

SLOW_MILLISECONDS = 30_000
SAME = re.compile("✓ The same on both sides")


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Start the gallery with a folder of its own for what is uploaded."""
    (tmp_path / "server").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "server"))

    def start(port=0):
        return Program("demo/gallery.py", "--port", port)

    return start


@pytest.fixture
def upload(page, expect):
    return Upload(page, expect)


class Upload:
    def __init__(self, page, expect):
        self.page = page
        self.expect = expect
        self.items = page.locator("#uploads li")
        self.shelf = page.locator("#shelf li")

    def open(self, url):
        self.page.goto(f"{url}/upload/")
        self.expect(self.page.locator("#state")).to_have_text("connected", timeout=SLOW_MILLISECONDS)
        self.expect(self.page.locator("#limit")).to_contain_text("500.0 MB")

    def choose(self, how, *files):
        self.page.get_by_label(how, exact=True).check()
        with self.page.expect_file_chooser() as chooser:
            self.press("Choose files")
        chooser.value.set_files(files)

    def item(self, name):
        return self.items.filter(has=self.page.get_by_role("heading", name=name, exact=True))

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def expect_done(self, path):
        item = self.item(path.name)
        self.expect(item.locator(".badge")).to_have_text("done", timeout=SLOW_MILLISECONDS)
        self.expect(item).to_contain_text(SAME, timeout=SLOW_MILLISECONDS)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        assert item.locator(".sums dd").all_inner_texts()[:2] == [digest, digest]

    def send_part(self, url, make):
        """Begin a file of which the network takes two fifths."""
        path = make("large.bin", 5_000_000)
        self.open(url)
        self.hold_back(most_slices=8)
        self.choose("In slices", path)
        self.expect(self.item("large.bin")).to_contain_text("2.1 MB of 5.0 MB")
        return path

    def hold_back(self, most_slices):
        """Let this many slices through, and hold the rest like a stalled network."""
        routes = []

        def pass_on(route):
            server, passed = route.connect_to_server(), []

            def to_server(message):
                passed.append(message)
                if len(passed) <= most_slices + 1 or len(routes) > 1:
                    server.send(message)

            route.on_message(to_server)
            server.on_message(route.send)
            routes.append(server)

        self.page.route_web_socket("**/upload/slices", pass_on)
        return routes


@pytest.fixture
def make(tmp_path):
    def make(name, size):
        path = tmp_path / name
        path.write_bytes(random.Random(name).randbytes(size))
        return path

    return make


@pytest.mark.parametrize("how", ["In slices", "Whole"], ids=["in slices", "whole"])
def test_files_arrive_as_they_are_several_at_once(start, upload, make, how):
    sizes = (0, 1, 55, 56, 63, 64, 65, 119, 120, 262_144, 262_145, 3_000_000)
    paths = [make(f"{size}.bin", size) for size in sizes]
    with start() as program:
        upload.open(program.wait_for_url())
        upload.choose(how, *paths)
        for path in paths:
            upload.expect_done(path)
        upload.expect(upload.shelf).to_have_count(len(paths))
        assert program.interrupt()[0] == 0


def test_an_upload_continues_after_a_restart_of_the_server(start, upload, make):
    path = make("large.bin", 20_000_000)
    with start() as program:
        url = program.wait_for_url()
        upload.open(url)
        upload.hold_back(most_slices=40)
        upload.choose("In slices", path)
        upload.expect(upload.item("large.bin")).to_contain_text(
            "10.5 MB of 20.0 MB", timeout=SLOW_MILLISECONDS
        )
        assert program.interrupt()[0] == 0
    upload.expect(upload.item("large.bin").locator(".badge")).to_have_text(
        re.compile("trying again in|connecting")
    )
    with start(url.rpartition(":")[2]) as program:
        program.wait_for_url()
        upload.expect_done(path)
        (resumed,) = (
            int(one)
            for one in re.findall(r"WebSocket /upload/slices.*?(\d+) bytes, sent", program.interrupt()[1])
        )
    assert 9_000_000 < resumed < 10_000_000


def test_an_upload_continues_after_a_reload_when_the_file_is_chosen_again(start, upload, make):
    with start() as program:
        path = upload.send_part(program.wait_for_url(), make)
        upload.page.reload()
        upload.choose("In slices", path)
        upload.expect_done(path)
        printed = program.interrupt()[1]
    assert re.search(r"WebSocket /upload/slices.* received 13 messages", printed)


def test_a_pause_releases_the_connection_and_resuming_continues(start, upload, make):
    with start() as program:
        path = upload.send_part(program.wait_for_url(), make)
        upload.press("Pause: large.bin")
        upload.expect(upload.item("large.bin").locator(".badge")).to_have_text("paused")
        upload.press("Resume: large.bin")
        upload.expect_done(path)


def test_a_cancelled_upload_leaves_nothing(start, upload, make, tmp_path):
    with start() as program:
        upload.send_part(program.wait_for_url(), make)
        with upload.page.expect_response("**/uploads/*") as answer:
            upload.press("Cancel: large.bin")
        assert answer.value.status == 204
        upload.expect(upload.items).to_have_count(0)
        assert not [path for path in (tmp_path / "server").rglob("*") if path.is_file()]


def test_a_whole_file_that_is_cut_off_can_be_tried_again(start, upload, make):
    path = make("large.bin", 3_000_000)
    with start() as program:
        upload.open(program.wait_for_url())
        cut = []

        def cut_first(route):
            server = route.connect_to_server()
            server.on_message(route.send)
            cut.append(route)
            route.on_message(lambda message: server.send(message) if len(cut) > 1 else route.close(code=1012))

        upload.page.route_web_socket("**/upload/whole", cut_first)
        upload.choose("Whole", path)
        upload.expect(upload.item("large.bin").locator(".problem")).to_contain_text(
            "cannot be continued in the middle"
        )
        upload.press("Try again: large.bin")
        upload.expect_done(path)


def test_a_refusal_is_shown_with_its_reason(start, upload, make):
    with start() as program:
        upload.open(program.wait_for_url())
        upload.page.route_web_socket(
            "**/upload/slices",
            lambda route: route.close(code=4507, reason="the shelf is full: come back later"),
        )
        upload.choose("In slices", make("small.bin", 10))
        upload.expect(upload.item("small.bin").locator(".problem")).to_contain_text("the shelf is full")
        upload.expect(upload.item("small.bin").locator(".badge")).to_have_text("failed")


@pytest.mark.parametrize("how", ["In slices", "Whole"])
def test_an_upload_without_room_says_why_and_starts_when_there_is_some(start, upload, make, how):
    tries = []

    def pass_on(route):
        tries.append(route)
        if len(tries) == 1:
            route.close(code=1013, reason="32 files are on their way already")
        else:
            route.connect_to_server()

    with start() as program:
        upload.open(program.wait_for_url())
        upload.page.route_web_socket(re.compile("upload/(slices|whole)"), pass_on)
        upload.page.evaluate(KEEP_PROBLEMS)
        path = make("waits.bin", 1000)
        upload.choose(how, path)
        upload.expect_done(path)
        upload.expect(upload.item("waits.bin").locator(".problem")).to_be_hidden()
        assert "1013 (try again later): 32 files are on their way already" in upload.page.evaluate(
            "problems.join()"
        )


KEEP_PROBLEMS = """() => {
  window.problems = [];
  const keep = () => window.problems.push(document.querySelector("#uploads .problem")?.innerText);
  new MutationObserver(keep).observe(document.getElementById("uploads"), { childList: true, subtree: true });
}"""


def test_a_dropped_file_is_accepted_and_its_name_is_only_text(start, upload):
    with start() as program:
        upload.open(program.wait_for_url())
        upload.page.evaluate(
            """() => {
              const transfer = new DataTransfer();
              transfer.items.add(new File(["dropped"], "<img src=x onerror=alert(1)>.txt"));
              const drop = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
              document.getElementById("drop").dispatchEvent(drop);
            }"""
        )
        upload.expect(upload.items).to_contain_text(SAME)
        upload.expect(upload.shelf.get_by_role("link")).to_have_text("<img src=x onerror=alert(1)>.txt")
        assert upload.page.locator("main img").count() == 0


def test_files_on_the_shelf_are_downloaded_and_deleted_with_a_second_press(start, upload, make):
    path = make("some file.bin", 300_000)
    with start() as program:
        upload.open(program.wait_for_url())
        upload.choose("In slices", path)
        upload.expect_done(path)
        with upload.page.expect_download() as download:
            upload.page.get_by_role("link", name="some file.bin").click()
        assert download.value.suggested_filename == "some file.bin"
        assert download.value.path().read_bytes() == path.read_bytes()
        upload.press("Delete: some file.bin")
        upload.press("Really delete?: some file.bin")
        upload.expect(upload.shelf).to_have_count(0)
        upload.press("Clear the finished")
        upload.expect(upload.items).to_have_count(0)


def test_a_reloaded_page_says_which_files_to_choose_again(start, upload, make):
    with start() as program:
        path = upload.send_part(program.wait_for_url(), make)
        upload.page.reload()
        hint = upload.page.locator("#unfinished li")
        upload.expect(hint).to_contain_text("large.bin")
        upload.expect(hint).to_contain_text("of 5.0 MB are at the server. Choose the same file again")
        upload.expect(upload.page.locator("#none")).to_be_hidden()
        upload.choose("In slices", path)
        upload.expect(hint).to_have_count(0)
        upload.expect_done(path)
        upload.page.reload()
        upload.expect(upload.shelf).to_have_count(1)
        upload.expect(hint).to_have_count(0)


def test_an_unfinished_upload_can_be_forgotten_here_and_at_the_server(start, upload, make, tmp_path):
    with start() as program:
        upload.send_part(program.wait_for_url(), make)
        upload.page.reload()
        with upload.page.expect_response("**/uploads/*") as answer:
            upload.press("Forget: large.bin")
        assert answer.value.status == 204
        upload.expect(upload.page.locator("#none")).to_be_visible()
        upload.expect(upload.page.get_by_role("button", name="Choose files")).to_be_focused()
        assert not [path for path in (tmp_path / "server").rglob("*") if path.is_file()]


def test_a_double_click_does_not_delete(start, upload, make):
    with start() as program:
        upload.open(program.wait_for_url())
        upload.choose("In slices", make("one.bin", 10))
        upload.expect(upload.shelf).to_have_count(1)
        upload.page.get_by_role("button", name="Delete: one.bin").dblclick()
        upload.press("Really delete?: one.bin")
        upload.expect(upload.shelf).to_have_count(0)
        upload.expect(upload.page.locator("#shelf-told")).to_have_text("one.bin is deleted.")
        upload.expect(upload.page.get_by_role("heading", name="On the shelf")).to_be_focused()


def test_a_file_that_could_not_be_deleted_is_reported_where_it_can_be_seen(start, upload, make):
    with start() as program:
        upload.open(program.wait_for_url())
        upload.choose("In slices", make("one.bin", 10))
        upload.expect(upload.shelf).to_have_count(1)
        upload.page.route("**/files/*", lambda route: route.abort())
        upload.press("Delete: one.bin")
        upload.press("Really delete?: one.bin")
        told = upload.page.locator("#shelf-told")
        upload.expect(told).to_have_text("one.bin is not deleted: the server cannot be reached.")
        assert told.bounding_box()["height"] > 10


def test_the_focus_stays_near_a_removed_element(start, upload, make):
    with start() as program:
        upload.open(program.wait_for_url())
        upload.choose("In slices", *(make(name, 10) for name in ("a.bin", "b.bin", "c.bin")))
        upload.expect(upload.shelf).to_have_count(3)
        focused = upload.page.locator(":focus")
        for name, following in (("b.bin", "a.bin"), ("a.bin", "c.bin")):
            upload.press(f"Remove from list: {name}")
            upload.expect(focused).to_have_attribute("aria-label", f"Remove from list: {following}")
        upload.press("Clear the finished")
        upload.expect(focused).to_have_text("Choose files")
        names = [
            one.removeprefix("Delete: ") for one in upload.page.locator("#shelf button").evaluate_all(LABELS)
        ]
        upload.press(f"Delete: {names[1]}")
        upload.press(f"Really delete?: {names[1]}")
        upload.expect(focused).to_have_attribute("aria-label", f"Delete: {names[2]}")


LABELS = "(buttons) => buttons.map((one) => one.getAttribute('aria-label'))"


@pytest.mark.parametrize("knows_the_limit", [True, False])
def test_a_file_that_is_too_large_is_refused_in_one_text_and_not_tried_again(start, upload, knows_the_limit):
    with start() as program:
        if not knows_the_limit:
            upload.page.route_web_socket("**/upload/watch", lambda route: None)
            upload.page.goto(f"{program.wait_for_url()}/upload/")
        else:
            upload.open(program.wait_for_url())
        upload.page.evaluate(
            """() => {
              const file = new File(["x"], "huge.bin");
              Object.defineProperty(file, "size", { value: 600_000_000 });
              const drop = new DragEvent("drop", { bubbles: true, cancelable: true });
              Object.defineProperty(drop, "dataTransfer", { value: { files: [file] } });
              document.getElementById("drop").dispatchEvent(drop);
            }"""
        )
        item = upload.item("huge.bin")
        upload.expect(item.locator(".problem")).to_contain_text(
            "a file may have 500.0 MB, and this one has more."
        )
        upload.expect(item.get_by_role("button", name="Try again")).to_have_count(0)

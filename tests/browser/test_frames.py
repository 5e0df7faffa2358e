"""The frames page: the real frames of its connection, each field with its bits and its meaning."""

from __future__ import annotations

import re

import pytest
from support.program import Program

pytestmark = pytest.mark.browser

SLOW_MILLISECONDS = 20_000


@pytest.fixture
def frames(page, expect, demo_server):
    frames = Frames(page, expect)
    frames.visit(demo_server)
    return frames


class Frames:
    def __init__(self, page, expect):
        self.page = page
        self.expect = expect
        self.list = page.locator("#frames button")

    def visit(self, url):
        self.page.goto(f"{url}/frames/")
        self.expect_state("open")
        self.expect(self.list).to_have_count(2)

    def expect_state(self, text, **options):
        self.expect(self.page.locator("#state")).to_have_text(text, **options)

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def expect_names(self, *names):
        """The list's lines: the sender's arrow, and the name."""
        shown = [f"{names[place]}" for place in range(len(names))]
        self.expect(self.list).to_have_text([re.compile(f"^{name}") for name in map(listed, shown)])

    def bits(self, field):
        """All bits of a field, in all its rows."""
        return "".join(self.page.locator(f"#bits [data-field={field}] .values").all_inner_texts()).replace(
            "\n", ""
        )

    def field(self, name):
        return self.page.locator("#bits").get_by_role("button", name=re.compile(f"^{name} "))

    def explained(self):
        return self.page.locator("#explain").inner_text()

    def bytes(self, side):
        texts = self.page.locator(f"#{side} .byte").all_inner_texts()
        return [re.match(r"byte \d+: ?\s*(\w\w)", text)[1] for text in texts]


def listed(line):
    """The pattern of a line of the list: `↑ Text` is an arrow, a number and a name."""
    arrow, name = line.split(" ", 1)
    sender = "browser" if arrow == "↑" else "server"
    return rf"{arrow}\s*\d+\s*from the {sender}:\s*{name}\s*\d"


def test_every_bit_of_a_frame_is_drawn(frames):
    """A text of 14 bytes from a browser: final, masked, nothing reserved."""
    expected = {"fin": "1", "rsv1": "0", "rsv2": "0", "rsv3": "0", "opcode": "0001", "mask": "1"}
    assert {field: frames.bits(field) for field in expected} == expected
    assert frames.bits("short_length") == "0001110"
    assert len(frames.bits("key")) == 32
    assert frames.bits("extended") == ""
    key = int(frames.bits("key"), 2).to_bytes(4, "big")
    wire = int(frames.bits("payload"), 2).to_bytes(14, "big")
    assert bytes(byte ^ key[place % 4] for place, byte in enumerate(wire)) == b"Hello, frames!"


def test_the_payload_is_shown_masked_and_unmasked(frames):
    wire, plain = frames.bytes("wire"), frames.bytes("plain")
    assert bytes.fromhex("".join(plain)) == b"Hello, frames!"
    assert len(wire) == 14
    frames.page.locator("#wire .byte").nth(5).click()
    key = int(frames.bits("key"), 2).to_bytes(4, "big")
    shown = frames.page.locator("#xor dd").all_inner_texts()
    assert shown[:2] == [wire[5], re.sub("(....)", r"\1 ", f"{int(wire[5], 16):08b}").strip()]
    assert shown[3] == f"{key[1]:02x}"
    assert shown[6:] == ["2c", "0010 1100", ","]
    frames.expect(frames.page.locator("#said")).to_have_text("As text: Hello, frames!")


def test_the_frames_of_the_server_are_not_masked(frames):
    frames.list.nth(1).click()
    frames.expect(frames.page.locator("#frame-title")).to_have_text("Frame 2")
    assert frames.bits("mask") == "0"
    assert frames.bits("key") == ""
    assert frames.page.locator("#plain-side").is_hidden()
    assert bytes.fromhex("".join(frames.bytes("wire"))) == b"Hello, frames!"


@pytest.mark.parametrize(
    ("button", "short", "extended"),
    [("300 bytes", "1111110", f"{300:016b}"), ("70,000 bytes", "1111111", f"{70_000:064b}")],
)
def test_longer_lengths_take_16_or_64_bits(frames, button, short, extended):
    frames.press(button)
    frames.expect(frames.list).to_have_count(4)
    frames.expect(frames.page.locator("#frame-title")).to_have_text("Frame 3")
    for line in (2, 3):
        frames.list.nth(line).click()
        assert (frames.bits("short_length"), frames.bits("extended")) == (short, extended)
    frames.expect(frames.page.locator("#bits .more")).to_contain_text("more of payload")


def test_bytes_and_text_have_opcodes_of_their_own(frames):
    frames.page.get_by_label("Message").fill("é")
    frames.press("Send bytes")
    frames.expect_names("↑ Text", "↓ Text", "↑ Binary", "↓ Binary")
    assert frames.bits("opcode") == "0010"
    assert frames.bytes("plain") == ["c3", "a9"]


def test_fragments_are_frames_of_one_message(frames):
    frames.press("Fragments")
    frames.expect_names(
        "↑ Text",
        "↓ Text",
        "↓ Text, more follow",
        "↓ Continuation, more follow",
        "↓ Continuation, more follow",
        "↓ Continuation",
    )
    assert (frames.bits("fin"), frames.bits("opcode")) == ("0", "0001")
    frames.list.last.click()
    assert (frames.bits("fin"), frames.bits("opcode")) == ("1", "0000")


def test_a_ping_and_the_browsers_pong_are_seen(frames):
    frames.press("A ping")
    frames.expect_names("↑ Text", "↓ Text", "↓ Ping", "↑ Pong")
    ping = frames.bytes("wire")
    frames.list.last.click()
    frames.expect(frames.page.locator("#frame-title")).to_have_text("Frame 4")
    assert frames.bytes("plain") == ping


def test_a_compressed_frame_has_rsv1_and_is_inflated(frames):
    frames.page.get_by_label("Compressed").check(force=True)
    frames.expect(frames.page.locator("#said")).to_have_text("Inflated: Hello, frames!")
    assert frames.bits("rsv1") == "1"
    frames.field("RSV1").click()
    assert "RFC 7692 §6" in frames.explained()
    frames.expect(frames.page.locator("#frames .note").last).to_contain_text("permessage-deflate")


@pytest.mark.parametrize(("button", "first"), [("Browser closes", "↑"), ("Server closes", "↓")])
def test_either_side_closes_and_the_other_answers(frames, button, first):
    frames.page.get_by_label("Close code").fill("4001")
    frames.page.get_by_label("Reason").fill("enough")
    frames.press(button)
    frames.expect_state("closed")
    second = "↓" if first == "↑" else "↑"
    frames.expect_names("↑ Text", "↓ Text", f"{first} Close", f"{second} Close")
    frames.expect(frames.page.locator("#said")).to_have_text(
        "Close code 4001 (the application's own): enough"
    )
    frames.expect(frames.page.locator("#frames .note").last).to_contain_text("4001")
    frames.expect(frames.page.get_by_role("button", name="Send text")).to_be_disabled()
    frames.press("Open it again")
    frames.expect_state("open")
    frames.press("Send text")
    frames.expect(frames.list).to_have_count(6)


def test_a_code_that_cannot_be_sent_is_reported(frames):
    frames.page.get_by_label("Close code").fill("1001")
    frames.press("Browser closes")
    frames.expect(frames.page.locator("#frames .note.bad")).to_be_visible()
    frames.page.get_by_label("Close code").fill("1006")
    frames.press("Server closes")
    frames.expect(frames.page.locator("#frames .note.bad")).to_have_count(2)
    frames.expect_state("open")
    frames.press("Send text")
    frames.expect(frames.list).to_have_count(4)


def test_a_field_is_explained_by_pointer_and_by_keyboard(frames):
    frames.field("FIN").hover()
    assert "last frame of its message" in frames.explained()
    frames.field("MASK").click()
    assert "A browser masks every frame" in frames.explained()
    frames.page.keyboard.press("ArrowRight")
    assert frames.explained().startswith("length = 14")
    frames.page.keyboard.press("End")
    assert frames.explained().startswith("payload = 14 bytes")
    frames.page.keyboard.press("Home")
    assert frames.explained().startswith("FIN = final")
    assert frames.page.locator("#bits [tabindex='0']").count() == 1
    frames.page.locator("#wire [aria-checked=true]").focus()
    frames.page.keyboard.press("ArrowRight")
    frames.expect(frames.page.locator("#wire [aria-checked=true]")).to_have_accessible_name(
        re.compile("^byte 1: ")
    )


def test_the_figure_can_be_read_as_a_table(frames):
    frames.page.get_by_text("The fields as a table").click()
    rows = [row.split("\t") for row in frames.page.locator("#rows tr").all_inner_texts()]
    assert [row[0] for row in rows] == [
        "FIN",
        "RSV1",
        "RSV2",
        "RSV3",
        "opcode",
        "MASK",
        "length",
        "masking key",
        "payload",
    ]
    assert rows[4][1:] == ["0001", "1: text"]


def test_typed_text_is_shown_as_text(frames):
    frames.page.get_by_label("Message").fill("<img src=x onerror=alert(1)>")
    frames.page.get_by_label("Message").press("Enter")
    frames.expect(frames.page.locator("#said")).to_have_text("As text: <img src=x onerror=alert(1)>")
    assert frames.page.locator("main img").count() == 0


def test_an_empty_message_is_a_frame_without_a_payload(frames):
    frames.page.get_by_label("Message").fill("")
    frames.press("Send text")
    frames.expect(frames.page.locator("#frame-title")).to_have_text("Frame 3")
    frames.expect(frames.page.locator("#payload")).to_be_hidden()
    assert frames.bits("short_length") == "0000000"


def test_two_pages_see_their_own_frames_only(frames, chromium, expect, demo_server):
    context = chromium.new_context()
    other = Frames(context.new_page(), expect)
    other.visit(demo_server)
    other.press("A ping")
    other.expect_names("↑ Text", "↓ Text", "↓ Ping", "↑ Pong")
    frames.press("Send bytes")
    frames.expect_names("↑ Text", "↓ Text", "↑ Binary", "↓ Binary")
    context.close()


def test_the_history_is_bounded(frames):
    frames.page.evaluate(
        """async () => {
            for (let count = 0; count < 150; count++) {
                document.querySelector("[value=text]").click();
                await new Promise((resolve) => setTimeout(resolve, 2));
            }
        }"""
    )
    frames.expect(frames.list.last).to_contain_text("302")
    assert frames.page.locator("#frames li").count() <= 200


def test_the_bits_fit_a_phone(frames):
    frames.page.set_viewport_size({"width": 360, "height": 740})
    frames.expect(frames.page.locator("#bits .ruler")).to_have_count(16)
    frames.press("70,000 bytes")
    frames.expect(frames.list).to_have_count(4)
    assert frames.bits("extended") == f"{70_000:064b}"
    assert frames.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_page_comes_back_with_the_server(page, expect):
    frames = Frames(page, expect)
    with Program("demo/gallery.py", "--port", "0") as program:
        url = program.wait_for_url()
        frames.visit(url)
        assert program.interrupt()[0] == 0
    expect(page.locator("#frames .note.bad").last).to_have_text("The server is gone: 1001 (going away).")
    frames.expect_state(re.compile("trying again in|connecting"))
    expect(page.get_by_role("button", name="Send text")).to_be_disabled()
    with Program("demo/gallery.py", "--port", url.rpartition(":")[2]) as program:
        program.wait_for_url()
        frames.expect_state("open", timeout=SLOW_MILLISECONDS)
        count = frames.list.count()
        frames.press("Send text")
        expect(frames.list).to_have_count(count + 2)
        assert bytes.fromhex("".join(frames.bytes("plain"))) == b"Hello, frames!"


def test_a_cleared_list_does_not_say_that_there_was_no_frame(page, expect, demo_server):
    page.goto(f"{demo_server}/frames/")
    expect(page.locator("#frames button")).not_to_have_count(0)
    page.get_by_role("button", name="Clear").click()
    text = page.locator("#frames").evaluate("(one) => getComputedStyle(one, '::before').content")
    assert text == '"Cleared: what crosses it next stands here."'

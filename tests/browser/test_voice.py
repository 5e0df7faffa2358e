"""The voice page with a microphone that beeps: there and back, to a listener, and over a restart."""

from __future__ import annotations

import re

import pytest
from support.links.bad_line import BadLine
from support.program import Program
from websockets.sync.client import connect

pytestmark = pytest.mark.browser

SLOW_MILLISECONDS = 20_000
HEARD = re.compile(r"You hear: −\d+ dB")
NOTHING_HEARD = re.compile("You hear: silent")


@pytest.fixture(scope="module")
def beeping_chromium(chromium, require_tool):
    """Run another Chromium, whose microphone beeps once a second and needs no permission."""
    program = require_tool("chromium", "chromium-browser", "google-chrome")
    flags = ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream"]
    with chromium.browser_type.launch(
        executable_path=program, args=[*flags, "--use-fake-ui-for-media-stream"]
    ) as browser:
        yield browser


@pytest.fixture
def visit(beeping_chromium):
    """Open the page, each time as another person."""
    contexts, thrown = [], []

    def visit(url):
        contexts.append(beeping_chromium.new_context())
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: thrown.append(str(error)))
        page.goto(f"{url}/voice/")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not thrown


@pytest.fixture
def say(visit, expect):
    """Open the page and go on the air."""

    def say(url, name):
        page = visit(url)
        page.get_by_label("Your name").fill(name)
        page.get_by_role("button", name="Start talking").click()
        expect(page.locator("#talk-state")).to_have_text("talking")
        return page

    return say


def expect_sound(expect, page, wanted=HEARD, timeout=SLOW_MILLISECONDS):
    expect(page.locator("#scope")).to_have_attribute("aria-label", wanted, timeout=timeout)


def test_sound_from_the_microphone_comes_back_and_is_played(say, expect, demo_server):
    ann = say(demo_server, "Ann")
    expect(ann.locator("#log")).to_contain_text("you are on the air as Ann")
    expect(ann.locator("#talkers li")).to_contain_text("Ann (you)")
    expect_sound(expect, ann)
    expect(ann.locator("#trip")).to_have_text(re.compile(r"^\d+\.\d ms$"))
    expect(ann.locator("#behind")).to_have_text(re.compile(r"^[01]\.\d\d s$"))
    expect(ann.locator("#waiting-here")).to_have_text("0.0 kB")
    expect(ann.locator("#lost")).to_have_text("0")
    ann.get_by_role("button", name="Stop").click()
    expect(ann.locator("#talk-state")).to_have_text("silent")
    expect(ann.locator("#nobody")).to_be_visible()


def test_a_late_listener_tunes_in_and_out_and_hears_who_comes_back(say, visit, expect, demo_server):
    ann, ben = say(demo_server, "Ann"), visit(demo_server)
    expect_sound(expect, ann)
    ben.get_by_role("button", name="Tune in: Ann").click()
    expect(ann.locator("#talkers li")).to_contain_text("1 listener")
    expect_sound(expect, ben)
    ann.get_by_role("button", name="Stop").click()
    expect(ben.locator("#log")).to_contain_text("Ann is off the air")
    ann.get_by_role("button", name="Start talking").click()
    expect_sound(expect, ben)
    ben.get_by_role("button", name="Tune out: Ann").click()
    expect(ann.locator("#talkers li")).to_contain_text("0 listeners")
    expect_sound(expect, ben, NOTHING_HEARD)


def test_muting_silences_one_side_and_keeps_the_other(say, expect, demo_server):
    ann = say(demo_server, "Ann")
    expect_sound(expect, ann)
    ann.get_by_role("button", name="Mute echo").click()
    expect_sound(expect, ann, NOTHING_HEARD)
    expect_sound(expect, ann, re.compile(r"You say: −\d+ dB"))
    ann.get_by_role("button", name="Mute echo").click()
    ann.get_by_role("button", name="Mute microphone").click()
    expect(ann.locator("#level-text")).to_have_text("muted")
    expect(ann.locator("#level")).to_have_attribute("aria-valuetext", "muted")


def test_sound_continues_after_lost_chunks_and_the_page_says_so(say, visit, expect, demo_server):
    say(demo_server, "Ann")
    ben = visit(demo_server)

    def lose_half(route):
        server, chunks = route.connect_to_server(), []

        def pass_on(message):
            chunks.append(message)
            if isinstance(message, str) or len(chunks) % 4 < 2:
                route.send(message)

        server.on_message(pass_on)
        route.send('{"type": "missed", "count": 3}')

    # The server's side of dropping is tested without a browser; here chunks are lost on the way.
    ben.route_web_socket("**/voice/listen*", lose_half)
    ben.reload()
    ben.get_by_role("button", name="Tune in: Ann").click()
    expect(ben.locator("#log")).to_contain_text("3 chunks are missing in Ann: your connection was too slow")
    expect_sound(expect, ben)
    seconds = re.compile(r"^0\.\d\d s$")
    for _ in range(2):
        expect_sound(expect, ben, NOTHING_HEARD)
        expect_sound(expect, ben)
        expect(ben.locator("#behind")).to_have_text(seconds)


def test_chunks_that_the_network_does_not_take_are_left_out_and_not_piled_up(visit, expect, demo_server):
    ann = visit(demo_server)
    # Loopback takes everything, so the browser is made to say that nothing leaves.
    ann.evaluate(
        "Object.defineProperty(WebSocket.prototype, 'bufferedAmount', { get: () => window.waiting ?? 50_000 })"
    )
    ann.get_by_label("Your name").fill("Ann")
    ann.get_by_role("button", name="Start talking").click()
    expect(ann.locator("#log")).to_contain_text("your connection is too slow: chunks are left out")
    expect(ann.locator("#waiting-here")).to_have_text("50.0 kB")
    expect(ann.locator("#sent")).to_have_text(re.compile(r"^0\.\d kB$"))  # the header, nothing else
    expect(ann.locator("#lost")).to_have_text(re.compile(r"^[1-9]\d*$"))
    ann.evaluate("window.waiting = 0")
    expect_sound(expect, ann)


def test_a_slow_uplink_leaves_chunks_out_and_stays_near_the_present(visit, expect, demo_server):
    with BadLine(int(demo_server.rpartition(":")[2]), up_bytes_per_second=1500) as line:
        ann = visit(f"http://127.0.0.1:{line.port}")
        ann.get_by_label("Your name").fill("Ann")
        ann.get_by_role("button", name="Start talking").click()
        expect(ann.locator("#talk-state")).to_have_text("talking, with gaps", timeout=SLOW_MILLISECONDS)
        expect(ann.locator("#log")).to_contain_text("your connection is too slow: chunks are left out")
        trips = ann.evaluate(TRIPS, 8)
        assert len(trips) > 10  # some go on all the time
        assert max(trips) < 3000
        expect_sound(expect, ann)


# The round trips that the page shows in so many seconds; before, each was longer than the one before it.
TRIPS = """async (seconds) => {
  const trips = [];
  for (const until = performance.now() + seconds * 1000; performance.now() < until;) {
    trips.push(parseFloat(document.getElementById("trip").textContent));
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return trips;
}"""


def test_a_person_for_whom_there_is_no_room_learns_why(visit, expect, demo_server):
    ann = visit(demo_server)
    is_full = [True]

    def pass_on(route):
        if is_full[0]:
            route.close(code=1013, reason="16 people are talking already")
        else:
            route.connect_to_server()

    ann.route_web_socket("**/voice/talk*", pass_on)
    ann.reload()
    ann.get_by_label("Your name").fill("Ann")
    ann.get_by_role("button", name="Start talking").click()
    expect(ann.get_by_role("alert")).to_contain_text("16 people are talking already")
    expect(ann.locator("#talk-state")).to_have_text(re.compile("trying again in"))
    expect(ann.locator("#log")).to_contain_text("1013 (try again later): 16 people are talking already")
    ann.locator("#retry-talk").click()
    expect(ann.locator("#retry-talk")).to_be_visible()
    expect(ann.locator("#log li")).to_have_count(1)  # it is reported once
    is_full[0] = False
    ann.locator("#retry-talk").click()
    expect(ann.locator("#talk-state")).to_have_text("talking")
    expect(ann.locator("#notice")).to_be_hidden()


def test_a_talker_who_sends_no_sound_does_the_listeners_no_harm(visit, say, expect, demo_server):
    with connect(
        f"{demo_server.replace('http', 'ws')}/voice/talk?name=%3Cb%3ENoise%3C/b%3E", proxy=None
    ) as noise:
        noise.send(b"no WebM at all")
        ben = visit(demo_server)
        ben.get_by_role("button", name="Tune in: <b>Noise</b>").click()
        expect(ben.locator("#talkers li")).to_contain_text("1 listener")
        for _ in range(10):
            noise.send(b"\x00" * 1000)
        expect(ben.locator("#log")).to_contain_text("the sound cannot be played")
        ben.get_by_role("button", name="Tune out: <b>Noise</b>").click()
        say(demo_server, "Ann")
        ben.get_by_role("button", name="Tune in: Ann").click()
        expect_sound(expect, ben)


def test_talking_and_listening_continue_after_a_restart_of_the_server(say, visit, expect):
    with Program("demo/gallery.py", "--port", "0") as program:
        url = program.wait_for_url()
        ann, ben = say(url, "Ann"), visit(url)
        ben.get_by_role("button", name="Tune in: Ann").click()
        expect_sound(expect, ben)
        assert program.interrupt()[0] == 0
    expect(ann.locator("#talk-state")).to_have_text(re.compile("trying again in|connecting"))
    expect(ann.locator("#log")).to_contain_text("your voice is cut off: 1001 (going away)")
    expect(ben.locator("#state")).to_have_text(re.compile("trying again in|connecting"))
    with Program("demo/gallery.py", "--port", url.rpartition(":")[2]) as program:
        program.wait_for_url()
        expect(ann.locator("#talk-state")).to_have_text("talking", timeout=SLOW_MILLISECONDS)
        expect(ben.locator("#log")).to_contain_text(
            re.compile("off the air.*you are listening to Ann"), timeout=SLOW_MILLISECONDS
        )
        expect_sound(expect, ann)
        expect_sound(expect, ben)


def test_a_microphone_that_may_not_be_used_is_reported(page, expect, demo_server):
    page.goto(f"{demo_server}/voice/")
    page.get_by_label("Your name").fill("Ann")
    page.get_by_role("button", name="Start talking").click()
    expect(page.get_by_role("alert")).to_have_text(
        re.compile("The browser may not use the microphone|There is no microphone")
    )
    expect(page.locator("#talk-state")).to_have_text("silent")
    expect(page.get_by_role("button", name="Start talking")).to_be_enabled()


def test_a_browser_that_cannot_record_is_told_so(page, expect, demo_server):
    page.add_init_script("delete window.MediaRecorder")
    page.goto(f"{demo_server}/voice/")
    expect(page.get_by_role("alert")).to_contain_text("This browser cannot record")
    expect(page.get_by_role("button", name="Start talking")).to_be_disabled()


def test_a_double_click_starts_and_does_not_stop_at_once(visit, expect, demo_server):
    ann = visit(demo_server)
    ann.get_by_label("Your name").fill("Ann")
    ann.get_by_role("button", name="Start talking").dblclick()
    expect(ann.locator("#talk-state")).to_have_text("talking")
    expect_sound(expect, ann)
    ann.get_by_role("button", name="Stop").dblclick()
    expect(ann.locator("#talk-state")).to_have_text("silent")
    expect(ann.get_by_role("button", name="Start talking")).to_be_visible()


def test_a_missing_echo_is_reported_and_so_is_its_return(visit, expect, demo_server):
    ann, held = visit(demo_server), []
    holding = [False]

    def hold(route):
        server = route.connect_to_server()
        server.on_message(lambda message: held.append(message) if holding[0] else route.send(message))
        route.on_message(server.send)

    ann.route_web_socket("**/voice/talk*", hold)
    ann.reload()
    ann.get_by_label("Your name").fill("Ann")
    ann.get_by_role("button", name="Start talking").click()
    trip, state = ann.locator("#trip"), ann.locator("#talk-state")
    expect(trip).to_have_text(re.compile(r"^\d+\.\d ms$"))
    holding[0] = True
    expect(trip).to_have_text(re.compile(r"^no echo for \d+ s$"))
    expect(state).to_have_text("no echo")
    expect(ann.locator("#waiting-there")).to_have_text("–")
    holding[0] = False
    expect(trip).to_have_text(re.compile(r"^\d+\.\d ms$"))
    expect(state).to_have_text("talking")


def test_a_person_who_is_cut_off_sees_no_old_figures_and_can_try_at_once(visit, expect, demo_server):
    ann, routes, is_there = visit(demo_server), [], [True]

    def pass_on(route):
        routes.append(route)
        if is_there[0]:
            route.connect_to_server()
        else:
            route.close(code=1012)

    ann.route_web_socket("**/voice/talk*", pass_on)
    ann.reload()
    ann.get_by_label("Your name").fill("Ann")
    ann.get_by_role("button", name="Start talking").click()
    expect(ann.locator("#trip")).to_have_text(re.compile("ms$"))
    is_there[0] = False
    routes[0].close(code=1012)
    expect(ann.locator("#talk-state")).to_have_text(re.compile("trying again in"))
    expect(ann.locator("#trip")).to_have_text("–")
    retry = ann.locator("#retry-talk")
    for _ in range(5):  # each time the next try would come later
        retry.click()
    is_there[0] = True
    retry.click()
    expect(ann.locator("#talk-state")).to_have_text("talking")
    expect(retry).to_be_hidden()


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("   ", "A name has 1 to 24 characters, and not only spaces."),
        ("a\u200bb", "A name has only characters that can be seen, and U+200B cannot be."),
    ],
)
def test_the_mistake_in_a_name_is_explained(visit, expect, demo_server, name, fault):
    ann = visit(demo_server)
    field = ann.get_by_label("Your name")
    field.fill(name)
    ann.get_by_role("button", name="Start talking").click()
    assert field.evaluate("(one) => one.validationMessage") == fault
    expect(ann.locator("#talk-state")).to_have_text("silent")
    field.fill("Ann")
    ann.get_by_role("button", name="Start talking").click()
    expect(ann.locator("#talk-state")).to_have_text("talking")


def test_a_name_that_only_the_server_refuses_is_not_tried_again(visit, expect, demo_server):
    ann = visit(demo_server)
    ann.route_web_socket("**/voice/talk*", lambda route: route.close(code=4400, reason="Not this one."))
    ann.reload()
    ann.get_by_label("Your name").fill("Ann")
    ann.get_by_role("button", name="Start talking").click()
    expect(ann.get_by_role("alert")).to_have_text("Not this one.")
    expect(ann.locator("#talk-state")).to_have_text("silent")

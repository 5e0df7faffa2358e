"""Keys of masks are fresh: never used twice, by nobody, and not to be computed from earlier ones."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from trioweb._wire.mask_keys import draw_key, fresh_key, take_key


@pytest.fixture
def no_keys_left():
    try:
        while True:
            take_key()
    except IndexError:
        pass


def test_a_key_has_four_bytes_and_comes_once():
    keys = [fresh_key() for _ in range(3000)]

    assert {len(key) for key in keys} == {4}
    assert len(set(keys)) >= len(keys) - 2  # by chance, two are equal in one run of a thousand


@pytest.mark.usefixtures("no_keys_left")
def test_a_batch_is_drawn_when_no_key_is_left():
    fresh_key()
    keys = [take_key() for _ in range(200)]

    assert len(set(keys)) >= len(keys) - 1


def test_every_bit_is_as_often_set_as_not():
    numbers = [int.from_bytes(fresh_key(), "big") for _ in range(4000)]

    for bit in range(32):
        assert 1700 < sum(number >> bit & 1 for number in numbers) < 2300  # nine standard deviations


def test_threads_never_share_a_key():
    found = []

    def take():
        mine = [fresh_key() for _ in range(1500)]
        found.extend(mine)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(found)) >= len(found) - 2


FORKING = """
import os
from trioweb._wire.mask_keys import fresh_key
fresh_key()
reading, writing = os.pipe()
if not os.fork():
    os.write(writing, b"".join(fresh_key() for _ in range(100)))
    os._exit(0)
theirs = os.read(reading, 400)
os.wait()
ours = {fresh_key() for _ in range(100)}
assert len(theirs) == 400
assert len(ours & {theirs[place : place + 4] for place in range(0, 400, 4)}) < 2
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_process_shares_no_key_with_its_parent():
    subprocess.run([sys.executable, "-c", FORKING], check=True, timeout=20)


def test_drawing_while_keys_are_left_loses_none_of_them():
    key = draw_key()

    assert take_key() != key

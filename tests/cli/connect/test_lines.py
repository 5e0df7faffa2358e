"""Lines from a pipe, a file, a device and a terminal, and to them."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager, suppress

import pytest
import trio
from support.waiting import until

from trioweb._cli import line_input
from trioweb._cli.line_input import LineInput
from trioweb._cli.line_output import LineOutput
from trioweb._cli.refusal import Refusal


@pytest.fixture
def pipe():
    """A reading and a writing end; a test that closes one sets it to `None`."""
    ends = list(os.pipe())
    yield ends
    for descriptor in ends:
        if descriptor is not None:
            os.close(descriptor)


@pytest.fixture
def terminal():
    """The side of a person, and that of a program."""
    person, program = os.openpty()
    yield person, program
    for descriptor in (person, program):
        with suppress(OSError):  # a test may have closed it
            os.close(descriptor)


@contextmanager
def opened(path, flags=os.O_RDONLY):
    descriptor = os.open(path, flags)
    yield descriptor
    os.close(descriptor)


async def lines_of(source):
    found = []
    while (line := await source.receive_line()) is not None:
        found.append(line)
    assert await source.receive_line() is None
    return found


# Input


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"one", [b"one"]),
        (b"one\n", [b"one"]),
        (b"one\n\ntwo\r\nlast", [b"one", b"", b"two\r", b"last"]),
        (b"\n", [b""]),
        (b"\xff\x00\n", [b"\xff\x00"]),
    ],
)
async def test_lines_come_without_their_line_feeds(pipe, tmp_path, data, lines):
    os.write(pipe[1], data)
    os.close(pipe[1])
    assert await lines_of(LineInput(pipe[0])) == lines
    pipe[1] = None

    (tmp_path / "lines").write_bytes(data)
    with opened(tmp_path / "lines") as file:
        assert await lines_of(LineInput(file)) == lines


async def test_a_line_may_come_in_pieces(pipe, nursery):
    found = []

    async def read():
        found.append(await LineInput(pipe[0]).receive_line())

    nursery.start_soon(read)
    for piece in (b"o", b"n", b"e"):
        os.write(pipe[1], piece)
        await trio.testing.wait_all_tasks_blocked(0.005)
        assert not found
    os.write(pipe[1], b"\nmore")
    await until(lambda: found == [b"one"])


async def test_a_device_without_input_is_at_its_end():
    with opened(os.devnull) as null:
        assert await lines_of(LineInput(null)) == []


async def test_a_cancelled_wait_loses_nothing(pipe):
    source = LineInput(pipe[0])
    os.write(pipe[1], b"half")
    with trio.move_on_after(0.01):
        await source.receive_line()
    os.write(pipe[1], b" and half\n")
    assert await source.receive_line() == b"half and half"


async def test_a_terminal_that_goes_away_is_the_end(terminal):
    person, program = terminal
    source = LineInput(program)
    assert source.is_terminal
    os.write(person, b"hello\n")
    assert await source.receive_line() == b"hello"
    os.close(person)
    assert await source.receive_line() is None


async def test_a_pipe_that_somebody_made_non_blocking_works(pipe):
    os.set_blocking(pipe[0], False)
    source = LineInput(pipe[0])
    os.write(pipe[1], b"one\n")
    assert await source.receive_line() == b"one"


async def test_a_terminal_whose_other_side_is_gone_is_the_end(terminal):
    person, program = terminal
    os.close(program)
    assert await LineInput(person).receive_line() is None  # EIO


async def test_readers_of_the_same_non_blocking_pipe_leave_each_other_alone(pipe, nursery):
    os.set_blocking(pipe[0], False)
    found = []

    async def read(descriptor):
        found.append(await LineInput(descriptor).receive_line())

    other = os.dup(pipe[0])
    for descriptor in (pipe[0], other):
        nursery.start_soon(read, descriptor)
    await trio.testing.wait_all_tasks_blocked()
    os.write(pipe[1], b"one\n")
    await until(lambda: found == [b"one"])
    os.write(pipe[1], b"two\n")
    await until(lambda: found == [b"one", b"two"])
    os.close(other)


async def test_input_and_output_that_do_not_work_are_refused(tmp_path):
    with opened(tmp_path) as folder, pytest.raises(Refusal, match="the input cannot be read: Is a directory"):
        await LineInput(folder).receive_line()
    with (
        opened(os.devnull) as readable,
        pytest.raises(Refusal, match="the output cannot be written: Bad file"),
    ):
        await LineOutput(readable).write("x")


async def test_a_line_that_never_ends_is_refused(pipe, monkeypatch):
    monkeypatch.setattr(line_input, "INPUT_LINE_BYTES", 1000)
    os.write(pipe[1], b"x" * 1001)
    with pytest.raises(Refusal, match="a line of the input is longer than 1000 bytes"):
        await LineInput(pipe[0]).receive_line()


# Output


@pytest.mark.parametrize("length", [1, 4096, 4097, 1_000_000])
async def test_a_text_is_written_whole_however_slow_its_reader_is(pipe, length):
    output, read = LineOutput(pipe[1]), bytearray()

    def reader():
        while len(read) < length + 1:
            read.extend(os.read(pipe[0], 5000))

    thread = threading.Thread(target=reader)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(output.write, "x" * length + "\n")
        await trio.testing.wait_all_tasks_blocked(0.005)
        thread.start()
    await trio.to_thread.run_sync(thread.join)
    assert read == b"x" * length + b"\n"


async def test_a_full_pipe_does_not_stop_the_program(pipe):
    output = LineOutput(pipe[1])
    with trio.move_on_after(0.05) as scope:
        await output.write("x" * 1_000_000)
    assert scope.cancelled_caught


async def test_texts_of_several_tasks_do_not_mix(pipe):
    output, read = LineOutput(pipe[1]), bytearray()
    async with trio.open_nursery() as nursery:
        for letter in "ab":
            nursery.start_soon(output.write, letter * 100_000)
        while len(read) < 200_000:
            await trio.lowlevel.wait_readable(pipe[0])
            read += os.read(pipe[0], 65536)
    assert bytes(read) in {b"a" * 100_000 + b"b" * 100_000, b"b" * 100_000 + b"a" * 100_000}


async def test_a_reader_that_has_gone_away_is_an_exception(pipe):
    os.close(pipe[0])
    pipe[0] = None
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN
    with pytest.raises(BrokenPipeError):
        await LineOutput(pipe[1]).write("x")


async def test_a_file_takes_everything(tmp_path):
    with opened(tmp_path / "out", os.O_WRONLY | os.O_CREAT) as file:
        output = LineOutput(file)
        assert not output.is_terminal
        await output.write("Grüße\n")
        await output.write("\ud800\n")
    assert (tmp_path / "out").read_bytes() == "Grüße\n\\ud800\n".encode()

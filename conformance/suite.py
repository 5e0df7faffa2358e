"""The Autobahn test suite: where it is installed, and one run of its fuzzing client or server.

The suite is Python 2 code and pins its own dependencies, so it lives in an environment of
its own under `.build/`. Nothing else is touched; removing that folder undoes it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = Path(os.environ.get("AUTOBAHN_HOME", ROOT / ".build" / "autobahn"))

SUITE = "autobahntestsuite==25.10.1"
# The last version of virtualenv that supports Python 2.7.
VIRTUALENV = "virtualenv==20.15.1"

RUN_SECONDS = 3600
START_SECONDS = 20

AGENT = "trioweb"
LOG = "wstest.log"


class SuiteError(Exception):
    """The suite could not be installed, or did not finish."""


def pythons() -> Iterator[str]:
    """Yield candidates for Python 2.7: on PATH, then under pyenv."""
    if named := os.environ.get("PYTHON2"):
        yield named
    if found := shutil.which("python2.7"):
        yield found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(pyenv.glob("versions/2.7*/bin/python")))


def find_python() -> str:
    """Return the first Python 2.7 that runs; a pyenv shim may have the name and not run.

    Raises:
        SuiteError: There is none.
    """
    for python in pythons():
        check = [python, "-c", "import sys; sys.exit(sys.version_info[:2] != (2, 7))"]
        if subprocess.run(check, check=False, capture_output=True).returncode == 0:
            return python
    raise SuiteError(
        "the Autobahn suite runs on Python 2.7 only, and none was found on PATH or under pyenv; "
        "name one in the environment variable PYTHON2"
    )


def call(command: Sequence[str | Path], log: Path, **environment: str) -> None:
    """Run a command with its output in `log`.

    Raises:
        SuiteError: It failed.
    """
    with log.open("ab") as output:
        done = subprocess.run(
            command, check=False, stdout=output, stderr=output, env=os.environ | environment
        )
    if done.returncode:
        raise SuiteError(f"{Path(command[0]).name} failed with status {done.returncode}: see {log}")


def install() -> Path:
    """Return the suite's program, which is installed if necessary.

    Raises:
        SuiteError: There is no Python 2.7, no C compiler or no network.
    """
    program = HOME / "bin" / "wstest"
    stamp = HOME / "installed"
    if stamp.exists():
        return program
    python = find_python()
    print(f"Installing {SUITE} into {HOME} with {python}", flush=True)
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.parent.mkdir(parents=True, exist_ok=True)
    log = HOME.with_name("autobahn-install.log")
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as boot:
        call([python, "-m", "pip", "install", "--quiet", "--target", boot, VIRTUALENV], log)
        call([python, "-m", "virtualenv", "--quiet", HOME], log, PYTHONPATH=boot)
    call([HOME / "bin" / "pip", "install", "--quiet", SUITE], log)
    # Its UTF-8 and masking code in C; without it the client is slower than any server.
    call([HOME / "bin" / "python", "-c", "import wsaccel.utf8validator, wsaccel.xormask"], log)
    stamp.touch()
    return program


def run_fuzzing_client(
    program: Path, url: str, cases: Sequence[str], folder: Path
) -> dict[str, dict[str, str]]:
    """Run cases against a server and return the suite's own index of them.

    Args:
        program: What `install` returned.
        url: The server, which echoes.
        cases: Case ids or patterns such as `1.*`; a leading `-` leaves them out.
        folder: Where to write the report and the client's output.

    Raises:
        SuiteError: Not every case was run.
    """
    specification = _written(folder, cases, servers=[{"agent": AGENT, "url": url}])
    with (folder / LOG).open("wb") as output:
        subprocess.run(
            [program, "-m", "fuzzingclient", "-s", specification],
            check=False,
            stdout=output,
            stderr=output,
            timeout=RUN_SECONDS,
        )
    return results(folder, _planned(folder))


@dataclass(frozen=True)
class FuzzingServer:
    """A server of the suite that waits for a client.

    Attributes:
        url: Where it listens.
        planned: The number of its cases.
    """

    url: str
    planned: int


@contextmanager
def fuzzing_server(program: Path, cases: Sequence[str], folder: Path) -> Iterator[FuzzingServer]:
    """Run the suite's server; a client that asks it for the reports gets them into `folder`.

    Raises:
        SuiteError: It did not listen.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"ws://127.0.0.1:{port}"
    specification = _written(folder, cases, url=url)
    # The last option turns off a web site that it would have on a fixed port.
    command: list[str | Path] = [program, "-m", "fuzzingserver", "-s", specification, "--webport", "0"]
    unbuffered = os.environ | {"PYTHONUNBUFFERED": "1"}
    with (
        (folder / LOG).open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output, env=unbuffered) as process,
    ):
        try:
            _wait_until_listening(process, port, folder / LOG)
            yield FuzzingServer(url, _planned(folder))
        finally:
            process.kill()


def results(folder: Path, planned: int) -> dict[str, dict[str, str]]:
    """Read the suite's index of what was run.

    Raises:
        SuiteError: Not every case was run.
    """
    # The suite reports success even if the other side goes away in the middle.
    index = folder / "index.json"
    report = json.loads(index.read_text(encoding="utf-8")) if index.exists() else {}
    found: dict[str, dict[str, str]] = report.get(AGENT, {})
    if not planned or len(found) != planned:
        raise SuiteError(f"{len(found)} of {planned or '?'} cases were run: see {folder / LOG}")
    return found


def _written(folder: Path, cases: Sequence[str], **more: object) -> Path:
    """Write what the suite is to do, in an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    specification = {
        "outdir": str(folder),
        "cases": [case for case in cases if not case.startswith("-")] or ["*"],
        "exclude-cases": [case[1:] for case in cases if case.startswith("-")],
        "exclude-agent-cases": {},
    }
    path = folder / "spec.json"
    path.write_text(json.dumps(specification | more), encoding="utf-8")
    return path


def _planned(folder: Path) -> int:
    """Return the number of cases that the suite has announced, or 0."""
    announced = re.search(
        r"Ok, will run (\d+) test cases", (folder / LOG).read_text(encoding="utf-8", errors="replace")
    )
    return int(announced[1]) if announced else 0


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SuiteError(f"the fuzzing server ended with status {process.returncode}: see {log}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SuiteError(f"the fuzzing server did not listen within {START_SECONDS} seconds: see {log}")

"""What the comparison runs in: every rival in one environment of its own, and the load generator.

All of it lives in `.build/bench/` and is made when it is missing; removing that folder
undoes it, and fetches the newest rivals next time. What cannot be had is skipped aloud.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from building import FOLDER, HOME, ROOT, EnvironmentFailure, call, is_stamped
from generator import build_generator
from rivals import Rival

SERVERS = FOLDER / "servers"
CLIENTS = FOLDER / "clients"

# trioweb itself comes from the checkout.
PACKAGES = (
    "websockets>=17",
    "trio-websocket>=0.12",
    "hypercorn[trio]",
    "starlette",
    "uvicorn[standard]",
    "wsproto",
    "aiohttp[speedups]",
    "picows; platform_system == 'Linux'",
    "uvloop",
    "trustme",
)
# bufferutil is what the documentation of ws recommends for speed.
NODE_PACKAGES = ("ws@8", "bufferutil@4")


@dataclass(frozen=True)
class Environment:
    """Where everything is.

    Attributes:
        python: The interpreter with every rival.
        generator: The load generator.
        node: Node.js, if there is one.
        certificate: For TLS, together with `key`, if the generator supports it.
        key: See `certificate`.
        missing: What could not be installed, in sentences.
    """

    python: Path
    generator: Path
    node: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    missing: list[str] = field(default_factory=list)

    @property
    def node_modules(self) -> Path:
        """Where Node.js finds packages."""
        return HOME / "node" / "node_modules"

    def lacks(self, rival: Rival) -> str | None:
        """Say why a rival cannot be started, or return `None`."""
        return "needs Node.js with npm" if rival.needs_node and self.node is None else None

    def server_command(self, rival: Rival, port: int, options: Sequence[str]) -> list[str]:
        """Return what starts a rival."""
        program = self.node if rival.needs_node else self.python
        arguments = [*rival.before_port, str(port), *rival.after_port, *options]
        return [str(program), str(SERVERS / rival.file), *arguments]

    def client_command(self, rival: Rival, arguments: Sequence[object]) -> list[str]:
        """Return what starts a rival's client."""
        return [str(self.python), str(CLIENTS / str(rival.client)), *map(str, arguments)]


def install_python() -> Path:
    """Return the interpreter of the rivals' environment, which is created if necessary.

    Raises:
        EnvironmentFailure: pip could not install them.
    """
    home, log = HOME / "venv", HOME / "pip.log"
    python, stamp = home / "bin" / "python", home / "installed"
    project = (ROOT / "pyproject.toml").read_bytes()
    wanted = "\n".join([sys.version, *PACKAGES, hashlib.sha256(project).hexdigest()])
    if is_stamped(stamp, wanted):
        return python
    print(f"Installing the rivals into {home}", flush=True)
    log.unlink(missing_ok=True)
    install: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = call([sys.executable, "-m", "venv", home], log) and call(
        [*install, *PACKAGES, "--editable", f"{ROOT}[speedups]"], log
    )
    if not done:
        raise EnvironmentFailure(f"the rivals could not be installed; is there a network? See {log}")
    stamp.write_text(wanted, "utf-8")
    return python


def install_node() -> Path | None:
    """Return Node.js with ws installed, or `None` if it is not available."""
    node, npm = shutil.which("node") or shutil.which("nodejs"), shutil.which("npm")
    if node is None or npm is None:
        return None
    home, log, wanted = HOME / "node", HOME / "npm.log", "\n".join(NODE_PACKAGES)
    stamp = home / "installed"
    if not is_stamped(stamp, wanted):
        print(f"Installing {' and '.join(NODE_PACKAGES)} into {home}", flush=True)
        home.mkdir(parents=True, exist_ok=True)
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        if not call([npm, "install", "--prefix", home, *quiet, *NODE_PACKAGES], log):
            return None
        stamp.write_text(wanted, "utf-8")
    return Path(node)


def make_certificate(python: Path) -> tuple[Path, Path] | None:
    """Return a certificate for the loopback and its key, or `None` where that failed."""
    home = HOME / "tls"
    certificate, key = home / "server.pem", home / "server.key"
    if not key.exists():
        home.mkdir(parents=True, exist_ok=True)
        command: list[str | Path] = [
            python,
            "-m",
            "trustme",
            "-q",
            "-d",
            home,
            "-i",
            "127.0.0.1",
            "localhost",
        ]
        if not call(command, HOME / "trustme.log"):
            return None
    return certificate, key


def prepare() -> Environment:
    """Install everything, and print what is missing.

    Raises:
        EnvironmentFailure: Nothing can be measured.
    """
    generator, is_tls = build_generator()
    python = install_python()
    node = install_node()
    pair = make_certificate(python) if is_tls else None
    missing = []
    if node is None:
        missing.append("Node.js with npm is not there, or ws could not be installed: no rows of ws")
    if pair is None:
        missing.append("the generator could not be built with OpenSSL (its headers?): no rows with TLS")
    for sentence in missing:
        print(f"Skipped: {sentence}", flush=True)
    certificate, key = pair or (None, None)
    return Environment(python, generator, node, certificate, key, missing)

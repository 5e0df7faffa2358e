"""The load generator, compiled from `load/`."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from building import FOLDER, HOME, EnvironmentFailure, call, is_stamped


def build_generator(program: Path = HOME / "load") -> tuple[Path, bool]:
    """Return the load generator, compiled if necessary, and whether it supports TLS.

    Raises:
        EnvironmentFailure: There is no C compiler, or it failed.
    """
    sources = sorted((FOLDER / "load").glob("*.[ch]"))
    wanted = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    stamps = {is_tls: f"{wanted} {is_tls}" for is_tls in (True, False)}
    stamp = program.with_suffix(".stamp")
    for is_tls, content in stamps.items():
        if program.exists() and is_stamped(stamp, content):
            return program, is_tls
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise EnvironmentFailure("the load generator is written in C, and there is no C compiler")
    program.parent.mkdir(parents=True, exist_ok=True)
    files = [source for source in sources if source.suffix == ".c"]
    command: list[str | Path] = [compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", *files, "-o", program]
    log = program.with_name("cc.log")
    log.unlink(missing_ok=True)
    for is_tls, content in stamps.items():
        if call([*command, *(["-DWITH_TLS", "-lssl", "-lcrypto"] if is_tls else [])], log):
            stamp.write_text(content, "utf-8")
            return program, is_tls
    raise EnvironmentFailure(f"the load generator could not be compiled: see {log}")

from __future__ import annotations

import sys

import environment
import measure
import pytest
import rivals
import workloads
from building import EnvironmentFailure
from environment import Environment
from generator import build_generator


@pytest.fixture
def nothing_installed(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def bare():
    """An environment without Node.js and without TLS."""
    return Environment(python=sys.executable, generator="load")


def test_node_is_none_if_it_cannot_be_installed(nothing_installed):
    assert environment.install_node() is None


def test_without_a_compiler_nothing_can_be_measured(nothing_installed, tmp_path):
    with pytest.raises(EnvironmentFailure, match="there is no C compiler"):
        build_generator(tmp_path / "load")


def test_a_rival_that_cannot_be_measured_is_named_with_the_reason(bare):
    taking_part, missing = measure.participants(bare, workloads.BY_NAME["echo-32"], ["trioweb", "node-ws"])
    assert [rival.name for rival in taking_part] == ["trioweb"]
    assert missing == ["echo-32, ws, Node.js: needs Node.js with npm"]


def test_without_tls_its_workloads_are_left_out(bare):
    assert measure.participants(bare, workloads.BY_NAME["tls-32"], rivals.EVERYBODY) == (
        [],
        ["tls-32: needs TLS"],
    )


def test_a_client_gets_its_arguments():
    place = Environment(python="python", generator="load")
    command = place.client_command(rivals.BY_NAME["aiohttp-asyncio"], (8000, 123))
    assert command[0] == "python"
    assert command[1].endswith("clients/aiohttp_client.py")
    assert command[2:] == ["8000", "123"]


def test_a_server_gets_its_port_and_its_options(bare):
    place = Environment(python="python", generator="load", node="node", certificate="cert", key="key")
    tls = measure.server_options(place, workloads.BY_NAME["tls-32"])
    assert tls == ["--tls", "cert", "key"]
    uvicorn = place.server_command(rivals.BY_NAME["uvicorn-wsproto"], 8000, tls)
    assert uvicorn[0] == "python"
    assert uvicorn[1].endswith("serve_uvicorn.py")
    assert uvicorn[2:] == ["wsproto", "8000", "--loop", "uvloop", "--tls", "cert", "key"]
    assert place.server_command(rivals.BY_NAME["node-ws"], 8000, [])[0] == "node"
    assert measure.server_options(place, workloads.BY_NAME["deflate-1k"]) == ["--deflate"]

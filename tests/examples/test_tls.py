"""The example `tls.py`."""

from __future__ import annotations

import runpy
import ssl
from pathlib import Path

import httpx
import pytest
import trustme

import trioweb
from trioweb.testing import open_server

PROGRAM = Path(__file__).parents[2] / "examples" / "tls.py"


@pytest.fixture
def authority(tmp_path, monkeypatch):
    """Make the files that the example reads, and return a context that trusts them."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    monkeypatch.chdir(tmp_path)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    return trusting


async def test_the_program_serves_https_and_wss_on_one_port(authority, monkeypatch):
    asked = []
    monkeypatch.setattr(trioweb, "run", lambda app, **options: asked.append((app, options)))
    runpy.run_path(str(PROGRAM), run_name="__main__")
    [(app, options)] = asked
    assert options["port"] == 8443
    async with (
        open_server(app, ssl_context=options["ssl_context"]) as server,
        httpx.AsyncClient(verify=authority, trust_env=False) as client,
    ):
        response = await client.get(f"https://localhost:{server.port}/")
        assert response.text == "You came by https.\n"
        async with trioweb.connect(f"wss://localhost:{server.port}/", ssl_context=authority) as ws:
            assert await ws.receive() == "You came by https."

"""A bound for the connections of each client."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
from support.serving import connected, running
from support.waiting import until

from trioweb import Address, App, Config, Limits
from trioweb._server.client_connections import ClientConnections
from trioweb._web.proxies import TrustedProxies

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def app_for(most, **options):
    app = App(Config(limits=Limits(connections_per_client=most), **options))

    @app.get("/")
    async def index(request):
        return "hello"

    return app


async def status(peer):
    await peer.send(GET)
    return (await peer.receive_response())[0].split()[1]


async def test_a_client_above_its_limit_gets_503_until_one_of_its_connections_ends(caplog):
    async with running(app_for(2)) as server:
        async with connected(server) as first, connected(server) as second:
            assert [await status(first), await status(second)] == ["200", "200"]
            for _ in range(3):
                async with connected(server) as third:
                    assert await status(third) == "503"
            assert await status(first) == "200"
        await until(lambda: server.connections == 0)
        async with connected(server) as again:
            assert await status(again) == "200"
        assert server.statistics().connections_refused == 3
    assert caplog.text.count("which has 2 already (Limits.connections_per_client)") == 1


@pytest.mark.parametrize("options", [{"most": None}, {"most": 1, "trusted_proxies": ["127.0.0.1"]}])
async def test_by_default_and_for_trusted_proxies_connections_are_not_limited(options):
    async with running(app_for(**options)) as server, AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(connected(server)) for _ in range(5)]
        assert [await status(peer) for peer in peers] == ["200"] * 5


def test_a_client_is_an_ipv4_address_or_a_network_of_ipv6():
    clients = ClientConnections(1, TrustedProxies(("10.0.0.0/8",)))

    def may(host):
        return clients.enter(Address(host, 1))

    assert may("192.0.2.1")
    assert not may("192.0.2.1")
    assert not may("::ffff:192.0.2.1")
    assert may("192.0.2.2")
    assert may("2001:db8::1")
    assert not may("2001:db8::ffff:1")
    assert may("2001:db8:0:1::1")
    assert all([may("10.0.0.1"), may("10.0.0.1"), clients.enter(None), clients.enter(None)])
    clients.leave(Address("2001:db8::2", 5))
    assert may("2001:db8::1")
    clients.leave(None)
    clients.leave(Address("10.0.0.1", 1))


def test_a_client_that_has_left_is_forgotten():
    clients = ClientConnections(1, TrustedProxies(()))
    for number in range(100):
        clients.enter(Address(f"192.0.2.{number}", 1))
        clients.enter(Address(f"192.0.2.{number}", 2))
        clients.leave(Address(f"192.0.2.{number}", 1))
    assert not clients._counts

"""The example `login.py`."""

from __future__ import annotations

import pytest

import trioweb


@pytest.fixture
def app(example):
    return example("login").app


async def test_the_cookie_of_a_login_says_who_the_user_is(client, autojump_clock):
    response = await client.post("/", data={"user": "ann", "password": "tea"})
    assert (response.status_code, response.headers["location"]) == (303, "/")
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    async with client.websocket("/me") as ws:
        await ws.expect_text("You are ann.")


@pytest.mark.parametrize(
    ("user", "password"),
    [("ann", "coffee"), ("ann", ""), ("bob", ""), ("bob", "tea"), ("ann", "\udcff"), ("bob", "ÿ")],
)
async def test_a_wrong_name_or_password_is_refused(client, autojump_clock, user, password):
    fields = {"user": user, "password": password.encode(errors="surrogateescape")}
    response = await client.post("/", data=fields)
    assert response.status_code == 403
    assert not client.cookies


@pytest.mark.parametrize("cookie", [None, "key=", "key=guessed"])
async def test_nobody_gets_in_without_a_login(client, autojump_clock, cookie):
    with pytest.raises(trioweb.HandshakeRejected) as refused:
        async with client.websocket("/me", headers={"Cookie": cookie} if cookie else {}):
            pass
    assert refused.value.status == 401


async def test_no_other_site_can_use_the_cookie(client, autojump_clock):
    await client.post("/", data={"user": "ann", "password": "tea"})
    with pytest.raises(trioweb.HandshakeRejected) as refused:
        async with client.websocket("/me", headers={"Origin": "https://elsewhere.example"}):
            pass
    assert refused.value.status == 403


async def test_the_page_has_the_form(client, autojump_clock):
    assert '<form method="post">' in (await client.get("/")).text

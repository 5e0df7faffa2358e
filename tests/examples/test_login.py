"""The example `login.py`."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus


@pytest.fixture
async def there(example, site):
    async with site(example("login").app) as there:
        yield there


async def test_the_cookie_of_a_login_says_who_the_user_is(there):
    response = await there.post("/", data={"user": "ann", "password": "tea"})
    assert (response.status_code, response.headers["location"]) == (303, "/")
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    async with there.connect("/me", additional_headers={"Cookie": cookie.partition(";")[0]}) as client:
        assert await client.recv() == "You are ann."


@pytest.mark.parametrize(
    ("user", "password"),
    [("ann", "coffee"), ("ann", ""), ("bob", ""), ("bob", "tea"), ("ann", "\udcff"), ("bob", "ÿ")],
)
async def test_a_wrong_name_or_password_is_refused(there, user, password):
    fields = {"user": user, "password": password.encode(errors="surrogateescape")}
    response = await there.post("/", data=fields)
    assert response.status_code == 403
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("cookie", [{}, {"Cookie": "key="}, {"Cookie": "key=guessed"}])
async def test_nobody_gets_in_without_a_login(there, cookie):
    with pytest.raises(InvalidStatus) as refused:
        async with there.connect("/me", additional_headers=cookie):
            pass
    assert refused.value.response.status_code == 401


async def test_no_other_site_can_use_the_cookie(there):
    response = await there.post("/", data={"user": "ann", "password": "tea"})
    headers = {"Cookie": response.headers["set-cookie"].partition(";")[0]}
    with pytest.raises(InvalidStatus) as refused:
        async with there.connect("/me", additional_headers=headers, origin="https://elsewhere.example"):
            pass
    assert refused.value.response.status_code == 403


async def test_the_page_has_the_form(there):
    assert '<form method="post">' in (await there.get("/")).text

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.examples import EXAMPLES

from trioweb._web.files.static import StaticFiles
from trioweb._web.request import Request
from trioweb._web.response import Response
from trioweb.errors import ConfigError, HTTPError, LocalProtocolError

MakeRequest = Callable[..., Request]
SECRET = "never to be seen"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text(SECRET)
    (tmp_path / "site-secret").mkdir()
    (tmp_path / "site-secret" / "a.txt").write_text(SECRET)
    root = tmp_path / "site"
    for name in ("docs", "empty", ".git", ".well-known", "docs/.well-known"):
        (root / name).mkdir(parents=True)
        if name != "empty":
            (root / name / "a.txt").write_text(name)
    (root / "index.html").write_text("top")
    (root / "docs" / "index.html").write_text("docs")
    (root / "ü b.txt").write_text("umlaut")
    (root / ".env").write_text(SECRET)
    (root / "inside").symlink_to("docs")
    (root / "outside.txt").symlink_to(tmp_path / "secret.txt")
    (root / "out").symlink_to(tmp_path)
    (root / "loop").symlink_to("loop")
    (root / "null").symlink_to("/dev/null")
    (root / "bad").mkdir()
    (root / "bad" / "index.html").symlink_to(tmp_path / "secret.txt")
    os.mkfifo(root / "pipe")
    return root


async def sent(response: Response, request: Request) -> tuple[int, str]:
    prepared = await response.prepare(request)
    try:
        return prepared.status, b"".join([piece async for piece in prepared.chunks()]).decode()
    finally:
        prepared.close()


@pytest.mark.parametrize(
    ("relative", "text"),
    [
        ("", "top"),
        ("index.html", "top"),
        ("docs/", "docs"),
        ("docs/a.txt", "docs"),
        ("inside/a.txt", "docs"),
        ("ü b.txt", "umlaut"),
        (".well-known/a.txt", ".well-known"),
    ],
)
async def test_files_in_the_folder_are_served(
    make_request: MakeRequest, folder: Path, relative: str, text: str
) -> None:
    request = make_request(f"/static/{relative}")
    response = await StaticFiles(folder).respond(request, relative)
    assert await sent(response, request) == (200, text)
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "relative",
    [
        "none.txt",
        "empty/",
        "index.html/",
        "docs/a.txt/",
        "docs//a.txt",
        "/index.html",
        "//",
        "docs/./a.txt",
        ".",
        "..",
        "../secret.txt",
        "docs/../index.html",
        "docs/../../secret.txt",
        "../site-secret/a.txt",
        "..\\secret.txt",
        "docs\\a.txt",
        "index.html\x00",
        "\x00",
        ".env",
        ".git/a.txt",
        "docs/.well-known/a.txt",
        ".well-known2",
        "outside.txt",
        "out/secret.txt",
        "out/",
        "bad/",
        "loop",
        "loop/",
        "null",
        "pipe",
        "pipe/",
        "x" * 300,
        "x/" * 5000,
        "�",
        "/etc/passwd",
        "~",
        "%2e%2e/secret.txt",
    ],
)
async def test_nothing_outside_the_folder_is_served(
    make_request: MakeRequest, folder: Path, relative: str
) -> None:
    with pytest.raises(HTTPError) as caught:
        await StaticFiles(folder).respond(make_request("/static/x/"), relative)
    assert caught.value.status == 404


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=EXAMPLES)
@given(
    st.lists(
        st.sampled_from(["..", ".", "", "out", "site", "secret.txt", "docs", "a.txt", "\\", "\0", "inside"])
    )
)
def test_no_path_leads_out_of_the_folder(make_request: MakeRequest, folder: Path, names: list[str]) -> None:
    async def ask() -> tuple[int, str]:
        request = make_request("/")
        try:
            return await sent(await StaticFiles(folder).respond(request, "/".join(names)), request)
        except HTTPError as error:
            return error.status, ""

    status, text = trio.run(ask)
    assert status in (200, 307, 404)
    assert SECRET not in text


@pytest.mark.parametrize(
    "target", ["/static/docs%2Fa.txt", "/static/docs%2fa.txt", "/static/docs%2F", "/docs%2F/a.txt"]
)
async def test_an_encoded_slash_is_part_of_a_name_that_no_file_has(
    make_request: MakeRequest, folder: Path, target: str
) -> None:
    relative = unquote(target.removeprefix("/static").removeprefix("/"))
    with pytest.raises(HTTPError, match="404"):
        await StaticFiles(folder).respond(make_request(target), relative)


async def test_a_file_that_became_a_link_after_it_was_found_is_404(
    make_request: MakeRequest, folder: Path
) -> None:
    request = make_request("/docs/a.txt")
    response = await StaticFiles(folder).respond(request, "docs/a.txt")
    (folder / "docs" / "a.txt").unlink()
    (folder / "docs" / "a.txt").symlink_to("../../secret.txt")
    with pytest.raises(HTTPError, match="404"):
        await response.prepare(request)


@pytest.mark.parametrize(
    ("target", "relative", "location"),
    [
        ("/static/docs", "docs", "./docs/"),
        ("/static/docs?a=b", "docs", "./docs/?a=b"),
        ("/static", "", "./static/"),
        ("//evil.example/docs", "docs", "./docs/"),
        ("/static/d%6Fcs", "docs", "./d%6Fcs/"),
    ],
)
async def test_a_folder_gets_its_slash_by_a_relative_redirect(
    make_request: MakeRequest, folder: Path, target: str, relative: str, location: str
) -> None:
    response = await StaticFiles(folder).respond(make_request(target), relative)
    assert (response.status, response.headers["location"]) == (307, location)


async def test_a_folder_without_an_index_is_404_with_or_without_a_slash(
    make_request: MakeRequest, folder: Path
) -> None:
    for relative in ("empty", "empty/"):
        with pytest.raises(HTTPError, match="404"):
            await StaticFiles(folder).respond(make_request(f"/{relative}"), relative)


async def test_head_is_answered_and_other_methods_are_405(make_request: MakeRequest, folder: Path) -> None:
    request = make_request("/index.html", "HEAD")
    assert await sent(await StaticFiles(folder).respond(request, "index.html"), request) == (200, "top")
    with pytest.raises(HTTPError) as caught:
        await StaticFiles(folder).respond(make_request("/index.html", "POST"), "index.html")
    assert (caught.value.status, caught.value.headers) == (405, {"allow": "GET, HEAD"})


async def test_a_cancelled_lookup_gives_no_response(make_request: MakeRequest, folder: Path) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await StaticFiles(folder).respond(make_request("/index.html"), "index.html")
    assert scope.cancelled_caught


async def test_caching_can_be_chosen(make_request: MakeRequest, folder: Path) -> None:
    response = await StaticFiles(folder, cache_control="max-age=60").respond(
        make_request("/index.html"), "index.html"
    )
    assert response.headers["cache-control"] == "max-age=60"


async def test_a_root_that_is_a_link_itself_is_served(
    make_request: MakeRequest, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "current").symlink_to(folder)
    request = make_request("/index.html")
    assert (await sent(await StaticFiles(tmp_path / "current").respond(request, "index.html"), request))[
        1
    ] == "top"


def test_a_missing_folder_is_a_mistake_in_the_program(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="need an existing folder, not"):
        StaticFiles(tmp_path / "none")


def test_a_cache_control_that_cannot_be_sent_is_a_mistake_in_the_program(tmp_path: Path) -> None:
    with pytest.raises(LocalProtocolError, match="control character"):
        StaticFiles(tmp_path, cache_control="no-cache\r\nX: y")

"""Files that were compressed beforehand: `app.js.br` in place of `app.js`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from trioweb._web.files.static import StaticFiles
from trioweb._web.request import Request
from trioweb._web.response import Response
from trioweb.errors import HTTPError

MakeRequest = Callable[..., Request]
THEN = 1_000_000_000


def write(path: Path, text: str, seconds: float = THEN) -> None:
    path.write_text(text)
    os.utime(path, (seconds, seconds))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    for suffix in ("", ".br", ".gz", ".zst"):
        write(folder / f"app.js{suffix}", f"app{suffix}")
    write(folder / "plain.css", "plain")
    write(folder / "index.html", "index")
    write(folder / "index.html.gz", "index.gz")
    return folder


async def answer(
    make_request: MakeRequest, folder: Path, name: str, *fields: tuple[str, str], method: str = "GET"
) -> tuple[Response, str]:
    request = make_request(f"/{name}", method, fields)
    response = await (await StaticFiles(folder).respond(request, name)).prepare(request)
    try:
        return response, b"".join([piece async for piece in response.chunks()]).decode()
    finally:
        response.close()


@pytest.mark.parametrize(
    ("accept", "text", "coding"),
    [
        ("gzip, deflate, br, zstd", "app.br", "br"),
        ("gzip, zstd", "app.zst", "zstd"),
        ("GZip", "app.gz", "gzip"),
        ("x-gzip", "app.gz", "gzip"),
        ("br;q=0.5, gzip", "app.gz", "gzip"),
        ("br;q=0, *", "app.zst", "zstd"),
        ("*", "app.br", "br"),
        ("gzip;q=0.5, identity", "app", None),
        ("gzip;q=0.5, identity;q=0.5", "app.gz", "gzip"),
        ("identity;q=0, gzip;q=0.1", "app.gz", "gzip"),
        ("identity;q=0", "app", None),
        ("*;q=0", "app", None),
        ("gzip;q=0", "app", None),
        ("deflate", "app", None),
        ("identity", "app", None),
        ("", "app", None),
        (None, "app", None),
    ],
)
async def test_the_coding_that_the_client_prefers_is_sent(
    make_request: MakeRequest, folder: Path, accept: str | None, text: str, coding: str | None
) -> None:
    fields = [] if accept is None else [("Accept-Encoding", accept)]
    response, body = await answer(make_request, folder, "app.js", *fields)
    assert (body, response.headers.get("content-encoding")) == (text, coding)
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["vary"] == "Accept-Encoding"


async def test_a_file_without_another_form_is_sent_as_it_is_to_all(
    make_request: MakeRequest, folder: Path
) -> None:
    response, body = await answer(make_request, folder, "plain.css", ("Accept-Encoding", "identity, br"))
    assert (body, "vary" in response.headers, "content-encoding" in response.headers) == (
        "plain",
        False,
        False,
    )


async def test_the_index_of_a_folder_may_have_another_form(make_request: MakeRequest, folder: Path) -> None:
    response, body = await answer(make_request, folder, "", ("Accept-Encoding", "gzip"))
    assert (body, response.headers["content-type"]) == ("index.gz", "text/html; charset=utf-8")


async def test_the_compressed_file_can_be_requested_by_its_own_name(
    make_request: MakeRequest, folder: Path
) -> None:
    response, body = await answer(make_request, folder, "app.js.gz", ("Accept-Encoding", "gzip"))
    assert (body, response.headers["content-type"]) == ("app.gz", "application/gzip")
    assert "content-encoding" not in response.headers


async def test_precompressed_forms_may_be_left_alone(make_request: MakeRequest, folder: Path) -> None:
    request = make_request("/app.js", headers=[("Accept-Encoding", "br")])
    response = await (await StaticFiles(folder, precompressed=False).respond(request, "app.js")).prepare(
        request
    )
    assert ("content-encoding" in response.headers, response.content_bytes) == (False, 3)
    response.close()


async def test_a_form_that_is_older_than_the_file_is_not_sent(
    make_request: MakeRequest, folder: Path
) -> None:
    write(folder / "app.js", "new", THEN + 1)
    write(folder / "app.js.gz", "new.gz", THEN + 1)
    response, body = await answer(make_request, folder, "app.js", ("Accept-Encoding", "br, gzip"))
    assert (body, response.headers["content-encoding"]) == ("new.gz", "gzip")


async def test_a_form_that_lost_the_fraction_of_its_second_is_not_older(
    make_request: MakeRequest, folder: Path
) -> None:
    write(folder / "app.js", "new", THEN + 0.9)
    assert (await answer(make_request, folder, "app.js", ("Accept-Encoding", "gzip")))[1] == "app.gz"


async def test_a_form_that_is_not_a_file_in_the_folder_is_not_sent(
    make_request: MakeRequest, folder: Path, tmp_path: Path
) -> None:
    write(tmp_path / "secret.gz", "secret")
    (folder / "plain.css.gz").symlink_to(tmp_path / "secret.gz")
    (folder / "plain.css.zst").mkdir()
    os.mkfifo(folder / "plain.css.br")
    response, body = await answer(make_request, folder, "plain.css", ("Accept-Encoding", "gzip, br, zstd"))
    assert (body, "vary" in response.headers) == ("plain", False)


async def test_a_form_without_its_file_is_not_found(make_request: MakeRequest, folder: Path) -> None:
    (folder / "app.js").unlink()
    with pytest.raises(HTTPError, match="404"):
        await answer(make_request, folder, "app.js", ("Accept-Encoding", "gzip"))


async def test_each_form_has_its_own_tag_and_304_names_what_it_varies_by(
    make_request: MakeRequest, folder: Path
) -> None:
    tags = set()
    for coding in ("identity", "gzip", "br", "zstd"):
        accept = ("Accept-Encoding", coding)
        tag = (await answer(make_request, folder, "app.js", accept))[0].headers["etag"]
        tags.add(tag)
        again, _ = await answer(make_request, folder, "app.js", accept, ("If-None-Match", tag))
        assert (again.status, again.headers["etag"], again.headers["vary"]) == (304, tag, "Accept-Encoding")
    assert len(tags) == 4


async def test_a_range_belongs_to_one_form_and_is_not_continued_with_another(
    make_request: MakeRequest, folder: Path
) -> None:
    gzip, wanted = ("Accept-Encoding", "gzip"), ("Range", "bytes=4-")
    response, body = await answer(make_request, folder, "app.js", gzip, wanted)
    assert (response.status, body, response.headers["content-range"]) == (206, "gz", "bytes 4-5/6")
    resumed = ("If-Range", response.headers["etag"])
    assert (await answer(make_request, folder, "app.js", gzip, wanted, resumed))[1] == "gz"
    assert (await answer(make_request, folder, "app.js", wanted, resumed))[1] == "app"


async def test_a_response_to_head_describes_the_form_that_get_would_send(
    make_request: MakeRequest, folder: Path
) -> None:
    fields = ("Accept-Encoding", "gzip")
    got, _ = await answer(make_request, folder, "app.js", fields)
    told, _ = await answer(make_request, folder, "app.js", fields, method="HEAD")
    assert told.headers.lines() == got.headers.lines()
    assert told.content_bytes == got.content_bytes


@pytest.mark.parametrize("condition", ["If-Range", "If-Unmodified-Since"])
@pytest.mark.parametrize("accept", ["gzip", "br", "identity"])
async def test_part_of_one_coding_is_never_joined_by_date_to_the_rest_of_another(
    make_request: MakeRequest, folder: Path, accept: str, condition: str
) -> None:
    first, _ = await answer(make_request, folder, "app.js", ("Accept-Encoding", "gzip"))
    date = first.headers["last-modified"]
    fields = [("Accept-Encoding", accept), ("Range", "bytes=2-"), (condition, date)]
    whole, text = await answer(make_request, folder, "app.js", *fields)
    assert (whole.status, text) == (200, {"gzip": "app.gz", "br": "app.br", "identity": "app"}[accept])


@pytest.mark.parametrize("condition", ["If-Range", "If-Unmodified-Since"])
async def test_part_of_a_coding_that_is_gone_is_not_joined_by_date_to_the_rest_of_the_file(
    make_request: MakeRequest, folder: Path, condition: str
) -> None:
    first, _ = await answer(make_request, folder, "app.js", ("Accept-Encoding", "gzip"))
    for suffix in (".br", ".gz", ".zst"):
        (folder / f"app.js{suffix}").unlink()
    fields = [("Range", "bytes=2-"), (condition, first.headers["last-modified"])]
    whole, text = await answer(make_request, folder, "app.js", *fields)
    assert (whole.status, text) == (200, "app")


@pytest.mark.parametrize("condition", ["If-Range", "If-Unmodified-Since"])
async def test_a_file_whose_other_forms_are_left_alone_is_resumed_by_its_date(
    make_request: MakeRequest, folder: Path, condition: str
) -> None:
    files = StaticFiles(folder, precompressed=False)
    request = make_request("/app.js")
    first = await (await files.respond(request, "app.js")).prepare(request)
    first.close()
    fields = [("Range", "bytes=2-"), (condition, first.headers["last-modified"])]
    request = make_request("/app.js", headers=fields)
    part = await (await files.respond(request, "app.js")).prepare(request)
    part.close()
    assert (part.status, part.headers["content-range"]) == (206, "bytes 2-2/3")


async def test_each_coding_is_resumed_by_its_tag(make_request: MakeRequest, folder: Path) -> None:
    for accept, rest in {"gzip": "p.gz", "identity": "p"}.items():
        tag = (await answer(make_request, folder, "app.js", ("Accept-Encoding", accept)))[0].headers["etag"]
        fields = [("Accept-Encoding", accept), ("Range", "bytes=2-"), ("If-Range", tag)]
        assert (await answer(make_request, folder, "app.js", *fields))[1] == rest

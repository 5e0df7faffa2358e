from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from trioweb._web.file import CHUNK_BYTES, File
from trioweb._web.request import Request
from trioweb._web.response import Response
from trioweb.errors import HTTPError, LocalProtocolError

MakeRequest = Callable[..., Request]
TEN = b"0123456789"


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    path = tmp_path / "ten.txt"
    path.write_bytes(TEN)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


async def content(response: Response) -> bytes:
    try:
        return b"".join([piece async for piece in response.chunks()])
    finally:
        response.close()


async def test_a_file_is_sent_whole_with_its_type_and_version(make_request: MakeRequest, ten: Path) -> None:
    file = File(ten, headers={"X-A": "1"})
    assert file.content_bytes is None
    response = await file.prepare(make_request())
    assert response.is_streamed
    assert (response.status, response.content_bytes) == (200, 10)
    assert dict(response.headers) == {
        "x-a": "1",
        "content-type": "text/plain; charset=utf-8",
        "etag": '"de0b6b3a7640000-a"',
        "last-modified": "Sun, 09 Sep 2001 01:46:40 GMT",
        "accept-ranges": "bytes",
    }
    assert await content(response) == TEN


async def test_one_file_answers_any_number_of_requests(make_request: MakeRequest, ten: Path) -> None:
    file = File(str(ten))
    for _ in range(2):
        assert await content(await file.prepare(make_request())) == TEN
    assert "etag" not in file.headers


def test_a_file_that_was_not_prepared_has_no_content(ten: Path) -> None:
    with pytest.raises(LocalProtocolError, match="before prepare"):
        File(ten).chunks()


async def test_a_large_file_comes_in_pieces(make_request: MakeRequest, tmp_path: Path) -> None:
    data = os.urandom(2 * CHUNK_BYTES + 1)
    (tmp_path / "big").write_bytes(data)
    response = await File(tmp_path / "big").prepare(make_request())
    pieces = [piece async for piece in response.chunks()]
    response.close()
    assert [len(piece) for piece in pieces] == [CHUNK_BYTES, CHUNK_BYTES, 1]
    assert b"".join(pieces) == data


async def test_a_file_that_grows_is_sent_as_long_as_it_was(make_request: MakeRequest, ten: Path) -> None:
    response = await File(ten).prepare(make_request())
    os.truncate(ten, 20)
    assert await content(response) == TEN


async def test_a_file_that_shrinks_is_an_error_not_a_short_answer(
    make_request: MakeRequest, ten: Path
) -> None:
    response = await File(ten).prepare(make_request())
    os.truncate(ten, 3)
    with pytest.raises(LocalProtocolError, match="ended at byte 3 of 10"):
        await content(response)


async def test_a_missing_file_is_404(make_request: MakeRequest, tmp_path: Path) -> None:
    with pytest.raises(HTTPError) as caught:
        await File(tmp_path / "none").prepare(make_request())
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("wanted", "part", "content_range"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
    ],
)
async def test_a_part_is_sent_as_206(
    make_request: MakeRequest, ten: Path, wanted: str, part: bytes, content_range: str
) -> None:
    response = await File(ten).prepare(make_request(headers=[("Range", wanted)]))
    assert (response.status, response.content_bytes) == (206, len(part))
    assert response.headers["content-range"] == content_range
    assert await content(response) == part


async def test_a_part_outside_of_the_file_is_416(make_request: MakeRequest, ten: Path) -> None:
    with pytest.raises(HTTPError) as caught:
        await File(ten).prepare(make_request(headers=[("Range", "bytes=10-")]))
    assert (caught.value.status, caught.value.headers["content-range"]) == (416, "bytes */10")


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("GET", [("Range", "bytes=0-0, 2-2")]),
        ("GET", [("Range", "bytes=0-0"), ("If-Range", '"old"')]),
        ("GET", [("Range", "bytes=0-0"), ("If-Range", "Sun, 09 Sep 2001 01:46:40 GMT")]),
        ("HEAD", [("Range", "bytes=0-0")]),
        ("POST", [("Range", "bytes=0-0"), ("If-None-Match", "*")]),
    ],
)
async def test_the_whole_file_is_sent_where_a_part_would_be_wrong(
    make_request: MakeRequest, ten: Path, method: str, fields: list[tuple[str, str]]
) -> None:
    response = await File(ten).prepare(make_request("/", method, fields))
    assert (response.status, await content(response)) == (200, TEN)


async def test_a_download_is_resumed_with_the_tag_of_its_first_part(
    make_request: MakeRequest, ten: Path
) -> None:
    first = await File(ten).prepare(make_request())
    first.close()
    fields = [("Range", "bytes=5-"), ("If-Range", first.headers["etag"])]
    assert await content(await File(ten).prepare(make_request(headers=fields))) == b"56789"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_client_that_has_the_file_gets_304(make_request: MakeRequest, ten: Path, method: str) -> None:
    first = await File(ten).prepare(make_request())
    first.close()
    for name, field in [("If-None-Match", "etag"), ("If-Modified-Since", "last-modified")]:
        file = File(ten, headers={"Cache-Control": "no-cache"}, download_name="x")
        response = await file.prepare(make_request("/", method, [(name, first.headers[field])]))
        assert (response.status, await content(response)) == (304, b"")
        assert set(response.headers) == {"cache-control", "etag", "last-modified"}


async def test_a_condition_that_fails_is_412(make_request: MakeRequest, ten: Path) -> None:
    with pytest.raises(HTTPError) as caught:
        await File(ten).prepare(make_request(headers=[("If-Match", '"old"')]))
    assert caught.value.status == 412


async def test_the_handlers_own_tag_counts(make_request: MakeRequest, ten: Path) -> None:
    file = File(ten, headers={"ETag": '"v1"'})
    assert (await file.prepare(make_request(headers=[("If-None-Match", '"v1"')]))).status == 304


async def test_another_status_sends_the_whole_file_whatever_is_asked(
    make_request: MakeRequest, ten: Path
) -> None:
    response = await File(ten, 404).prepare(
        make_request(headers=[("Range", "bytes=0-0"), ("If-None-Match", "*")])
    )
    assert (response.status, await content(response)) == (404, TEN)


async def test_an_empty_file_is_sent(make_request: MakeRequest, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    response = await File(tmp_path / "empty").prepare(make_request(headers=[("Range", "bytes=-1")]))
    assert (response.status, response.content_bytes, await content(response)) == (200, 0, b"")


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("a.txt", "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"),
        ("ü b.txt", "attachment; filename=\"_ b.txt\"; filename*=UTF-8''%C3%BC%20b.txt"),
        ('a"\r\n\\/%;', "attachment; filename=\"a_______\"; filename*=UTF-8''a%22%0D%0A%5C%2F%25%3B"),
    ],
)
def test_a_download_has_a_name_that_every_client_reads(ten: Path, name: str, disposition: str) -> None:
    assert File(ten, download_name=name).headers["content-disposition"] == disposition


def test_the_type_can_be_given(ten: Path) -> None:
    assert File(ten, content_type="image/png").headers["content-type"] == "image/png"


async def test_no_file_stays_open(make_request: MakeRequest, ten: Path) -> None:
    def open_count() -> int:
        return len(os.listdir("/proc/self/fd"))

    # The first use of a worker thread opens nothing, but the comparison should not depend on it.
    await trio.to_thread.run_sync(int)
    before = open_count()
    for fields in (
        [("If-None-Match", "*")],
        [("If-Match", '"x"')],
        [("Range", "bytes=99-")],
        [("Range", "bytes=0-1")],
    ):
        try:
            response = await File(ten).prepare(make_request(headers=fields))
        except HTTPError:
            continue
        response.close()
        response.close()
    with trio.CancelScope() as scope:
        scope.cancel()
        await File(ten).prepare(make_request())
    assert open_count() == before

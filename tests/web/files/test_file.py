from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from email import message_from_bytes
from email.utils import formatdate
from pathlib import Path

import pytest
import trio

from trioweb._web.files.file import File
from trioweb._web.files.file_body import CHUNK_BYTES
from trioweb._web.files.open_file import OpenFile
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


def parts_of(content_type: str, body: bytes) -> list[tuple[str, str, bytes]]:
    """Read a multipart body with the parser of the standard library, after looking at its frame."""
    kind, _, boundary = content_type.partition("; boundary=")
    assert kind == "multipart/byteranges"
    assert body.startswith(f"--{boundary}\r\n".encode())
    assert body.endswith(f"\r\n--{boundary}--\r\n".encode())
    message = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    found = []
    for part in message.get_payload():
        data = part.get_payload(decode=True)
        found.append((part["content-type"], part["content-range"], data))
    return found


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


async def test_a_file_that_shrinks_is_an_error_and_not_a_short_response(
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
        ("GET", [("Range", "bytes=0-0, 2-2")]),  # the parts with their heads would be longer
        ("GET", [("Range", "bytes=0-0"), ("If-Range", '"old"')]),
        ("GET", [("Range", "bytes=99-"), ("If-Range", '"old"')]),
        ("GET", [("Range", "bytes=0-0"), ("If-Range", "Sun, 09 Sep 2001 01:46:41 GMT")]),
        ("GET", [("Range", "bytes=0-0"), ("Range", "bytes=2-2")]),
        ("HEAD", [("Range", "bytes=0-0")]),
        ("POST", [("Range", "bytes=0-0"), ("If-None-Match", "*")]),
    ],
)
async def test_the_whole_file_is_sent_where_a_part_would_be_wrong(
    make_request: MakeRequest, ten: Path, method: str, fields: list[tuple[str, str]]
) -> None:
    response = await File(ten).prepare(make_request("/", method, fields))
    assert (response.status, await content(response)) == (200, TEN)


@pytest.mark.parametrize("validator", ["etag", "last-modified"])
async def test_a_download_is_resumed_with_the_validator_of_its_first_part(
    make_request: MakeRequest, ten: Path, validator: str
) -> None:
    first = await File(ten).prepare(make_request())
    first.close()
    fields = [("Range", "bytes=5-"), ("If-Range", first.headers[validator])]
    assert await content(await File(ten).prepare(make_request(headers=fields))) == b"56789"


async def test_a_file_that_changed_just_now_has_nothing_to_resume_it_by(
    make_request: MakeRequest, ten: Path
) -> None:
    now = time.time_ns()
    os.utime(ten, ns=(now, now))
    first = await File(ten).prepare(make_request())
    first.close()
    assert "last-modified" not in first.headers
    for validator in (first.headers["etag"], formatdate(now // 10**9, usegmt=True)):
        fields = [("Range", "bytes=5-"), ("If-Range", validator)]
        assert await content(await File(ten).prepare(make_request(headers=fields))) == TEN


async def test_a_date_set_by_the_handler_resumes_nothing(make_request: MakeRequest, ten: Path) -> None:
    date = "Sun, 09 Sep 2001 01:46:39 GMT"
    file = File(ten, headers={"Last-Modified": date})
    fields = [("Range", "bytes=5-"), ("If-Range", date)]
    assert await content(await file.prepare(make_request(headers=fields))) == TEN
    assert (await file.prepare(make_request(headers=[("If-Modified-Since", date)]))).status == 304


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_client_that_has_the_file_gets_304(make_request: MakeRequest, ten: Path, method: str) -> None:
    first = await File(ten).prepare(make_request())
    first.close()
    for name, field in [("If-None-Match", "etag"), ("If-Modified-Since", "last-modified")]:
        kept = {"Cache-Control": "no-cache", "Vary": "Cookie", "Expires": "0", "Content-Location": "/a"}
        file = File(ten, headers=kept | {"Content-Language": "en"}, download_name="x")
        response = await file.prepare(make_request("/", method, [(name, first.headers[field])]))
        assert (response.status, await content(response)) == (304, b"")
        assert set(response.headers) == {name.lower() for name in kept} | {"etag", "last-modified"}


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


def test_a_download_has_its_name(ten: Path) -> None:
    file = File(ten, download_name="a.txt")
    assert file.headers["content-disposition"] == "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"


def test_the_type_can_be_given(ten: Path) -> None:
    assert File(ten, content_type="image/png").headers["content-type"] == "image/png"


async def test_several_parts_come_in_one_response(make_request: MakeRequest, tmp_path: Path) -> None:
    data = bytes(range(256)) * 8
    (tmp_path / "a.png").write_bytes(data)
    wanted = [("Range", "bytes=1000-1009, 0-4, 5-9, 9999-, -3")]
    response = await File(tmp_path / "a.png").prepare(make_request(headers=wanted))
    body = await content(response)
    assert (response.status, response.content_bytes) == (206, len(body))
    assert "content-range" not in response.headers
    assert parts_of(response.headers["content-type"], body) == [
        ("image/png", "bytes 1000-1009/2048", data[1000:1010]),
        ("image/png", "bytes 0-9/2048", data[:10]),
        ("image/png", "bytes 2045-2047/2048", data[-3:]),
    ]


async def test_one_range_left_of_several_is_an_ordinary_part(make_request: MakeRequest, ten: Path) -> None:
    for wanted in ("bytes=2-4, 99-", "bytes=2-3, 3-4", "bytes=4-4, ,2-3,"):
        response = await File(ten).prepare(make_request(headers=[("Range", wanted)]))
        assert (response.status, response.headers["content-range"]) == (206, "bytes 2-4/10")
        assert await content(response) == b"234"


async def test_no_ranges_get_more_than_the_file(make_request: MakeRequest, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(1500))
    wanted = ", ".join(f"{number}-{number}" for number in range(0, 32, 2))
    response = await File(tmp_path / "a").prepare(make_request(headers=[("Range", f"bytes={wanted}")]))
    assert (response.status, await content(response)) == (200, bytes(1500))


async def test_several_parts_of_encoded_content_are_not_sent(
    make_request: MakeRequest, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(bytes(9000))
    file = File(tmp_path / "a", headers={"Content-Encoding": "gzip"})
    several = await file.prepare(make_request(headers=[("Range", "bytes=0-9,20-29")]))
    assert (several.status, await content(several)) == (200, bytes(9000))
    one = await file.prepare(make_request(headers=[("Range", "bytes=0-9")]))
    assert (one.status, await content(one)) == (206, bytes(10))


async def test_a_tag_belongs_to_one_encoding(make_request: MakeRequest, ten: Path) -> None:
    plain = await File(ten).prepare(make_request())
    plain.close()
    encoded = await File(ten, headers={"Content-Encoding": "gzip"}).prepare(make_request())
    encoded.close()
    assert plain.headers["etag"] != encoded.headers["etag"]


async def test_a_disk_that_hangs_holds_up_nobody_else(
    make_request: MakeRequest, ten: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = await File(ten).prepare(make_request())
    reading, hanging = threading.Event(), threading.Event()

    def hang(*_: int) -> bytes:
        reading.set()
        hanging.wait(20)
        return b""

    with monkeypatch.context() as patch:
        patch.setattr(OpenFile, "read", hang)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(content, response)
            assert await trio.to_thread.run_sync(reading.wait, 10)
            patch.undo()
            assert await content(await File(ten).prepare(make_request())) == TEN
            nursery.cancel_scope.cancel()
    assert not hanging.is_set(), "the answer ended while the disk still hung"
    hanging.set()


async def test_no_file_stays_open(make_request: MakeRequest, ten: Path) -> None:
    def open_count() -> int:
        return len(os.listdir("/proc/self/fd"))

    # The first use of a worker thread opens no file, but the comparison should not depend on that.
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

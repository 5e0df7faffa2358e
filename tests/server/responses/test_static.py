"""Files over real connections: downloads, resuming, and hostile paths."""

from __future__ import annotations

import gzip
import os
import re
import time
from email import message_from_bytes
from functools import partial

import httpx
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.serving import connected, in_memory, running
from support.waiting import until

from trioweb import App, Config, File, Timeouts, serve

SECRET = "the canary beside the folder"
BIG = bytes(range(251)) * 20_000  # five megabytes: more than the buffers of a loopback hold
SETTLED = 1_000_000_000


def write(path, data):
    path.write_bytes(data)
    os.utime(path, (SETTLED, SETTLED))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret.txt").write_text(SECRET)
    root = tmp_path / "site"
    (root / "docs").mkdir(parents=True)
    write(root / "index.html", b"top")
    write(root / "docs" / "index.html", b"docs")
    write(root / "app.js", b"let a = 1;" * 100)
    write(root / "app.js.gz", gzip.compress(b"let a = 1;" * 100))
    write(root / "big.bin", BIG)
    (root / "out").symlink_to(tmp_path)
    (root / "out.txt").symlink_to("../secret.txt")
    (root / "null").symlink_to("/dev/null")
    os.mkfifo(root / "pipe")
    return root


def site(folder):
    app = App()
    app.static("/static", folder, cache_control="max-age=60")

    @app.get("/download")
    async def download(request):
        return File(folder / "big.bin", download_name="größe.bin")

    return app


@pytest.fixture
async def http(folder):
    async with (
        running(site(folder)) as server,
        httpx.AsyncClient(base_url=server.urls[0]) as client,
    ):
        yield client


async def test_a_large_file_arrives_as_it_is(http):
    async with http.stream("GET", "/download") as answer:
        assert answer.headers["content-length"] == str(len(BIG))
        assert answer.headers["content-disposition"].endswith("filename*=UTF-8''gr%C3%B6%C3%9Fe.bin")
        data = b"".join([piece async for piece in answer.aiter_bytes()])
    assert data == BIG
    head = await http.head("/download")
    assert (head.headers["content-length"], head.headers["accept-ranges"]) == (str(len(BIG)), "bytes")


@pytest.mark.parametrize(
    ("path", "validator"),
    [("/static/big.bin", "etag"), ("/download", "etag"), ("/download", "last-modified")],
)
async def test_a_download_that_broke_off_is_resumed(folder, path, validator):
    async with running(site(folder)) as server, httpx.AsyncClient(base_url=server.urls[0]) as http:
        async with connected(server) as peer:
            await peer.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            head = await peer.receive_head()
            while len(peer.buffer) < 1_000_000:
                peer.buffer += await peer.stream.receive_some(65_536)
        kept = re.search(f"{validator}: (.*)\r", head, re.IGNORECASE)[1]
        got = len(peer.buffer)
        rest = await http.get(path, headers={"Range": f"bytes={got}-", "If-Range": kept})
    assert rest.status_code == 206
    assert rest.headers["content-range"] == f"bytes {got}-{len(BIG) - 1}/{len(BIG)}"
    assert peer.buffer + rest.content == BIG


@pytest.mark.parametrize("validator", ["etag", "last-modified"])
async def test_a_download_of_a_changed_file_starts_over(http, folder, validator):
    kept = (await http.head("/static/big.bin")).headers[validator]
    (folder / "big.bin").write_bytes(b"something else")
    answer = await http.get("/static/big.bin", headers={"Range": "bytes=4-", "If-Range": kept})
    assert (answer.status_code, answer.content) == (200, b"something else")


async def test_a_client_that_already_has_the_whole_file_is_told_its_size(http):
    answer = await http.get("/static/big.bin", headers={"Range": f"bytes={len(BIG)}-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(BIG)}")


async def test_several_parts_come_as_multipart_with_their_length(http):
    answer = await http.get("/static/big.bin", headers={"Range": "bytes=5-9, 100000-299999, -2"})
    assert answer.status_code == 206
    assert int(answer.headers["content-length"]) == len(answer.content)
    kind = answer.headers["content-type"]
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + answer.content)
    parts = {part["content-range"]: part.get_payload(decode=True) for part in message.get_payload()}
    assert parts == {
        f"bytes 5-9/{len(BIG)}": BIG[5:10],
        f"bytes 100000-299999/{len(BIG)}": BIG[100_000:300_000],
        f"bytes {len(BIG) - 2}-{len(BIG) - 1}/{len(BIG)}": BIG[-2:],
    }
    assert (await http.get("/static/")).text == "top", "the connection goes on"


async def test_a_compressed_form_is_sent_to_clients_that_can_read_it(http):
    packed = await http.get("/static/app.js")
    plain = await http.get("/static/app.js", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 100
    assert packed.text == plain.text == "let a = 1;" * 100
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert packed.headers["etag"] != plain.headers["etag"]
    again = await http.get("/static/app.js", headers={"If-None-Match": packed.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "max-age=60")
    assert {"date", "etag", "vary"} <= set(again.headers)


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/static", "./static/"),
        ("/static/docs", "./docs/"),
        ("/static/docs?next=//evil.example", "./docs/?next=//evil.example"),
        ("/static/d%6fcs?a=%0d%0aX:1", "./d%6fcs/?a=%0d%0aX:1"),
        ("//evil.example/static/docs", None),
        ("/static//evil.example/docs", None),
        ("/static/docs//", None),
        ("/static/%2fevil.example", None),
        ("/static/\\evil.example", None),
    ],
)
async def test_a_folder_redirects_to_itself_and_nowhere_else(folder, target, location):
    async with in_memory(site(folder)) as peer:
        await peer.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, _ = await peer.receive_response()
    found = re.search(r"\r\nlocation: (.*)", head, re.IGNORECASE)
    assert (found and found[1].strip()) == location


HARMFUL = [
    "../secret.txt",
    "..%2fsecret.txt",
    "%2e%2e/secret.txt",
    "%2e%2e%2fsecret.txt",
    "%252e%252e%252fsecret.txt",
    "..%252fsecret.txt",
    "..%5csecret.txt",
    "..\\secret.txt",
    "%5c..%5csecret.txt",
    "docs/..%2f..%2f..%2fsecret.txt",
    "docs/%2e%2e/%2e%2e/secret.txt",
    "docs/../../secret.txt",
    "....//secret.txt",
    "..;/secret.txt",
    "..%00/secret.txt",
    "index.html%00",
    "secret.txt%00.html",
    "%c0%ae%c0%ae/secret.txt",
    "%u002e%u002e/secret.txt",
    "%ff",
    "%ed%a0%80",
    "%",
    "/etc/passwd",
    "//etc/passwd",
    "%2fetc%2fpasswd",
    "file:///etc/passwd",
    "out/secret.txt",
    "out.txt",
    "out%2fsecret.txt",
    "out",
    "out/",
    "null",
    "pipe",
    "pipe/",
    ".",
    "..",
    ".htaccess",
    "~root",
    "x" * 5000,
    "x/" * 3000,
    "docs%2findex.html",
]


async def test_no_path_reads_outside_the_folder_and_none_fails(folder, caplog):
    async with running(site(folder)) as server, connected(server) as peer:
        with trio.fail_after(30):
            for path in HARMFUL:
                await peer.send(f"GET /static/{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                head, body = await peer.receive_response()
                assert head.split()[1] in ("400", "404"), (path, head)
                assert SECRET.encode() not in body
                assert b"root:" not in body
            await peer.send(b"GET /static/docs/ HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await peer.receive_response())[1] == b"docs"
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


SPELLINGS = ". .. %2e %2E%2e / %2f %5c \\ %25 %00 %c0%ae ~ ; : % ? %20"
NAMES = "docs out out.txt secret.txt index.html pipe site app.js .gz etc/passwd"
PIECE = st.sampled_from((SPELLINGS + " " + NAMES).split())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(targets=st.lists(st.lists(PIECE, max_size=8).map("".join), min_size=1, max_size=10))
def test_no_spelling_of_any_path_reads_outside_the_folder(folder, targets):
    async def ask():
        async with in_memory(site(folder)) as peer:
            for target in targets:
                await peer.send(f"GET /static/{target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                head, body = await peer.receive_response()
                assert head.split()[1] in ("200", "307", "400", "404")
                assert SECRET.encode() not in body
                assert b"root:" not in body

    trio.run(ask)


RANGE = st.tuples(*[st.one_of(st.just(""), st.integers(0, 1100).map(str))] * 2).map("-".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.lists(RANGE, min_size=1, max_size=4).map(",".join))
def test_any_ranges_give_bytes_of_the_file_at_their_places(folder, wanted):
    data = (folder / "app.js").read_bytes()

    async def ask():
        async with in_memory(site(folder)) as peer:
            await peer.send(
                f"GET /static/app.js HTTP/1.1\r\nHost: x\r\nRange: bytes={wanted}\r\n\r\n".encode()
            )
            return await peer.receive_response()

    head, body = trio.run(ask)
    status = head.split()[1]
    assert status in ("200", "206", "416")
    if status == "200":
        assert body == data
    elif status == "206":
        places = re.findall(r"content-range: bytes (\d+)-(\d+)/1000", head, re.IGNORECASE)
        parts = [body]
        if not places:
            kind = re.search(r"content-type: (.*)", head, re.IGNORECASE)[1]
            message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
            parts = [part.get_payload(decode=True) for part in message.get_payload()]
            places = [
                re.fullmatch(r"bytes (\d+)-(\d+)/1000", part["content-range"]).groups()
                for part in message.get_payload()
            ]
        assert [data[int(first) : int(last) + 1] for first, last in places] == parts
        assert len(body) <= len(data), "a range never costs more than the file"


async def test_four_thousand_ranges_get_the_file_once_and_at_once(http):
    started = time.process_time()
    answer = await http.get(
        "/static/app.js", headers={"Range": "bytes=" + "0-1," * 3_900, "Accept-Encoding": "identity"}
    )
    assert (answer.status_code, len(answer.content)) == (200, 1000)
    tags = '"x",' * 3_900
    assert (await http.get("/static/app.js", headers={"If-None-Match": tags})).status_code == 200
    assert time.process_time() - started < 5


def files_open(name):
    """List the descriptors of this process for files with this name."""
    descriptors = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return [one for one in descriptors if os.path.lexists(one) and os.readlink(one).endswith(name)]


async def test_clients_that_leave_during_a_download_leave_no_file_open(folder):
    (folder / "huge.bin").touch()
    os.truncate(
        folder / "huge.bin", 1 << 30
    )  # a sparse file: it takes no room on disk, and no buffer holds it
    async with running(site(folder)) as server:
        for _ in range(5):
            async with connected(server) as peer:
                await peer.send(b"GET /static/huge.bin HTTP/1.1\r\nHost: x\r\n\r\n")
                await peer.receive_head()
                assert files_open("huge.bin")
        await until(lambda: not files_open("huge.bin"))


async def test_a_server_that_is_cancelled_leaves_no_file_open(folder):
    (folder / "huge.bin").touch()
    os.truncate(folder / "huge.bin", 1 << 30)
    app = App(Config(timeouts=Timeouts(drain_seconds=0.1)))
    app.static("/static", folder)
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(serve, app, port=0))
        async with connected(server) as peer:
            await peer.send(b"GET /static/huge.bin HTTP/1.1\r\nHost: x\r\n\r\n")
            await peer.receive_head()
            assert files_open("huge.bin")
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 20):
                await until(lambda: not files_open("huge.bin"))
    assert not files_open("huge.bin")


async def test_a_client_that_reads_slowly_holds_up_nobody(folder):
    async with running(site(folder)) as server, connected(server) as slow:
        await slow.send(b"GET /static/big.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        await slow.receive_head()
        async with httpx.AsyncClient(base_url=server.urls[0]) as http:
            assert (await http.get("/static/big.bin")).content == BIG


async def test_files_can_be_served_below_a_prefix_with_a_parameter(folder, autojump_clock):
    inner, app = App(), App()
    inner.static("/static", folder)
    app.include("/{place}", inner)
    async with in_memory(app) as peer:
        await peer.send(b"GET /here/static/docs/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await peer.receive_response())[1] == b"docs"


async def test_methods_other_than_get_and_head_are_refused_with_a_list_of_these(http):
    answer = await http.post("/static/app.js")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")

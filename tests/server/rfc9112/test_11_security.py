"""RFC 9112 §11: response splitting, request smuggling, and other attacks by raw bytes.

Each request of the table has fooled some server or proxy. Here it is refused, or read in the
only way that everybody reads it, and a request that an attacker hid after it is never answered.
"""

from __future__ import annotations

import pytest
import trio
from support.conduct import NEXT, Site, read_answers, refused, request, talk
from support.serving import connected, in_memory, running

from trioweb import Redirect, Response, Text

# §11.1, Response Splitting.

EVIL = [
    "a\r\nSet-Cookie: b=c",
    "a\nX: b",
    "a\rX: b",
    "a\r\n\r\n<script>",
    "a\x00b",
    "a\x0bb",
    "\r\n",
    "a\u560a\u560d",
    "a\u0100",
]


@pytest.mark.parametrize("value", EVIL)
@pytest.mark.parametrize(
    "how", ["field", "name", "redirect", "cookie", "path", "type", "middleware", "status"]
)
async def test_11_1_a_handler_cannot_be_made_to_split_its_response(autojump_clock, caplog, how, value):
    site = Site()

    @site.app.get("/reflect")
    async def reflect(request):
        evil = value
        if how == "field":
            return Text("x", headers={"X": evil})
        if how == "name":
            return Text("x", headers={evil: "x"})
        if how == "redirect":
            return Redirect("/next?to=" + evil)
        if how == "type":
            return Response(b"x", content_type="text/plain; charset=" + evil)
        response = Text("x")
        if how == "cookie":
            response.set_cookie("session", evil)
        elif how == "path":
            response.set_cookie("session", "x", path="/" + evil)
        elif how == "middleware":
            response.headers["X"] = evil
        else:
            response.status = "200 OK\r\nX: " + evil
        return response

    async with in_memory(site.app) as peer:
        await peer.send(request(start="GET /reflect HTTP/1.1") + request("Connection: close"))
        data = await peer.receive_end()
    if how == "status" and not data:
        return  # nothing was sent at all
    answers = read_answers(data)
    assert [answer.status for answer in answers][-1] == 200
    assert len(answers) == 2
    assert answers[0].status in {500, 303}
    for answer in answers:
        assert not {"set-cookie", "x"} & set(answer.headers)
    if answers[0].status == 303:
        assert answers[0].headers["location"].isascii()
        assert answers[0].headers["location"].isprintable()


# §11.2, Request Smuggling.

CHUNKS = b"0\r\n\r\n"


def post(*lines, body=b""):
    return request(*lines, start="POST / HTTP/1.1", body=body)


# Content-Length against Transfer-Encoding, and ways to hide either from one of two readers.
HIDDEN = [
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding\t: chunked",
    b"Transfer-Encoding\x0b: chunked",
    b"Transfer-Encoding\x00: chunked",
    b"Transfer-Encoding\r: chunked",
    b"Transfer-Encoding\n: chunked",
    b"Transfer-Encoding\n : chunked",
    b"Transfer-Encoding\r\n : chunked",
    b" Transfer-Encoding: chunked",
    b"\tTransfer-Encoding: chunked",
    b"\x0bTransfer-Encoding: chunked",
    b"\nTransfer-Encoding: chunked",
    b"\rTransfer-Encoding: chunked",
    b"X: y\nTransfer-Encoding: chunked",
    b"X: y\rTransfer-Encoding: chunked",
    b"X: y\r\n Transfer-Encoding: chunked",
    b"X:\nTransfer-Encoding: chunked",
    b"Transfer-Encoding:\n chunked",
    b"Transfer-Encoding:\r\n chunked",
    b"Transfer-Encoding: chunked\r\n ",
    b"Transfer-Encoding: chunked\r\n\t, gzip",
    b"Transfer-Encoding: chunked",
    b"transfer-encoding: chunked",
    b"TRANSFER-ENCODING:chunked",
    b"Transfer-Encoding:\tchunked",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: x chunked",
    b"Transfer-Encoding: chunked x",
    b"Transfer-Encoding: chunk",
    b"Transfer-Encoding: chunked\x00",
    b"Transfer-Encoding: \x00chunked",
    b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding: chunked\x0c",
    b"Transfer-Encoding: \xffchunked",
    b"Transfer-Encoding: chunked\xa0",
    b"Transfer-Encoding: chunked\x85",
    b"Transfer-Encoding: chun\xc4\xb7ed",
    b"Transfer-Encoding: \xc3\xa7hunked",
    b"Transfer-Encoding: 'chunked'",
    b'Transfer-Encoding: "chunked"',
    b"Transfer-Encoding: chunked;",
    b"Transfer-Encoding: chunked;a=b",
    b"Transfer-Encoding: chunked,",
    b"Transfer-Encoding: ,chunked",
    b"Transfer-Encoding: , chunked, ",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding: identity, chunked",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: chunked, cow",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding:",
    b"Transfer-Encoding: ",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding:",
    b"Transfer-Encoding:\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\ntransfer-encoding: cow",
    b"Transfer\x00-Encoding: chunked",
    b"Transfer Encoding: chunked",
    b"Transfer-\r\n Encoding: chunked",
    b"Transfer-Encoding; chunked",
    b"Transfer-Encoding chunked",
    b"Transfer-Encoding=chunked",
    b": chunked\r\nTransfer-Encoding: chunked",
    b"\xefTransfer-Encoding: chunked",
    b"Transfer-Encod\xefng: chunked",
]


@pytest.mark.parametrize("line", HIDDEN, ids=repr)
async def test_11_2_a_coding_beside_a_length_is_refused_however_it_is_written(autojump_clock, line):
    # CL.TE: by the length, all of it is the body; by the chunks, none of it is.
    body = CHUNKS + NEXT
    length = b"Content-Length: %d" % len(body)
    for lines in ([length, line], [line, length], [b"X: y", line, b"Y: z", length]):
        assert await refused(post(*lines, body=body)) == 400


@pytest.mark.parametrize("line", HIDDEN, ids=repr)
async def test_11_2_a_coding_by_itself_is_plain_chunked_or_refused(autojump_clock, line):
    data = post(line, body=CHUNKS + NEXT)
    if (
        line.lower().replace(b" ", b"").replace(b"\t", b"") == b"transfer-encoding:chunked"
        and line[:1] in b"tT"
        and line[17:18] == b":"
    ):
        assert (await talk(Site(), data)).bodies == ["POST / 0", "GET /smuggled 0"]
    else:
        assert await refused(data) in {400, 501}


# Names that some gateways turn into those above, and that are simply other names here.
RESEMBLING = [
    "Transfer_Encoding",
    "X-Transfer-Encoding",
    "Transfer-Encodings",
    "Transfer-Encoding-",
    "!Transfer-Encoding",
    "Transfer.Encoding",
    "TransferEncoding",
]


@pytest.mark.parametrize("name", RESEMBLING)
async def test_11_2_a_name_that_only_resembles_another_is_a_different_one(autojump_clock, name):
    data = post(f"{name}: chunked", f"Content-Length: {len(NEXT)}", body=NEXT)
    assert (await talk(Site(), data + request())).bodies == [f"POST / {len(NEXT)}", "GET / 0"]


LENGTHS = [
    b"Content-Length: 0\r\nContent-Length: %d",
    b"Content-Length: %d\r\nContent-Length: 0",
    b"Content-Length: %d\r\nContent-Length: %d",
    b"Content-Length: 0, %d",
    b"Content-Length: %d, 0",
    b"Content-Length: %d, %d",
    b"Content-Length: +%d",
    b"Content-Length: -%d",
    b"Content-Length: 0x%x",
    b"Content-Length: 0%o9x",
    b"Content-Length: %d.0",
    b"Content-Length: %de0",
    b"Content-Length: %d_",
    b"Content-Length: 0_%d",
    b"Content-Length: \x0b%d",
    b"Content-Length: %d\x0c",
    b"Content-Length: \x00%d",
    b"Content-Length: %d\x00",
    b"Content-Length: \xa0%d",
    b"Content-Length: %d\x85",
    b"Content-Length: %d\xb2",
    b"Content-Length: 18446744073709551%d",
    b"Content-Length: 00000000000000000%d",
    b"Content-Length: %d abc",
    b"Content-Length: %d;",
    b"Content-Length: (%d)",
    b"Content-Length: '%d'",
    b'Content-Length: "%d"',
    b"Content-Length:\r\n %d",
    b"Content-Length:\n%d",
    b"Content-Length : %d",
    b"Content-Length\t: %d",
    b"Content-Length\x0b: %d",
    b"Content-Length\r\n: %d",
    b" Content-Length: %d",
    b"X: y\nContent-Length: %d",
    b"X: y\rContent-Length: %d",
    b"X: y\r\n\tContent-Length: %d",
    b"Content-Length %d",
    b"Content-Length=%d",
    b"Content Length: %d",
    b"Content-Length:",
    b"Content-Length: ",
    b"Content-Length: a",
    b"Content-Length: 0\r\n\x00: %d",
    b"Content-Length: 0\r\n: %d",
    b"Content-Length: 0\r\nContent-Length : %d",
    b"Content-Length: 0\r\n Content-Length: %d",
]


@pytest.mark.parametrize("lines", LENGTHS, ids=repr)
async def test_11_2_an_ambiguous_length_is_refused(autojump_clock, lines):
    count = lines.count(b"%d") + lines.count(b"%x") + lines.count(b"%o")
    status = await refused(post(lines % ((len(NEXT),) * count), body=NEXT))
    assert status == 400


CHUNKED = [
    # A line feed that ends a line for one reader and not for the other (EXT.TERM, TERM.EXT).
    b"1;\nxx\r\n%x\r\n0\r\n\r\n",
    b"1;a\nxx\r\n%x\r\n0\r\n\r\n",
    b"1\nx\r\n0\r\n\r\n",
    b"1\n;x\r\nx\r\n0\r\n\r\n",
    b"1\rx\r\n0\r\n\r\n",
    b"1;\rx\r\nx\r\n0\r\n\r\n",
    b"1\r;\r\nx\r\n0\r\n\r\n",
    b"0;\n\r\n\r\n",
    b"0\n\r\n",
    b"0\n\n",
    b"0\r\n\n",
    b"0\r\n\r",
    b"0\r\r\n\r\n",
    b"0\r\n\r\r\n",
    # Two bytes after the data that need not be CRLF (TERM.SPILL, ONE.TWO, ZERO.TWO).
    b"1\r\nxXX0\r\n\r\n",
    b"1\r\nx0\r\n\r\n",
    b"1\r\nx\n0\r\n\r\n",
    b"1\r\nx\r0\r\n\r\n",
    b"1\r\nx\n\r0\r\n\r\n",
    b"1\r\nxx\r\n0\r\n\r\n",
    b"2\r\nx\r\n0\r\n\r\n",
    b"5\r\nx\r\n0\r\n\r\n",
    # Numbers that are read differently, or overflow.
    b"0x1\r\nx\r\n0\r\n\r\n",
    b"+1\r\nx\r\n0\r\n\r\n",
    b"-1\r\nx\r\n0\r\n\r\n",
    b"-0\r\n\r\n",
    b"1_1\r\nx\r\n0\r\n\r\n",
    b" 1\r\nx\r\n0\r\n\r\n",
    b"1 \r\nx\r\n0\r\n\r\n",
    b"\x0b1\r\nx\r\n0\r\n\r\n",
    b"1\x00\r\nx\r\n0\r\n\r\n",
    b"1g\r\nx\r\n0\r\n\r\n",
    b"g\r\nx\r\n0\r\n\r\n",
    b"\r\nx\r\n0\r\n\r\n",
    b";a\r\nx\r\n0\r\n\r\n",
    b"10000000000000001\r\nx\r\n0\r\n\r\n",
    b"100000000\r\nx\r\n0\r\n\r\n",
    b"ffffffffffffffff\r\nx\r\n0\r\n\r\n",
    b"fffffffffffffffff\r\nx\r\n0\r\n\r\n",
    b"1,1\r\nx\r\n0\r\n\r\n",
    b"1.0\r\nx\r\n0\r\n\r\n",
    # Trailers.
    b"0\r\nContent-Length: 5\r\n\r\n",
    b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"0\r\nHost: evil.example\r\n\r\n",
    b"0\r\nX: a\n\n",
    b"0\r\nX: a\r\n b\r\n\r\n",
    b"0\r\nX : a\r\n\r\n",
    b"0\r\nX: a\rb\r\n\r\n",
    b"0\r\nX\r\n\r\n",
    b"0\r\nGET /smuggled HTTP/1.1\r\n\r\n",
]


@pytest.mark.parametrize("chunks", CHUNKED, ids=repr)
async def test_11_2_ambiguous_chunks_are_refused(autojump_clock, chunks):
    body = chunks.replace(b"%x", b"%x" % len(NEXT))
    assert await refused(post("Transfer-Encoding: chunked", body=body + NEXT)) in {400, 413}


FIRST_LINES = [
    b"GET /\nHost: a HTTP/1.1",
    b"GET / HTTP/1.1\nX: y",
    b"GET / HTTP/1.1\rX: y",
    b"GET /\rX HTTP/1.1",
    b"GET / HTTP/1.1\r\nX: y HTTP/1.1\r\n : a",
    b"GET /smuggled HTTP/1.1\x00",
    b"GET\x00 / HTTP/1.1",
    b"GET /\x00 HTTP/1.1",
    b"GET / HTTP/1.1 HTTP/1.1",
    b"GET / HTTP/1.1\x0b",
    b"GET\x0b/ HTTP/1.1",
    b"GET\x0c/ HTTP/1.1",
    b"GET\xa0/ HTTP/1.1",
    b"GET /\xa0HTTP/1.1",
    b"GET /a b HTTP/1.1",
    b"GET / HTTP/1.1 ",
    b"GET  / HTTP/1.1",
    b"GET /  HTTP/1.1",
    b"GET / HTTP/1.\xb9",
    b"GET / HTTP/1.1.1",
    b"GET / HTTP/1.1,HTTP/1.0",
    b"GET / HTTP/1.1#",
    b"GET http://a@b/ HTTP/1.1",
    b"GET http://a\\@b/ HTTP/1.1",
    b"GET http://a/ http://b/ HTTP/1.1",
    b"GET a:80 HTTP/1.1",
    b"GET",
    b"GET /",
]
ALIKE = {*b"234567BCDEFGHIJKLMNOPQRSTUVWXYbcdefghijklmnopqrstuvwxy", *range(0x86, 0xA0), *range(0xA1, 0xFF)}
OCTETS = [pytest.param(octet, marks=pytest.mark.slow) if octet in ALIKE else octet for octet in range(256)]


@pytest.mark.parametrize("line", FIRST_LINES, ids=repr)
async def test_11_2_an_ambiguous_first_line_is_refused(autojump_clock, line):
    assert await refused(line + b"\r\nHost: example.org\r\n\r\n" + NEXT) == 400


@pytest.mark.parametrize("code", OCTETS)
async def test_11_2_a_byte_too_many_makes_another_field_or_none(autojump_clock, code):
    octet = bytes([code])
    for name, value, body in [
        (b"Content-Length", b"%d" % len(NEXT), NEXT),
        (b"Transfer-Encoding", b"chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (len(NEXT), NEXT)),
    ]:
        for line in (
            octet + name + b": " + value,
            name[:8] + octet + name[8:] + b": " + value,
            name + octet + b": " + value,
            name + b":" + octet + value,
            name + b": " + value + octet,
        ):
            site = Site()
            conversation = await talk(site, post(line, body=body), is_ended=False)
            if conversation.statuses[0] >= 400:
                assert len(conversation.answers) == 1
                assert site.seen == []
            elif line.partition(b":")[0] != name:  # another field, so that there is no body
                assert site.seen[0] == ("POST", "/", b"")
            else:
                assert site.seen == [("POST", "/", NEXT)]
                assert octet in {b" ", b"\t", b"0"}, "whitespace around a value, or a zero before it"


async def test_11_2_nothing_is_answered_after_a_refusal_over_a_socket():
    site = Site()
    async with running(site.app) as server:
        for data in (
            post("Transfer-Encoding: chunked", "Content-Length: 5", body=CHUNKS + NEXT),
            post("Transfer-Encoding: chunked", body=b"1;\nx\r\nx\r\n0\r\n\r\n" + NEXT),
            post("Content-Length: 0", "Content-Length: 0") + NEXT,
        ):
            async with connected(server) as peer:
                await peer.send(data)
                with trio.fail_after(5):
                    answers = read_answers(await peer.receive_end())
                assert [answer.status for answer in answers] == [400]
    assert site.seen == []

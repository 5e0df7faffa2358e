"""Forms beyond their limits: refused early, with the limit's name, and without the memory."""

from __future__ import annotations

import tracemalloc

import pytest
import trio
import trio.testing
from support.forms import BOUNDARY, MULTIPART, URLENCODED, Part, encode, refusal

from trioweb import Limits


async def test_inputs_without_a_chosen_file_count_as_fields_and_are_not_uploads(form_request):
    body = encode(Part("a", b"", ""), Part("photo", b"x", "x.png"), Part("b", b"", ""))
    form = await form_request(body, limit={"form_files": 1, "form_fields": 2}).form()
    assert [upload.filename for upload in form.files.values()] == ["x.png"]
    status, detail = await refusal(form_request(body, limit={"form_fields": 1}))
    assert (status, "more than 1 fields (Limits.form_fields)" in detail) == (413, True)


async def test_a_file_without_a_name_counts_once_it_holds_something(form_request):
    body = encode(Part("a", b"x", ""), Part("b", b"y", ""))
    form = await form_request(body, limit={"form_files": 2}).form()
    assert [upload.size_bytes for upload in form.files.values()] == [1, 1]
    status, detail = await refusal(form_request(body, limit={"form_files": 1}))
    assert (status, "more than 1 files (Limits.form_files)" in detail) == (413, True)


async def test_each_limit_is_exact_and_names_itself(form_request):
    fields = encode(Part("aa", b"123"), Part("b", b"4567"))
    files = encode(Part("aa", b"123", "x"), Part("b", b"4567", "y"))
    for body, header, limit, status, text in [
        (fields, MULTIPART, {"form_fields": 1}, 413, "more than 1 fields (Limits.form_fields)"),
        (files, MULTIPART, {"form_files": 1}, 413, "more than 1 files (Limits.form_files)"),
        (fields, MULTIPART, {"form_field_bytes": 9}, 413, "9 bytes together, at the field 'b' (Limits."),
        (fields, MULTIPART, {"form_field_bytes": 5}, 413, "5 bytes together, at the field 'b'"),
        (fields, MULTIPART, {"form_field_bytes": 1}, 413, "at the field 'aa' (Limits.form_field_bytes)"),
        (b"a=1&b=2", URLENCODED, {"form_fields": 1}, 413, "more than 1 fields (Limits.form_fields)"),
        (b"a=1&b=2", URLENCODED, {"form_field_bytes": 6}, 413, "6 bytes together (Limits.form_field_bytes)"),
    ]:
        name, bound = next(iter(limit.items()))
        got = await refusal(form_request(body, header, limit=limit))
        assert got[0] == status
        assert text in got[1], got
        if "at the field 'b' (" in text or header is URLENCODED or name != "form_field_bytes":
            assert await form_request(body, header, limit={name: bound + 1}).form() is not None
    assert (await form_request(files, limit={"form_fields": 0, "form_field_bytes": 0}).form()).files
    assert len(await form_request(b"", URLENCODED, limit={"form_fields": 0}).form()) == 0


async def test_the_limits_of_a_route_take_the_place_of_the_applications(form_request):
    route = Limits(body_bytes=10_000, form_fields=2)
    request = form_request(b"a=1&b=2", URLENCODED, limit={"body_bytes": 3, "form_fields": 1})
    request._body.limit(route)
    assert len(await request.form()) == 2
    request = form_request(b"a=1&b=2&c=3", URLENCODED)
    request._body.limit(route)
    assert (await refusal(request))[0] == 413
    request = form_request(b"", URLENCODED, content_bytes=0)
    assert len(await request.form()) == 0


async def test_a_long_part_head_is_413(form_request):
    body = encode(Part("a" * 300, b""))
    status, detail = await refusal(form_request(body, limit={"form_header_bytes": 256}))
    assert (status, "256 bytes (Limits.form_header_bytes)" in detail) == (413, True)


@pytest.mark.parametrize("filename", [None, "f", ""])
async def test_a_hundred_thousand_tiny_parts_are_refused_early(form_request, filename):
    unit = encode(Part("a", b"", filename)).rpartition(b"--" + BOUNDARY.encode())[0]
    taken = 0

    def pieces():
        nonlocal taken
        for _ in range(1000):
            taken += 100
            yield unit * 100

    tracemalloc.start()
    try:
        status, _ = await refusal(form_request(pieces(), limit={"body_bytes": 10**9}))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert status == 413
    assert taken <= 1200
    assert peak < 3_000_000


async def test_a_bomb_of_empty_url_encoded_fields_is_refused(form_request):
    status, _ = await refusal(form_request(b"&" * 1_000_000, URLENCODED))
    assert status == 413


def peak_of(function, *arguments):
    """Run an async function, and return its result and its peak of additional memory."""
    tracemalloc.start()
    try:
        return trio.run(function, *arguments), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("unit", [b"%41", b"%41a", b"%", b"+", b"a"])
def test_a_url_encoded_form_takes_little_more_memory_than_its_bytes(form_request, unit):
    def pieces():
        yield b"a="
        for _ in range(31):
            yield unit * (2**15 // len(unit))

    async def read():
        return await form_request(pieces(), URLENCODED, limit={}).form()

    form, peak = peak_of(read)
    assert len(form["a"]) > 300_000
    assert peak < 3.5 * 2**20


def test_header_fields_of_parts_are_not_kept(form_request):
    kind = f"text/plain; charset=utf-8; x={'x' * 7900}"

    def pieces():
        for number in range(1000):
            yield encode(Part(f"f{number}", b"", None, kind)).rpartition(b"--" + BOUNDARY.encode())[0]
        yield f"--{BOUNDARY}--\r\n".encode()

    async def read():
        return await form_request(pieces(), limit={"body_bytes": 50 * 2**20}).form()

    form, peak = peak_of(read)
    assert len(form) == 1000
    assert peak < 2 * 2**20

from __future__ import annotations

import sys
import tempfile
from urllib.parse import quote_plus, urlencode

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.forms import BOUNDARY, MULTIPART, URLENCODED, Part, cut, encode, open_files_in, refusal

from trioweb import Form, HTTPError, Limits, LocalProtocolError
from trioweb._web.forms.urlencoded import SLICE_BYTES


async def test_a_url_encoded_form_is_a_mapping(form_request):
    form = await form_request(b"name=J%C3%BCrgen+M&tag=a&&tag=&bad=%zz%ff", URLENCODED).form()
    assert dict(form) == {"name": "Jürgen M", "tag": "a", "bad": "%zz\ufffd"}
    assert form.get_all("tag") == ["a", ""]
    assert form.files == {}
    assert isinstance(form, Form)


async def test_a_multipart_form_has_fields_and_files(form_request):
    body = encode(
        Part("title", "Füße".encode()),
        Part("photo", b"\xff\xd8", "größe.jpg", "image/jpeg"),
        Part("photo", b"second", "b.jpg"),
        Part("title", b"two"),
    )
    request = form_request(body)
    form = await request.form()
    assert dict(form) == {"title": "Füße"}
    assert form.get_all("title") == ["Füße", "two"]
    assert list(form.files) == ["photo"]
    photo = form.upload("photo")
    assert photo is form.files["photo"] is form.files.get_all("photo")[0]
    assert (photo.name, photo.filename, photo.content_type) == ("photo", "größe.jpg", "image/jpeg")
    assert await photo.read() == b"\xff\xd8"
    assert [upload.filename for upload in form.files.get_all("photo")] == ["größe.jpg", "b.jpg"]
    assert form.files.get("other") is None
    assert form.files.get_all("other") == []
    assert len(form.files) == 1
    assert repr(form) == ("Form({'title': ['Füße', 'two']}, files=[<Upload 'photo' 'größe.jpg' 2 bytes>])")
    assert repr(form.files).startswith("Uploads({'photo': [<Upload")
    with pytest.raises(HTTPError, match=r"400 the file 'cv' of the form is missing") as caught:
        form.upload("cv")
    assert caught.value.status == 400


async def test_an_input_without_a_chosen_file_has_no_upload(form_request):
    form = await form_request(
        encode(Part("a", b"", "", "application/octet-stream"), Part("b", b"x", ""))
    ).form()
    assert list(form.files) == ["b"]
    assert form.upload("b").safe_name == "upload"
    assert dict(form) == {}


async def test_an_empty_file_with_a_name_is_an_upload(form_request):
    form = await form_request(encode(Part("a", b"", "empty.txt"))).form()
    assert form.upload("a").size_bytes == 0


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (None, "there is no Content-Type"),
        (("Content-Type", "application/json"), "'application/json'"),
        (("Content-Type", "multipart/mixed; boundary=x"), "'multipart/mixed'"),
    ],
)
async def test_a_body_that_is_not_a_form_is_415_that_names_the_two_kinds(form_request, header, kind):
    request = form_request(b"a=1", header)
    with pytest.raises(HTTPError) as caught:
        await request.form()
    assert caught.value.status == 415
    assert kind in caught.value.detail
    assert caught.value.headers["Accept"] == "application/x-www-form-urlencoded, multipart/form-data"
    assert await request.body() == b"a=1", "the body was not touched"


@pytest.mark.parametrize(
    "parameters", ["", "; boundary=", '; boundary=""', '; boundary="a', "; boundary=a; boundary=b", "; x"]
)
async def test_a_boundary_that_cannot_be_read_is_400(form_request, parameters):
    status, detail = await refusal(form_request(b"", ("Content-Type", f"multipart/form-data{parameters}")))
    assert status == 400
    assert "boundary" in detail


async def test_a_content_type_is_read_in_any_case_of_letters(form_request):
    header = ("Content-Type", f'Multipart/Form-Data; Charset=utf-8; Boundary="{BOUNDARY}"')
    assert dict(await form_request(encode(Part("a", b"1")), header).form()) == {"a": "1"}
    header = ("Content-Type", "Application/X-WWW-Form-URLencoded; charset=UTF-8")
    assert dict(await form_request(b"a=1", header).form()) == {"a": "1"}


async def test_a_request_without_a_body_is_an_empty_form_if_it_says_so(form_request):
    assert dict(await form_request(b"", URLENCODED, content_bytes=0).form()) == {}
    status, _ = await refusal(form_request(b"", content_bytes=0))
    assert status == 400


# Charsets.


async def test_a_charset_field_sets_the_charset_of_all_fields(form_request):
    # RFC 7578 §4.6; browsers also send it with URL-encoded forms of old pages.
    body = encode(
        Part("_charset_", b"ISO-8859-1"),
        Part("a", b"\xfc"),
        Part("b", "ü".encode(), None, "text/plain; charset=UTF-8"),
        Part("f", b"\xfc", "x"),
    )
    form = await form_request(body).form()
    assert (form["a"], form["b"]) == ("ü", "ü")
    assert await form.files["f"].read() == b"\xfc"
    form = await form_request(b"%FC=%FC&_charset_=windows-1252", URLENCODED).form()
    assert form["ü"] == "ü"
    assert (await form_request(b"_charset_=&a=%C3%BC", URLENCODED).form())["a"] == "ü"


async def test_a_charset_that_is_not_known_is_415(form_request):
    assert (await refusal(form_request(b"_charset_=utf-7&a=1", URLENCODED)))[0] == 415
    body = encode(Part("a", b"x", None, "text/plain; charset=punycode"))
    assert "the charset 'punycode' is not known" in (await refusal(form_request(body)))[1]


async def test_bytes_that_do_not_fit_are_odd_text(form_request):
    form = await form_request(
        encode(Part("a", b"\xff"), Part("b", b"x", None, 'text/plain; charset="'))
    ).form()
    assert dict(form) == {"a": "\ufffd", "b": "x"}


# Reading it: by many, again, cancelled, after something else.


async def test_the_form_is_the_same_object_for_every_caller(form_request):
    body = encode(Part("a", b"1"))
    request = form_request([body[:20], body[20:]])
    forms = []

    async def read():
        forms.append(await request.form())

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(read)
    forms.append(await request.form())
    assert all(form is forms[0] for form in forms)
    assert len(forms) == 4


async def test_body_and_stream_after_a_form_say_what_happened(form_request):
    request = form_request(b"a=1", URLENCODED)
    await request.form()
    with pytest.raises(LocalProtocolError, match=r"streamed by form\(\) and is not kept"):
        await request.body()
    with pytest.raises(LocalProtocolError, match=r"read by form\(\) already"):
        async for _ in request.stream():
            pass


async def test_a_form_after_a_stream_says_what_happened(form_request):
    request = form_request(b"a=1", URLENCODED)
    async for _ in request.stream():
        pass
    with pytest.raises(LocalProtocolError, match=r"read by stream\(\) already.*form\(\) is too late"):
        await request.form()


async def test_a_body_that_was_kept_can_be_read_as_a_form(form_request):
    body = encode(Part("a", b"x" * 200_000, "f"), Part("b", b"1"))
    request = form_request(body)
    assert await request.body() == body
    form = await request.form()
    assert form["b"] == "1"
    assert await form.files["a"].read() == b"x" * 200_000
    assert await request.body() == body
    await request._body.aclose()


@pytest.mark.parametrize("header", [MULTIPART, URLENCODED])
async def test_a_cancelled_form_continues_where_it_was(make_request, header):
    content = b"x" * (2 * SLICE_BYTES)
    body = encode(Part("a", content), Part("f", b"y" * 600_000, "f"), Part("f", b"z", "g"))
    if header is URLENCODED:
        body = b"a=" + content
    pieces = cut(body, range(0, 700_000, 9000))
    send, receive = trio.open_memory_channel(0)
    request = make_request("/", "POST", [header], limits=Limits(), receive_body=receive.receive)

    async def cancelled():
        """Read until no more input arrives, and be cancelled then."""
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:

                async def cancel():
                    await trio.testing.wait_all_tasks_blocked()
                    scope.cancel()

                nursery.start_soon(cancel)
                await request.form()
                nursery.cancel_scope.cancel()
        return scope.cancelled_caught

    for piece in pieces:
        with trio.CancelScope() as scope:
            scope.cancel()
            await request.form()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send.send, piece)
            assert await cancelled()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send.send, b"")
        form = await request.form()
    assert form["a"] == content.decode()
    if header is MULTIPART:
        assert await form.files["f"].read() == b"y" * 600_000
        assert [upload.size_bytes for upload in form.files.get_all("f")] == [600_000, 1]
    await request._body.aclose()


async def test_a_form_that_failed_fails_again_in_the_same_way(form_request):
    request = form_request([b"nonsense", b" and more"])
    first, second = await refusal(request), await refusal(request)
    assert first == second
    assert first[0] == 400


# The file on disk.


@pytest.fixture
def open_files(tmp_path, monkeypatch):
    """Count the temporary files that are open."""
    if sys.platform != "linux":
        pytest.skip("descriptors are counted in /proc")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return lambda: open_files_in(tmp_path)


async def spooled(form_request, body=None):
    body = body or encode(Part("f", b"x" * 600_000, "f"))
    return form_request(cut(body, range(0, len(body), 50_000)), limit={"form_memory_bytes": 1000})


async def test_the_file_is_closed_when_the_request_is(form_request, open_files):
    request = await spooled(form_request)
    assert request._body.form is None
    form = await request.form()
    assert request._body.form is not None
    assert open_files() == 1
    assert await form.files["f"].read() == b"x" * 600_000
    await request._body.aclose()
    assert open_files() == 0
    with pytest.raises(LocalProtocolError, match="gone"):
        await form.files["f"].read()


async def test_the_file_is_closed_when_the_form_is_wrong(form_request, open_files):
    request = await spooled(form_request, encode(Part("f", b"x" * 600_000, "f"))[:-10])
    assert (await refusal(request))[0] == 400
    assert open_files() == 0


async def test_the_file_is_closed_when_reading_was_cancelled(make_request, open_files):
    send, receive = trio.open_memory_channel(100)
    request = make_request(
        "/", "POST", [MULTIPART], limits=Limits(form_memory_bytes=0), receive_body=receive.receive
    )
    body = encode(Part("f", b"x" * 600_000, "f"))
    for piece in cut(body[:-100], range(0, len(body), 50_000)):
        send.send_nowait(piece)
    with trio.move_on_after(0.2):
        await request.form()
    assert open_files() == 1
    with trio.CancelScope() as scope:
        scope.cancel()
        await request._body.aclose()
    assert open_files() == 0


async def test_a_full_disk_is_an_error_of_the_server_at_every_call(form_request, monkeypatch):
    def full(**options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    request = await spooled(form_request)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            await request.form()


async def test_closing_a_request_without_a_form_is_nothing(form_request):
    request = form_request(b"a=1", URLENCODED)
    await request._body.aclose()
    assert await request.body() == b"a=1"


# Any form at all.

TEXTS = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=20).filter(
    lambda text: "%" not in text and "\\" not in text and text != "_charset_"
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.builds(Part, TEXTS, st.binary(max_size=300), st.none() | TEXTS.filter(bool), st.none()), max_size=6
    ),
    st.lists(st.integers(0, 3000), max_size=20),
    st.integers(0, 500),
)
def test_every_form_is_read_back(form_request, parts, places, memory_bytes):
    parts = [part for part in parts if b"--" + BOUNDARY.encode() not in part.content]

    async def read():
        request = form_request(cut(encode(*parts), places), limit={"form_memory_bytes": memory_bytes})
        form = await request.form()
        fields = [
            (part.name, part.content.decode(errors="replace")) for part in parts if part.filename is None
        ]
        assert [(name, value) for name in form for value in form.get_all(name)] == by_name(fields)
        files = [(part.name, (part.filename, part.content)) for part in parts if part.filename is not None]
        assert [
            (name, (upload.filename, await upload.read()))
            for name in form.files
            for upload in form.files.get_all(name)
        ] == by_name(files)
        await request._body.aclose()

    trio.run(read)


def by_name(pairs):
    names = [name for name, _ in pairs]
    return sorted(pairs, key=lambda pair: names.index(pair[0]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(TEXTS.filter(bool), TEXTS), max_size=20), st.lists(st.integers(0, 500), max_size=10)
)
def test_every_url_encoded_form_is_read_back(form_request, pairs, places):
    async def read():
        form = await form_request(
            cut(urlencode(pairs, quote_via=quote_plus).encode(), places), URLENCODED
        ).form()
        assert [(name, value) for name in form for value in form.get_all(name)] == by_name(pairs)

    trio.run(read)


async def test_the_error_for_a_file_read_as_text_says_how_to_read_it(form_request):
    form = await form_request(encode(Part("photo", b"x", "a.jpg"))).form()
    for ask in (lambda: form["photo"], lambda: form.read("photo")):
        with pytest.raises(
            HTTPError, match=r"the field 'photo' of the form is a file, which form\.upload\('photo'\) gives"
        ):
            ask()

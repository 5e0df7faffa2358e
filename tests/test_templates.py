"""Pages made from templates: escaped, complete, and read outside the event loop."""

from __future__ import annotations

import os
import sys
import threading

import jinja2
import pytest
import trio

from trioweb import HTML, App, ConfigError
from trioweb.templates import Templates
from trioweb.testing import open_client


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mail").mkdir()
    (tmp_path / "hello.html").write_text("<p>Hello, {{ name }}!", encoding="utf-8")
    (tmp_path / "layout.html").write_text("<title>{{ title }}</title>{% block main %}{% endblock %}")
    (tmp_path / "page.html").write_text(
        '{% extends "layout.html" %}{% import "forms.html" as forms %}'
        '{% block main %}{% include "mail/foot.txt" %}{{ forms.field("a&b") }}{% endblock %}'
    )
    (tmp_path / "forms.html").write_text("{% macro field(name) %}<input name='{{ name }}'>{% endmacro %}")
    (tmp_path / "mail" / "foot.txt").write_text("{{ title }}.")
    return tmp_path


async def render(folder, text, /, **context):
    (folder / "made.html").write_text(text, encoding="utf-8")
    return (await Templates(folder).render("made.html", **context)).body.decode()


async def test_a_page_is_a_response(folder):
    app, templates = App(), Templates(folder)

    @app.get("/{name}")
    async def hello(request, name):
        return await templates.render("hello.html", name=name)

    async with open_client(app) as client:
        response = await client.get("/<Zo\xeb>")
        assert response.text == "<p>Hello, &lt;Zo\xeb&gt;!"
        assert response.headers["content-type"] == "text/html; charset=utf-8"


async def test_a_page_may_get_another_status(folder):
    page = await Templates(folder).render("hello.html", name="nobody")
    assert isinstance(page, HTML)
    page.status = 404
    assert page.status == 404


@pytest.mark.parametrize("name", ["hello.html", "hello.txt", "hello", "hello.j2"])
async def test_values_are_escaped_whatever_the_name_of_the_template(folder, name):
    (folder / name).write_text("{{ text }}|{{ text | safe }}")
    page = await Templates(folder).render(name, text="<script>'\"&")
    assert page.body == b"&lt;script&gt;&#39;&#34;&amp;|<script>'\"&"


async def test_templates_extend_include_and_import_one_another(folder):
    page = await Templates(folder).render("page.html", title="A & B")
    assert page.body == b"<title>A &amp; B</title>A &amp; B.<input name='a&amp;b'>"


async def test_a_name_without_a_value_is_an_error_and_not_a_gap(folder):
    with pytest.raises(jinja2.UndefinedError, match="'nmae' is undefined"):
        await render(folder, "{{ nmae }}", name="Ann")
    assert await render(folder, "{{ nmae | default('you') }}{% if x is defined %}x{% endif %}") == "you"


async def test_context_may_use_any_name(folder):
    assert await render(folder, "{{ name }} {{ self_ }} {{ status }}", name=1, self_=2, status=3) == "1 2 3"


async def test_routes_and_globals_are_at_hand(folder):
    app = App()

    @app.get("/articles/{number:int}")
    async def article(request, number):
        raise AssertionError

    (folder / "made.html").write_text(
        "<a href='{{ url_for('article', number=7) }}'>{{ shop }}</a>{{ twice(2) }}"
    )
    templates = Templates(folder, app=app, globals={"shop": "R&B", "twice": lambda number: number * 2})
    assert (await templates.render("made.html")).body == b"<a href='/articles/7'>R&amp;B</a>4"
    assert (await templates.render("made.html", shop="other")).body == b"<a href='/articles/7'>other</a>4"


async def test_filters_may_be_added(folder):
    (folder / "made.html").write_text("{{ price | euros }}")
    templates = Templates(folder)
    templates.environment.filters["euros"] = "{:.2f} EUR".format
    assert (await templates.render("made.html", price=3)).body == b"3.00 EUR"


@pytest.mark.parametrize(
    "name",
    ["nothing.html", "../secret.html", "mail/../hello.html", "/hello.html", "./hello.html", "", "mail"],
)
async def test_a_missing_template_is_named(folder, name):
    (folder.parent / "secret.html").write_text("secret")
    with pytest.raises(FileNotFoundError) as caught:
        await Templates(folder).render(name)
    assert str(caught.value) == f"there is no template {name!r} in {str(folder)!r}"


async def test_a_missing_part_is_named(folder):
    with pytest.raises(FileNotFoundError, match=r"there is no template 'gone\.html'"):
        await render(folder, "{% include 'gone.html' %}")
    assert await render(folder, "{% include 'gone.html' ignore missing %}fine") == "fine"
    assert await render(folder, "{% include ['gone.html', 'mail/foot.txt'] %}", title="T") == "T."


async def test_a_part_whose_name_is_computed_is_found(folder):
    assert await render(folder, "{% include part %}", part="mail/foot.txt", title="T") == "T."


async def test_templates_that_include_one_another_are_read(folder):
    (folder / "other.html").write_text("{% if again %}{% include 'made.html' %}{% endif %}")
    assert await render(folder, "one {% include 'other.html' %}", again=False) == "one "


async def test_a_template_that_cannot_be_read_says_where(folder):
    with pytest.raises(jinja2.TemplateSyntaxError) as caught:
        await render(folder, "one\n{% if %}")
    assert (caught.value.name, caught.value.lineno) == ("made.html", 2)


@pytest.fixture
def reads(monkeypatch):
    """The threads in which files were read, by name of the template."""
    reads = []
    read = jinja2.FileSystemLoader.get_source

    def get_source(self, environment, template):
        reads.append((template, threading.current_thread()))
        return read(self, environment, template)

    monkeypatch.setattr(jinja2.FileSystemLoader, "get_source", get_source)
    return reads


async def test_files_are_read_in_a_worker_thread_and_only_once(folder, reads):
    templates = Templates(folder)
    await templates.render("page.html", title="one")
    assert {name for name, _ in reads} == {"page.html", "layout.html", "forms.html", "mail/foot.txt"}
    assert threading.main_thread() not in [thread for _, thread in reads]
    reads.clear()
    (folder / "page.html").write_text("changed")
    assert b"two" in (await templates.render("page.html", title="two")).body
    assert reads == []


async def test_a_part_in_a_folder_that_is_a_link_is_read_in_a_worker_thread(folder, reads):
    shared = folder.parent / f"{folder.name}-shared"
    shared.mkdir()
    (shared / "layout.html").write_text("<h1>{% block main %}{% endblock %}")
    (folder / "linked").symlink_to(shared)
    (folder / "made.html").write_text('{% extends "linked/layout.html" %}{% block main %}Hi{% endblock %}')
    assert (await Templates(folder).render("made.html")).body == b"<h1>Hi"
    assert [name for name, _ in reads] == ["made.html", "linked/layout.html"]
    assert threading.main_thread() not in [thread for _, thread in reads]


async def test_a_part_that_may_be_missing_is_looked_for_once_and_in_a_worker_thread(folder, reads):
    (folder / "made.html").write_text("{% include 'gone.html' ignore missing %}fine")
    templates = Templates(folder)
    for _ in range(3):
        assert (await templates.render("made.html")).body == b"fine"
    assert [name for name, _ in reads] == ["made.html", "gone.html"]
    assert threading.main_thread() not in [thread for _, thread in reads]


async def test_a_part_that_was_missing_is_found_when_another_template_asks(folder):
    for name in ("one.html", "two.html"):
        (folder / name).write_text("{% include 'late.html' ignore missing %}.")
    templates = Templates(folder)
    assert (await templates.render("one.html")).body == b"."
    (folder / "late.html").write_text("here")
    assert (await templates.render("two.html")).body == b"here."
    assert (await templates.render("late.html")).body == b"here"


async def test_each_file_is_read_once_and_the_folder_never_listed(folder, reads, monkeypatch):
    monkeypatch.delattr(jinja2.FileSystemLoader, "list_templates")
    (folder / "more.html").write_text("{% include './mail/foot.txt' %}{% include 'mail/foot.txt' %}")
    templates = Templates(folder)
    assert (await templates.render("more.html", title="T")).body == b"T.T."
    assert (await templates.render("page.html", title="T")).body
    names = [name for name, _ in reads]
    assert sorted(names) == sorted(set(names))


async def test_a_part_that_was_missing_is_seen_while_developing(folder):
    (folder / "made.html").write_text("{% include 'late.html' ignore missing %}.")
    templates = Templates(folder, reloads=True)
    assert (await templates.render("made.html")).body == b"."
    (folder / "late.html").write_text("here")
    assert (await templates.render("made.html")).body == b"here."
    (folder / "late.html").unlink()
    assert (await templates.render("made.html")).body == b"."


async def test_changes_are_seen_while_developing(folder):
    templates = Templates(folder, reloads=True)
    assert b"<title>one" in (await templates.render("page.html", title="one")).body
    (folder / "layout.html").write_text("<h1>{{ title }}</h1>")
    os.utime(folder / "layout.html", (1, 1))
    assert (await templates.render("page.html", title="two")).body == b"<h1>two</h1>"


async def test_many_tasks_may_render_at_one_time(folder):
    templates, pages = Templates(folder), {}

    async def make(number):
        pages[number] = (await templates.render("hello.html", name=number)).body

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(make, number)
    assert pages == {number: b"<p>Hello, %d!" % number for number in range(20)}


@pytest.mark.parametrize("is_loaded", [False, True])
async def test_rendering_can_be_cancelled_and_repeated(folder, is_loaded):
    templates = Templates(folder)
    if is_loaded:
        await templates.render("hello.html", name="Ann")
    with trio.CancelScope() as scope:
        scope.cancel()
        await templates.render("hello.html", name="Ann")
    assert scope.cancelled_caught
    assert (await templates.render("hello.html", name="Bob")).body == b"<p>Hello, Bob!"


@pytest.mark.parametrize("name", ["nowhere", "hello.html"])
def test_a_path_that_is_not_a_folder_is_refused(folder, name):
    with pytest.raises(ConfigError, match="templates need an existing folder, not"):
        Templates(folder / name)


def test_the_error_without_jinja2_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"pip install trioweb\[templates\]"):
        Templates(folder)


async def test_a_missing_template_is_500_and_in_the_log(folder, caplog):
    app, templates = App(), Templates(folder)

    @app.get("/")
    async def index(request):
        return await templates.render("nothing.html")

    async with open_client(app, raise_errors=False) as client:
        assert (await client.get("/")).status_code == 500
    assert "there is no template 'nothing.html' in" in caplog.text


async def test_a_hanging_disk_does_not_hold_a_cancelled_task(folder, monkeypatch):
    has_begun, may_end = threading.Event(), threading.Event()
    load = Templates._load

    def slow(templates, name):
        has_begun.set()
        assert may_end.wait(20)
        return load(templates, name)

    monkeypatch.setattr(Templates, "_load", slow)
    with trio.fail_after(10), trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Templates(folder).render, "forms.html")
            await trio.to_thread.run_sync(has_begun.wait, 20)
            scope.cancel()
    assert scope.cancelled_caught
    may_end.set()

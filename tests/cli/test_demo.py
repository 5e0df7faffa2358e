"""`trioweb demo` serves the gallery, from a checkout and from an installed package."""

from __future__ import annotations

import tomllib

import httpx
from support.program import ROOT, Program

import trioweb


def test_demo_serves_the_gallery_from_one_process(folder):
    with Program("-m", "trioweb", "demo", "--port", "0", cwd=folder) as program:
        url = program.wait_for(r"^Serving on (http://127\.0\.0\.1:[1-9]\d*) - stop with Ctrl-C$")[1]
        assert "WebSockets first" in httpx.get(url, trust_env=False).text
        assert program.interrupt() == (0, "")


def test_demo_is_not_confused_by_modules_where_it_is_started(write, folder):
    for name in ("echo.py", "parts/__init__.py"):
        write(name, 'raise RuntimeError("not the gallery\'s")\n')
    with Program("-m", "trioweb", "demo", "--port", "0", cwd=folder) as program:
        program.wait_for_url()
        assert program.interrupt()[0] == 0


def test_demo_without_the_gallery_is_one_line(complaint, folder, monkeypatch):
    monkeypatch.setattr(trioweb, "__file__", str(folder / "trioweb" / "__init__.py"))
    assert complaint("demo") == (1, "the gallery is neither in this installation nor beside it")


def test_demo_finds_the_gallery_of_an_installed_package(complaint, folder, write, monkeypatch):
    write("trioweb/_demo/gallery.py", "app = 'the one in the package'\n")
    write("demo/gallery.py", "app = 3\n")
    monkeypatch.setattr(trioweb, "__file__", str(folder / "trioweb" / "__init__.py"))
    status, text = complaint("demo")
    assert status == 2
    assert text.endswith("_demo/gallery.py:app' is of type str: expected an App")


def test_demo_leaves_a_demo_of_another_package_alone(complaint, folder, write, monkeypatch):
    write("demo/__init__.py", "raise RuntimeError('not the gallery')\n")
    monkeypatch.setattr(trioweb, "__file__", str(folder / "trioweb" / "__init__.py"))
    assert complaint("demo") == (1, "the gallery is neither in this installation nor beside it")


def test_a_wheel_carries_the_gallery_to_where_demo_looks_for_it():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"demo": "trioweb/_demo"}
    assert (ROOT / "demo" / "gallery.py").is_file()

"""The app that a command takes: that of a module, or of a file anywhere."""

from __future__ import annotations

import sys

import httpx
import pytest
from support.program import Program

from trioweb.cli import main

APP = "from trioweb import App\n{} = App()\n"


@pytest.fixture
def refusal(capsys):
    """Ask for the routes of a target that cannot be loaded, and return the one line that says why."""

    def refusal(target):
        assert main(["routes", target]) == 2
        return capsys.readouterr().err.removeprefix("trioweb: ").removesuffix("\n")

    return refusal


def test_a_file_is_served_from_wherever_it_is(main_module, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with Program("-m", "trioweb", "run", "../main.py", "--port", "0", cwd=elsewhere) as program:
        assert httpx.get(program.wait_for_url(), trust_env=False).text == "it works"
        assert program.interrupt()[0] == 0


def test_the_app_of_a_file_is_named_app_unless_the_command_names_another(write, capsys):
    write(
        "two.py",
        "from trioweb import App\napp, site = App(), App()\n@site.get('/site')\nasync def f(r): ...\n",
    )
    assert main(["routes", "two.py"]) == 0
    assert "/site" not in capsys.readouterr().out
    assert main(["routes", "two.py:site"]) == 0
    assert "/site" in capsys.readouterr().out


def test_modules_beside_a_file_are_found(write):
    write("shop/parts_of_it.py", APP.format("app"))
    write("shop/front.py", "from parts_of_it import app\n")
    assert main(["routes", "shop/front.py"]) == 0


def test_a_file_in_a_package_may_import_its_neighbours_relatively(write):
    write("outer/__init__.py", "")
    write("outer/inner/__init__.py", "")
    write("outer/inner/parts.py", APP.format("app"))
    write(
        "outer/inner/web.py",
        "from .parts import app\nfrom outer.inner.parts import app as same\nassert app is same\n",
    )
    assert main(["routes", "outer/inner/web.py"]) == 0


def test_a_module_that_imports_the_served_file_gets_the_same_app(write, capsys):
    write("whole.py", "from trioweb import App\napp = App()\nimport pages\n")
    write("pages.py", "from whole import app\n@app.get('/page')\nasync def page(request): ...\n")
    assert main(["routes", "whole.py"]) == 0
    assert "/page" in capsys.readouterr().out


def test_a_file_need_not_be_named_as_a_module_is(write):
    write("my-app 2.py", APP.format("app"))
    assert main(["routes", "my-app 2.py"]) == 0


def test_main_is_not_entered_when_a_file_is_served(write):
    write("guarded.py", APP.format("app") + "if __name__ == '__main__':\n    raise RuntimeError\n")
    assert main(["routes", "guarded.py"]) == 0


def test_a_missing_file_is_one_line(refusal, folder):
    assert refusal("shop/nowhere.py") == "there is no file 'shop/nowhere.py'"
    assert refusal("shop/nowhere.py:site") == "there is no file 'shop/nowhere.py'"


def test_the_error_for_a_file_without_an_app_says_how_to_make_one(refusal, write):
    write("empty.py", "")
    assert refusal("empty.py") == "'empty.py' has no app: expected app = trioweb.App()"


def test_the_error_for_a_file_with_apps_of_other_names_asks_to_name_one(refusal, write):
    write("several.py", "from trioweb import App\nsite, admin = App(), App()\n")
    assert refusal("several.py") == (
        "'several.py' has no attribute 'app' (its apps: site, admin): name one, such as several.py:site"
    )
    assert refusal("several.py:shop") == "'several.py' has no attribute 'shop' (its apps: site, admin)"


def test_an_attribute_of_a_file_that_is_not_an_app_is_named_by_its_type(refusal, write):
    write("wrong.py", "app = 'an app'\n")
    assert refusal("wrong.py") == "'wrong.py:app' is of type str: expected an App"


@pytest.mark.parametrize("name", ["json", "trio", "trioweb", "sys"])
def test_a_file_with_the_name_of_a_module_in_use_is_refused(refusal, write, name):
    write(f"{name}.py", APP.format("app"))
    module = sys.modules[name]
    assert (
        refusal(f"{name}.py") == f"'{name}.py' has the name of another module that is in use: rename the file"
    )
    assert sys.modules[name] is module


def test_a_bug_in_a_file_shows_its_traceback(write, capsys):
    write("shop/broken.py", "def fail():\n    raise RuntimeError('my own bug')\n\nfail()\n")
    assert main(["run", "shop/broken.py"]) == 1
    error = capsys.readouterr().err.splitlines()
    assert error[1].endswith('broken.py", line 4, in <module>')
    assert error[-1] == "trioweb: 'shop/broken.py' cannot be imported: see above"


def test_a_module_that_a_file_lacks_is_shown_where_it_is_imported(write, capsys):
    write("needing.py", "import not_installed_at_all\n")
    assert main(["run", "needing.py"]) == 1
    error = capsys.readouterr().err
    assert "needing.py" in error and "No module named 'not_installed_at_all'" in error

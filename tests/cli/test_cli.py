"""What `trioweb run` and `trioweb routes` print, serve and return."""

from __future__ import annotations

import re
import socket
import ssl
import stat

import httpx
import pytest
import trustme
from support.program import Program

import trioweb
from trioweb.cli import main

# Finding the app


def test_the_error_for_a_target_without_an_app_says_what_is_expected(complaint, folder):
    for target in ("main", "main:", ":app", ".main:app", "./main:app", "main.py:"):
        status, text = complaint("run", target)
        assert status == 2
        assert "expected MODULE:APP, such as main:app" in text


def test_a_missing_module_is_one_line(complaint, folder):
    assert complaint("run", "nowhere:app") == (2, "there is no module 'nowhere' here or on Python's path")


def test_a_missing_package_is_named(complaint, folder, write):
    assert complaint("run", "nowhere.inside:app")[1].startswith("there is no module 'nowhere' ")
    write("package/__init__.py", "")
    assert complaint("run", "package.inside:app")[1].startswith("there is no module 'package.inside' ")


def test_a_missing_attribute_is_one_line_with_the_existing_ones(complaint, main_module, write):
    assert complaint("routes", "main:application") == (
        2,
        "'main' has no attribute 'application' (its apps: app)",
    )
    write("empty.py", "")
    assert complaint("routes", "empty:app") == (2, "'empty' has no attribute 'app'")


def test_a_target_that_is_not_an_app_is_named_by_its_type(complaint, main_module):
    assert complaint("run", "main:index") == (
        2,
        "'main:index' is of type function: expected an App (its apps: app)",
    )


def test_an_app_may_be_an_attribute_of_an_attribute(write, capsys):
    write("nested.py", "import trioweb\nclass Site:\n    app = trioweb.App()\n")
    assert main(["routes", "nested:Site.app"]) == 0
    assert capsys.readouterr().out == "METHODS  PATH  NAME  HANDLER\n"


def test_an_app_may_be_in_a_package(write, capsys):
    write("shop/__init__.py", "")
    write("shop/web.py", "from shop.parts import app\n")
    write("shop/parts.py", "from trioweb import App\napp = App()\n")
    assert main(["routes", "shop.web:app"]) == 0


def test_an_exception_in_the_module_shows_its_traceback(write, capsys):
    write("broken.py", "def fail():\n    raise RuntimeError('my own bug')\n\nfail()\n")
    assert main(["run", "broken:app"]) == 1
    error = capsys.readouterr().err
    assert "RuntimeError: my own bug" in error
    assert error.splitlines()[1].endswith('broken.py", line 4, in <module>')
    assert "cli.py" not in error and "importlib" not in error
    assert error.splitlines()[-1] == "trioweb: the module 'broken' cannot be imported: see above"


def test_a_module_missing_inside_the_module_shows_the_traceback(write, capsys):
    write("needy.py", "import not_installed_at_all\n")
    assert main(["run", "needy:app"]) == 1
    error = capsys.readouterr().err
    assert "needy.py" in error
    assert "ModuleNotFoundError: No module named 'not_installed_at_all'" in error


def test_a_syntax_error_in_the_module_is_shown(write, capsys):
    write("garbled.py", "app = = 3\n")
    assert main(["run", "garbled:app"]) == 1
    error = capsys.readouterr().err
    assert "garbled.py" in error and "SyntaxError" in error
    assert "cli.py" not in error


# Arguments


def test_arguments_that_cannot_be_read_are_one_line(complaint, folder):
    assert complaint() == (2, "the following arguments are required: COMMAND (see trioweb --help)")
    for port in ("80000", "http", "-1", "1_0"):
        status, text = complaint("run", "main:app", f"--port={port}")
        assert status == 2
        assert (
            text
            == f"argument --port: a port is a number from 0 to 65535, not {port!r} (see trioweb run --help)"
        )
    assert complaint("run", "main:app", "--nonsense") == (
        2,
        "unrecognized arguments: --nonsense (see trioweb run --help)",
    )
    for option, instead in (
        ("--reload", 'watchfiles "trioweb run'),
        ("--workers=4", "start several, each on a port"),
    ):
        status, text = complaint("run", "main:app", option)
        assert status == 2
        assert f"there is no {option.partition('=')[0]}: " in text and instead in text
    assert "invalid choice: 'loud'" in complaint("run", "main:app", "--log-level", "loud")[1]


def test_two_places_to_listen_at_are_refused(complaint, main_module):
    for place in ("--host=127.0.0.1", "--port=8000"):
        assert complaint("run", "main:app", "--unix", "x.socket", place) == (
            2,
            "give either --unix or --host and --port: a server listens on one of them",
        )


def test_a_key_without_a_certificate_is_refused(complaint, main_module):
    assert complaint("run", "main:app", "--keyfile", "key.pem") == (
        2,
        "--keyfile needs --certfile, the certificate that the key is for",
    )


def test_a_certificate_that_cannot_be_loaded_is_one_line(complaint, main_module, write):
    assert complaint("run", "main:app", "--certfile", "nowhere.pem") == (
        1,
        "the certificate cannot be loaded from nowhere.pem: No such file or directory",
    )
    write("empty.pem", "")
    status, text = complaint("run", "main:app", "--certfile", "empty.pem")
    assert status == 1
    assert text.startswith("the certificate cannot be loaded from empty.pem: ")


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"trioweb {trioweb.__version__}\n"


def test_help_names_the_commands_and_the_defaults(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert re.search(
        r"run +serve an app\n +routes +list an app's routes\n +connect +", capsys.readouterr().out
    )
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    assert "(8000)" in capsys.readouterr().out


# Routes


def test_routes_are_listed_as_a_table(main_module, capsys):
    assert main(["routes", "main:app"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "METHODS      PATH                  NAME   HANDLER",
        "GET          /                     index  main.index",
        "DELETE, PUT  /things/{number:int}  thing  main.change",
        "WebSocket    /echo                 echo   main.echo",
    ]


# Serving


def test_run_serves_until_ctrl_c_and_returns_zero(main_module):
    with Program("-m", "trioweb", "run", "main:app", "--port", "0", cwd=main_module.parent) as program:
        found = program.wait_for(r"^Serving on (http://127\.0\.0\.1:[1-9]\d*) - stop with Ctrl-C$")
        assert httpx.get(found[1], trust_env=False).text == "it works"
        status, printed = program.interrupt()
    assert status == 0
    assert '"GET /" 200' in printed
    assert "serving on" not in printed.lower()
    assert "Traceback" not in printed


def test_run_is_quiet_at_the_log_level_that_asks_for_it(main_module):
    command = ("-m", "trioweb", "run", "main:app", "--port", "0", "--log-level", "warning")
    with Program(*command, cwd=main_module.parent) as program:
        httpx.get(program.wait_for_url(), trust_env=False)
        assert program.interrupt() == (0, "")


def test_run_serves_on_a_unix_socket_and_takes_it_away(main_module, folder):
    with Program("-m", "trioweb", "run", "main:app", "--unix", "web.socket", cwd=folder) as program:
        program.wait_for(r"^Serving on unix:web\.socket - stop with Ctrl-C$")
        assert stat.S_ISSOCK((folder / "web.socket").stat().st_mode)
        with httpx.Client(transport=httpx.HTTPTransport(uds="web.socket")) as client:
            assert client.get("http://localhost/").text == "it works"
        assert program.interrupt()[0] == 0
    assert not (folder / "web.socket").exists()


def test_run_speaks_tls(main_module, folder):
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(folder / "chain.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    command = ("run", "main:app", "--port", "0", "--certfile", "chain.pem", "--keyfile", "key.pem")
    with Program("-m", "trioweb", *command, cwd=folder) as program:
        url = program.wait_for_url()
        assert url.startswith("https://")
        assert httpx.get(url, verify=trusting, trust_env=False).text == "it works"
        assert program.interrupt()[0] == 0


def test_a_port_in_use_is_one_line(complaint, main_module):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        advice = "stop the program that listens there, or choose another port with --port"
        assert complaint("run", "main:app", "--port", str(port)) == (
            1,
            f"127.0.0.1 port {port} is in use: {advice}",
        )


def test_a_unix_socket_in_use_is_one_line_and_stays(complaint, main_module, folder):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind("taken.socket")
        other.listen()
        status, text = complaint("run", "main:app", "--unix", "taken.socket")
        assert (status, text.partition(":")[0]) == (1, "taken.socket is in use")
        assert (folder / "taken.socket").exists()


def test_a_file_in_the_place_of_the_unix_socket_is_one_line_and_stays(complaint, main_module):
    status, text = complaint("run", "main:app", "--unix", "main.py")
    assert (status, text.partition(":")[0]) == (2, "main.py exists and is not a socket")
    assert main_module.exists()


def test_a_host_that_is_not_this_machines_is_one_line(complaint, main_module):
    status, text = complaint("run", "main:app", "--host", "192.0.2.1", "--port", "0")
    assert status == 1
    assert text.startswith("cannot listen on 192.0.2.1 port 0: ")
    status, text = complaint("run", "main:app", "--host", "no-such-host.invalid", "--port", "0")
    assert status == 1
    assert text.startswith("cannot listen on no-such-host.invalid port 0: ")


def test_ctrl_c_during_the_import_ends_quietly(write, capsys):
    # The first line is Python's default, unless it was started in the background of a shell.
    write(
        "early.py",
        """
        import signal
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.raise_signal(signal.SIGINT)
        """,
    )
    assert main(["run", "early:app", "--port", "0"]) == 0
    assert capsys.readouterr() == ("", "")


def test_ctrl_c_while_the_lifespan_is_being_entered_ends_quietly(write, capsys, folder):
    write(
        "starting.py",
        """
        import signal
        from contextlib import asynccontextmanager
        import trio
        from trioweb import App

        @asynccontextmanager
        async def lifespan(nursery):
            signal.raise_signal(signal.SIGINT)
            await trio.sleep_forever()
            yield

        app = App(lifespan=lifespan)
        """,
    )
    assert main(["run", "starting:app", "--unix", "web.socket"]) == 0
    assert capsys.readouterr().out == ""
    assert not list(folder.glob("*.socket"))


@pytest.mark.parametrize("place", [("--port", "0"), ("--unix", "web.socket")])
def test_a_signal_once_it_serves_ends_it_gracefully(write, capsys, folder, place):
    write(
        "late.py",
        """
        import signal
        from contextlib import asynccontextmanager
        import trio.testing
        from trioweb import App

        @asynccontextmanager
        async def lifespan(nursery):
            nursery.start_soon(stop)
            yield
            print("bye")

        async def stop():
            await trio.testing.wait_all_tasks_blocked()
            signal.raise_signal(signal.SIGTERM)

        app = App(lifespan=lifespan)
        """,
    )
    assert main(["run", "late:app", *place]) == 0
    serving, bye = capsys.readouterr().out.splitlines()
    assert serving.startswith("Serving on ")
    assert bye == "bye"
    assert not list(folder.glob("*.socket"))


def test_an_exception_of_the_apps_lifespan_is_the_users_own(write):
    write(
        "failing.py",
        """
        from contextlib import asynccontextmanager
        from trioweb import App

        @asynccontextmanager
        async def lifespan(nursery):
            open("no/such/file")
            yield

        app = App(lifespan=lifespan)
        """,
    )
    with pytest.raises(FileNotFoundError, match="no/such/file"):
        main(["run", "failing:app", "--port", "0"])

from __future__ import annotations

import json

import pytest

from trioweb._web.error_pages import error_response
from trioweb.errors import HTTPError, LocalProtocolError

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
HOSTILE = '<script>alert("1")</script>&'


def test_a_browser_gets_a_page_that_needs_nothing_else() -> None:
    response = error_response(HTTPError(404, "no such room"), accept=BROWSER)
    page = response.body.decode()
    assert response.status == 404
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<title>404 Not Found</title>" in page
    assert "<p>no such room</p>" in page
    assert "prefers-color-scheme: dark" in page
    assert not any(outside in page for outside in ("http:", "https:", "src=", "href=", "url("))


def test_the_usual_phrase_is_not_repeated() -> None:
    assert error_response(HTTPError(404), accept=BROWSER).body.decode().count("Not Found") == 2
    assert error_response(HTTPError(404)).body == b"404 Not Found\n"


def test_a_client_that_asks_for_json_gets_json() -> None:
    response = error_response(HTTPError(400, HOSTILE), accept="application/json")
    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.body) == {"status": 400, "error": "Bad Request", "detail": HOSTILE}


@pytest.mark.parametrize("accept", ["", "*/*", "image/*", "text/html;q=0"])
def test_a_client_without_a_preference_gets_a_line_of_text(accept: str) -> None:
    response = error_response(HTTPError(403, "not yours"), accept=accept)
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.body == b"403 Forbidden\nnot yours\n"


def test_caches_and_browsers_are_told_not_to_guess() -> None:
    response = error_response(HTTPError(404))
    assert response.headers["vary"] == "Accept"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_detail_and_traceback_are_escaped() -> None:
    page = error_response(HTTPError(500, HOSTILE), accept=BROWSER, traceback=HOSTILE).body.decode()
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;") == 2


def test_a_traceback_is_shown_in_every_form() -> None:
    trace = "Traceback:\n  line 1\n"
    error = HTTPError(500)
    assert f"<pre>{trace}</pre>" in error_response(error, accept=BROWSER, traceback=trace).body.decode()
    assert (
        json.loads(error_response(error, accept="application/json", traceback=trace).body)["traceback"]
        == trace
    )
    assert error_response(error, traceback=trace).body.decode() == f"500 Internal Server Error\n\n{trace}"


def test_the_errors_own_headers_are_sent() -> None:
    response = error_response(HTTPError(401, headers={"WWW-Authenticate": "Bearer", "Vary": "Cookie"}))
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["vary"] == "Cookie"


def test_a_header_that_cannot_be_sent_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="control character"):
        error_response(HTTPError(401, headers={"X": "a\r\nb"}))


def test_an_unregistered_status_has_a_page() -> None:
    assert b"<h1>Client Error</h1>" in error_response(HTTPError(499), accept=BROWSER).body

"""Responses to errors: a short page, JSON or a line of text, as the client prefers."""

from __future__ import annotations

from html import escape

from trioweb._web.accept import preferred
from trioweb._web.response import HTML, JSON, Response, Text
from trioweb.errors import HTTPError
from trioweb.header_mapping import pairs_of
from trioweb.phrases import phrase

# The page is self-contained, without scripts or outside resources, so the policy can forbid them all.
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_STYLE = """\
:root { color-scheme: light dark; --ink: #1d2330; --soft: #667085; --paper: #f7f8fa; --line: #dfe3ea }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebf2; --soft: #98a2b3; --paper: #14171f; --line: #2b3140 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-content: center; padding: 2rem;
  background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { width: min(60rem, calc(100vw - 4rem)) }
p.status { margin: 0; font-size: 4rem; line-height: 1.1; font-weight: 700; color: var(--soft) }
h1 { margin: 0 0 .5rem; font-size: 1.5rem }
p { margin: 0; overflow-wrap: anywhere }
pre { margin: 1.5rem 0 0; padding: 1rem; overflow: auto; max-height: 60vh;
  border: 1px solid var(--line); border-radius: .5rem; font-size: .85rem }
"""


def error_response(error: HTTPError, *, accept: str = "", traceback: str | None = None) -> Response:
    """Answer an error with HTML, JSON or plain text.

    Clients that ask for `text/html` by name, as browsers do, get HTML; those that ask for
    `application/json` get JSON. All others get text, even with `*/*`.

    Args:
        error: The error; its detail is escaped.
        accept: The request's Accept field, or `""`.
        traceback: Shown as well, for debugging; never show it to strangers.

    Raises:
        LocalProtocolError: `error.headers` contains a field that cannot be sent.
    """
    title = phrase(error.status)
    chosen = preferred(accept, ("text/html", "application/json"))
    if chosen == "text/html":
        response: Response = HTML(_page(error, title, traceback), error.status)
        response.headers["content-security-policy"] = _PAGE_POLICY
    elif chosen == "application/json":
        fields: dict[str, object] = {"status": error.status, "error": title, "detail": error.detail}
        if traceback is not None:
            fields["traceback"] = traceback
        response = JSON(fields, error.status)
    else:
        response = Text(_text(error, title, traceback), error.status)
    response.headers["vary"] = "Accept"
    response.headers["x-content-type-options"] = "nosniff"
    for name, value in pairs_of(error.headers):
        response.headers[name] = value
    return response


def _page(error: HTTPError, title: str, traceback: str | None) -> str:
    detail = "" if error.detail == title else f"<p>{escape(error.detail)}</p>\n"
    trace = "" if traceback is None else f"<pre>{escape(traceback)}</pre>\n"
    return (
        "<!doctype html>\n"
        f'<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{error.status} {escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>\n{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<p class="status">{error.status}</p>\n<h1>{escape(title)}</h1>\n{detail}{trace}'
        "</main>\n</body>\n</html>\n"
    )


def _text(error: HTTPError, title: str, traceback: str | None) -> str:
    detail = "" if error.detail == title else f"{error.detail}\n"
    trace = "" if traceback is None else f"\n{traceback.rstrip()}\n"
    return f"{error.status} {title}\n{detail}{trace}"

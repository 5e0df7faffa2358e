"""The reason phrases of statuses."""

from __future__ import annotations

from http import HTTPStatus

# Python's own phrases differ between versions; these are the ones of RFC 9110 §15.5.
_PHRASES = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
_CLASSES = {2: "Success", 3: "Redirection", 4: "Client Error", 5: "Server Error"}


def phrase(status: int) -> str:
    """Return the reason phrase of a status, or its class for unregistered codes."""
    try:
        return _PHRASES.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return _CLASSES[status // 100]

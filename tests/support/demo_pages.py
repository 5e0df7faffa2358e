"""The pages of the demo, by their paths."""

from __future__ import annotations

from pathlib import Path

EXAMPLES = sorted(
    path.stem
    for path in (Path(__file__).parents[2] / "demo" / "pages").glob("*.html")
    if path.stem not in ("gallery", "source")
)
PAGES = ("/", *(f"/{name}/" for name in EXAMPLES), "/source/echo")

SETTLED = "!document.querySelector('.badge[data-state=connecting]')"
"""Whether a page has its connection; some pages never stop polling."""

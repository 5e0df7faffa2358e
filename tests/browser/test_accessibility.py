"""The pages, checked by axe-core against the rules of WCAG 2.2."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.demo_pages import PAGES, SETTLED

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / ".build" / "node" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def findings(page, go_without):
    """Run axe on the page, and list what it finds: rule, weight, and the elements."""
    if not AXE.exists():
        go_without("needs axe-core: make tools")

    def findings():
        page.add_script_tag(path=AXE)
        violations = page.evaluate("axe.run().then((result) => result.violations)")
        return [
            (one["id"], one["impact"], [node["html"][:120] for node in one["nodes"]]) for one in violations
        ]

    return findings


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_on_a_page(page, demo_server, path, scheme, findings):
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(f"{demo_server}{path}")
    page.wait_for_function(SETTLED)
    assert findings() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_on_a_page_whose_server_is_gone(page, demo_server, path, scheme, findings):
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.route_web_socket("**", lambda route: route.close(code=1012))
    page.goto(f"{demo_server}{path}")
    page.wait_for_function(SETTLED)
    assert findings() == []

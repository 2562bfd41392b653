"""Whole pages in a real browser: how long they are, how small their text is, and what axe finds."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from simasgd.report.page import render_study
from tests.browser import MARKS, opened
from tests.report.drawing.six import six_variants

pytestmark = MARKS

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
MOST_PIXELS = {1200: 6_000, 420: 10_000}
LEAST_TEXT = 11.0
SIZES = """() => {
  const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, parent = node.parentElement, range = document.createRange();
    if (!node.textContent.trim() || parent.closest("script, style")) continue;
    range.selectNode(node);
    if (range.getBoundingClientRect().width === 0) continue;
    const svg = parent.closest("svg");
    const scale = svg === null ? 1 : svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    found.push([scale * parseFloat(getComputedStyle(parent).fontSize), node.textContent.trim()]);
  }
  return found;
}"""


def written(page: str, folder: Path) -> Path:
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(render_study(six_variants()), tmp_path_factory.mktemp("six"))


@pytest.fixture(scope="module")
def path(
    request: pytest.FixtureRequest, six: Path, drawn: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the page of six variants, or that of runs with time lines, threads and a hang."""
    return six if request.param == "six" else written(drawn("clocked"), tmp_path_factory.mktemp("whole-clocked"))


def violations(page: Page) -> list[str]:
    """Return what axe-core finds on the page with everything open."""
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, { preload: false, resultTypes: ['violations'] })")["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (420, "dark")])
@pytest.mark.parametrize("path", ["six", "clocked"], indirect=True)
def test_everybody_can_read_it_and_six_variants_are_not_too_long(
    browser: Browser, path: Path, six: Path, width: int, scheme: str
) -> None:
    with opened(browser, path, scheme, width) as page:
        if path == six:
            assert page.evaluate("document.documentElement.scrollHeight") <= MOST_PIXELS[width]
        sizes = page.evaluate(SIZES)
        assert len(sizes) > 100
        assert [(text, size) for size, text in sizes if size < LEAST_TEXT] == []
        assert violations(page) == []

"""The pages in a real browser: no network, no error, nothing cut off."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page

from simasgd import Study
from tests.browser import MARKS, opened

pytestmark = MARKS


@pytest.fixture(scope="module")
def study_file(drawn: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(drawn("compared"), tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def sweep_file(drawn: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(drawn("swept"), tmp_path_factory.mktemp("sweep-page"))


def write(page: str, folder: Path) -> Path:
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("kind", "width", "scheme"),
    [("study_file", 375, "light"), ("study_file", 1200, "dark"), ("sweep_file", 375, "dark"), ("sweep_file", 1200, "light")],
)
def test_figures_are_seen_and_nothing_overflows(
    browser: Browser, kind: str, width: int, scheme: str, request: pytest.FixtureRequest
) -> None:
    with opened(browser, request.getfixturevalue(kind), scheme, width) as page:
        boxes = [figure.bounding_box() for figure in page.locator("figure svg[role=img]:visible").all()]
        assert len(boxes) >= 5
        for box in boxes:
            assert box is not None
            assert box["width"] > 250
            assert box["height"] > 60
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        labels = page.locator("svg[role=img]").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
        assert all(len(label) > 20 for label in labels)
        assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("width", [375, 1200])
def test_a_comparison_is_seen_whole(browser: Browser, study_file: Path, width: int) -> None:
    with opened(browser, study_file, width=width) as page:
        for section, panels in (("error", 2), ("target", 2)):
            figures = page.locator(f"#{section} figure")
            assert figures.count() == panels
            assert figures.evaluate_all("all => all.every(one => one.scrollWidth <= one.clientWidth)")
        lefts = {round(box["x"]) for one in page.locator("#error figure").all() if (box := one.bounding_box()) is not None}
        assert len(lefts) == (2 if width > 1000 else 1), "side by side where there is room"
        rows = page.locator("#target details table tbody tr").all_text_contents()
        for criterion in ("final test error", "simulated time", "time to the target", "bytes sent", "epochs to the target"):
            assert sum(row.startswith(criterion) for row in rows) == 1


def test_text_follows_the_theme(browser: Browser, study_file: Path) -> None:
    found = {}
    for scheme in ("light", "dark"):
        with opened(browser, study_file, scheme) as page:
            text = page.locator("figure svg[role=img] text").first
            found[scheme] = (
                text.evaluate("node => getComputedStyle(node).fill"),
                page.evaluate("getComputedStyle(document.body).backgroundColor"),
            )
    assert found["light"][0] != found["dark"][0]
    assert found["light"][1] != found["dark"][1]


def test_headings_and_key_figures(browser: Browser, compared: Study, study_file: Path) -> None:
    with opened(browser, study_file) as page:
        headings = page.get_by_role("heading", level=2).all_inner_texts()
        for title in ("Test error over time", "How stale the gradients are", "Where the time goes", "How to read this page"):
            assert title in headings
        for variant, runs in compared.runs.items():
            mean = sum(run.summary.test_error for run in runs) / len(runs)
            figure = page.locator(f"[data-figure='{variant}.test_error']")
            assert float(figure.get_attribute("value") or "") == pytest.approx(mean, rel=1e-12)
            assert figure.inner_text() == f"{100 * mean:.1f}\u00a0%"


def test_the_figures_need_no_script(browser: Browser, study_file: Path) -> None:
    with opened(browser, study_file, javascript=False) as page:
        assert page.locator("figure svg[role=img]").first.is_visible()
        assert not page.locator("button.copy").first.is_visible()


def test_the_command_is_copied(browser: Browser, compared: Study, study_file: Path) -> None:
    with opened(browser, study_file) as page:
        page.locator("button.copy").click()
        assert page.locator("button.copy").inner_text() == "Copied"
        assert page.evaluate("getSelection().toString()") == compared.command


def test_points_are_sorted_by_a_click(browser: Browser, sweep_file: Path) -> None:
    with opened(browser, sweep_file) as page:
        errors = "[...document.querySelector('#points table').tBodies[0].rows].map(row => row.cells[4].dataset.value)"
        button = page.locator("#points thead button", has_text=re.compile("^test error$")).first
        button.click()
        ascending = page.evaluate(errors)
        known = [float(error) for error in ascending if error]
        assert known == sorted(known)
        assert ascending[len(known) :] == [""] * (len(ascending) - len(known))
        button.click()
        assert page.evaluate(errors) == ascending[::-1]


@pytest.mark.parametrize("javascript", [True, False])
def test_paper_has_the_glossary_but_no_closed_tables_and_no_navigation(
    browser: Browser, study_file: Path, javascript: bool
) -> None:
    with opened(browser, study_file, javascript=javascript) as page:
        words, summary = page.locator("#words dl"), page.locator("#error summary")
        assert not words.is_visible()
        assert summary.is_visible()
        page.emulate_media(media="print")
        if javascript:
            page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert words.is_visible()
        assert not summary.is_visible()
        assert not page.locator("nav").is_visible()
        assert page.locator("#error figure svg").first.is_visible()


def test_paper_keeps_the_colours_of_legends_and_badges(browser: Browser, study_file: Path) -> None:
    """Browsers leave out backgrounds on paper, unless a page says that they matter."""
    with opened(browser, study_file) as page:
        page.emulate_media(media="print")
        for sort in (".legend i", ".best"):
            place = page.locator(sort).first
            assert place.evaluate("one => getComputedStyle(one).printColorAdjust") == "exact"


def test_a_table_that_goes_on_sideways_has_a_shadow_at_that_edge(browser: Browser, study_file: Path) -> None:
    with opened(browser, study_file, width=390) as page:
        page.locator("#time details").last.locator("summary").click()
        box = page.locator("#time details[open] .scroll")
        assert box.evaluate("one => one.scrollWidth > one.clientWidth + 60")
        shades = [count_shades(page, box)]
        box.evaluate("one => { one.scrollLeft = one.scrollWidth; }")
        shades.append(count_shades(page, box))
        (left, right), (left_at_end, right_at_end) = shades
        assert right > 3 * max(1, left), "at the left edge there is nothing more"
        assert left_at_end > 3 * max(1, right_at_end)


def count_shades(page: Page, box: Locator) -> tuple[int, int]:
    """Return the numbers of grey tones in the blank line below the first row, at the left and the right edge of a table."""
    row = box.locator("tbody tr").first.bounding_box()
    frame = box.bounding_box()
    assert row is not None
    assert frame is not None
    counts = []
    for x in (frame["x"] + 3, frame["x"] + frame["width"] - 13):
        clip: FloatRect = {"x": x, "y": row["y"] + 3, "width": 10, "height": 2}
        pixels = page.evaluate(
            """async (png) => {
                const image = await createImageBitmap(new Blob([Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0))]));
                const pen = new OffscreenCanvas(image.width, image.height).getContext("2d");
                pen.drawImage(image, 0, 0);
                return [...new Uint32Array(pen.getImageData(0, 0, image.width, 1).data.buffer)];
            }""",
            base64.b64encode(page.screenshot(clip=clip)).decode(),
        )
        counts.append(len(set(pixels)))
    return counts[0], counts[1]

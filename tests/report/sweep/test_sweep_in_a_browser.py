"""The page of a sweep in a real browser: the answer first, in letters that are read, with the numbers of sweep.json."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from simasgd.report.page import write_sweep
from simasgd.results.outcome import Outcome
from tests.browser import MARKS, opened, require_accessible
from tests.report.sweep.tables import LATENCY, LEARNERS, RATE, point, sweep

pytestmark = MARKS
SMALLEST = """() => Math.min(...[...document.querySelectorAll('svg text, p, td, th, li, dt, dd, a, button, code')]
    .filter(one => one.textContent.trim() && one.checkVisibility()).map(one => {
        const size = parseFloat(getComputedStyle(one).fontSize), matrix = one.ownerSVGElement ? one.getScreenCTM() : null;
        return matrix ? size * Math.hypot(matrix.a, matrix.b) : size;
    }))"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the page of 24 points, of which those with 8 learners at the rate 0.2 fail."""
    rows = []
    for count, rate, latency, seed in product(("2", "4", "8"), ("0.1", "0.2"), ("25 us", "5 ms"), (0, 1)):
        fails = (count, rate) == ("8", "0.2")
        error = 0.9 if fails else 0.04 + 0.0005 * int(count) + 0.002 * seed
        outcome = Outcome.FAILS if fails else Outcome.FINISHED
        seconds = 10 / int(count) + (latency == "5 ms")
        folder = f"points/{len(rows):016x}"
        found = point(outcome, test_error=error, test_loss=1.0, seconds=seconds, seed=seed, count=int(count), folder=folder)
        rows.append(((count, rate, latency), found))
    return write_sweep(sweep([LEARNERS, RATE, LATENCY], rows), tmp_path_factory.mktemp("swept"))


@pytest.mark.parametrize(("width", "scheme"), [(420, "dark"), (1200, "light")])
def test_the_answer_comes_first_and_is_that_of_sweep_json(browser: Browser, file: Path, width: int, scheme: str) -> None:
    content = json.loads((file.parent / "sweep.json").read_text())
    with opened(browser, file, scheme, width) as page:
        heading = page.get_by_role("heading", level=1).inner_text().replace("\u00a0", " ")
        assert heading.startswith("Use 8 learners, learning rate 0.1 at every latency: 4.5 % test error")
        assert content["verdict"].startswith(heading)
        rest = " ".join(page.locator(".verdict li, .effects li").all_inner_texts()).replace("\u00a0", " ")
        assert content["verdict"] == f"{heading} {rest}"
        (first, *_) = page.locator("#best tbody tr").all_inner_texts()
        best = content["best"][0]
        assert first.split("\t")[:4] == ["use this, best compromise, soonest", "8", "0.1", "25\u00a0µs"]
        assert best["setting"] == {LEARNERS: 8, RATE: 0.1}
        assert first.split("\t")[4].startswith(f"{100 * best['test_error']['mean']:.1f}\u00a0%")
        assert page.evaluate(SMALLEST) >= 11
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.locator("#map svg[role=img] text", has_text="fails").count() == 1, "one map: the latency moves no error"
        if scheme == "dark":
            require_accessible(page)
            require_accessible(page, printed=True)


def test_each_point_leads_to_its_folder_and_sorts_as_a_number(browser: Browser, file: Path) -> None:
    with opened(browser, file, javascript=True) as page:
        table = page.locator("#points table").first
        links = table.locator("a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
        assert links == [f"points/{i:016x}/" for i in range(24)]
        table.get_by_role("button", name="latency").click()
        shown = table.locator("tbody tr td:nth-child(3)").all_inner_texts()
        assert shown == ["25\u00a0µs"] * 12 + ["5\u00a0ms"] * 12, "as text, 25 µs would follow 5 ms"


def test_only_the_points_with_chosen_values_are_shown(browser: Browser, file: Path) -> None:
    with opened(browser, file) as page:
        table = page.locator("#points table").first
        table.get_by_label("Show only this value: learners").select_option("8")
        table.get_by_label("Show only this value: latency").select_option("5\u00a0ms")
        assert table.locator("tbody tr:visible").count() == 4, "two rates at two seeds"
        assert page.locator("#points .told").first.inner_text() == "4 of 24 rows"
        table.get_by_label("Show only this value: learners").select_option("all")
        assert table.locator("tbody tr:visible").count() == 12
        assert table.locator("select").count() == 4, "learners, rate, latency and outcome, but not the folder"
        page.emulate_media(media="print")
        assert not table.locator("select").first.is_visible()
        page.emulate_media(media="screen")
        assert Axe().run(page).response["violations"] == []

"""The page of a validation in a browser: no error, no request, and nothing wider than a telephone."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from simasgd import simulate
from simasgd.measured.exporting import export_log
from simasgd.report.page import write_validation
from simasgd.validation.validating import load_measured, validate
from tests.browser import MARKS, opened
from tests.build import TIMING, scenario

pytestmark = MARKS
_COUNT_LINES = """cell => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  return range.getClientRects().length;
}"""


def test_the_page_loads_nothing_and_fits(browser: Browser, tmp_path: Path) -> None:
    changes = {"cluster": {"learners": 4, "profile": "p775"}, "stop": {"gradients": 120}, "record": "timeline"}
    chosen = scenario(TIMING, changes)
    export_log(simulate(chosen), tmp_path / "log.csv")
    found = validate(load_measured([tmp_path / "log.csv"], chosen), "simasgd validate", lambda phase, fraction: None)
    path = write_validation(found, chosen, tmp_path)
    for width in (1200, 390):
        with opened(browser, path, width=width) as page:
            assert page.locator("section").count() == 4
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.locator('data[data-figure="rate"]').get_attribute("value") == repr(found.rate.error)
            for number in page.locator("figure td.n").all():
                assert number.evaluate(_COUNT_LINES) == 1, number.inner_text()
            assert page.locator(".whole").evaluate("box => box.scrollWidth <= box.clientWidth")

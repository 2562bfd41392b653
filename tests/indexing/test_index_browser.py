"""The index in a real browser: searched, sorted, and whole without its script."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from simasgd.indexing.updating import write_index
from simasgd.report.index.rows import RUN_COLUMNS
from tests.browser import MARKS, opened, require_accessible

pytestmark = MARKS


@pytest.fixture(scope="module")
def page_file(home: Path) -> Path:
    write_index(home)
    return home / "index.html"


def list_first(page: Page, table: str) -> list[str]:
    return page.locator(f"#{table} tbody tr td:first-child").all_inner_texts()


def test_rows_are_searched_and_sorted(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        assert page.locator("#runs-count").inner_text() == "4 runs."
        page.get_by_label("Search").fill("SWEPT learners=2")
        assert list_first(page, "runs") == ["swept learners=2, seed 0"]
        assert list_first(page, "studies") == []
        assert page.locator("#runs-count").inner_text() == "1 of 4 runs."
        page.get_by_label("Search").fill("")
        for label, order in (("ascending", ["both", "swept"]), ("descending", ["swept", "both"])):
            page.locator("#studies").get_by_role("button", name="lowest test error").click()
            assert page.locator("#studies th[aria-sort]").get_attribute("aria-sort") == label
            names = [name for name in list_first(page, "studies") if name != "old/hung <i>"]
            assert names == order
        page.locator("#runs").get_by_role("button", name="learners").click()
        assert list_first(page, "runs")[0] == "swept learners=1, seed 0"


@pytest.mark.parametrize(("width", "scheme"), [(420, "dark"), (1200, "light")])
def test_nothing_overflows_and_all_is_accessible(browser: Browser, page_file: Path, width: int, scheme: str) -> None:
    with opened(browser, page_file, scheme, width) as page:
        require_accessible(page)
        if scheme == "dark":
            require_accessible(page, printed=True)


@pytest.mark.parametrize("width", [1280, 1040, 390])
def test_no_table_scrolls_within_the_page(browser: Browser, page_file: Path, width: int) -> None:
    with opened(browser, page_file, width=width) as page:
        boxes = page.locator(".scroll")
        assert boxes.count() == 2
        for box in boxes.all():
            assert box.evaluate("box => box.scrollWidth <= box.clientWidth && box.scrollHeight <= box.clientHeight")


def test_on_a_narrow_screen_numbers_have_the_titles_of_their_columns(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, width=390) as page:
        row = page.locator("#runs tbody tr").first
        titles = [cell.evaluate("cell => getComputedStyle(cell, '::before').content") for cell in row.locator("td").all()]
        assert titles[3:] == [f'"{column.title} "' for column in RUN_COLUMNS[3:]]
        sorting = [name.strip() for name in page.locator("#runs thead button").all_inner_texts()]
        assert sorting == [column.title for column in RUN_COLUMNS if column.title != "picture"]


def test_it_is_whole_without_its_script(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, javascript=False) as page:
        assert page.locator("tbody tr").count() == 3 + 4
        assert page.locator("svg.spark").count() == 7
        assert not page.locator("#find").is_visible()


def test_many_rows_are_searched_through_but_few_are_shown(browser: Browser, page_file: Path, tmp_path: Path) -> None:
    lines = page_file.read_text(encoding="utf-8").splitlines()
    at = next(i for i, line in enumerate(lines) if "swept <small>learners=1" in line)
    many = [lines[at].replace("learners=1,", f"learners={1000 + i},") for i in range(150)]
    (tmp_path / "many.html").write_text("\n".join([*lines[:at], *many, *lines[at:]]), encoding="utf-8")
    with opened(browser, tmp_path / "many.html") as page:
        assert page.locator("#runs-count").inner_text() == "154 runs; the first 50 are shown."
        assert page.locator("#runs tbody tr").count() == 50
        page.emulate_media(media="print")
        assert page.get_by_text("154 runs; the first 50 are shown.").is_visible()
        page.emulate_media(media="screen")
        page.get_by_label("Search").fill("1149")
        assert list_first(page, "runs") == ["swept learners=1149, seed 0"]
        page.get_by_label("Search").fill("")
        page.locator("#runs").get_by_role("button", name="Show all").click()
        assert page.locator("#runs tbody tr").count() == 154

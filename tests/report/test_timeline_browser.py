"""The time line in a real browser: zoom, pan, readout, themes, and the still image without scripts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from simasgd import Study
from simasgd.report.page import write_study
from tests.browser import MARKS, opened
from tests.clockwork import run, study_of, timeline

pytestmark = MARKS

Window = tuple[float, float]


@pytest.fixture(scope="module")
def path(drawn: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clocked") / "index.html"
    path.write_text(drawn("clocked"), encoding="utf-8")
    return path


def whole(page: Page) -> Locator:
    """Return the first time line once it is drawn."""
    figure = page.locator("figure.gantt").first
    figure.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('figure.gantt').dataset.to !== undefined")
    return figure


def first(page: Page) -> Locator:
    """Return the first time line with a few rounds in its window."""
    figure = whole(page)
    figure.get_by_role("button", name="A few rounds").click()
    settled(page)
    return figure


def settled(page: Page) -> None:
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def window(figure: Locator) -> Window:
    return float(figure.get_attribute("data-from") or "nan"), float(figure.get_attribute("data-to") or "nan")


def pixels(figure: Locator) -> str:
    drawn: str = figure.locator("canvas").evaluate("canvas => canvas.toDataURL()")
    return hashlib.sha256(drawn.encode()).hexdigest()


def first_row(figure: Locator) -> dict[str, float]:
    """Return the shares of the activities' colours in a line of pixels through the first track."""
    shares: dict[str, float] = figure.locator("canvas").evaluate(
        """canvas => {
            const sharp = canvas.width / canvas.clientWidth, left = Math.round((canvas.clientWidth < 560 ? 94 : 132) * sharp);
            const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
            copy.drawImage(canvas, 0, 0);
            const [...line] = new Uint32Array(copy.getImageData(left, 34 * sharp, canvas.width - left, 1).data.buffer);
            const style = getComputedStyle(canvas);
            const colour = (name) => {
                copy.fillStyle = style.getPropertyValue(`--${name}`);
                copy.fillRect(0, 0, 1, 1);
                return new Uint32Array(copy.getImageData(0, 0, 1, 1).data.buffer)[0];
            };
            const share = (sought) => line.filter((pixel) => pixel === sought).length / line.length;
            return Object.fromEntries(["compute", "push", "wait", "pull"].map((name) => [name, share(colour(name))]));
        }"""
    )
    return shares


def spent(study: Study, variant: str, start: float, end: float) -> dict[str, float]:
    """Return the shares of the first learner's activities in a stretch of time."""
    rows = study.runs[variant][0].timeline
    assert rows is not None
    rows = rows[rows["track"] == "learner 0"]
    within = (rows["end"].clip(upper=end) - rows["start"].clip(lower=start)).clip(lower=0.0) / (end - start)
    return within.groupby(rows["activity"]).sum().to_dict()


def seen(page: Page, figure: Locator) -> tuple[Window, str]:
    settled(page)
    return window(figure), pixels(figure)


def middle(figure: Locator) -> tuple[float, float]:
    box = figure.locator("canvas").bounding_box()
    assert box is not None
    return box["x"] + 0.6 * box["width"], box["y"] + box["height"] / 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1200])
def test_it_is_drawn_sharply_and_nothing_overflows(
    browser: Browser, clocked: Study, path: Path, width: int, scheme: str
) -> None:
    with opened(browser, path, scheme, width, sharpness=2.0) as page:
        figure = first(page)
        assert first_row(figure) == pytest.approx(spent(clocked, "base", *window(figure)), abs=0.01)
        box = figure.locator("canvas").bounding_box()
        assert box is not None
        assert figure.locator("canvas").evaluate("canvas => canvas.width") == pytest.approx(2 * box["width"], abs=1)
        assert not figure.locator(".still").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.locator("figure.gantt canvas").count() == 3


def test_its_colours_follow_the_theme(browser: Browser, path: Path) -> None:
    with opened(browser, path) as page:
        figure = first(page)
        light = seen(page, figure)
        page.emulate_media(color_scheme="dark")
        dark = seen(page, figure)
        assert dark[0] == light[0]
        assert dark[1] != light[1]


@pytest.mark.parametrize("way", ["button", "key", "wheel with Ctrl", "wheel after a click", "pinch"])
def test_zooming_in_narrows_the_window_about_where_one_points(browser: Browser, path: Path, way: str) -> None:
    with opened(browser, path) as page:
        figure = first(page)
        before, drawn = seen(page, figure)
        x, y = middle(figure)
        page.mouse.move(x, y)
        if way == "button":
            figure.get_by_role("button", name="Zoom in").click()
        elif way == "key":
            figure.locator(".pane").press("+")
        elif way == "pinch":
            pinch(page, x, y)
        else:
            if way == "wheel after a click":
                page.mouse.click(x, y)
            else:
                page.keyboard.down("Control")
            page.mouse.wheel(0, -120)
        after, redrawn = seen(page, figure)
        assert before[0] <= after[0] < after[1] <= before[1]
        assert after[1] - after[0] < 0.9 * (before[1] - before[0])
        assert redrawn != drawn


def pinch(page: Page, x: float, y: float) -> None:
    """Zoom in with two fingers."""
    session = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 40), ("touchMove", 60), ("touchMove", 120), ("touchMove", 160), ("touchEnd", None)):
        places = [] if apart is None else [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})


def test_a_wheel_that_passes_scrolls_the_page(browser: Browser, path: Path) -> None:
    with opened(browser, path) as page:
        figure = first(page)
        before = seen(page, figure)[0]
        page.mouse.move(*middle(figure))
        page.mouse.wheel(0, 200)
        page.wait_for_timeout(300)
        assert page.evaluate("scrollY") > 0
        assert seen(page, figure)[0] == before


def test_panning_moves_the_window_and_stops_at_the_ends(browser: Browser, path: Path) -> None:
    with opened(browser, path) as page:
        figure = first(page)
        (start, end), drawn = seen(page, figure)
        x, y = middle(figure)
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x - 100, y, steps=4)
        page.mouse.up()
        (dragged, dragged_end), redrawn = seen(page, figure)
        assert start < dragged
        assert dragged_end - dragged == pytest.approx(end - start)
        assert redrawn != drawn
        for _ in range(80):
            figure.locator(".pane").press("ArrowLeft")
        assert seen(page, figure)[0][0] == 0.0
        figure.locator(".pane").press("ArrowRight")
        assert seen(page, figure)[0][0] > 0.0
        figure.get_by_role("button", name="A few rounds").click()
        page.mouse.move(0, 0)
        assert seen(page, figure)[0] == pytest.approx((start, end))
        assert pixels(figure) == drawn


def test_all_of_it_and_no_more_can_be_seen(browser: Browser, clocked: Study, path: Path) -> None:
    with opened(browser, path) as page:
        figure = whole(page)
        every = (0.0, clocked.runs["base"][0].simulated_seconds)
        assert seen(page, figure)[0] == pytest.approx(every), "it opens on the whole run"
        figure.get_by_role("button", name="A few rounds").click()
        (start, end), _ = seen(page, figure)
        assert 0.0 < start < end < every[1]
        assert end - start < 0.5 * every[1]
        figure.get_by_role("button", name="Whole run").click()
        assert seen(page, figure)[0] == pytest.approx(every)
        figure.get_by_role("button", name="Zoom out").click()
        assert seen(page, figure)[0] == pytest.approx(every)
        for _ in range(60):
            figure.locator(".pane").press("+")
        (start, end), _ = seen(page, figure)
        assert 0 < end - start < 1e-7


def test_the_readout_says_what_is_under_the_pointer(browser: Browser, clocked: Study, path: Path) -> None:
    with opened(browser, path) as page:
        figure = first(page)
        readout = figure.locator("output")
        assert readout.get_attribute("aria-live") == "polite"
        (start, end), drawn = seen(page, figure)
        assert re.fullmatch(r"[\d.]+ ms to [\d.]+ ms, of [\d.]+ ms", readout.inner_text().replace("\u00a0", " "))
        box = figure.locator("canvas").bounding_box()
        assert box is not None
        x, y = middle(figure)[0], box["y"] + 26 + 9  # the first row
        at = start + (x - box["x"] - 132) / (box["width"] - 132) * (end - start)
        page.mouse.move(x, y)
        rows = clocked.runs["base"][0].timeline
        assert rows is not None
        (row,) = rows[(rows["track"] == "learner 0") & (rows["start"] <= at) & (rows["end"] > at)].itertuples()
        settled(page)
        assert readout.inner_text().startswith(f"learner 0: {row.activity}, {1e3 * (row.end - row.start):.3g}")
        assert pixels(figure) != drawn, "the slice is framed"
        page.mouse.move(x, box["y"] - 60)
        assert " to " in readout.inner_text()
        assert seen(page, figure)[1] == drawn


def test_rows_beyond_the_frame_are_scrolled_to(browser: Browser, path: Path) -> None:
    with opened(browser, path) as page:
        first(page)
        figure = page.locator("figure.gantt").nth(1)
        figure.scroll_into_view_if_needed()
        figure.get_by_role("button", name="A few rounds").click()
        settled(page)
        pane = figure.locator(".pane")
        assert pane.evaluate("pane => pane.scrollHeight > pane.clientHeight + 50")
        above = pixels(figure)
        pane.evaluate("pane => { pane.scrollTop = 1e6; }")
        settled(page)
        assert pixels(figure) != above
        box = figure.locator("canvas").bounding_box()
        assert box is not None
        for up in range(6, 60, 6):
            page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + box["height"] - up)
            if "server, link" in figure.locator("output").inner_text():
                break
        assert re.match(r"server, link (in|out): transfer for learner \d+, ", figure.locator("output").inner_text())


def test_without_script_and_on_paper_a_still_stands_there(browser: Browser, path: Path) -> None:
    with opened(browser, path, javascript=False) as page:
        assert page.locator("figure.gantt .still svg").first.is_visible()
        assert not page.locator("figure.gantt canvas").first.is_visible()
        assert not page.locator("figure.gantt button").first.is_visible()
    with opened(browser, path, "dark") as page:
        figure = first(page)
        page.emulate_media(media="print")
        assert figure.locator(".still svg").is_visible()
        assert not figure.locator("canvas").is_visible()


def test_ninety_thousand_slices_are_drawn(browser: Browser, tmp_path: Path) -> None:
    study = study_of({"": run(timeline(60, 199))})
    with opened(browser, write_study(study, tmp_path)) as page:
        figure = first(page)
        figure.get_by_role("button", name="Whole run").click()
        assert seen(page, figure)[0][0] == 0.0
        # A learner mostly waits for the link, and its short activities do not fill a column of pixels.
        assert first_row(figure)["wait"] > 0.8
        for _ in range(4):
            figure.locator(".pane").press("+")
        settled(page)
        assert first_row(figure) == pytest.approx(spent(study, "", *window(figure)), abs=0.02)

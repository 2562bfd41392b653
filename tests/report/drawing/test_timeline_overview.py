"""The overview above a time line: the whole run, whatever part of it the page holds."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page

from simasgd.report.drawing.timeline_overview import compute_shares
from simasgd.report.facts.variant_facts import collect_facts
from simasgd.report.page import write_study
from simasgd.report.sections.timeline import build_timeline_blocks
from tests.browser import MARKS, opened
from tests.clockwork import run, study_of, timeline


def test_the_overview_has_the_shares_of_the_whole_run() -> None:
    """Two tracks of 4 s in four parts. One computes for 1.5 s and then waits; the other computes all the time."""
    rows = pd.DataFrame(
        [("compute", 0.0, 1.5), ("wait", 1.5, 4.0), ("compute", 0.0, 4.0)], columns=["activity", "start", "end"]
    )
    shares = compute_shares(rows, 4.0, 2, parts=4)
    assert shares["compute"].tolist() == pytest.approx([1.0, 0.75, 0.5, 0.5])
    assert shares["wait"].tolist() == pytest.approx([0.0, 0.25, 0.5, 0.5])


def test_a_fault_beyond_the_slices_is_in_the_overview_and_in_the_note() -> None:
    """The slices end before a tenth of the run, and the server pauses near its end, for a moment."""
    table = timeline(2, 4000)
    length = float(table["end"].max())
    pause = {"at": f"{0.9 * length} s", "lasting": "1 us"}
    found = run(table)
    cluster = found.scenario.cluster
    faults = type(cluster.faults).model_validate({"server_pauses": [pause]})
    scenario = found.scenario.model_copy(update={"cluster": cluster.model_copy(update={"faults": faults})})
    study = study_of({"": replace(found, scenario=scenario)})
    (block,) = build_timeline_blocks(study, collect_facts(study))
    (shown,) = block.timelines
    assert [lane.name for lane in shown.overview] == ["all learners", "paused"]
    left, width = re.findall(r'd="M([\d.]+) 1h([\d.]+)v8', shown.overview[1].svg)[0]
    assert float(left) == pytest.approx(0.9 * 240, abs=0.1)
    assert float(width) > 1
    assert "Marked: server paused from" in shown.note


def read_window(page: Page) -> tuple[float, float]:
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    figure = page.locator("figure.gantt")
    return float(figure.get_attribute("data-from") or "nan"), float(figure.get_attribute("data-to") or "nan")


@pytest.mark.browser
@MARKS[1]
def test_a_cut_time_line_says_so_and_a_click_into_the_overview_moves_there(browser: Browser, tmp_path: Path) -> None:
    """Even 12 learners have too many slices, so all tracks are cut; the overview is of the whole run."""
    study = study_of({"": run(timeline(14, 1500))})
    (block,) = build_timeline_blocks(study, collect_facts(study))
    (shown,) = block.timelines
    assert 0.3 < shown.part < 0.8
    assert "slices that began after" in shown.note
    with opened(browser, write_study(study, tmp_path)) as page:
        figure = page.locator("figure.gantt")
        figure.get_by_role("button", name="A few rounds").click()
        start, end = read_window(page)
        lanes = figure.locator(".lanes").bounding_box()
        assert lanes is not None
        page.mouse.click(lanes["x"] + 0.25 * lanes["width"], lanes["y"] + 10)
        moved = read_window(page)
        length = study.runs[""][0].simulated_seconds
        assert sum(moved) / 2 == pytest.approx(0.25 * length, rel=0.02)
        assert moved[1] - moved[0] == pytest.approx(end - start)
        figure.get_by_role("button", name=f"First {shown.drawn}").click()
        assert read_window(page) == pytest.approx((0.0, shown.part * length))
        box, beyond = (figure.locator(one).bounding_box() for one in (".window", ".beyond"))
        assert box is not None
        assert beyond is not None
        assert box["x"] + box["width"] == pytest.approx(beyond["x"], abs=2)

"""The section on each learner, and the numbers behind it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser

from simasgd import Run, simulate
from simasgd.cluster.job import Job
from simasgd.cluster.simulation import run as run_cluster
from simasgd.report.drawing import svg
from simasgd.report.drawing.learner_figures import LearnersOf, Quantity, draw_learner_dots, draw_learners
from simasgd.report.drawing.page_parts import Block
from simasgd.report.facts.formats import NBSP
from simasgd.report.facts.variant_facts import collect_facts
from simasgd.report.page import write_study
from simasgd.report.sections.each_learner import build_learner_blocks
from simasgd.tape.recorder import SummaryRecorder
from tests.browser import MARKS, opened
from tests.build import TIMING, clock, scenario
from tests.clockwork import altered, study_of
from tests.protocols.table import ROWS


def run_with(learners: pd.DataFrame, seconds: float = 10.0) -> Run:
    """Return a run of so many seconds with another table of learners."""
    found = simulate(scenario(TIMING, {"cluster": {"learners": len(learners)}}))
    return replace(altered(found, simulated_seconds=seconds), learners=learners)


def table(computed: list[int], **columns: list[float]) -> pd.DataFrame:
    """Return a table of learners that compute for 4 s and wait for 6 s of a run of 10 s, unless `columns` say otherwise."""
    count = len(computed)
    rest = {"compute": 4.0, "push": 0.0, "wait": 6.0, "pull": 0.0, "idle": 0.0, "bandwidth": np.nan, "mini_batch": 4}
    zeros = {name: [0] * count for name in ("dropped", "cancelled", "lost", "in_flight")}
    found = {"learner": range(count), "computed": computed, "applied": computed, **zeros}
    return pd.DataFrame({**found, **{name: [value] * count for name, value in rest.items()}, **columns})


def block_of(*runs: Run) -> Block:
    study = study_of({"": list(runs)})
    (block,) = build_learner_blocks(study, collect_facts(study))
    return block


def cells(block: Block) -> list[list[str]]:
    """Return the titles and the rows of the table."""
    ((_, found),) = block.more
    titles = [column.title for column in found.columns]
    return [titles, *([cell.text.replace(NBSP, " ") for cell in row] for row in found.rows)]


def test_a_few_learners_by_hand() -> None:
    columns = {
        "wait": [6.0, 1.0, 0.0],
        "push": [0.0, 3.0, 4.0],
        "pull": [0.0, 2.0, 2.0],
        "lost": [0, 0, 3],
        "compute": [4, 4, 0],
    }
    block = block_of(run_with(table([8, 20, 0], **columns)))
    said = "Learner 1 has 20 applied gradients, learner 2 has 0, and the median is 8. They wait 0 % to 60 % of the time."
    assert block.reading.replace(NBSP, " ") == said
    assert cells(block) == [
        ["learner", "mini-batches/s", "computing", "waiting", "messages", "computed", "applied", "lost"],
        ["1", "5", "40 %", "10 %", "50 %", "20", "20", "0"],
        ["0", "2", "40 %", "60 %", "0 %", "8", "8", "0"],
        ["2", "–", "0 %", "0 %", "60 %", "0", "0", "3"],
    ]
    (panel,) = block.panels
    assert "speed in batches/s 2 to 5" in str(panel.svg)
    assert ">gradients<" in str(panel.svg)
    assert panel.note.endswith("Gradients in vain were dropped, cancelled or lost.")


def test_what_learners_have_of_their_own_is_shown_where_they_differ() -> None:
    alike = run_with(table([8, 20], mini_batch=[4, 4]))
    assert cells(block_of(alike))[0][:3] == ["learner", "mini-batches/s", "computing"]
    columns = {"mini_batch": [64, 16], "bandwidth": [2.5e6, np.nan]}
    found = cells(block_of(run_with(table([8, 20], **columns))))
    assert [row[:4] for row in found] == [
        ["learner", "mini-batches/s", "µ", "bandwidth"],
        ["1", "5", "16", "unlimited"],
        ["0", "2", "64", "2.5 MB/s"],
    ]


def test_of_many_learners_the_extremes_and_the_medians() -> None:
    block = block_of(run_with(table(list(range(1000, 1101)))))
    assert len(cells(block)) == 1 + 20 + 1 + 20
    assert [cells(block)[row][0] for row in (1, 20, 21, 22, 41)] == ["100", "81", "median", "19", "0"]
    assert cells(block)[21] == ["median", "262", "40 %", "60 %", "0 %", "1,050", "1,050"]
    assert "learners, sorted" in str(block.panels[0].svg)


def test_learners_that_apply_alike_and_several_seeds() -> None:
    alike = run_with(table([7, 7]))
    assert block_of(alike).reading.replace(NBSP, " ") == "Each learner has 7 applied gradients. Each waits 60 % of the time."
    assert block_of(alike, alike).reading.endswith(" These are the numbers at seed 0, the first of 2.")


@pytest.mark.parametrize("variants", [1, 2])
def test_counts_of_gradients_have_whole_ticks(variants: int) -> None:
    """One gradient in vain has the ticks 0 and 1, and none between."""
    quantities = (Quantity("lost", "gradients\nlost", is_count=True),)
    rows = table([10, 9], lost=[0, 1])
    with svg.open_figure(2.0) as figure:
        columns = [figure.subplots()]
        if variants == 1:
            draw_learners(columns, rows, quantities, "#000000")
        else:
            draw_learner_dots(columns, [LearnersOf(name, i, rows) for i, name in enumerate("ab")], quantities)
        figure.draw_without_rendering()
        low, high = columns[0].get_xlim()
        ticks = [tick.label1.get_text() for tick in columns[0].xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    assert ticks == ["0", "1"]


def test_a_lone_learner_has_no_such_section() -> None:
    study = study_of({"": run_with(table([7]))})
    assert build_learner_blocks(study, collect_facts(study)) == []


@pytest.mark.parametrize("kind", ROWS)
def test_a_summary_counts_as_a_tape_does(kind: str) -> None:
    row = ROWS[kind]
    crash = {"faults": {"crashes": [{"learner": 1, "at": "30 ms", "down": "20 ms"}]}}
    faults = {} if row.serverless else crash
    network = {"network": {"bandwidth": "1 MB/s"}}
    changes = {"cluster": {"learners": 6, "speeds": [1, 1, 0.7, 0.5, 0.3, 0.2], **network, **faults}, "protocol": row.typical}
    chosen = scenario(TIMING, changes, {"stop": {"gradients": 150}})
    clocked, _ = clock(chosen)
    assert run_cluster(Job.of(chosen), SummaryRecorder()).learner_gradients == clocked.learner_gradients
    ranges = simulate(chosen).summary.learner_gradients
    assert ranges.applied.most == max(clocked.learner_gradients.applied)
    assert ranges.computed.least == min(clocked.learner_gradients.computed)
    assert ranges.lost.median == np.median(clocked.learner_gradients.lost)


@pytest.mark.parametrize("learners", [4, 60])
@MARKS[0]
@MARKS[1]
def test_the_figure_is_seen_whole(browser: Browser, learners: int, tmp_path: Path) -> None:
    file = write_study(
        study_of({"": run_with(table([10_000 + 1000 * number for number in range(learners)]))}), tmp_path / "page"
    )
    for width in (375, 1200):
        with opened(browser, file, width=width) as page:
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            figure = page.locator("#learners figure svg")
            frame = figure.bounding_box()
            assert frame is not None
            for text in figure.locator("text").all():
                box = text.bounding_box()
                assert box is not None
                assert frame["x"] - 1 <= box["x"]
                assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 1
            assert page.locator("#learners tbody tr").count() == min(learners, 41)

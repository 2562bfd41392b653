"""The trade-off of (σ, µ, λ), maps over other pairs of axes, efficiency, and settings that fail or are missing."""

from __future__ import annotations

from itertools import product

import pytest

from simasgd.report.drawing import svg
from simasgd.report.drawing.page_parts import Block
from simasgd.report.sweep.blocks import build_sweep_blocks
from simasgd.report.sweep.drawing.figures import draw_lines, set_ticks
from simasgd.report.sweep.facts.sweep_facts import SECONDS, SweepFacts
from simasgd.report.sweep.layout import lay_out, moves
from simasgd.report.sweep.quantity_blocks import draw_panels
from simasgd.report.sweep.verdict import SweepVerdict
from simasgd.results.outcome import Outcome
from simasgd.sweeps.table import Sweep
from tests.report.sweep.tables import BATCH, LEARNERS, RATE, TOGETHER, point, sweep

FIRST, SECOND = pytest.approx(7.865), pytest.approx(8.135)
"""Where two lines have their marks at 8 learners: 4.5 % of the axis from 2 to 8 apart."""


def scaled() -> Sweep:
    """Return a sweep over λ = 2, 4, 8, µ = 4, 16 and two rates at half of the ideal speed-up; two settings are left out."""
    rows = []
    for count, batch, rate in product(("2", "4", "8"), ("4", "16"), ("0.1", "0.2")):
        if (count, batch) != ("8", "16"):
            fails = (count, batch, rate) == ("8", "4", "0.2")
            seconds = 10.0 / (1 + (int(count) / 2 - 1) / 2) / (1.5 if batch == "16" else 1.0)
            found = point(
                Outcome.FAILS if fails else Outcome.FINISHED,
                test_error=0.9 if fails else 0.001 * int(count) * int(batch) + 0.02 * float(rate),
                seconds=seconds,
                count=int(count),
            )
            rows.append(((count, batch, rate), found))
    return sweep([LEARNERS, BATCH, RATE], rows)


@pytest.fixture(scope="module")
def verdict() -> SweepVerdict:
    return SweepVerdict.of(SweepFacts.of(scaled()))


@pytest.fixture(scope="module")
def blocks(verdict: SweepVerdict) -> dict[str, Block]:
    return {block.id: block for block in build_sweep_blocks(verdict)}


def test_the_trade_off_has_each_sound_setting_by_mini_batch_and_learners(blocks: dict[str, Block]) -> None:
    found = blocks["scale-out"]
    assert [entry.text for entry in found.legend] == ["µ = 4", "µ = 16"]
    assert [panel.title for panel in found.panels] == ["Learning rate 0.1", "Learning rate 0.2"]
    assert found.table is not None
    rows = [[cell.text for cell in row] for row in found.table.rows]
    assert [row[1:4] for row in rows if row[0].endswith("0.1")] == [
        ["2", "4", "8"], ["4", "4", "16"], ["8", "4", "32"], ["2", "16", "32"], ["4", "16", "64"],
    ]  # fmt: skip
    assert ["Learning rate 0.2", "8", "4"] not in [row[:3] for row in rows], "it fails"
    assert [text for text in ("λ 2", "λ 4", "λ 8") if f">{text}<" in str(found.panels[0].svg)] == ["λ 2", "λ 4", "λ 8"]
    assert found.panels[0].subtitle == "mean staleness σ 1 – 7"


def test_the_trade_off_says_what_more_learners_do_with_the_product_and_with_the_mini_batch_kept(
    blocks: dict[str, Block],
) -> None:
    """µλ = 32 is kept by 8 learners with µ = 4 and 2 with µ = 16, where the error is 0.032 + 0.02 · 0.1."""
    assert blocks["scale-out"].panels[0].note.replace("\xa0", " ") == (
        "With µλ = 32 kept, 2 to 8 learners: test error from 3.4 % to 3.4 % (no clear difference), simulated time from 6.67 s "
        "to 4 s. With µ = 16 kept, 2 to 4 learners: test error from 3.4 % to 6.6 % (it is worse), simulated time from 6.67 s "
        "to 4.44 s."
    )


def test_learners_and_mini_batch_that_vary_together_have_a_trade_off_too() -> None:
    rows = [((value,), point(test_error=0.05, seconds=1.0 + i)) for i, value in enumerate(("2:16", "4:8", "8:4"))]
    found = {block.id: block for block in build_sweep_blocks(SweepVerdict.of(SweepFacts.of(sweep([TOGETHER], rows))))}
    table = found["scale-out"].table
    assert table is not None
    assert [[cell.text for cell in row[1:4]] for row in table.rows] == [["8", "4", "32"], ["4", "8", "32"], ["2", "16", "32"]]


def test_there_is_a_map_of_each_pair_of_axes_and_the_settings_left_out_are_dotted(blocks: dict[str, Block]) -> None:
    found = blocks["map"]
    assert [panel.title for panel in found.folded] == ["Learners and learning rate", "Mini-batch and learning rate"]
    assert "pattern" in str(found.panels[0].svg)
    assert "8 learners, mini-batch 16" not in str(found.panels[0].svg), "no cell is said where there is no setting"


def test_the_efficiency_is_the_share_of_the_ideal_speed_up(blocks: dict[str, Block]) -> None:
    (label,) = [str(one.svg) for one in blocks["clock"].panels if one.title == "Efficiency"]
    assert "mini-batch 4: 100 at 2 learners, 62.5 at 8 learners" in label


def test_a_setting_that_fails_has_a_hollow_marker_in_figures_of_time(verdict: SweepVerdict) -> None:
    facts = verdict.facts
    learners, _, rate = facts.varying
    rows = facts.settings[facts.settings[BATCH] == "4"]
    (axes,) = draw_lines(rows, learners, rate, SECONDS, (1.0, 10.0), "time").axes
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == svg.PAPER and len(line.get_xdata())]
    assert [list(line.get_xdata()) for line in hollow] == [[SECOND]]
    assert moves(rate, "test_error", facts), "at one value a setting learns, at the other it fails"


def test_a_marker_is_half_filled_where_the_setting_learns_at_some_values_of_an_axis_without_a_place(
    verdict: SweepVerdict, blocks: dict[str, Block]
) -> None:
    """The rate does not move the time: 8 learners with µ = 4 learn at the rate 0.1 alone."""
    assert verdict.anchor is not None
    layout = lay_out(SECONDS, verdict.facts, verdict.anchor)
    assert layout is not None
    assert [dial.key for dial in layout.still] == [RATE]
    ((_, _, figure, _),) = draw_panels(layout, verdict.facts)
    half = [line for line in figure.axes[0].lines if line.get_fillstyle() == "left" and len(line.get_xdata())]
    assert [list(line.get_xdata()) for line in half] == [[FIRST]]
    assert blocks["clock"].reading == (
        "Filled markers learned at every value of the axes along which a figure is the same, half-filled ones at some, hollow "
        "ones at none."
    )


def test_what_did_not_learn_is_in_a_band_above_the_axes_that_says_so(verdict: SweepVerdict) -> None:
    learners, _, rate = verdict.facts.varying
    rows = verdict.facts.settings[verdict.facts.settings[BATCH] == "4"]
    (axes,) = draw_lines(rows, learners, rate, "test_error", (0.0, 0.1), "test error").axes
    (crosses,) = [line for line in axes.lines if line.get_marker() == "x"]
    assert list(crosses.get_xdata()) == [SECOND]
    assert crosses.get_transform() == axes.get_xaxis_transform()
    (band,) = axes.patches
    low, high = band.get_y(), band.get_y() + band.get_height()
    assert 1.0 < low < crosses.get_ydata()[0] < high
    assert "did not learn" in [text.get_text() for text in axes.texts]


def test_ranges_of_several_lines_stand_side_by_side_at_one_value(verdict: SweepVerdict) -> None:
    """Otherwise the range of the second line would hide that of the first one."""
    learners, _, rate = verdict.facts.varying
    rows = verdict.facts.settings[verdict.facts.settings[BATCH] == "4"]
    (axes,) = draw_lines(rows, learners, rate, SECONDS, (1.0, 10.0), "time").axes
    places = {float(place) for line in axes.lines for place in line.get_xdata() if float(place) > 7.0}
    assert sorted(places) == [FIRST, SECOND]


def test_a_line_whose_settings_are_all_left_out_is_empty(verdict: SweepVerdict) -> None:
    learners, batch, _ = verdict.facts.varying
    rows = verdict.facts.settings[verdict.facts.settings[BATCH] == "4"]
    (axes,) = draw_lines(rows, learners, batch, SECONDS, (1.0, 10.0), "time").axes
    assert {len(line.get_xdata()) > 0 for line in axes.lines} == {True, False}


def test_words_below_a_figure_are_inclined_and_numbers_left_out() -> None:
    with svg.open_figure(2.7) as figure:
        for labels, is_numeric, shown, angle in (
            (["12345678"] * 8, True, 4, 0),
            (["n-softsync"] * 8, False, 8, 25),
            (["2", "4", "8"], True, 3, 0),
        ):
            axes = figure.subplots()
            set_ticks(axes, range(len(labels)), labels, is_numeric=is_numeric)
            ticks = axes.get_xticklabels()
            assert (len(ticks), {tick.get_rotation() for tick in ticks}) == (shown, {float(angle)})

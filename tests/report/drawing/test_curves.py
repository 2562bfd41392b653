"""Curves show how variants end: who fails is named, what is cut is said, and few points make no line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from simasgd.report.comparison.comparison import compare_variants
from simasgd.report.comparison.contenders import find_point
from simasgd.report.comparison.figures import draw_pareto
from simasgd.report.drawing import svg
from simasgd.report.drawing.curves import draw_curves, find_ceiling, find_hidden
from simasgd.report.drawing.figures import (
    STALENESS,
    StalenessDistribution,
    draw_distributions,
    draw_staleness_over_time,
    find_end,
)
from simasgd.report.drawing.value_axes import use_number_axis
from simasgd.report.facts.glossary import find_terms, list_terms
from simasgd.report.facts.metric import ERROR, LOSS, Metric
from simasgd.report.facts.variant_facts import collect_facts
from simasgd.report.page import render_study
from simasgd.report.sections.staleness import describe_cut
from tests.report.drawing.six import six_variants


def curves(**values: Sequence[float]) -> pd.DataFrame:
    """Return a table of curves with a value for each epoch of 2 s."""
    rows = [
        (series, name, float(i), 2.0 * i, value, value, value, 1)
        for series, (name, several) in enumerate(values.items())
        for i, value in enumerate(several)
    ]
    return pd.DataFrame(rows, columns=["series", "variant", "epoch", "seconds", "value", "low", "high", "seeds"])


def drawn(table: pd.DataFrame, metric: Metric = ERROR, failed: Sequence[int] = (), target: float | None = None) -> Axes:
    with svg.open_figure(2.9) as figure:
        axes = figure.subplots()
        draw_curves(axes, table, "seconds", metric, failed=failed, target=target)
    return axes


def test_a_curve_that_another_covers_is_wide() -> None:
    table = curves(a=[0.9, 0.5, 0.1], b=[0.9, 0.5, 0.2], c=[0.9, 0.501, 0.1])
    assert find_hidden(table, "seconds") == {0}
    (wide,) = [line for line in drawn(table).lines if line.get_linewidth() > 6]
    assert wide.get_color() == svg.choose_series_colour(0)


def test_where_a_run_was_continued_is_marked_on_both_axes() -> None:
    table = curves(a=[0.9, 0.5, 0.1])
    for x, place in (("seconds", 2.0), ("epoch", 1.0)):
        with svg.open_figure(2.9) as figure:
            axes = figure.subplots()
            draw_curves(axes, table, x, ERROR, seams=[(0, 2.0, 1.0), (5, 3.0, 1.5)])
        assert "continued" in {text.get_text() for text in axes.texts}
        assert [line.get_xdata()[0] for line in axes.lines if list(line.get_ydata()) == [0, 1]] == [place]


def colours(axes: Axes) -> set[str]:
    return {str(line.get_color()) for line in axes.lines}


def test_who_fails_is_named_and_not_drawn() -> None:
    table = curves(good=[0.9, 0.1, 0.04], bad=[0.9, 0.9, 0.91])
    axes = drawn(table, failed=[1])
    assert "Not drawn, because they did not finish or learn: bad (91.0" in axes.get_title(loc="left").replace("\n", " ")
    assert colours(axes) == {svg.choose_series_colour(0)}
    assert axes.get_ylim()[1] == pytest.approx(0.08), "twice the best"
    everybody = drawn(table, failed=[0, 1])
    assert everybody.get_title(loc="left") == ""
    assert colours(everybody) == {svg.choose_series_colour(0), svg.choose_series_colour(1)}


@pytest.mark.parametrize(
    ("values", "target", "ceiling"),
    [
        ({"a": [0.9, 0.04]}, None, 0.08),
        ({"a": [0.9, 0.04], "b": [0.9, 0.2]}, None, 0.25),
        ({"a": [0.9, 0.04]}, 0.15, 0.3),
        ({"a": [0.9, 0.5]}, None, None),
        ({"a": [0.0, 0.0]}, None, None),
    ],
)
def test_the_axis_shows_how_curves_end(values: dict[str, list[float]], target: float | None, ceiling: float | None) -> None:
    found = find_ceiling(curves(**values), target)
    assert found == (None if ceiling is None else pytest.approx(ceiling))


def test_a_cut_or_logarithmic_axis_says_so() -> None:
    assert "The axis is cut" in drawn(curves(a=[0.9, 0.04])).get_title(loc="left")
    apart = drawn(curves(a=[1.0, 1e-6], b=[1.0, 0.5]), LOSS)
    assert apart.get_yscale() == "log"
    assert apart.get_ylabel() == "test loss (logarithmic axis)"
    assert drawn(curves(a=[1.0, 0.5]), LOSS).get_ylabel() == "test loss"


@pytest.mark.parametrize(("points", "style"), [(3, "steps-post"), (7, "steps-post"), (8, "default"), (30, "default")])
def test_a_line_joins_many_evaluations_only(points: int, style: str) -> None:
    axes = drawn(curves(a=[1.0 / (1 + i) for i in range(points)]))
    assert axes.lines[0].get_drawstyle() == style


def test_the_target_is_marked_where_it_is_on_the_axis() -> None:
    low, beyond = (drawn(curves(a=[0.9, 0.04]), target=target) for target in (0.05, 0.0))
    assert [text.get_text().replace("\u00a0", " ") for text in low.texts] == ["target 5.0 %"]
    assert len(beyond.texts) == 0


@pytest.mark.parametrize("values", [[0.5, 0.06, 0.04, 0.04, 0.04], [0.06, 0.055, 0.052, 0.051, 0.03]], ids=str)
def test_the_label_of_the_target_is_clear_of_curves(values: list[float]) -> None:
    """The first curves pass through where the label of a single curve would be, near the left end of the target's line."""
    axes = drawn(curves(a=values, b=[0.062, 0.058, 0.055, 0.04, 0.035]), target=0.05)
    (label,) = [text for text in axes.texts if text.get_text().startswith("target")]
    frame = label.get_window_extent()
    for line in axes.lines:
        data = np.asarray(line.get_xydata(), dtype=float)
        if line.get_transform() == axes.transData and len(data) > 1:
            steps = np.column_stack([np.repeat(data[:, 0], 2)[1:], np.repeat(data[:, 1], 2)[:-1]])
            ends = axes.transData.transform(steps if str(line.get_drawstyle()).startswith("steps") else data)
            points = np.concatenate([np.linspace(one, other, 200) for one, other in pairwise(ends)])
            assert not frame.count_contains(points)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([3e-6, 0.9], ["10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "1"]),
        ([0.02, 0.9], ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]),
    ],
)
def test_the_ticks_of_a_logarithmic_axis_have_one_form(values: list[float], labels: list[str]) -> None:
    with svg.open_figure(2.9) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], values)
        use_number_axis(axes, logarithmic=True)
        axes.set_ylim(0.99 * min(values), 1.01)
        figure.draw_without_rendering()
        low, high = axes.get_ylim()
        shown = [tick.label1.get_text() for tick in axes.yaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    assert shown == labels


def test_the_front_is_a_staircase_through_its_variants() -> None:
    study = six_variants()
    (found,) = compare_variants(study, collect_facts(study))
    with svg.open_figure(3.1) as figure:
        axes = figure.subplots()
        draw_pareto(axes, found)
    (stairs,) = [line for line in axes.lines if line.get_drawstyle() == "steps-post"]
    points = [point for one in found.front if (point := find_point(one)) is not None]
    assert len(points) > 2
    on_it = list(zip(stairs.get_xdata(), stairs.get_ydata(), strict=True))
    assert on_it[1:-1] == [pytest.approx(point) for point in points]
    assert {text.get_text() for text in axes.texts} == {"hardsync", "all-reduce", "backups", "k-batch-sync-of-\nthree"}


def test_the_glossary_has_the_terms_of_the_page_only() -> None:
    page = render_study(six_variants())
    told = page.split('<section id="scenario"')[0].split("<main>")[1]
    names = [term.name for term in find_terms(told)]
    assert {"hardsync", "async", "all-reduce", "ssp", "Fails to learn", "Pareto front"} <= set(names)
    assert not {"gossip-pull", "easgd", "downpour", "Consensus distance", "base, adv, adv*"} & set(names)
    explained = page.split('<dl class="words">')[1].split("</dl>")[0]
    assert explained.count("<dt>") == len(names) < len(list_terms()) / 2
    assert "<details open" not in page


@pytest.mark.parametrize(("name", "labels"), [("async and dynsgd", ["async and dynsgd"]), ("", [])])
def test_a_line_of_staleness_says_for_which_variants_it_stands(name: str, labels: list[str]) -> None:
    table = pd.DataFrame({"variant": [1, 1], "seconds": [0.5, 1.5], "staleness": [3.0, 4.0]})
    with svg.open_figure(2.5) as figure:
        axes = figure.subplots()
        draw_staleness_over_time(axes, table, {1: name})
    assert [text.get_text() for text in axes.texts] == labels


def test_the_axis_of_staleness_ends_before_what_one_gradient_in_a_hundred_exceeds() -> None:
    far = StalenessDistribution("async", 0, [0, 0, 50, 50] + [0] * 346 + [1], 6.0, None)
    near = StalenessDistribution("ssp", 1, [0, 0, 0, 0, 10], 4.0, None)
    assert find_end([far, near]) == 4
    with svg.open_figure(2.0) as figure:
        axes = figure.subplots()
        draw_distributions(axes, [far, near], STALENESS)
        assert axes.get_xlim()[1] < 5
    assert describe_cut([far, near]).endswith("the greatest is 350 (async).")
    assert find_end([StalenessDistribution("b", 0, [1] * 9, 4.0, None)]) == 8, "nothing is cut where nothing lies far out"

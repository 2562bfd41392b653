"""The functions of `simasgd.figures`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from simasgd.errors import UsageError
from simasgd.report.comparison.comparison import MetricComparison, compare_variants
from simasgd.report.comparison.contenders import TIME_TO_TARGET
from simasgd.report.comparison.figures import draw_pareto, draw_reaches, find_competitors
from simasgd.report.drawing import svg
from simasgd.report.drawing.curves import draw_curves, measure_curves
from simasgd.report.drawing.figures import (
    OWN_STALENESS,
    STALENESS,
    StalenessDistribution,
    draw_distributions,
    draw_histogram,
    draw_shares,
    draw_staleness_over_time,
    measure_rows,
)
from simasgd.report.facts.formats import list_some, name_group
from simasgd.report.facts.metric import ERROR, LOSS, Metric
from simasgd.report.facts.tables import (
    count_histogram,
    group_by_clock,
    list_seams,
    tabulate_curves,
    tabulate_staleness_of_groups,
)
from simasgd.report.facts.variant_facts import VariantFacts, collect_facts, name_time
from simasgd.results.run import Run
from simasgd.results.study import Study


class HasStudy(Protocol):
    """A result that is made of a study, such as `simasgd.Comparison`."""

    @property
    def study(self) -> Study:
        """The study."""


Result: TypeAlias = Run | Study | HasStudy

AXES = {"time": "seconds", "epochs": "epoch", "bytes": "bytes"}
"""The horizontal axes of curves, and their columns."""


def error_over_time(result: Result, ax: Axes | None = None, *, x: str = "time") -> Axes:
    """Draw the test error of each variant against `x`: `time` (simulated), `epochs` or `bytes` sent.

    Lines are means over the seeds, bands their range. Variants that fail are named above the axes.
    Raises simasgd.UsageError if there is no test error, or `x` is something else.
    """
    return _draw_curves(result, ax, ERROR, x)


def loss_over_time(result: Result, ax: Axes | None = None, *, x: str = "time") -> Axes:
    """Draw the test loss of each variant where that is the measure: labels are not classes.

    The arguments and the errors raised are those of `error_over_time`.
    """
    return _draw_curves(result, ax, LOSS, x)


def error_against_time(result: Result, ax: Axes | None = None) -> Axes:
    """Draw the final test error (or loss) of each variant against its time, and the Pareto front as steps.

    Raises simasgd.UsageError if fewer than two variants learn.
    """
    compared = _compare(result)
    drawn = find_competitors(compared)
    if not drawn:
        raise UsageError("no variant learns, so there is no error to draw against the time")
    axes = _open(ax, max(3.1, measure_rows(len(drawn)) - 0.3))
    with svg.use_style():
        draw_pareto(axes, compared)
    return axes


def time_to_target(result: Result, ax: Axes | None = None) -> Axes:
    """Draw the time at which each variant reaches the target, the fastest on top; a dot is a seed.

    Raises simasgd.UsageError if fewer than two variants learn, or none reaches a target.
    """
    compared = _compare(result)
    reached = [contender for contender in compared.contenders if contender.spread(TIME_TO_TARGET) is not None]
    if compared.target is None or not reached:
        raise UsageError("no variant reaches a target")
    axes = _open(ax, measure_rows(len(compared.contenders)))
    with svg.use_style():
        draw_reaches(axes, compared.contenders, compared.time)
        _fit_labels(axes)
        axes.set_title(f"to {compared.metric.describe(compared.target)}", loc="left", fontsize=9.5)
    return axes


def staleness(result: Result, ax: Axes | None = None) -> Axes:
    """Draw how stale the gradients are, with the mean: a histogram, or a row for each of several variants.

    A row has all gradients as a thin line, and the middle 90 % as a thick one. Raises
    simasgd.UsageError if no gradient was applied.
    """
    study, variants = _facts(result)
    rows = []
    for group in group_by_clock(study):
        counts = count_histogram(list(study.runs.values())[group[0]])
        if variants[group[0]].staleness is not None and counts:
            rows.append(StalenessDistribution.of(group, variants, counts))
    if not rows:
        raise UsageError("no gradient was applied, so there is no staleness to draw")
    what = OWN_STALENESS if all(one.own_models for one in variants) else STALENESS
    axes = _open(ax, measure_rows(len(rows)) if len(rows) > 1 else 2.5)
    with svg.use_style():
        if len(rows) > 1:
            draw_distributions(axes, rows, what)
            _fit_labels(axes)
        else:
            (row,) = rows
            colour = svg.choose_series_colour(row.series)
            draw_histogram(axes, row.counts, row.mean, row.expected, len(row.counts) - 1, colour, what)
    return axes


def staleness_over_time(result: Result, ax: Axes | None = None) -> Axes:
    """Draw the mean staleness of each variant against the time.

    Raises simasgd.UsageError if the runs keep no table of updates (`record: summary`).
    """
    study, variants = _facts(result)
    groups = group_by_clock(study)
    table = tabulate_staleness_of_groups(study, groups)
    if table.empty:
        raise UsageError("the runs keep no table of updates; run them with record=updates")
    axes = _open(ax, 2.9)
    with svg.use_style():
        several = len(variants) > 1
        names = {group[0]: name_group([variants[i].name for i in group]) if several else "" for group in groups}
        draw_staleness_over_time(axes, table, names, name_time(variants), list_seams(study))
    return axes


def learner_time(result: Result, ax: Axes | None = None) -> Axes:
    """Draw the fractions of the learners' time that they compute, wait, send and receive, as a bar for each variant."""
    study, variants = _facts(result)
    groups = group_by_clock(study)
    rows = [(list_some([variants[i].name for i in group], 2), variants[group[0]].learner_time) for group in groups]
    axes = _open(ax, measure_rows(len(rows)) + 0.35)
    with svg.use_style():
        draw_shares(axes, rows, "the learners' time")
        _fit_labels(axes)
        used = [name for name in svg.ACTIVITIES if any(times.get(name) for _, times in rows)]
        handles = [Patch(color=svg.ACTIVITIES[name]) for name in used]
        axes.legend(handles, used, ncols=len(used), loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, fontsize=9)
    return axes


def study_of(result: Result) -> Study:
    """Return the study that a result is, or is made of."""
    if isinstance(result, Run):
        return Study(result.scenario, {"": [result]})
    return result if isinstance(result, Study) else result.study


def _facts(result: Result) -> tuple[Study, Sequence[VariantFacts]]:
    study = study_of(result)
    return study, collect_facts(study)


def _draw_curves(result: Result, ax: Axes | None, metric: Metric, x: str) -> Axes:
    if x not in AXES:
        raise UsageError(f"x={x!r} is not an axis; expected {', '.join(AXES)}")
    study, variants = _facts(result)
    table = tabulate_curves(study, metric)
    if table.empty:
        raise UsageError(f"there is no {metric.name} to draw")
    axes = _open(ax, measure_curves(table))
    failed = {i for i, variant in enumerate(variants) if variant.failure}
    with svg.use_style():
        draw_curves(axes, table, AXES[x], metric, time=name_time(variants), failed=failed, seams=list_seams(study))
    return axes


def _compare(result: Result) -> MetricComparison:
    study, variants = _facts(result)
    compared = compare_variants(study, variants)
    if not compared:
        raise UsageError("fewer than two variants learn, so there is nothing to compare")
    return compared[0]


def _fit_labels(axes: Axes) -> None:
    """Make the labels of rows smaller where they would leave the figure."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    for text in axes.texts:
        box = text.get_window_extent()
        room = figure.bbox.x1 - 4.0 - box.x0
        if not text.get_in_layout() and box.width > room > 0.0:
            text.set_fontsize(text.get_fontsize() * room / box.width)


def _open(ax: Axes | None, height: float) -> Axes:
    """Return the axes to draw into: those given, or new ones of `height` inches on white paper."""
    if ax is not None:
        return ax
    with svg.use_style():
        figure, axes = plt.subplots(figsize=(svg.WIDTH * 1.15, height * 1.15), layout="constrained")
        figure.set_facecolor("white")
        return axes

"""The sections of the run report: each a reading, its figures, and the table behind them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from simasgd.report import figures, svg
from simasgd.report.comparison import comparisons
from simasgd.report.comparison_blocks import comparison_blocks
from simasgd.report.facts import Facts
from simasgd.report.faults import fault_blocks
from simasgd.report.gantt import timeline_blocks
from simasgd.report.metric import ERROR, LOSS, Metric
from simasgd.report.parts import Block, Entry, Panel, Table, glyph, line_mark
from simasgd.report.tables import clocks, curves, histogram, staleness_over_time
from simasgd.report.time_blocks import time_block
from simasgd.report.words import NBSP, few, number, volume
from simasgd.results import Run, Study

_MOST_ROWS = 60


def blocks(study: Study, variants: Sequence[Facts]) -> list[Block]:
    """Those that this study has something to show in."""
    compared = comparisons(study, variants)
    tables = [(curves(study, metric), metric) for metric in (ERROR, LOSS)]
    several = [comparison.metric for comparison in compared]
    learning = [_curves(table, metric, _axes(table, metric in several)) for table, metric in tables if not table.empty]
    times = [time_block(study, variants), *timeline_blocks(study, variants)]
    return [*learning, *comparison_blocks(compared), _staleness(study, variants), *times, *fault_blocks(variants)]


def _axes(table: pd.DataFrame, is_compared: bool) -> Sequence[tuple[str, str]]:
    """What the curves are drawn against. Runs of earlier versions did not count bytes at each evaluation."""
    against = [("seconds", "simulated time"), ("epoch", "epochs")]
    return [*against, ("bytes", "bytes sent")] if is_compared and table["bytes"].notna().all() else against


def _curves(table: pd.DataFrame, metric: Metric, axes: Sequence[tuple[str, str]]) -> Block:
    names = table.drop_duplicates("variant").set_index("series")["variant"]
    ends = "; ".join(
        f"{name} ends at {metric.form(rows['value'].iloc[-1])}" for name, rows in table.groupby("variant", sort=False)
    )
    panels = []
    for x, against in axes:
        label = f"Line chart of {metric.name} against {against}: {ends}."
        drawn = svg.inline(figures.curve(table, x, metric), f"{metric.key}-{x}", label)
        panels.append(Panel(f"{metric.title} against {against}", drawn))
    legend = [Entry(line_mark(f"series-{i % 8}", i % 4), name) for i, name in names.items()]
    spread = " Lines are means, bands the range over the seeds." if (table["seeds"] > 1).any() else ""
    rows = [
        (
            row.variant,
            number(row.epoch),
            number(row.updates),
            f"{row.seconds:.4g}",
            volume(row.bytes) if row.bytes == row.bytes else "–",
            *map(metric.form, (row.value, row.low, row.high)),
        )
        for row in table.itertuples()
    ]
    return Block(
        id=metric.key.removeprefix("test_"),
        nav=metric.title,
        title=f"{metric.title} over time",
        reading=learning_reading(table, metric) + spread,
        panels=panels,
        legend=legend if len(names) > 1 else [],
        table=Table.of(("variant", "epoch", "updates", "simulated seconds", "bytes", metric.name, "least", "greatest"), rows),
        columns=len(axes),
    )


def learning_reading(table: pd.DataFrame, metric: Metric) -> str:
    """Where each variant ends, and where it was lowest before."""
    groups = list(table.groupby("variant", sort=False))
    if len(groups) == 1:
        ((name, rows),) = groups
        return _fall(name, rows, metric)
    ends = [f"{name} ends at {metric.form(rows['value'].iloc[-1])}{_lowest(rows, metric)}" for name, rows in groups]
    return f"{few(ends, 8)}."


def _lowest(rows: pd.DataFrame, metric: Metric) -> str:
    end, best = rows["value"].iloc[-1], rows.loc[rows["value"].idxmin()]
    is_lower = best.epoch > 0 and best.value < end and metric.form(best.value) != metric.form(end)
    return f" (lowest {metric.form(best.value)}, at epoch {number(best.epoch)})" if is_lower else ""


def _fall(name: str, rows: pd.DataFrame, metric: Metric) -> str:
    form = metric.form
    start, end, best = rows["value"].iloc[0], rows["value"].iloc[-1], rows.loc[rows["value"].idxmin()]
    lowest = f"; the lowest is {form(best.value)} at epoch {number(best.epoch)}" if best.value < end else ""
    verb = "falls" if end < start else "rises" if end > start else "stays"
    how = f"at {form(end)}" if end == start else f"from {form(start)} to {form(end)}"
    return f"Under {name} the {metric.name} {verb} {how}{lowest}."


def _staleness(study: Study, variants: Sequence[Facts]) -> Block:
    every = list(study.runs.values())
    counts = [histogram(runs) for runs in every]
    longest = max(len(one) for one in counts) - 1
    groups = [group for group in clocks(study) if len(counts[group[0]]) > 1]
    panels = [_staleness_panel(group, variants, counts[group[0]], every[group[0]], longest) for group in groups]
    legend = [Entry(glyph("ink", "▼"), "measured mean"), Entry(line_mark("ink", 1), "mean by the law")]
    panels += _over_time_panel(study, groups, variants)
    return Block(
        id="staleness",
        nav="Staleness",
        title="How stale the gradients are",
        reading=" ".join(_staleness_reading(group, variants) for group in clocks(study)),
        panels=panels,
        legend=legend if panels else [],
        table=_staleness_table(counts, variants) if longest >= 0 else None,
        summary="How many gradients of each staleness",
    )


def _staleness_panel(
    group: Sequence[int], variants: Sequence[Facts], counts: Sequence[int], runs: Sequence[Run], longest: int
) -> Panel:
    one, names = variants[group[0]], few([variants[i].name for i in group])
    assert one.staleness is not None
    law = "" if one.law is None else f", law {number(one.law)}"
    label = f"Histogram of staleness under {names}: mean {number(one.staleness.mean)}{law}, greatest {len(counts) - 1}."
    drawn = figures.staleness(counts, one.staleness.mean, one.law, longest, svg.series(group[0]))
    p95 = max(run.summary["staleness"]["p95"] or 0 for run in runs)
    tail = f"95{NBSP}% of the gradients have at most {p95:,}, all at most {len(counts) - 1:,}"
    note = f"Mean {number(one.staleness.mean)}{law}. {tail}."
    return Panel(names, svg.inline(drawn, f"staleness-{group[0]}", label), note=note)


def _over_time_panel(study: Study, groups: Sequence[Sequence[int]], variants: Sequence[Facts]) -> list[Panel]:
    every = list(study.runs.values())
    parts = [staleness_over_time(every[group[0]]).assign(variant=group[0]) for group in groups]
    drawn = [part for part in parts if not part.empty]
    if not drawn:
        return []
    table = pd.concat(drawn)
    together = {group[0]: group for group in groups}
    ends = "; ".join(
        f"{few([variants[k].name for k in together[i]])}: from {_ends(rows['staleness'])}"
        for i, rows in table.groupby("variant")
    )
    label = f"Line chart of the mean staleness against simulated time: {ends}."
    figure = svg.inline(figures.staleness_over_time(table), "staleness-time", label)
    return [Panel("Mean staleness over time", figure, note=f"{ends}.")]


def _ends(values: pd.Series) -> str:
    return f"{number(values.iloc[0])} to {number(values.iloc[-1])}"


def _staleness_reading(group: Sequence[int], variants: Sequence[Facts]) -> str:
    one, names = variants[group[0]], few([variants[i].name for i in group])
    if one.staleness is None:
        return f"{names}: no gradient was applied."
    if one.staleness.high == 0:
        return f"{names}: every gradient has staleness 0."
    measured = f"{names}: the mean staleness is {number(one.staleness.mean)}"
    if one.law is None:
        return f"{measured}."
    less = one.staleness.mean < 0.95 * one.law
    why = "; messages, updates and waiting make it less" if less else ""
    return f"{measured}, the law for free communication and no waiting says {number(one.law)}{why}."


def _staleness_table(counts: Sequence[Sequence[int]], variants: Sequence[Facts]) -> Table:
    longest = max(len(one) for one in counts)
    width = max(1, -(-longest // _MOST_ROWS))
    rows = [
        [
            str(least) if width == 1 else f"{least}–{least + width - 1}",
            *(f"{sum(one[least : least + width]):,}" for one in counts),
        ]
        for least in range(0, longest, width)
    ]
    return Table.of(("staleness σ", *(one.name for one in variants)), rows, words=0)

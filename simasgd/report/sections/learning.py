"""The sections of the run report on what is learned: the curves, and how far apart learners' models are."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from simasgd.report.drawing import figures, svg
from simasgd.report.drawing.page_parts import Block, LegendEntry, Panel, Table, draw_line_mark
from simasgd.report.facts.formats import format_bytes, format_number, list_some
from simasgd.report.facts.metric import DISTANCE, ERROR, LOSS, Metric
from simasgd.report.facts.tables import tabulate_curves, tabulate_distances
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.results.study import Study
from simasgd.results.tables import thinned

_MOST_READ = 8
_MOST_POINTS, _MOST_ROWS = 400, 200
"""Of a variant's curve, which is no more pixels wide, and of its numbers in the table."""
_AXES = (("seconds", "simulated time"), ("epoch", "epochs"))


def build_learning_blocks(study: Study, variants: Sequence[VariantFacts], compared: Sequence[Metric]) -> list[Block]:
    """One per metric that some variant is judged by; `compared` are those by which several are."""
    tables = [(tabulate_curves(study, metric), metric) for metric in (ERROR, LOSS)]
    return [
        _build_block(
            table,
            metric,
            title=f"{metric.title} over time",
            reading=_join_sentences(
                describe_curves(table, metric), describe_tested_models(table, variants, metric), _describe_spread(table)
            ),
            axes=_choose_axes(metric in compared),
        )
        for table, metric in tables
        if not table.empty
    ]


def build_distance_blocks(study: Study) -> list[Block]:
    """The section on the consensus distance, if learners have models of their own anywhere."""
    table = tabulate_distances(study)
    if table.empty:
        return []
    reading = _join_sentences(describe_distances(table), _MEANING_OF_DISTANCE, _describe_spread(table))
    return [_build_block(table, DISTANCE, title="Consensus distance over time", reading=reading, axes=_AXES)]


_MEANING_OF_DISTANCE = "That is the root mean square distance of the learners' models from their mean."


def _join_sentences(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _describe_spread(table: pd.DataFrame) -> str:
    return "Lines are means, bands the range over the seeds." if (table["seeds"] > 1).any() else ""


def _choose_axes(is_compared: bool) -> Sequence[tuple[str, str]]:
    """What the curves are drawn against."""
    return [*_AXES, ("bytes", "bytes sent")] if is_compared else _AXES


def _build_block(table: pd.DataFrame, metric: Metric, *, title: str, reading: str, axes: Sequence[tuple[str, str]]) -> Block:
    names = table.drop_duplicates("variant").set_index("series")["variant"]
    ends = "; ".join(
        f"{name} ends at {metric.form(rows['value'].iloc[-1])}" for name, rows in table.groupby("variant", sort=False)
    )
    panels = []
    for x, against in axes:
        label = f"Line chart of {metric.name} against {against}: {ends}."
        drawn = svg.render_inline(figures.draw_curve(_thin(table, _MOST_POINTS), x, metric), f"{metric.key}-{x}", label)
        panels.append(Panel(f"{metric.title} against {against}", drawn))
    legend = [LegendEntry(draw_line_mark(f"series-{i % 8}", i % 4), name) for i, name in names.items()]
    return Block(
        id=metric.key.removeprefix("test_").replace("_", "-"),
        nav=metric.title,
        title=title,
        reading=reading,
        panels=panels,
        legend=legend if len(names) > 1 else [],
        table=_tabulate(_thin(table, _MOST_ROWS), metric),
        summary=f"The numbers behind the figures{_describe_thinning(table)}",
        columns=len(axes),
    )


def _thin(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many rows of each variant, evenly spaced, the first and the last among them."""
    return pd.concat([thinned(rows, most) for _, rows in table.groupby("series", sort=False)])


def _describe_thinning(table: pd.DataFrame) -> str:
    longest = int(table["series"].value_counts().max())
    return (
        ""
        if longest <= _MOST_ROWS
        else f": {_MOST_ROWS} of {longest:,} evaluations, evenly spaced (evaluations.parquet has all)"
    )


def _tabulate(table: pd.DataFrame, metric: Metric) -> Table:
    rows = [
        (
            row.variant,
            format_number(row.epoch),
            format_number(row.updates),
            f"{row.seconds:.4g}",
            format_bytes(row.bytes) if row.bytes == row.bytes else "–",
            *map(metric.form, (row.value, row.low, row.high)),
        )
        for row in table.itertuples()
    ]
    return Table.of(("variant", "epoch", "updates", "simulated seconds", "bytes", metric.name, "least", "greatest"), rows)


def describe_curves(table: pd.DataFrame, metric: Metric) -> str:
    """Where each variant ends, and where it was lowest before."""
    groups = list(table.groupby("variant", sort=False))
    if len(groups) == 1:
        ((name, rows),) = groups
        return _describe_one_curve(name, rows, metric)
    ends = [f"{name} ends at {metric.form(rows['value'].iloc[-1])}{_describe_lowest(rows, metric)}" for name, rows in groups]
    return f"{list_some(ends, _MOST_READ)}."


def _describe_lowest(rows: pd.DataFrame, metric: Metric) -> str:
    end, best = rows["value"].iloc[-1], rows.loc[rows["value"].idxmin()]
    is_lower = best.epoch > 0 and best.value < end and metric.form(best.value) != metric.form(end)
    return f" (lowest {metric.form(best.value)}, at epoch {format_number(best.epoch)})" if is_lower else ""


def _describe_one_curve(name: str, rows: pd.DataFrame, metric: Metric) -> str:
    form = metric.form
    start, end, best = rows["value"].iloc[0], rows["value"].iloc[-1], rows.loc[rows["value"].idxmin()]
    lowest = f"; the lowest is {form(best.value)} at epoch {format_number(best.epoch)}" if best.value < end else ""
    verb = "falls" if end < start else "rises" if end > start else "stays"
    how = f"at {form(end)}" if end == start else f"from {form(start)} to {form(end)}"
    return f"Under {name} the {metric.name} {verb} {how}{lowest}."


def describe_tested_models(table: pd.DataFrame, variants: Sequence[VariantFacts], metric: Metric) -> str:
    """Which model is tested, where learners have models of their own."""
    drawn = [one for one in variants if one.own_models and one.name in set(table["variant"])]
    means = [one.name for one in drawn if not one.has_centre]
    centres = [one.name for one in drawn if one.has_centre]
    models = ((means, "that of the mean of the learners' models"), (centres, "that of the centre"))
    said = [f"{which} under {list_some(names, _MOST_READ)}" for names, which in models if names]
    return f"The {metric.name} is {', and '.join(said)}." if said else ""


def describe_distances(table: pd.DataFrame) -> str:
    """How far apart the models are when they are last looked at, and when they were farthest apart."""
    (name, rows), *others = table.groupby("variant", sort=False)
    said = [f"{_format_end(rows)} apart under {name}{_describe_farthest(rows)}"]
    said += [f"{_format_end(rows)} under {name}{_describe_farthest(rows)}" for name, rows in others]
    return f"At the last evaluation the learners' models are {list_some(said, _MOST_READ)}."


def _format_end(rows: pd.DataFrame) -> str:
    return DISTANCE.form(rows["value"].iloc[-1])


def _describe_farthest(rows: pd.DataFrame) -> str:
    most = rows.loc[rows["value"].idxmax()]
    if DISTANCE.form(most.value) == _format_end(rows):
        return " (never farther before)" if most.value > 0 else ""
    return f" (farthest {DISTANCE.form(most.value)}, at epoch {format_number(most.epoch)})"

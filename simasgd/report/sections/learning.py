"""The sections of the run report on what is learned: the curves, and how far apart learners' models are."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from simasgd.report.drawing import figures, svg
from simasgd.report.drawing.parts import Block, Entry, Panel, Table, line_mark
from simasgd.report.facts.facts import Facts
from simasgd.report.facts.metric import DISTANCE, ERROR, LOSS, Metric
from simasgd.report.facts.tables import curves, distances
from simasgd.report.facts.words import few, number, volume
from simasgd.results.run import Study, thinned

_MOST_READ = 8
_MOST_POINTS, _MOST_ROWS = 400, 200
"""Of a variant's curve, which is no more pixels wide, and of its numbers in the table."""
_AXES = (("seconds", "simulated time"), ("epoch", "epochs"))


def learning_blocks(study: Study, variants: Sequence[Facts], compared: Sequence[Metric]) -> list[Block]:
    """One per metric that some variant is judged by; `compared` are those by which several are."""
    tables = [(curves(study, metric), metric) for metric in (ERROR, LOSS)]
    return [
        _block(
            table,
            metric,
            title=f"{metric.title} over time",
            reading=_joined(learning_reading(table, metric), whose_reading(table, variants, metric), _spread_reading(table)),
            axes=_axes(table, metric in compared),
        )
        for table, metric in tables
        if not table.empty
    ]


def distance_blocks(study: Study) -> list[Block]:
    """The section on the consensus distance, if learners have models of their own anywhere."""
    table = distances(study)
    if table.empty:
        return []
    reading = _joined(distance_reading(table), _MEANING_OF_DISTANCE, _spread_reading(table))
    return [_block(table, DISTANCE, title="Consensus distance over time", reading=reading, axes=_AXES)]


_MEANING_OF_DISTANCE = "That is the root mean square distance of the learners' models from their mean."


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _spread_reading(table: pd.DataFrame) -> str:
    return "Lines are means, bands the range over the seeds." if (table["seeds"] > 1).any() else ""


def _axes(table: pd.DataFrame, is_compared: bool) -> Sequence[tuple[str, str]]:
    """What the curves are drawn against. Runs of earlier versions did not count bytes at each evaluation."""
    return [*_AXES, ("bytes", "bytes sent")] if is_compared and table["bytes"].notna().all() else _AXES


def _block(table: pd.DataFrame, metric: Metric, *, title: str, reading: str, axes: Sequence[tuple[str, str]]) -> Block:
    names = table.drop_duplicates("variant").set_index("series")["variant"]
    ends = "; ".join(
        f"{name} ends at {metric.form(rows['value'].iloc[-1])}" for name, rows in table.groupby("variant", sort=False)
    )
    panels = []
    for x, against in axes:
        label = f"Line chart of {metric.name} against {against}: {ends}."
        drawn = svg.inline(figures.curve(_thinned(table, _MOST_POINTS), x, metric), f"{metric.key}-{x}", label)
        panels.append(Panel(f"{metric.title} against {against}", drawn))
    legend = [Entry(line_mark(f"series-{i % 8}", i % 4), name) for i, name in names.items()]
    return Block(
        id=metric.key.removeprefix("test_").replace("_", "-"),
        nav=metric.title,
        title=title,
        reading=reading,
        panels=panels,
        legend=legend if len(names) > 1 else [],
        table=_table(_thinned(table, _MOST_ROWS), metric),
        summary=f"The numbers behind the figures{_of_which(table)}",
        columns=len(axes),
    )


def _thinned(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many rows of each variant, evenly spaced, the first and the last among them."""
    return pd.concat([thinned(rows, most) for _, rows in table.groupby("series", sort=False)])


def _of_which(table: pd.DataFrame) -> str:
    longest = int(table["series"].value_counts().max())
    return (
        ""
        if longest <= _MOST_ROWS
        else f": {_MOST_ROWS} of {longest:,} evaluations, evenly spaced (evaluations.parquet has all)"
    )


def _table(table: pd.DataFrame, metric: Metric) -> Table:
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
    return Table.of(("variant", "epoch", "updates", "simulated seconds", "bytes", metric.name, "least", "greatest"), rows)


def learning_reading(table: pd.DataFrame, metric: Metric) -> str:
    """Where each variant ends, and where it was lowest before."""
    groups = list(table.groupby("variant", sort=False))
    if len(groups) == 1:
        ((name, rows),) = groups
        return _fall(name, rows, metric)
    ends = [f"{name} ends at {metric.form(rows['value'].iloc[-1])}{_lowest(rows, metric)}" for name, rows in groups]
    return f"{few(ends, _MOST_READ)}."


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


def whose_reading(table: pd.DataFrame, variants: Sequence[Facts], metric: Metric) -> str:
    """Which model is tested, where learners have models of their own."""
    drawn = [one for one in variants if one.own_models and one.name in set(table["variant"])]
    means = [one.name for one in drawn if not one.has_centre]
    centres = [one.name for one in drawn if one.has_centre]
    models = ((means, "that of the mean of the learners' models"), (centres, "that of the centre"))
    said = [f"{which} under {few(names, _MOST_READ)}" for names, which in models if names]
    return f"The {metric.name} is {', and '.join(said)}." if said else ""


def distance_reading(table: pd.DataFrame) -> str:
    """How far apart the models are when they are last looked at, and when they were farthest apart."""
    (name, rows), *others = table.groupby("variant", sort=False)
    said = [f"{_end(rows)} apart under {name}{_farthest(rows)}"]
    said += [f"{_end(rows)} under {name}{_farthest(rows)}" for name, rows in others]
    return f"At the last evaluation the learners' models are {few(said, _MOST_READ)}."


def _end(rows: pd.DataFrame) -> str:
    return DISTANCE.form(rows["value"].iloc[-1])


def _farthest(rows: pd.DataFrame) -> str:
    most = rows.loc[rows["value"].idxmax()]
    if DISTANCE.form(most.value) == _end(rows):
        return " (never farther before)" if most.value > 0 else ""
    return f" (farthest {DISTANCE.form(most.value)}, at epoch {number(most.epoch)})"

"""The sections on learning: curves of test error or loss, and of the consensus distance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import pandas as pd

from simasgd.protocols import AbstractPeerProtocol
from simasgd.report.drawing import svg
from simasgd.report.drawing.curves import draw_curves, measure_curves
from simasgd.report.drawing.page_parts import Block, Panel, Table
from simasgd.report.facts.formats import format_bytes, format_number, list_some
from simasgd.report.facts.metric import DISTANCE, ERROR, LOSS, Metric
from simasgd.report.facts.tables import SeamTimes, list_seams, tabulate_curves, tabulate_distances
from simasgd.report.facts.variant_facts import VariantFacts, name_time
from simasgd.results.study import Study
from simasgd.results.tables import thinned

_MAX_NAMED, _MAX_READ = 8, 3
_MAX_POINTS, _MAX_ROWS = 400, 200
"""The most points in a variant's curve (about its width in pixels), and rows in its table."""


def build_learning_blocks(study: Study, variants: Sequence[VariantFacts], targets: Mapping[str, float]) -> list[Block]:
    """Build a section for each metric; `targets` are values to mark, by the metrics' keys."""
    tables = [(tabulate_curves(study, metric), metric) for metric in (ERROR, LOSS)]
    return [
        _build_block(
            table,
            metric,
            variants,
            title=f"{metric.title} over time",
            reading=_join_sentences(
                describe_curves(table, metric), describe_tested_models(table, variants, metric), _describe_spread(table)
            ),
            seams=list_seams(study),
            target=targets.get(metric.key),
        )
        for table, metric in tables
        if not table.empty
    ]


def build_distance_blocks(study: Study, variants: Sequence[VariantFacts]) -> list[Block]:
    """Build the section on the consensus distance if any learners have their own models."""
    table = tabulate_distances(study)
    if table.empty:
        return []
    reading = _join_sentences(
        describe_distances(table), _MEANING_OF_DISTANCE, _explain_means(study, variants), _describe_spread(table)
    )
    return [
        _build_block(table, DISTANCE, variants, title="Consensus distance over time", reading=reading, seams=list_seams(study))
    ]


_MEANING_OF_DISTANCE = "This is the root mean square distance of the learners' models from their mean."


def _explain_means(study: Study, variants: Sequence[VariantFacts]) -> str:
    """Return why the distance goes up and down where all models become their mean again and again."""
    protocols = [runs[0].scenario.protocol for runs in study.runs.values()]
    names = [
        variant.name
        for variant, protocol in zip(variants, protocols, strict=True)
        if isinstance(protocol, AbstractPeerProtocol) and protocol.has_own_models and protocol.meeting is not None
    ]
    if not names:
        return ""
    return (
        f"Under {list_some(names, _MAX_NAMED)} all models become their mean every few steps, and differ in between. So the "
        "distance at an evaluation depends on how long ago the last mean was, and goes up and down from one to the next."
    )


def _join_sentences(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _describe_spread(table: pd.DataFrame) -> str:
    return "Curves show means over the seeds, bands and bars the range." if (table["seeds"] > 1).any() else ""


def _build_block(
    table: pd.DataFrame,
    metric: Metric,
    variants: Sequence[VariantFacts],
    *,
    title: str,
    reading: str,
    seams: Sequence[SeamTimes],
    target: float | None = None,
) -> Block:
    time = name_time(variants)
    failed = {i for i, variant in enumerate(variants) if variant.failure}
    draw = partial(draw_curves, metric=metric, time=time, failed=failed, target=target, seams=seams)
    return Block(
        id=metric.key.removeprefix("test_").replace("_", "-"),
        nav=metric.title,
        title=title,
        reading=reading,
        panels=[_build_panel(table, x, against, metric, draw) for x, against in _list_axes(time)],
        table=_tabulate(_thin(table, _MAX_ROWS), metric, time),
        summary=f"The numbers behind the figures{_describe_thinning(table)}",
    )


def _list_axes(time: str) -> Sequence[tuple[str, str]]:
    """Return the horizontal axes of the curves, and their names."""
    return ("seconds", time), ("epoch", "epochs")


def _build_panel(table: pd.DataFrame, x: str, against: str, metric: Metric, draw: Callable[..., None]) -> Panel:
    ends = "; ".join(
        f"{name} ends at {metric.format_value(rows['value'].iloc[-1])}" for name, rows in table.groupby("variant", sort=False)
    )
    shown = _thin(table, _MAX_POINTS)
    label = f"Line chart of {metric.name} against {against}: {ends}."
    figure = svg.draw_inline(partial(draw, table=shown, x=x), measure_curves(shown), f"{metric.key}-{x}", label)
    return Panel(f"{metric.title} against {against}", figure)


def _thin(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return at most `most` rows of each variant, evenly spaced from first to last."""
    return pd.concat([thinned(rows, most) for _, rows in table.groupby("series", sort=False)])


def _describe_thinning(table: pd.DataFrame) -> str:
    longest = int(table["series"].value_counts().max())
    return (
        "" if longest <= _MAX_ROWS else f": {_MAX_ROWS} of {longest:,} evaluations, evenly spaced (evaluations.parquet has all)"
    )


def _tabulate(table: pd.DataFrame, metric: Metric, time: str) -> Table:
    rows = [
        (
            row.variant,
            format_number(row.epoch),
            format_number(row.updates),
            f"{row.seconds:.4g}",
            format_bytes(row.bytes) if row.bytes == row.bytes else "–",
            *map(metric.format_value, (row.value, row.low, row.high)),
        )
        for row in table.itertuples()
    ]
    return Table.of(
        ("variant", "epoch", "updates", time.replace("time", "seconds"), "bytes", metric.name, "lowest", "highest"), rows
    )


def describe_curves(table: pd.DataFrame, metric: Metric) -> str:
    """Return the final value of each variant, and its lowest value before; of many, the figure says it."""
    groups = list(table.groupby("variant", sort=False))
    if len(groups) > _MAX_READ:
        return ""
    if len(groups) == 1:
        ((name, rows),) = groups
        return _describe_one_curve(name, rows, metric)
    ends = [
        f"{name} ends at {metric.format_value(rows['value'].iloc[-1])}{_describe_lowest(rows, metric)}" for name, rows in groups
    ]
    return f"{list_some(ends, _MAX_NAMED)}."


def _describe_lowest(rows: pd.DataFrame, metric: Metric) -> str:
    end, best = rows["value"].iloc[-1], rows.loc[rows["value"].idxmin()]
    is_lower = best.epoch > 0 and best.value < end and metric.format_value(best.value) != metric.format_value(end)
    return f" (lowest {metric.format_value(best.value)}, at epoch {format_number(best.epoch)})" if is_lower else ""


def _describe_one_curve(name: str, rows: pd.DataFrame, metric: Metric) -> str:
    form = metric.format_value
    start, end, best = rows["value"].iloc[0], rows["value"].iloc[-1], rows.loc[rows["value"].idxmin()]
    lowest = f"; the lowest is {form(best.value)} at epoch {format_number(best.epoch)}" if best.value < end else ""
    verb = "falls" if end < start else "rises" if end > start else "stays"
    how = f"at {form(end)}" if end == start else f"from {form(start)} to {form(end)}"
    return f"Under {name}, the {metric.name} {verb} {how}{lowest}."


def describe_tested_models(table: pd.DataFrame, variants: Sequence[VariantFacts], metric: Metric) -> str:
    """Return which model is tested for variants whose learners have their own models."""
    drawn = [variant for variant in variants if variant.own_models and variant.name in set(table["variant"])]
    means = [variant.name for variant in drawn if not variant.has_centre]
    centres = [variant.name for variant in drawn if variant.has_centre]
    models = ((means, "on the mean of the learners' models"), (centres, "on the centre"))
    parts = [f"{which} under {list_some(names, _MAX_NAMED)}" for names, which in models if names]
    return f"The {metric.name} is measured {', and '.join(parts)}." if parts else ""


def describe_distances(table: pd.DataFrame) -> str:
    """Return the last consensus distance of each variant, and its largest one before."""
    groups = table.groupby("variant", sort=False)
    ends = [f"{_format_end(rows)} under {name}{_describe_largest(rows)}" for name, rows in groups]
    return f"At the last evaluation the consensus distance is {list_some(ends, _MAX_NAMED)}."


def _format_end(rows: pd.DataFrame) -> str:
    return DISTANCE.format_value(rows["value"].iloc[-1])


def _describe_largest(rows: pd.DataFrame) -> str:
    most = rows.loc[rows["value"].idxmax()]
    if DISTANCE.format_value(most.value) == _format_end(rows):
        return " (its largest value)" if most.value > 0 else ""
    return f" (largest {DISTANCE.format_value(most.value)}, at epoch {format_number(most.epoch)})"

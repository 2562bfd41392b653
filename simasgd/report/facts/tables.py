"""Tables over a study's seeds, as the figures draw them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

import pandas as pd

from simasgd.report.facts.metric import DISTANCE, Metric, choose_metric
from simasgd.report.facts.variant_facts import name_protocol
from simasgd.results.run import Run
from simasgd.results.study import Study


def tabulate_curves(study: Study, metric: Metric) -> pd.DataFrame:
    """Evaluations of the variants that are judged by this metric, as means over the seeds: series (the variant's number),
    variant, epoch, updates, seconds, bytes, value, low, high, seeds (how
    many). Where the value is infinite there is no row."""
    return _tabulate(
        study, metric, lambda run: run.scenario.learning is not None and choose_metric(run.scenario.learning) is metric
    )


def tabulate_distances(study: Study) -> pd.DataFrame:
    """The same of the consensus distance, of the variants that have one after the start."""
    return _tabulate(study, DISTANCE, _has_distances)


def _has_distances(run: Run) -> bool:
    evaluations = run.evaluations
    return evaluations is not None and bool(evaluations[DISTANCE.key].iloc[1:].notna().any())


def _tabulate(study: Study, metric: Metric, is_meant: Callable[[Run], bool]) -> pd.DataFrame:
    parts = []
    for series, (variant, runs) in enumerate(study.runs.items()):
        tables = [run.evaluations for run in runs if run.evaluations is not None]
        if not tables or not any(map(is_meant, runs)):
            continue
        merged = _merge_seeds(tables, runs, metric)
        merged.insert(0, "series", series)
        merged.insert(1, "variant", variant or name_protocol(runs[0].scenario.protocol))
        parts.append(merged)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _merge_seeds(tables: Sequence[pd.DataFrame], runs: Sequence[Run], metric: Metric) -> pd.DataFrame:
    """Seeds reach an epoch at different times, or not at all: matched are the whole epochs that all of them reached (but for
    those that diverged), and then the last evaluation of each."""
    return (
        pd.concat([_match_epochs(tables, runs), _match_ends(tables, runs)])
        .groupby("row", sort=False)
        .agg(
            epoch=("epoch", "mean"),
            updates=("updates", "mean"),
            seconds=("simulated_seconds", "mean"),
            bytes=("bytes", "mean"),
            value=(metric.key, "mean"),
            low=(metric.key, "min"),
            high=(metric.key, "max"),
            seeds=(metric.key, "size"),
        )
        .dropna(subset=["value", "low", "high"])
    )


def _match_epochs(tables: Sequence[pd.DataFrame], runs: Sequence[Run]) -> pd.DataFrame:
    """The evaluations at whole epochs that every run reached that did not diverge, numbered by epoch in column `row`."""
    whole = [table[table["epoch"] == table["epoch"].round()] for table in tables]
    finished = [table["epoch"].max() for table, run in zip(whole, runs, strict=True) if not run.diverged]
    last = min(finished, default=max(table["epoch"].max() for table in whole))
    return pd.concat([table[table["epoch"] <= last].assign(row=table["epoch"]) for table in whole])


def _match_ends(tables: Sequence[pd.DataFrame], runs: Sequence[Run]) -> pd.DataFrame:
    """The last evaluations of the runs that did not diverge, as one row, where any lies behind the matched ones."""
    ends = pd.concat([table.tail(1) for table in tables]).reset_index(drop=True)
    ends = ends[[not run.diverged for run in runs]]
    behind = not ends.empty and (ends["epoch"].nunique() > 1 or ends["epoch"].iloc[0] != round(ends["epoch"].iloc[0]))
    return ends.assign(row=float("inf")) if behind else ends.head(0).assign(row=0.0)


def count_histogram(runs: Sequence[Run], of: Literal["staleness", "mixing"] = "staleness") -> list[int]:
    """Gradients of staleness 0, 1, 2, …, or what was mixed in of such ages, over all seeds."""
    counts: Counter[int] = Counter()
    for run in runs:
        distribution = run.summary.staleness if of == "staleness" else run.summary.mixing
        if distribution is not None:
            counts.update(dict(enumerate(distribution.histogram)))
    return [counts[value] for value in range(max(counts, default=-1) + 1)]


def group_by_clock(study: Study) -> list[tuple[int, ...]]:
    """The variants' numbers, those together whose clocks ran alike (they differ only in what is learned)."""
    alike: dict[str, list[int]] = {}
    for i, runs in enumerate(study.runs.values()):
        ticks = [
            (
                run.simulated_seconds,
                bool(run.summary.servers),
                run.summary.gradients,
                run.summary.staleness,
                run.summary.mixing,
                run.summary.learner_time,
            )
            for run in runs
        ]
        alike.setdefault(repr(ticks), []).append(i)
    return [tuple(group) for group in alike.values()]


def tabulate_staleness_over_time(runs: Sequence[Run], bins: int = 60) -> pd.DataFrame:
    """Mean staleness of the gradients applied in each of `bins` equal parts of the time, over all seeds: seconds (the middle
    of the part) and staleness. Empty where the updates were not recorded.
    """
    tables = [run.updates for run in runs if run.updates is not None and len(run.updates)]
    if not tables:
        return pd.DataFrame({"seconds": [], "staleness": []})
    updates = pd.concat(tables)
    length = float(updates["time"].max()) / bins or 1.0  # all at once, where messages and computing take next to no time
    part = (updates["time"] / length).astype(int).clip(upper=bins - 1)
    means = updates.groupby(part)["staleness"].mean()
    return pd.DataFrame({"seconds": (means.index + 0.5) * length, "staleness": means.to_numpy()})

"""Tables over a study's seeds, for the figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from simasgd.report.facts.metric import DISTANCE, Metric, choose_metric
from simasgd.report.facts.names import name_run
from simasgd.results.run import Run
from simasgd.results.study import Study


def tabulate_curves(study: Study, metric: Metric) -> pd.DataFrame:
    """Tabulate the evaluations of all variants with this metric, as means over the seeds.

    The columns are series (the variant's number), variant, epoch, updates, seconds, bytes, value, low,
    high, seeds (their number). There is no row for an infinite value.
    """
    return _tabulate(
        study, metric, lambda run: run.scenario.learning is not None and choose_metric(run.scenario.learning) is metric
    )


def tabulate_distances(study: Study) -> pd.DataFrame:
    """Tabulate the consensus distance of variants that have one, with the same columns.

    Before the first update all models are one, so their distance is 0: what the runs have there is rounding noise.
    """
    table = _tabulate(study, DISTANCE, _has_distances)
    if not table.empty:
        table.loc[table["updates"] == 0, ["value", "low", "high"]] = 0.0
    return table


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
        merged.insert(1, "variant", variant or name_run(runs[0]))
        parts.append(merged)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _merge_seeds(tables: Sequence[pd.DataFrame], runs: Sequence[Run], metric: Metric) -> pd.DataFrame:
    """Average evaluations over the seeds.

    Seeds reach a multiple of `learning.evaluate` at different times or never. So evaluations are matched
    by the multiples that all seeds reached (except those that diverged), and then by the last evaluation
    of each.
    """
    tables = [_number_points(table, run) for table, run in zip(tables, runs, strict=True)]
    return (
        pd.concat([_match_points(tables, runs), _match_ends(tables, runs)])
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


def _number_points(table: pd.DataFrame, run: Run) -> pd.DataFrame:
    """Add a column `point`: the multiple of `learning.evaluate` at which each evaluation was due.

    It is NaN for the last evaluation of a run that ends between two points.
    """
    learning, samples_per_epoch = run.scenario.learning, run.scenario.samples_per_epoch
    assert learning is not None
    assert samples_per_epoch is not None
    with np.errstate(over="ignore"):
        number = learning.evaluate.count_over(
            samples=table["samples"],
            updates=table["updates"],
            seconds=table["simulated_seconds"],
            samples_per_epoch=samples_per_epoch,
        )
    return table.assign(point=number.where(~number.duplicated()))


def _match_points(tables: Sequence[pd.DataFrame], runs: Sequence[Run]) -> pd.DataFrame:
    """Return the evaluations at multiples that all runs reached; column `row` is the multiple.

    Runs that diverged may miss some.
    """
    finished = [table["point"].max() for table, run in zip(tables, runs, strict=True) if not run.diverged]
    last = min(finished, default=max(table["point"].max() for table in tables))
    return pd.concat([table[table["point"] <= last].assign(row=table["point"]) for table in tables])


def _match_ends(tables: Sequence[pd.DataFrame], runs: Sequence[Run]) -> pd.DataFrame:
    """Return the last evaluations as one row, if any is later than the matched ones.

    Runs that diverged are left out.
    """
    ends = pd.concat([table.tail(1) for table in tables]).reset_index(drop=True)
    ends = ends[[not run.diverged for run in runs]]
    behind = not ends.empty and (
        ends["epoch"].nunique() > 1 or ends["point"].nunique(dropna=False) > 1 or ends["point"].isna().any()
    )
    return ends.assign(row=float("inf")) if behind else ends.head(0).assign(row=0.0)


def count_histogram(runs: Sequence[Run], of: Literal["staleness", "mixing"] = "staleness") -> list[int]:
    """Count gradients by staleness 0, 1, 2, …, or mixed-in models by age, over all seeds."""
    counts: Counter[int] = Counter()
    for run in runs:
        distribution = run.summary.staleness if of == "staleness" else run.summary.mixing
        if distribution is not None:
            counts.update(dict(enumerate(distribution.histogram)))
    return [counts[value] for value in range(max(counts, default=-1) + 1)]


def group_by_clock(study: Study) -> list[tuple[int, ...]]:
    """Group the numbers of variants with the same clock, which differ only in learning."""
    alike: dict[str, list[int]] = {}
    for i, runs in enumerate(study.runs.values()):
        ticks = [
            (
                run.simulated_seconds,
                run.summary.is_measured,
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


SeamTimes = tuple[int, float, float]
"""Where a run was continued: the variant's number, the simulated seconds and the epoch."""


def list_seams(study: Study) -> list[SeamTimes]:
    """Return where the runs of each variant were continued, as means over the seeds."""
    found: list[SeamTimes] = []
    for series, runs in enumerate(study.runs.values()):
        for seams in zip(*(run.summary.seams for run in runs), strict=False):
            seconds, epochs = (sum(getattr(seam, key) or 0.0 for seam in seams) for key in ("simulated_seconds", "epochs"))
            found.append((series, seconds / len(seams), epochs / len(seams)))
    return found


def tabulate_staleness_of_groups(study: Study, groups: Sequence[Sequence[int]]) -> pd.DataFrame:
    """Tabulate the mean staleness over time of groups of variants with the same clock.

    The columns are seconds, staleness, and variant: the number of the group's first variant. The table
    is empty if the updates were not recorded.
    """
    every = list(study.runs.values())
    parts = [tabulate_staleness_over_time(every[group[0]]).assign(variant=group[0]) for group in groups]
    return pd.concat([part for part in parts if not part.empty] or parts[:1] or [pd.DataFrame()])


def tabulate_staleness_over_time(runs: Sequence[Run], bins: int = 30) -> pd.DataFrame:
    """Tabulate the mean staleness of gradients applied in each of `bins` equal parts of the time.

    The columns, over all seeds, are seconds (the middle of the part) and staleness. The table is empty
    if the updates were not recorded.
    """
    tables = [run.updates for run in runs if run.updates is not None and len(run.updates)]
    if not tables:
        return pd.DataFrame({"seconds": [], "staleness": []})
    updates = pd.concat(tables)
    length = float(updates["time"].max()) / bins or 1.0  # if nothing takes time
    part = (updates["time"] / length).astype(int).clip(upper=bins - 1)
    means = updates.groupby(part)["staleness"].mean()
    return pd.DataFrame({"seconds": (means.index + 0.5) * length, "staleness": means.to_numpy()})

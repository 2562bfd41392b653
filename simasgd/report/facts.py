"""What a report says about each variant: plain numbers over its seeds, taken from the runs' summaries."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from simasgd.protocols import NSoftsync, Protocol
from simasgd.report.words import Spread
from simasgd.results import Run, Study, mean
from simasgd.scenario.learning import DATA

_RULES = {"inverse-staleness": "α₀/τ", "inverse-mean-staleness": "α₀/⟨σ⟩", "sqrt-batch": "α₀·√(λµ/B)"}
_CHANCE = 0.8


@dataclass(frozen=True)
class Resource:
    """A server or a link: the fraction of the time it was busy, and the mean number waiting for it."""

    name: str
    busy: float
    mean_queue: float


@dataclass(frozen=True)
class Divergence:
    """Where the weights of a seed's run stopped being finite."""

    seed: int
    update: int
    epoch: float


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One variant over its seeds. `classes` is None where nothing is learned."""

    name: str
    protocol: str
    rule: str = ""
    learners: int
    seeds: tuple[int, ...]
    classes: int | None = None
    test_error: Spread | None = None
    simulated_seconds: Spread
    rate: Spread
    """Applied gradients per simulated second."""
    epochs: float | None = None
    samples: float
    staleness: Spread | None = None
    law: float | None = None
    """The mean staleness where communication is free and nobody waits."""
    diverged: tuple[Divergence, ...] = ()
    learner_time: Mapping[str, float]
    resources: tuple[Resource, ...] = ()

    @property
    def title(self) -> str:
        """The name, with the rule for the learning rate if it has one."""
        return f"{self.name} ({self.rule})" if self.rule else self.name

    @property
    def fails(self) -> bool:
        """Whether it learns nothing worth the name: diverged, or hardly better than guessing."""
        if self.classes is None:
            return False
        guessing = 1.0 - 1.0 / self.classes
        return bool(self.diverged) or self.test_error is None or self.test_error.mean >= _CHANCE * guessing

    @property
    def busiest(self) -> Resource | None:
        return max(self.resources, key=lambda resource: resource.busy, default=None)


def facts_of(study: Study) -> list[Facts]:
    """One entry per variant, in the study's order."""
    return [_facts(variant, runs) for variant, runs in study.runs.items()]


def protocol_name(protocol: Protocol) -> str:
    """As the papers write it: async, hardsync, 4-softsync."""
    if isinstance(protocol, NSoftsync):
        return f"{'λ' if protocol.n == 'learners' else protocol.n}-softsync"
    return protocol.kind


def _facts(variant: str, runs: Sequence[Run]) -> Facts:
    scenario, learning = runs[0].scenario, runs[0].scenario.learning
    learners = scenario.cluster.learners
    name = protocol_name(scenario.protocol)
    return Facts(
        name=variant or name,
        protocol=name,
        rule="" if learning is None else _RULES.get(learning.modulation.kind, ""),
        learners=learners,
        seeds=tuple(run.seed for run in runs),
        classes=None if learning is None else DATA[learning.data].classes,
        test_error=Spread.of([run.test_error for run in runs if run.test_error is not None]),
        simulated_seconds=_spread(runs, "simulated_seconds"),
        rate=_spread(runs, "gradients_per_simulated_second"),
        epochs=mean([run.summary["epochs"] for run in runs if run.summary["epochs"] is not None]),
        samples=_spread(runs, "samples").mean,
        staleness=Spread.of([found for run in runs if (found := run.summary["staleness"]["mean"]) is not None]),
        law=scenario.protocol.lawful_staleness(learners),
        diverged=tuple(_divergence(run) for run in runs if run.diverged),
        learner_time=_means([run.summary["learner_time"] for run in runs]),
        resources=_resources([run.summary for run in runs]),
    )


def _spread(runs: Sequence[Run], key: str) -> Spread:
    spread = Spread.of([float(run.summary[key]) for run in runs])
    assert spread is not None
    return spread


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {key: math.fsum(row[key] for row in rows) / len(rows) for key in rows[0]}


def _divergence(run: Run) -> Divergence:
    found = run.summary["diverged"]
    return Divergence(run.seed, found["update"], found["epoch"])


def _resources(summaries: Sequence[Mapping[str, Any]]) -> tuple[Resource, ...]:
    """Means over the seeds, which all have the same resources."""
    per_seed = zip(*([*summary["servers"], *summary["links"]] for summary in summaries), strict=True)
    return tuple(
        Resource(
            name=_customary(same[0]["name"]),
            busy=math.fsum(one["busy"] for one in same) / len(same),
            mean_queue=math.fsum(one["mean_queue"] for one in same) / len(same),
        )
        for same in per_seed
    )


def _customary(name: str) -> str:
    return " ".join("NIC" if word == "nic" else word for word in name.split())


def curves(study: Study) -> pd.DataFrame:
    """Evaluations as means over the seeds: variant, epoch, updates, seconds, error, low, high, seeds (how many)."""
    parts = []
    for variant, runs in study.runs.items():
        tables = [run.evaluations for run in runs if run.evaluations is not None]
        if not tables:
            continue
        # Seeds reach an epoch at different times, or not at all: matched are the whole epochs that all of them reached (but for
        # those that diverged), and then the last evaluation of each.
        merged = (
            pd.concat([_matched(tables, runs), _ends(tables, runs)])
            .groupby("row", sort=False)
            .agg(
                epoch=("epoch", "mean"),
                updates=("updates", "mean"),
                seconds=("simulated_seconds", "mean"),
                error=("test_error", "mean"),
                low=("test_error", "min"),
                high=("test_error", "max"),
                seeds=("test_error", "size"),
            )
        )
        merged.insert(0, "variant", variant or protocol_name(runs[0].scenario.protocol))
        parts.append(merged)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _matched(tables: Sequence[pd.DataFrame], runs: Sequence[Run]) -> pd.DataFrame:
    """The evaluations at whole epochs that every run reached that did not diverge, numbered by epoch in column `row`."""
    whole = [table[table["epoch"] == table["epoch"].round()] for table in tables]
    finished = [table["epoch"].max() for table, run in zip(whole, runs, strict=True) if not run.diverged]
    last = min(finished, default=max(table["epoch"].max() for table in whole))
    return pd.concat([table[table["epoch"] <= last].assign(row=table["epoch"]) for table in whole])


def _ends(tables: Sequence[pd.DataFrame], runs: Sequence[Run]) -> pd.DataFrame:
    """The last evaluations of the runs that did not diverge, as one row, where any lies behind the matched ones."""
    ends = pd.concat([table.tail(1) for table in tables]).reset_index(drop=True)
    ends = ends[[not run.diverged for run in runs]]
    behind = not ends.empty and (ends["epoch"].nunique() > 1 or ends["epoch"].iloc[0] != round(ends["epoch"].iloc[0]))
    return ends.assign(row=float("inf")) if behind else ends.head(0).assign(row=0.0)


def histogram(runs: Sequence[Run]) -> list[int]:
    """Gradients of staleness 0, 1, 2, … over all seeds."""
    counts: Counter[int] = Counter()
    for run in runs:
        counts.update(dict(enumerate(run.summary["staleness"]["histogram"])))
    return [counts[value] for value in range(max(counts, default=-1) + 1)]


def clocks(study: Study) -> list[tuple[int, ...]]:
    """The variants' numbers, those together whose clocks ran alike (they differ only in what is learned)."""
    alike: dict[str, list[int]] = {}
    for i, runs in enumerate(study.runs.values()):
        ticks = [
            (run.simulated_seconds, run.summary["gradients"], run.summary["staleness"], run.summary["learner_time"])
            for run in runs
        ]
        alike.setdefault(repr(ticks), []).append(i)
    return [tuple(group) for group in alike.values()]


def staleness_over_time(runs: Sequence[Run], bins: int = 60) -> pd.DataFrame:
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

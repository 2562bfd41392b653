"""What a report says about each variant: plain numbers over its seeds, taken from the runs' summaries."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from simasgd.protocols import AbstractPeerProtocol, AbstractProtocol, NSoftsync
from simasgd.report.facts.formats import Spread
from simasgd.report.facts.metric import ERROR, LOSS, Metric
from simasgd.results.outcome import Outcome, gravest
from simasgd.results.run import Run, Study, mean
from simasgd.results.timeline import numbered


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


@dataclass(frozen=True)
class Hang:
    """Where nothing more could happen in a seed's run, and why."""

    seed: int
    at: float
    reason: str


@dataclass(frozen=True)
class WhatIf:
    """The same run with one part `factor` times as fast, over its first gradients."""

    part: str
    """network, server or node"""
    factor: float
    speedup: float
    gradients: int
    spread_speedup: float | None = None
    """The speed-up of learners that start at different moments, where the start decides; else None."""


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What went wrong, and which gradients came to nothing, all seeds together. Seconds of `down` are those of learners."""

    crashes: int = 0
    rejoins: int = 0
    down: float = 0.0
    barrier_timeouts: int = 0
    members_dropped: int = 0
    messages_lost: int = 0
    server_paused: float = 0.0
    dropped: int = 0
    cancelled: int = 0
    lost: int = 0


NO_FAULTS = Faults()


@dataclass(frozen=True, kw_only=True)
class VariantFacts:
    """One variant over its seeds. `classes` is None where nothing is learned, and 0 where labels are no classes."""

    name: str
    protocol: str
    rule: str = ""
    learners: int
    seeds: tuple[int, ...]
    outcomes: tuple[Outcome, ...]
    """Of the seeds, in their order."""
    classes: int | None = None
    test_error: Spread | None = None
    test_loss: Spread | None = None
    simulated_seconds: Spread | None
    """Over the seeds that have a time; None where none has. So is the rate."""
    rate: Spread | None
    """Applied gradients per simulated second."""
    epochs: float | None = None
    samples: float
    staleness: Spread | None = None
    law: float | None = None
    """The mean staleness where communication is free and nobody waits."""
    has_server: bool = True
    own_models: bool = False
    """Whether learners have models of their own."""
    has_centre: bool = False
    """Whether there is one more, on the server, which is the one that is tested; else it is the mean of the learners'."""
    mixing: Spread | None = None
    """The mean age of what was mixed into a model; None where nothing was that has an age."""
    distance: Spread | None = None
    """The consensus distance in the end."""
    diverged: tuple[Divergence, ...] = ()
    learner_time: Mapping[str, float]
    threads: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Of the threads that push and pull beside the computing one, the fractions of their time, by name."""
    overlap: float | None = None
    """Rudra's communication overlap: computing as a fraction of the computing thread's time that is not idle."""
    architecture: str = "base"
    resources: tuple[Resource, ...] = ()
    critical_path: Mapping[str, float] | None = None
    """Fractions of the longest chain of things that had to follow each other."""
    what_if: tuple[WhatIf, ...] = ()
    faults: Faults = NO_FAULTS
    hangs: tuple[Hang, ...] = ()

    @property
    def title(self) -> str:
        """The name, with the rule for the learning rate if it has one."""
        return f"{self.name} ({self.rule})" if self.rule else self.name

    @property
    def metric(self) -> Metric:
        return LOSS if self.classes == 0 else ERROR

    @property
    def score(self) -> Spread | None:
        """By the metric."""
        return self.test_loss if self.classes == 0 else self.test_error

    @property
    def failure(self) -> str:
        """The gravest outcome of its seeds, which keeps it from being best by anything; "" if all finished."""
        worst = gravest(self.outcomes)
        return "" if worst is Outcome.FINISHED else str(worst)

    @property
    def fails(self) -> bool:
        """Whether it was to learn and does not, at some seed: diverged, or is hardly better than guessing."""
        return self.classes is not None and not {Outcome.FINISHED, Outcome.HUNG}.issuperset(self.outcomes)

    @property
    def busiest(self) -> Resource | None:
        return max(self.resources, key=lambda resource: resource.busy, default=None)


def collect_facts(study: Study) -> list[VariantFacts]:
    """One entry per variant, in the study's order."""
    return [_collect(variant, runs) for variant, runs in study.runs.items()]


def name_protocol(protocol: AbstractProtocol) -> str:
    """As the papers write it: async, hardsync, 4-softsync."""
    if isinstance(protocol, NSoftsync):
        return f"{'λ' if protocol.n == 'learners' else protocol.n}-softsync"
    return protocol.kind


def _collect(variant: str, runs: Sequence[Run]) -> VariantFacts:
    scenario, learning = runs[0].scenario, runs[0].scenario.learning
    learners = scenario.cluster.learners
    name = name_protocol(scenario.protocol)
    return VariantFacts(
        name=variant or name,
        protocol=name,
        rule="" if learning is None else scenario.modulation.symbol,
        learners=learners,
        seeds=tuple(run.seed for run in runs),
        outcomes=tuple(run.outcome for run in runs),
        classes=None if learning is None else learning.data.shape.classes,
        test_error=Spread.of([run.test_error for run in runs if run.test_error is not None]),
        test_loss=Spread.of([run.test_loss for run in runs if run.test_loss is not None]),
        simulated_seconds=Spread.of([run.simulated_seconds for run in runs if run.has_time]),
        rate=Spread.of([run.summary["gradients_per_simulated_second"] for run in runs if run.has_time]),
        epochs=mean([run.summary["epochs"] for run in runs if run.summary["epochs"] is not None]),
        samples=mean([run.summary["samples"] for run in runs]) or 0.0,
        staleness=Spread.of([found for run in runs if (found := run.summary["staleness"]["mean"]) is not None]),
        law=scenario.protocol.lawful_staleness(learners),
        has_server=any(run.summary["servers"] for run in runs),
        own_models=scenario.protocol.has_own_models,
        has_centre=isinstance(scenario.protocol, AbstractPeerProtocol) and scenario.protocol.has_centre,
        mixing=Spread.of([found for run in runs if (found := (run.summary.get("mixing") or {}).get("mean")) is not None]),
        distance=Spread.of([found for run in runs if (found := _read_distance(run)) is not None]),
        diverged=tuple(_read_divergence(run) for run in runs if run.diverged),
        learner_time=_average([run.summary["learner_time"] for run in runs]),
        threads=_average_threads([run.summary.get("threads") or {} for run in runs]),
        overlap=mean([found for run in runs if (found := run.summary.get("overlap")) is not None]),
        architecture=runs[0].summary.get("architecture", "base"),
        resources=_average_resources([run.summary for run in runs]),
        critical_path=_average_critical_path([found for run in runs if (found := run.summary.get("critical_path"))]),
        what_if=_read_what_if(runs[0].summary),
        faults=_sum_faults([run.summary for run in runs]),
        hangs=tuple(
            Hang(run.seed, found["at"], found["reason"]) for run in runs if (found := run.summary.get("hang")) is not None
        ),
    )


def _average(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {key: math.fsum(row[key] for row in rows) / len(rows) for key in rows[0]}


def _read_divergence(run: Run) -> Divergence:
    found = run.summary["diverged"]
    return Divergence(run.seed, found["update"], found["epoch"])


def _read_distance(run: Run) -> float | None:
    """The last consensus distance; None of one common model, of a run that diverged, and of runs of earlier versions."""
    evaluations = run.summary["evaluations"]
    found: float | None = evaluations[-1].get("consensus_distance") if evaluations and not run.diverged else None
    return found


def _read_what_if(summary: Mapping[str, Any]) -> tuple[WhatIf, ...]:
    """Without a server nothing is asked of one; a changed cluster that hung has no speed-up."""
    return tuple(
        WhatIf(found["change"], found["factor"], found["speedup"], found["gradients"], found.get("spread_speedup"))
        for found in summary.get("what_if") or ()
        if found["speedup"] is not None and (found["change"] != "server" or summary["servers"])
    )


def _average_resources(summaries: Sequence[Mapping[str, Any]]) -> tuple[Resource, ...]:
    """Means over the seeds, of the servers and then of the links by their numbers. A link that a seed never used was idle."""
    servers, links = ([{one["name"]: one for one in summary[group]} for summary in summaries] for group in ("servers", "links"))
    return (
        *(_average_resource(name, servers) for name in servers[0]),
        *(_average_resource(name, links) for name in numbered({name for seed in links for name in seed})),
    )


def _average_resource(name: str, seeds: Sequence[Mapping[str, Mapping[str, float]]]) -> Resource:
    same = [seed[name] for seed in seeds if name in seed]
    busy, mean_queue = (math.fsum(one[key] for one in same) / len(seeds) for key in ("busy", "mean_queue"))
    return Resource(format_resource_name(name), busy, mean_queue)


def _average_threads(rows: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    return {thread: _average([row[thread] for row in rows]) for thread in rows[0]}


def _average_critical_path(rows: Sequence[Mapping[str, float]]) -> dict[str, float] | None:
    shares = [{part: seconds / whole for part, seconds in row.items()} for row in rows if (whole := math.fsum(row.values()))]
    return _average(shares) if shares else None


def _sum_faults(summaries: Sequence[Mapping[str, Any]]) -> Faults:
    """Sums over the seeds. Summaries of earlier versions know of none."""
    known = [summary.get("faults", {}) | summary["gradients"] for summary in summaries]
    return Faults(**{one.name: sum(row.get(one.name, 0) for row in known) for one in fields(Faults)})


def format_resource_name(name: str) -> str:
    """A server's or a link's name as people write it."""
    return " ".join("NIC" if word == "nic" else word for word in name.split())

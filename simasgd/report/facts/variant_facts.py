"""The facts about each variant in a report: plain numbers from its runs' summaries."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from simasgd.protocols import AbstractPeerProtocol
from simasgd.report.facts.metric import ERROR, LOSS, Metric
from simasgd.report.facts.names import describe_protocol, format_resource_name, name_run
from simasgd.report.facts.part_facts import (
    NO_FAULTS,
    UNNAMED,
    DivergenceFact,
    FaultFacts,
    HangFact,
    ResourceFact,
    WhatIfFact,
)
from simasgd.report.facts.spread import Spread
from simasgd.results.outcome import Outcome, find_gravest
from simasgd.results.run import Run
from simasgd.results.study import Study, average
from simasgd.results.summary import LinkLoad, ServerLoad, Summary, TimeFractions
from simasgd.results.timeline import sort_by_number

_ORDER = ("compute", "step", "mix", "launch", "copy", "push", "wait", "update", "pull", "idle", "other")
"""The order in which a report shows activities and the parts of a critical path."""
_ANSWER = "answer"
"""The thread that does what other learners ask for."""


@dataclass(frozen=True, kw_only=True)
class VariantFacts:
    """One variant over its seeds.

    `classes` is None if the variant learns nothing, and 0 if labels are not classes.
    """

    name: str
    protocol: str
    measured: bool = False
    """Whether the times come from the log of a real system."""
    rule: str = ""
    learners: int
    seeds: tuple[int, ...]
    outcomes: tuple[Outcome, ...]
    """In the order of the seeds."""
    classes: int | None = None
    test_error: Spread | None = None
    test_loss: Spread | None = None
    simulated_seconds: Spread | None
    """Over the seeds that have a time, like the rate; None if no seed has one."""
    rate: Spread | None
    """Applied gradients per simulated second."""
    samples_rate: Spread | None = None
    """Applied samples per simulated second."""
    speedup: Spread | None = None
    """The samples rate ÷ that of one learner of speed 1 that computes alone (`Run.speedup`)."""
    learner_hours: Spread | None = None
    """Hours of simulated time, summed over the learners that were present."""
    bytes_sent: Spread | None = None
    """Bytes sent over the network; None where a log does not tell them."""
    epochs: float | None = None
    samples: float
    staleness: Spread | None = None
    law: float | None = None
    """The mean staleness with free communication and no waiting."""
    has_server: bool = True
    own_models: bool = False
    """Whether learners have their own models."""
    has_centre: bool = False
    """Whether a server holds a centre, which is tested in place of the learners' mean."""
    mixing: Spread | None = None
    """The mean age of mixed-in models; None if there are none."""
    distance: Spread | None = None
    """The last consensus distance."""
    target: float | None = None
    """The test error at which its runs were to be cut."""
    missed: int = 0
    """The number of its seeds that did not reach it."""
    diverged: tuple[DivergenceFact, ...] = ()
    learner_time: Mapping[str, float]
    threads: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """For each thread that pushes or pulls beside the computing one, the fractions of its time."""
    overlap: float | None = None
    """Rudra's communication overlap: computing as a fraction of the time that is not idle."""
    architecture: str = "base"
    resources: tuple[ResourceFact, ...] = ()
    critical_path: Mapping[str, float] | None = None
    """Fractions of the longest chain of events that had to follow each other."""
    what_if: tuple[WhatIfFact, ...] = ()
    faults: FaultFacts = NO_FAULTS
    hangs: tuple[HangFact, ...] = ()

    @property
    def time(self) -> str:
        """The name of the run's time."""
        return "measured time" if self.measured else "simulated time"

    @property
    def second(self) -> str:
        """The name of a second of the run's time."""
        return "second" if self.measured else "simulated second"

    @property
    def title(self) -> str:
        """The name, and the modulation's symbol if there is one."""
        return f"{self.name} ({self.rule})" if self.rule else self.name

    @property
    def metric(self) -> Metric:
        """The metric by which the variant is judged."""
        return LOSS if self.classes == 0 else ERROR

    @property
    def score(self) -> Spread | None:
        """The final value of the metric."""
        return self.test_loss if self.classes == 0 else self.test_error

    @property
    def failure(self) -> str:
        """The gravest outcome of its seeds, with which it cannot be best; "" if all finished."""
        worst = find_gravest(self.outcomes)
        return "" if worst is Outcome.FINISHED else str(worst)

    @property
    def fails(self) -> bool:
        """Whether it should learn but diverged, or is hardly better than guessing, at some seed."""
        return self.classes is not None and not {Outcome.FINISHED, Outcome.HUNG}.issuperset(self.outcomes)

    @property
    def busiest(self) -> ResourceFact | None:
        """The busiest server or link."""
        return max(self.resources, key=lambda resource: resource.busy, default=None)


def collect_facts(study: Study) -> list[VariantFacts]:
    """Collect the facts of each variant, in the study's order."""
    return [_collect(variant, runs) for variant, runs in study.runs.items()]


def name_time(variants: Sequence[VariantFacts]) -> str:
    """Return the name of the time of several variants."""
    times = {variant.time for variant in variants}
    return times.pop() if len(times) == 1 else "time"


def _collect(variant: str, runs: Sequence[Run]) -> VariantFacts:
    scenario, learning = runs[0].scenario, runs[0].scenario.learning
    learners = scenario.cluster.learners
    return VariantFacts(
        name=variant or name_run(runs[0]),
        protocol=describe_protocol(runs[0]) or "not known",
        measured=runs[0].summary.is_measured,
        rule="" if learning is None else scenario.modulation.symbol,
        learners=learners,
        seeds=tuple(run.seed for run in runs),
        outcomes=tuple(run.outcome for run in runs),
        classes=None if learning is None else learning.data.shape.classes,
        test_error=_spread(run.test_error for run in runs),
        test_loss=_spread(run.test_loss for run in runs),
        simulated_seconds=Spread.of([run.simulated_seconds for run in runs if run.has_time]),
        rate=Spread.of([run.summary.gradients_per_simulated_second for run in runs if run.has_time]),
        samples_rate=_spread(run.samples_per_simulated_second for run in runs),
        speedup=_spread(run.speedup for run in runs),
        learner_hours=_spread(run.learner_hours for run in runs),
        bytes_sent=_spread(run.bytes_sent for run in runs),
        epochs=average([epochs for run in runs if (epochs := run.summary.epochs) is not None]),
        samples=average([run.summary.samples for run in runs]) or 0.0,
        staleness=_spread(run.summary.staleness.mean for run in runs),
        law=scenario.protocol.lawful_staleness(learners) if runs[0].summary.has_scenario else None,
        has_server=any(run.summary.servers for run in runs),
        own_models=scenario.protocol.has_own_models,
        has_centre=isinstance(scenario.protocol, AbstractPeerProtocol) and scenario.protocol.has_centre,
        mixing=_spread(map(_read_age, runs)),
        distance=_spread(map(_read_distance, runs)),
        target=scenario.stop.test_error,
        missed=sum(run.summary.target is not None and not run.summary.target.reached for run in runs),
        diverged=tuple(
            DivergenceFact(run.seed, point.update, point.epoch) for run in runs if (point := run.summary.diverged) is not None
        ),
        learner_time=_average([_name_rest(run.summary.learner_time) for run in runs]),
        threads=_average_threads([run.summary.threads for run in runs]),
        overlap=average([overlap for run in runs if (overlap := run.summary.overlap) is not None]),
        architecture=runs[0].summary.architecture,
        resources=_average_resources([run.summary for run in runs]),
        critical_path=_average_critical_path(
            [path.model_dump() for run in runs if (path := run.summary.critical_path) is not None]
        ),
        what_if=_read_what_if(runs[0].summary),
        faults=_sum_faults([run.summary for run in runs]),
        hangs=tuple(HangFact(run.seed, hang.at, hang.reason) for run in runs if (hang := run.summary.hang) is not None),
    )


def _spread(values: Iterable[float | None]) -> Spread | None:
    """Return the spread over the seeds that have a value."""
    return Spread.of([value for value in values if value is not None])


def _average(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the means over the seeds, in the order of a report; a key that a row lacks counts as 0."""
    every = sorted({key for row in rows for key in row}, key=_ORDER.index)
    return {key: math.fsum(row.get(key, 0.0) for row in rows) / len(rows) for key in every}


def _name_rest(times: TimeFractions) -> dict[str, float]:
    """Return the fractions that are known, and the rest as `UNNAMED` if some are not."""
    known = {activity: part for activity, part in times.model_dump().items() if part is not None}
    if None not in times.model_dump().values():
        return known
    return {**known, UNNAMED: max(0.0, 1.0 - math.fsum(known.values()))}


def _read_age(run: Run) -> float | None:
    """Return the mean age of mixed-in models, or None if there are none."""
    return None if run.summary.mixing is None else run.summary.mixing.mean


def _read_distance(run: Run) -> float | None:
    """Return the last consensus distance; None for one common model or after divergence."""
    evaluations = run.summary.evaluations
    return evaluations[-1].consensus_distance if evaluations and not run.diverged else None


def _read_what_if(summary: Summary) -> tuple[WhatIfFact, ...]:
    """Return the speed-ups; those of a missing server and of clusters that hung are left out."""
    return tuple(
        WhatIfFact(row.change, row.factor, row.speedup, row.gradients, row.spread_speedup)
        for row in summary.what_if or ()
        if row.speedup is not None and (row.change != "server" or summary.servers)
    )


def _average_resources(summaries: Sequence[Summary]) -> tuple[ResourceFact, ...]:
    """Return means over the seeds: of the servers, then of the links by their numbers.

    A link that a seed never used counts as idle.
    """
    servers = [{server.name: server for server in summary.servers} for summary in summaries]
    links = [{link.name: link for link in summary.links} for summary in summaries]
    return (
        *(_average_resource(name, servers) for name in servers[0]),
        *(_average_resource(name, links) for name in sort_by_number({name for seed in links for name in seed})),
    )


def _average_resource(name: str, seeds: Sequence[Mapping[str, ServerLoad | LinkLoad]]) -> ResourceFact:
    loads = [seed[name] for seed in seeds if name in seed]
    busy = math.fsum(load.busy for load in loads) / len(seeds)
    queues = [load.mean_queue for load in loads if load.mean_queue is not None]
    waiting = math.fsum(queues) / len(seeds) if len(queues) == len(loads) else None
    return ResourceFact(format_resource_name(name), busy, waiting)


def _average_threads(rows: Sequence[Mapping[str, TimeFractions]]) -> dict[str, dict[str, float]]:
    """Return means over the seeds; a thread that answered nobody is left out."""
    threads = {thread: _average([_name_rest(row[thread]) for row in rows]) for thread in rows[0]}
    return {thread: spent for thread, spent in threads.items() if thread != _ANSWER or spent["idle"] < 1.0 - 1e-9}


def _average_critical_path(rows: Sequence[Mapping[str, float]]) -> dict[str, float] | None:
    shares = [{part: seconds / whole for part, seconds in row.items()} for row in rows if (whole := math.fsum(row.values()))]
    return _average(shares) if shares else None


def _sum_faults(summaries: Sequence[Summary]) -> FaultFacts:
    """Return the sums over the seeds."""
    rows = [
        {**(summary.faults.model_dump() if summary.faults is not None else {}), **summary.gradients.model_dump()}
        for summary in summaries
    ]
    return FaultFacts(**{known.name: _sum([row.get(known.name) for row in rows]) for known in fields(FaultFacts)})


def _sum(counts: Sequence[Any]) -> Any:
    """Return the sum of counts; None if one is not known."""
    return None if None in counts else sum(counts)

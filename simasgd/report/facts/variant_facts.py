"""The facts about each variant in a report: plain numbers from its runs' summaries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from simasgd.protocols import AbstractPeerProtocol
from simasgd.report.facts.averages import (
    average_critical_path,
    average_fractions,
    average_resources,
    average_threads,
    name_rest,
    sum_faults,
)
from simasgd.report.facts.learned_result import LearnedResult, judge
from simasgd.report.facts.learning_facts import GoalFact, LearningFact, choose_goals, choose_targets, read_goal, read_learning
from simasgd.report.facts.metric import ERROR, LOSS, Metric
from simasgd.report.facts.names import describe_protocol, describe_setting, name_run
from simasgd.report.facts.part_facts import (
    NO_FAULTS,
    DivergenceFact,
    FaultFacts,
    HangFact,
    ResourceFact,
    WhatIfFact,
    read_what_if,
)
from simasgd.report.facts.spread import Spread
from simasgd.results.outcome import Outcome, find_gravest
from simasgd.results.run import Run
from simasgd.results.study import Study, average
from simasgd.what_if.question import Looseness, why_no_limit


@dataclass(frozen=True, kw_only=True)
class VariantFacts:
    """One variant over its seeds.

    `classes` is None if the variant learns nothing, and 0 if labels are not classes.
    """

    name: str
    protocol: str
    measured: bool = False
    """Whether the times come from the log of a real system."""
    setting: str = ""
    """Its protocol and the protocol's numbers, where the name does not say them and variants differ in them."""
    rule: str = ""
    learners: int
    seeds: tuple[int, ...]
    outcomes: tuple[Outcome, ...]
    """In the order of the seeds."""
    classes: int | None = None
    test_samples: int | None = None
    """The size of its test set; None if it learns nothing."""
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
    learning: LearningFact | None = None
    """How it learns, and how its test loss goes; None if it learns nothing."""
    goal: GoalFact | None = None
    """When it reaches the target that the user gave for the comparison; None if there is none."""
    reach: GoalFact | None = None
    """When it reaches the target of the comparison, given or chosen; None if there is none."""
    slowest: float | None = None
    """The mean compute time of the slowest learner ÷ that of the fastest; None where a log does not tell it."""
    least_wait: float | None = None
    """The waiting of the learner that waits least, as a fraction of the time; None where a log does not tell it."""
    can_time_out: bool = False
    """Whether its protocol has a time-out that is not set."""
    learner_time: Mapping[str, float]
    threads: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """For each thread that pushes or pulls beside the computing one, the fractions of its time."""
    overlap: float | None = None
    """Rudra's communication overlap: computing as a fraction of the time that is not idle."""
    architecture: str = "base"
    resources: tuple[ResourceFact, ...] = ()
    critical_path: Mapping[str, float] | None = None
    """Fractions of the longest chain of events that had to follow each other."""
    path_gap: Looseness | None = None
    """Why a faster run may be much faster than the critical path allows; None if the path is a limit."""
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
        """The name, and what it does not say: the protocol with its numbers, and the modulation's symbol."""
        more = ", ".join(filter(None, (self.setting, self.rule)))
        return f"{self.name} ({more})" if more else self.name

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
    def down_share(self) -> float:
        """The share of the learners' time in which they are down; 0 where a log does not tell it."""
        return self._share_of_time((self.faults.down or 0.0) / self.learners)

    @property
    def pause_share(self) -> float:
        """The share of the time in which the server pauses; 0 where a log does not tell it."""
        return self._share_of_time(self.faults.server_paused)

    def _share_of_time(self, seconds: float | None) -> float:
        """Return seconds over all seeds as a share of all seeds' time."""
        whole = 0.0 if self.simulated_seconds is None else self.simulated_seconds.total
        return min(1.0, (seconds or 0.0) / whole) if whole else 0.0

    @property
    def busiest(self) -> ResourceFact | None:
        """The busiest server or link."""
        return max(self.resources, key=lambda resource: resource.busy, default=None)


def collect_facts(study: Study) -> list[VariantFacts]:
    """Collect the facts of each variant, in the study's order; outcomes are those beside the others (`learned_result.py`)."""
    outcomes = _judge_beside_each_other(study)
    goals, targets = choose_goals(study), choose_targets(study, outcomes)
    found = [
        replace(
            _collect(variant, runs, outcomes[variant]),
            goal=read_goal(runs, goals[variant]) if variant in goals else None,
            reach=read_goal(runs, targets[variant]) if variant in targets else None,
        )
        for variant, runs in study.runs.items()
    ]
    protocols = {runs[0].scenario.protocol for runs in study.runs.values()}
    return found if len(protocols) > 1 else [replace(one, setting="") for one in found]


def _judge_beside_each_other(study: Study) -> dict[str, tuple[Outcome, ...]]:
    """Return the outcomes of each variant's seeds, beside those of the variants that learn from the same data."""
    found = {variant: tuple(run.outcome for run in runs) for variant, runs in study.runs.items()}
    groups: dict[str, list[str]] = {}
    for variant, runs in study.runs.items():
        if (learning := runs[0].scenario.learning) is not None and learning.data.shape.classes:
            groups.setdefault(repr(learning.data), []).append(variant)
    for variants in groups.values():
        learning = study.runs[variants[0]][0].scenario.learning
        assert learning is not None
        runs = [run for variant in variants for run in study.runs[variant]]
        learned = [LearnedResult(run.outcome, run.test_error, run.summary.samples) for run in runs]
        judged = iter(judge(learned, learning.data.shape.classes))
        found |= {variant: tuple(islice(judged, len(study.runs[variant]))) for variant in variants}
    return found


def name_time(variants: Sequence[VariantFacts]) -> str:
    """Return the name of the time of several variants."""
    times = {variant.time for variant in variants}
    return times.pop() if len(times) == 1 else "time"


def _collect(variant: str, runs: Sequence[Run], outcomes: tuple[Outcome, ...]) -> VariantFacts:
    scenario, learning = runs[0].scenario, runs[0].scenario.learning
    learners, faults = scenario.cluster.learners, sum_faults([run.summary for run in runs])
    return VariantFacts(
        name=variant or name_run(runs[0]),
        protocol=describe_protocol(runs[0]) or "not known",
        measured=runs[0].summary.is_measured,
        setting=describe_setting(runs[0], variant or name_run(runs[0])),
        rule="" if learning is None else scenario.modulation.symbol,
        learners=learners,
        seeds=tuple(run.seed for run in runs),
        outcomes=outcomes,
        classes=None if learning is None else learning.data.shape.classes,
        test_samples=None if learning is None else learning.data.shape.test,
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
        learning=read_learning(runs),
        slowest=_compare_learners(runs[0]),
        least_wait=average([least for run in runs if (least := _find_least_wait(run)) is not None]),
        can_time_out=scenario.protocol.model_dump().get("barrier_timeout", 0.0) is None,
        learner_time=average_fractions([name_rest(run.summary.learner_time) for run in runs]),
        threads=average_threads([run.summary.threads for run in runs]),
        overlap=average([overlap for run in runs if (overlap := run.summary.overlap) is not None]),
        architecture=runs[0].summary.architecture,
        resources=average_resources([run.summary for run in runs]),
        critical_path=average_critical_path(
            [path.model_dump() for run in runs if (path := run.summary.critical_path) is not None]
        ),
        path_gap=why_no_limit(scenario, discards=faults.discards),
        what_if=read_what_if(runs[0]),
        faults=faults,
        hangs=tuple(
            HangFact(run.seed, hang.at, hang.reason, run.summary.gradients.applied)
            for run in runs
            if (hang := run.summary.hang) is not None
        ),
    )


def _spread(values: Iterable[float | None]) -> Spread | None:
    """Return the spread over the seeds that have a value."""
    return Spread.of([value for value in values if value is not None])


def _compare_learners(run: Run) -> float | None:
    """Return the mean compute time of the slowest learner ÷ that of the fastest, of those that computed."""
    table = run.learners[(run.learners["computed"] > 0) & (run.learners["compute"] > 0.0)]
    times = table["compute"] / table["computed"]
    return None if times.empty else float(times.max() / times.min())


def _find_least_wait(run: Run) -> float | None:
    least = float(run.learners["wait"].min()) / (run.simulated_seconds or 1.0)
    return None if least != least else least


def _read_age(run: Run) -> float | None:
    """Return the mean age of mixed-in models, or None if there are none."""
    return None if run.summary.mixing is None else run.summary.mixing.mean


def _read_distance(run: Run) -> float | None:
    """Return the last consensus distance; None for one common model or after divergence."""
    evaluations = run.summary.evaluations
    return evaluations[-1].consensus_distance if evaluations and not run.diverged else None

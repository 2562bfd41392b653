"""Facts about how a variant learns: its rate, the way of its test loss, and when it reaches a given target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import final

from simasgd.report.facts.metric import ERROR, LOSS, choose_metric
from simasgd.report.facts.reach import find_level, find_reach
from simasgd.report.facts.spread import Spread
from simasgd.results.outcome import Outcome
from simasgd.results.run import Run
from simasgd.results.study import Study
from simasgd.scenario.learning.modulation import DefaultModulation
from simasgd.targets import choose_target

_FALLEN = 0.98
"""A test loss below this fraction of the initial one has fallen."""
_NEAR_ITS_LEAST = 1.02


class Trend(Enum):
    """The way of a test loss from the initial weights to the final ones."""

    FALLS = "falls"
    """It ends below its beginning, and near its least value."""
    REBOUNDS = "rebounds"
    """It ends below its beginning, but well above its least value."""
    NO_LOWER = "no lower"
    """It ends about where it began, or above, or is not finite."""


@final
@dataclass(frozen=True)
class LearningFact:
    """How a variant learns.

    `rate` is the learning rate α₀. `setup` is a text that is equal for variants which differ in
    protocol and modulation only. `trend` is the way of the test loss; of several seeds it is that of
    the first that failed.
    """

    rate: float
    setup: str
    trend: Trend


@final
@dataclass(frozen=True)
class GoalFact:
    """A target: how many seeds reach it, and their simulated seconds at that (None: no seed does)."""

    value: float
    reached: int
    seconds: Spread | None


def read_learning(runs: Sequence[Run]) -> LearningFact | None:
    """Return how the runs of a variant learn; None if they do not."""
    scenario = runs[0].scenario
    if scenario.learning is None:
        return None
    failing = [run for run in runs if run.outcome in (Outcome.DIVERGED, Outcome.FAILS)]
    plain = scenario.learning.model_copy(update={"seed": None, "modulation": DefaultModulation()})
    return LearningFact(
        rate=scenario.learning.optimizer.learning_rate,
        setup=repr((plain, scenario.workload.mini_batch)),
        trend=_find_trend((failing or list(runs))[0]),
    )


def _find_trend(run: Run) -> Trend:
    losses = [row.test_loss for row in run.summary.evaluations]
    first, last = (losses[0], losses[-1]) if losses else (None, None)
    if first is None or last is None or run.diverged or last >= first - (1.0 - _FALLEN) * abs(first):
        return Trend.NO_LOWER
    least = min(loss for loss in losses if loss is not None)
    return Trend.FALLS if last <= least + (_NEAR_ITS_LEAST - 1.0) * abs(least) else Trend.REBOUNDS


def find_target(study: Study) -> float | None:
    """Return the target that the user gave; None if there is none.

    It is the one of the comparison, otherwise the test error at which all variants that learn are cut.
    """
    if study.target is not None:
        return study.target
    stops = {run.scenario.stop.test_error for runs in study.runs.values() for run in runs if run.scenario.learning is not None}
    return stops.pop() if len(stops) == 1 else None


def choose_goals(study: Study) -> dict[str, float]:
    """Return the given target of each variant that it concerns.

    It is a test error if any variant has one, else a test loss.
    """
    target = find_target(study)
    if target is None:
        return {}
    metrics = {
        variant: choose_metric(runs[0].scenario.learning)
        for variant, runs in study.runs.items()
        if runs[0].scenario.learning is not None
    }
    meant = ERROR if ERROR in metrics.values() else LOSS
    return {variant: target for variant, metric in metrics.items() if metric is meant}


def choose_targets(study: Study, outcomes: Mapping[str, Sequence[Outcome]]) -> dict[str, float]:
    """Return the target of each variant: the given one, or the second-best level of the sound variants with its metric.

    `outcomes` are those of each variant's seeds. A lone variant with its metric has only a given target.
    """
    chosen = choose_goals(study)
    for metric in (ERROR, LOSS):
        same = [
            variant
            for variant, runs in study.runs.items()
            if (learning := runs[0].scenario.learning) is not None and choose_metric(learning) is metric
        ]
        if len(same) < 2 or chosen.keys() & set(same):
            continue
        sound = [variant for variant in same if set(outcomes[variant]) == {Outcome.FINISHED}]
        tables = [[run.evaluations for run in study.runs[variant] if run.evaluations is not None] for variant in sound]
        target = choose_target(level for found in tables if (level := find_level(found, metric)) is not None)
        chosen |= {} if target is None else dict.fromkeys(same, target)
    return chosen


def read_goal(runs: Sequence[Run], target: float) -> GoalFact:
    """Return when the runs of a learning variant reach a target."""
    learning = runs[0].scenario.learning
    assert learning is not None
    metric = choose_metric(learning)
    found = [None if run.evaluations is None else find_reach(run.evaluations, metric, target) for run in runs]
    reached = [reach.seconds for reach in found if reach is not None]
    return GoalFact(target, len(reached), Spread.of(reached))

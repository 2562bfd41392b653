"""The same run on a faster cluster, or with learners that start apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import final

from simasgd.cluster.clock.recording import Limit
from simasgd.cluster.job import Job
from simasgd.cluster.simulation import run
from simasgd.results.summary import Speedup
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.schema import Scenario
from simasgd.tape.arrays import Floats
from simasgd.tape.recorder import SummaryRecorder
from simasgd.what_if.chance import count_until, estimate_error
from simasgd.what_if.changes import CHANGES, FACTOR
from simasgd.what_if.question import Question, list_parts
from simasgd.what_if.start import SAME, Start


@final
@dataclass(frozen=True)
class Answers:
    """The answers in run.json: a row for each faster part, and the effect of the start (None if it can have none)."""

    rows: tuple[Speedup, ...] | None
    start: Start | None


def what_if(scenario: Scenario, question: Question, times: Floats | None = None) -> Answers:
    """Return the effects of a faster network, server and node on a run.

    A row has the seconds of the first gradients with the change and without, if the question asks for
    its part, and how much of the speed-up is chance. A run that applied nothing has no rows, and a run
    without a server none for the server.
    If the start decides, or the answer depends on it, `spread_speedup` is the speed-up of learners that
    start apart; otherwise it is None. `times` are those (s) of the first gradients of the run itself,
    which is simulated again if they are not known.
    """
    if not question.applied:
        return Answers(None, None)
    gradients, cluster = question.gradients, scenario.cluster
    if times is None and (question.parts or question.asks_start):
        times = _times(scenario, cluster, gradients)
    base = float(times[gradients - 1]) if times is not None and gradients else None
    start = _start(scenario, gradients, base) if question.asks_start and base is not None else None
    rows = []
    for part in list_parts(scenario):
        is_asked = part in question.parts
        seconds = speedup = error = spread = None
        if is_asked:
            faster = CHANGES[part](cluster)
            sooner = _times(scenario, faster, gradients)
            seconds = None if sooner is None else float(sooner[-1])
            if question.at_times and times is not None and seconds:
                speedup = gradients / count_until(times, seconds)
            else:
                speedup = _quotient(base, seconds)
            if speedup is not None and times is not None and sooner is not None:
                error = _estimate_error(scenario, question, times[:gradients], sooner)
            if start is not None:
                spread = _quotient(start.spread_seconds, _seconds(scenario, _spread(faster), gradients))
                spread = spread if start.decides or _differ(speedup, spread, start.chance) else None
        rows.append(
            Speedup(
                change=part,
                factor=FACTOR,
                seconds=seconds,
                base_seconds=base if is_asked else None,
                speedup=speedup,
                standard_error=error,
                spread_speedup=spread,
                path_speedup=question.limits.get(part),
                gradients=gradients if is_asked else 0,
            )
        )
    return Answers(tuple(rows), start)


def _estimate_error(scenario: Scenario, question: Question, times: Floats, sooner: Floats) -> float | None:
    """Return the standard error of a speed-up, by the pairing of the two runs that the speed-up has.

    In two whole runs both pairings hold: they meet the same faults at a time, and draw the same numbers for a gradient. Each
    pairing takes the other one for chance, so the smaller error is the closer one.
    """
    if question.at_times:
        return estimate_error(times, sooner, in_time=True)
    by_number = estimate_error(times, sooner, in_time=False)
    if by_number is None or not scenario.cluster.changes_in_time:
        return by_number
    by_time = estimate_error(times, sooner, in_time=True)
    return by_number if by_time is None else min(by_number, by_time)


def _quotient(base: float | None, seconds: float | None) -> float | None:
    return base / seconds if base is not None and seconds else None


def _differ(one: float | None, other: float | None, chance: float) -> bool:
    return one is not None and other is not None and abs(one / other - 1.0) > SAME + chance


def _spread(cluster: Cluster) -> Cluster:
    return cluster.model_copy(update={"start": "spread"})


def _start(scenario: Scenario, gradients: int, together: float) -> Start | None:
    """Return the effect of the start, or None if learners that start apart never get so far."""
    cluster = scenario.cluster
    spread = _seconds(scenario, _spread(cluster), gradients)
    if spread is None:
        return None
    # A sum of n times has a coefficient of variation of cv/√n, and two of these are compared.
    chance = 2.0 * cluster.least_variation / sqrt(gradients)
    return Start(gradients, together, spread, max(Job.of(scenario).mean_cycles()), chance)


def _times(scenario: Scenario, cluster: Cluster, gradients: int) -> Floats | None:
    """Return the times (s) of the first gradients on a cluster; None if there are fewer."""
    recorder = SummaryRecorder(gradients)
    run(replace(Job.of(scenario), cluster=cluster, limit=Limit(gradients=gradients)), recorder)
    times = recorder.first_times()
    return times[:gradients] if len(times) >= gradients else None


def _seconds(scenario: Scenario, cluster: Cluster, gradients: int) -> float | None:
    """Return the simulated seconds until `gradients` have been applied; None if they never are."""
    job = replace(Job.of(scenario), cluster=cluster, limit=Limit(gradients=gradients))
    clocked = run(job, SummaryRecorder())
    return clocked.simulated_seconds if clocked.gradients_applied >= gradients else None

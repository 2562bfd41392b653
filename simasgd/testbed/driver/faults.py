"""Faults for real: which learners are killed and started again when, and what cannot be made."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from simasgd.cluster.cast.faults import draw_outages
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.cluster.faults import RandomCrashes
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.section import Inconsistency

_MOST_SPARES = 8  # processes that wait beside those of the run; each takes the memory of a learner
_START = 3.0  # seconds to start a process on a machine that computes (measured: 2 cores, Ray 2.60)


class ProcessKill(NamedTuple):
    """A learner's process is killed at a time (s)."""

    at: float
    learner: int
    for_good: bool


class ProcessRestart(NamedTuple):
    """A learner's process starts again at a time (s)."""

    at: float
    learner: int


def list_events(scenario: Scenario) -> Iterator[ProcessKill | ProcessRestart]:
    """Yield the crashes and returns of all learners in order of time, endlessly if they are random.

    A learner that is not there when the run begins has its return only.
    """
    ways = (_events_of(scenario, learner) for learner in range(scenario.cluster.learners))
    return heapq.merge(*ways, key=lambda event: event.at)


def _events_of(scenario: Scenario, learner: int) -> Iterator[ProcessKill | ProcessRestart]:
    for outage in draw_outages(scenario.cluster.faults, scenario.cluster_seed, learner):
        if not outage.is_late:
            yield ProcessKill(outage.crash, learner, outage.back == inf)
        if outage.back != inf:
            yield ProcessRestart(outage.back, learner)


def list_returns(scenario: Scenario) -> Iterator[ProcessRestart]:
    """Yield the returns of all learners in order of time."""
    return (event for event in list_events(scenario) if isinstance(event, ProcessRestart))


def find_absent(scenario: Scenario) -> dict[int, bool]:
    """Return the learners that are not there when the run begins, and whether they never come."""
    absences = scenario.cluster.faults.absences
    return {absence.learner: absence.until is None for absence in absences if absence.since == 0.0}


def count_events(scenario: Scenario) -> float:
    """Return the number of crashes and returns, infinite if they are random."""
    if isinstance(scenario.cluster.faults.crashes, RandomCrashes):
        return inf
    return float(sum(1 for _ in list_events(scenario)))


def count_spares(scenario: Scenario) -> int:
    """Return how many processes should wait for the next returns: one for each learner that comes back, and at most eight."""
    learners = scenario.cluster.learners
    if isinstance(scenario.cluster.faults.crashes, RandomCrashes):
        return min(learners, _MOST_SPARES)
    return min(sum(1 for _ in list_returns(scenario)), learners, _MOST_SPARES)


def find_impossible_faults(cluster: Cluster) -> Iterator[Inconsistency]:
    """Yield the faults of a cluster that cannot be made for real, with the reason and the key below `cluster`."""
    faults, crashes = cluster.faults, cluster.faults.crashes
    if faults.degraded_links:
        yield Inconsistency(
            ("faults", "degraded_links"),
            "real links are not slowed down: that takes the rights of an administrator. Leave the key out, or simulate it",
        )
    if faults.message_loss is not None:
        yield Inconsistency(
            ("faults", "message_loss"),
            "real messages are not lost: their transport sends them again. Leave the key out, or simulate it",
        )
    if isinstance(crashes, RandomCrashes):
        between = (crashes.mtbf + crashes.mttr) / cluster.learners
        if between < _START:
            yield Inconsistency(
                ("faults", "crashes"),
                f"a process must start every {between:.3g} s on average, and a start takes about {_START:g} s; let learners "
                "crash more rarely, or simulate it",
            )

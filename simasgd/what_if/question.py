"""What is simulated again for a run: at most a tenth of its own clock, and what its critical path leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import final

from simasgd.results.summary import PathSeconds, Summary
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.common_start import may_lock_step
from simasgd.scenario.schema import Scenario
from simasgd.what_if.changes import CHANGES, FACTOR, NO_GAIN, Change

_SHARE = 10
"""All simulations together take a tenth of the run's own clock."""
_OF_LEARNER = 8
"""To make a cluster counts as so many gradients of each learner. It takes as long as five to eight of 10,000 learners."""
_MOST, _MOST_ROUNDS = 5_000, 3
"""A simulation ends after so many gradients, or so many of each learner if that is more. More would tell little."""
_LEAST = 1_000
"""It has so many gradients at least, whatever their share: they take some 20 ms."""
_LEAST_IN_TIME = 10_000
"""It has so many at least where slow spells or faults come at times, so the whole run if that is shorter.

Over the first 1,000 a few spells decide: the speed-up of a run with 3,600 gradients was 1.52 in place of 1.23.
"""
_LEAST_ROUNDS = 2
"""With fewer gradients of each learner it would tell how the learners start."""


@final
@dataclass(frozen=True)
class Question:
    """What is simulated again for a run that applied `applied` gradients: the first ones, with each of the `parts` faster.

    `limits` has the speed-up of each part that the run's critical path allows, if it is known.
    `asks_start` says whether learners that start apart are simulated, too.
    """

    applied: int
    gradients: int
    parts: tuple[Change, ...]
    limits: Mapping[Change, float]
    asks_start: bool

    @classmethod
    def of_run(cls, scenario: Scenario, summary: Summary) -> Question:
        """Return the question for a run."""
        limits = {} if summary.critical_path is None else limit_speedups(scenario, summary.critical_path)
        return cls.of(scenario, summary.gradients.applied, limits)

    @classmethod
    def of(cls, scenario: Scenario, applied: int, limits: Mapping[Change, float] = MappingProxyType({})) -> Question:
        """Return the question for a run that applied so many gradients.

        The parts with the greatest limits come first if not all can be simulated.
        """
        asks_start = may_lock_step(scenario)
        open_parts = [part for part in list_parts(scenario) if limits.get(part, FACTOR) >= NO_GAIN]
        open_parts.sort(key=lambda part: -limits.get(part, FACTOR))
        enough = min(applied, _LEAST_ROUNDS * scenario.cluster.learners)
        for count in range(len(open_parts), -1, -1):
            simulations = 1 + 2 * count if asks_start else count
            gradients = _count_gradients(scenario.cluster, applied, simulations)
            if simulations and gradients >= max(1, enough):
                return cls(applied, gradients, tuple(open_parts[:count]), limits, asks_start)
        return cls(applied, 0, (), limits, asks_start=False)


def list_parts(scenario: Scenario) -> list[Change]:
    """Return the parts of a cluster that may be faster; without a server there is none for it."""
    return [part for part in CHANGES if part != "server" or scenario.protocol.has_server]


def _count_gradients(cluster: Cluster, applied: int, simulations: int) -> int:
    """Return the gradients of each of so many simulations, for a run that applied `applied` gradients."""
    start = _OF_LEARNER * cluster.learners  # of a simulation, in gradients
    share = (applied + start) // (_SHARE * max(1, simulations)) - start
    least = _LEAST_IN_TIME if cluster.changes_in_time else _LEAST
    return min(applied, max(least, _MOST, _MOST_ROUNDS * cluster.learners), max(least, share))


def limit_speedups(scenario: Scenario, path: PathSeconds) -> dict[Change, float]:
    """Return the speed-up that the critical path allows for each part: T ÷ (T − s + s/FACTOR), with s seconds in the part.

    As long as messages and updates keep their order, no run is faster: the chain of causes stays a
    chain, and takes that long. Where they change their order, a run may be about a hundredth faster.
    Where slow spells or faults come at times (`Cluster.changes_in_time`), a faster run meets others of
    them on its path, and may be faster than this by more.
    """
    seconds = path.model_dump()
    whole = sum(seconds.values())
    moved = path.push + path.pull
    costs = sum(seconds.get(name) or 0.0 for name in ("step", "mix", "copy", "launch"))
    in_part: dict[Change, float] = {
        "network": moved,
        "server": moved + path.update,
        "node": path.compute + costs + (moved if _has_links_within_nodes(scenario) else 0.0),
    }
    if whole <= 0.0:
        return {}
    return {part: whole / (whole - in_part[part] * (1.0 - 1.0 / FACTOR)) for part in list_parts(scenario)}


def _has_links_within_nodes(scenario: Scenario) -> bool:
    """Tell whether a message may travel within a node."""
    cluster = scenario.cluster
    return cluster.learners_per_node > 1 or bool(cluster.server_nodes) or cluster.architecture.kind != "base"

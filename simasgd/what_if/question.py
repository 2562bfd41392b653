"""What is simulated again for a run: a tenth of its own clock or little, and what its critical path leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, final

from simasgd.results.distributions import PathSeconds
from simasgd.results.summary import Summary
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.common_start import may_lock_step
from simasgd.scenario.schema import Scenario
from simasgd.what_if.changes import CHANGES, FACTOR, NO_GAIN, Change

_SHARE = 10
"""All simulations together take a tenth of the events of the run's own clock."""
_EVENTS, _EVENTS_IN_TIME = 40_000, 80_000
"""The most events of all simulations of a short run: about 0.1 s, and twice that where slow spells or faults come at times."""
_EVENTS_OF_LEARNER = 30
"""The time to make a learner, in events of a clock of 10,000 learners."""
_EVENTS_OF_GRADIENT = 5.0
"""Assumed where the run's own events are not known. A learner with a server takes about four for a gradient."""
_MOST, _MOST_ROUNDS = 5_000, 3
"""The most gradients of a simulation: in all, or of each learner if that is more. More would tell little."""
_LEAST, _LEAST_IN_TIME = 1_000, 10_000
"""The least gradients of a simulation, whatever its share, if the events suffice.

Where slow spells or faults come at times, a few of them decide over a short stretch. So there the whole run counts, if it is
not longer.
"""
_LEAST_ROUNDS = 2
"""With fewer gradients of each learner it would tell how the learners start."""


@final
@dataclass(frozen=True)
class Question:
    """What is simulated again for a run that applied `applied` gradients: the first ones, with each of the `parts` faster.

    `limits` has the speed-up of each part that the run's critical path allows, if it tells that.
    `asks_start` says whether learners that start apart are simulated, too. `at_times` says whether slow
    spells or faults come at times, and only a stretch of the run is simulated: then the speed-up is of
    an equal time, in which both meet the same ones.
    """

    applied: int
    gradients: int
    parts: tuple[Change, ...]
    limits: Mapping[Change, float]
    asks_start: bool
    at_times: bool

    @classmethod
    def of_run(cls, scenario: Scenario, summary: Summary) -> Question:
        """Return the question for a run."""
        path = {} if summary.critical_path is None else path_speedups(scenario, summary.critical_path)
        gradients = summary.gradients
        discards = bool(gradients.dropped or gradients.cancelled)
        return cls.of(scenario, gradients.applied, summary.clock_events, path, discards=discards)

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        applied: int,
        events: int | None = None,
        path: Mapping[Change, float] = MappingProxyType({}),
        *,
        discards: bool = False,
    ) -> Question:
        """Return the question for a run that applied `applied` gradients in `events` of its clock (None: not known).

        `path` are the speed-ups of `path_speedups`. The parts with the greatest ones come first if not all can be simulated.
        `discards` says whether gradients of the run were dropped or cancelled.
        """
        asks_start, in_time = may_lock_step(scenario), scenario.cluster.changes_in_time
        limits = path if path_is_limit(scenario, discards=discards) else {}
        open_parts = [part for part in list_parts(scenario) if limits.get(part, FACTOR) >= NO_GAIN]
        open_parts.sort(key=lambda part: -path.get(part, FACTOR))
        enough = min(applied, _LEAST_ROUNDS * scenario.cluster.learners)
        for count in range(len(open_parts), -1, -1):
            simulations = 1 + 2 * count if asks_start else count
            gradients = _count_gradients(scenario.cluster, applied, events, max(1, simulations))
            if simulations and gradients >= max(1, enough):
                at_times = in_time and gradients < applied
                return cls(applied, gradients, tuple(open_parts[:count]), limits, asks_start, at_times)
        return cls(applied, 0, (), limits, asks_start=False, at_times=False)


def list_parts(scenario: Scenario) -> list[Change]:
    """Return the parts of a cluster that may be faster; without a server there is none for it."""
    return [part for part in CHANGES if part != "server" or scenario.protocol.has_server]


def _count_gradients(cluster: Cluster, applied: int, events: int | None, simulations: int) -> int:
    """Return the gradients of each of `simulations`, for a run that applied `applied` gradients in `events`."""
    each = events / applied if events and applied else _EVENTS_OF_GRADIENT
    start, in_time = _EVENTS_OF_LEARNER * cluster.learners, cluster.changes_in_time

    def fitting(budget: float) -> int:
        return int((budget / simulations - start) / each)

    share = fitting((applied * each + start) / _SHARE)
    least = min(_LEAST_IN_TIME, fitting(_EVENTS_IN_TIME)) if in_time else min(_LEAST, fitting(_EVENTS))
    return max(0, min(applied, max(least, min(share, max(_MOST, _MOST_ROUNDS * cluster.learners)))))


Looseness: TypeAlias = Literal["tree", "time", "fair", "discards"]


def path_is_limit(scenario: Scenario, *, discards: bool = False) -> bool:
    """Tell whether no run with a faster part is much faster than its critical path allows: `why_no_limit` has no answer."""
    return why_no_limit(scenario, discards=discards) is None


def why_no_limit(scenario: Scenario, *, discards: bool = False) -> Looseness | None:
    """Return why a run with a faster part may be much faster than its critical path allows; None if it is not.

    As long as messages and updates keep their order, the chain of causes stays a chain, and takes that
    long. Where they change their order, a run may be faster, mostly by a few hundredths. It may be faster
    by any factor in four cases:

    - `time`: Slow spells or faults come at times: a faster run meets others of them.
    - `fair`: Links are shared fairly: a message is slowed down by others, which are not in its chain.
    - `tree`: A tree of servers adds gradients up: with faster nodes there are more gradients in an update.
    - `discards`: The run discards gradients, for example of the slowest learners: a faster run has other slowest ones.
    """
    cluster = scenario.cluster
    adds_up = scenario.protocol.has_server and cluster.architecture.kind != "base"
    cases: dict[Looseness, bool] = {
        "tree": adds_up,
        "time": cluster.changes_in_time,
        "fair": cluster.network.sharing == "fair",
        "discards": discards,
    }
    return next((case for case, holds in cases.items() if holds), None)


def path_speedups(scenario: Scenario, path: PathSeconds) -> dict[Change, float]:
    """Return the speed-up of the critical path by each faster part: T ÷ (T − s + s/FACTOR), with s seconds in the part."""
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

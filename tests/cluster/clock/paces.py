"""Slow spells for tests, and how long work takes under them."""

from __future__ import annotations

from itertools import repeat
from typing import Any

from simasgd import exact
from simasgd.cluster.cast.stragglers import slow_spells
from simasgd.cluster.clock.spells import AbstractSlowness, SlowSpells, SpellKind
from simasgd.scenario.cluster.cluster import Cluster

SPEC = {"slowdown": 4.0, "mean_normal": "3 s", "mean_slow": "1 s"}


def alternating(seed: int, number: int, slowdown: float, normal: float, slow: float) -> SlowSpells:
    """Make spells of exponential lengths with these means (s)."""
    kind = SpellKind(slowdown, normal, slow)
    return SlowSpells(kind, exact.stream(seed, exact.Purpose.SPELL, number), repeat(slowdown))


def cluster(stragglers: Any, learners: int = 1, **others: Any) -> Cluster:
    """Make a cluster without costs, whose network is a tree of racks of two nodes."""
    return Cluster.model_validate(
        {
            "learners": learners,
            "compute": {"per_sample": "1 ms"},
            "network": {"latency": 0, "bandwidth": "unlimited", "topology": {"kind": "tree", "nodes_per_rack": 2}},
            "server": {"bandwidth": "unlimited", "update": 0},
            "stragglers": stragglers,
            **others,
        }
    )


def paces(stragglers: Any, seed: int, learners: int = 1, **others: Any) -> list[AbstractSlowness]:
    """Return the paces of learners, all of which are slow at times."""
    found = [pace for pace in slow_spells(cluster(stragglers, learners, **others), seed) if pace is not None]
    assert len(found) == learners
    return found


def end(pace: AbstractSlowness, start: float, work: float) -> float:
    """Return when work is done that is begun then."""
    now, left = pace.advance(start, work)
    while left:
        now, left = pace.advance(now, left)
    return now


def long_run(pace: AbstractSlowness, work: float, pieces: int) -> float:
    """Return how many times longer unbroken work takes."""
    now = 0.0
    for _ in range(pieces):
        now = end(pace, now, work)
    return now / (pieces * work)

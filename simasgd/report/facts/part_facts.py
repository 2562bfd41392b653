"""Facts about parts of a variant: its servers and links, its failures and faults, and faster clusters."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class ResourceFact:
    """A server or a link: its busy fraction of time, and the mean number of waiting requests."""

    name: str
    busy: float
    mean_queue: float | None
    """None: a log does not tell it."""


@dataclass(frozen=True)
class DivergenceFact:
    """The first update of a seed's run whose weights are not finite."""

    seed: int
    update: int
    epoch: float


@dataclass(frozen=True)
class HangFact:
    """The time at which a seed's run hung, and the reason."""

    seed: int
    at: float
    reason: str


@dataclass(frozen=True)
class WhatIfFact:
    """The same run with one part `factor` times as fast, over its first gradients.

    If it was not simulated, `gradients` is 0, and `speedup` is the most that the critical path allows.
    """

    part: str
    """network, server or node"""
    factor: float
    speedup: float
    gradients: int
    spread_speedup: float | None = None
    """The speed-up if learners start at different times, where that changes it; otherwise None."""
    is_whole: bool = False
    """Whether all gradients of the run were simulated."""
    changes_in_time: bool = False
    """Whether slow spells or faults come at times, which no part alters."""

    @property
    def is_limit(self) -> bool:
        """Whether the speed-up is a limit, and was not simulated."""
        return not self.gradients


@dataclass(frozen=True, kw_only=True)
class FaultFacts:
    """Counts of faults and lost gradients over all seeds; `down` is in learner-seconds.

    None: a log does not tell it.
    """

    crashes: int | None = 0
    rejoins: int | None = 0
    down: float | None = 0.0
    barrier_timeouts: int | None = 0
    members_dropped: int | None = 0
    messages_lost: int | None = 0
    server_paused: float | None = 0.0
    dropped: int | None = 0
    cancelled: int | None = 0
    lost: int | None = 0

    @property
    def is_calm(self) -> bool:
        """Whether no fault is known."""
        return not any(getattr(self, known.name) for known in fields(self))


NO_FAULTS = FaultFacts()
UNNAMED = "other"
"""The share of a measured run's time that its log does not name."""

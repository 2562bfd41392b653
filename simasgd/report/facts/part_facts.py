"""Facts about parts of a variant: its servers and links, its failures and faults, and faster clusters."""

from __future__ import annotations

from dataclasses import dataclass, fields

from simasgd.report.facts.formats import format_gain
from simasgd.results.run import Run
from simasgd.results.summary import Speedup
from simasgd.what_if.chance import is_gain
from simasgd.what_if.question import path_speedups


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
    """The time (s) of the last update of a seed's run that hung, the reason, and the number of applied gradients."""

    seed: int
    at: float
    reason: str
    applied: int


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
    standard_error: float | None = None
    """That of the speed-up by chance alone; None if it is not known."""
    on_path: float | None = None
    """How much faster the critical path is if its work in the part is; None if the path is not known."""

    @property
    def is_limit(self) -> bool:
        """Whether the speed-up is a limit, and was not simulated."""
        return not self.gradients

    @property
    def is_clear(self) -> bool:
        """Whether it was simulated, and chance alone would not make the run so much faster."""
        return not self.is_limit and is_gain(self.speedup, self.standard_error)

    @property
    def text(self) -> str:
        """The speed-up, and half its 99 % interval if that shows: `1.10× ± 0.07`."""
        return format_gain(self.speedup, self.standard_error)


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
    def discards(self) -> bool:
        """Whether the protocol discarded gradients."""
        return bool(self.dropped or self.cancelled)

    @property
    def is_calm(self) -> bool:
        """Whether no fault is known."""
        return not any(getattr(self, known.name) for known in fields(self))


NO_FAULTS = FaultFacts()
UNNAMED = "other"
"""The share of a measured run's time that its log does not name."""


def read_what_if(run: Run) -> tuple[WhatIfFact, ...]:
    """Return the speed-ups; those of a missing server and of clusters that hung are left out."""
    summary = run.summary
    found = [_read_speedup(row, run) for row in summary.what_if or () if row.change != "server" or summary.servers]
    return tuple(fact for fact in found if fact is not None)


def _read_speedup(row: Speedup, run: Run) -> WhatIfFact | None:
    """Return a speed-up, or the limit of the critical path where it was not simulated; None if neither is known."""
    summary = run.summary
    if not row.gradients:
        return None if row.path_speedup is None else WhatIfFact(row.change, row.factor, row.path_speedup, 0)
    if row.speedup is None:
        return None
    return WhatIfFact(
        row.change,
        row.factor,
        row.speedup,
        row.gradients,
        row.spread_speedup,
        is_whole=row.gradients == summary.gradients.applied,
        standard_error=row.standard_error,
        on_path=None if summary.critical_path is None else path_speedups(run.scenario, summary.critical_path).get(row.change),
    )

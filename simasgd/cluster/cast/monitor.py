"""Runs the events of a clock up to the stop, or until no more progress is possible.

A cluster may be busy for ever without progress. Its learners may crash more often than they finish
a mini-batch, or everything may take so little time that the clock stands still. No event shows that
such a run will never reach its stop, so a rule ends it. The rule counts events, not wall time,
because a run is a function of its scenario and seed.
"""

from __future__ import annotations

from typing import NamedTuple, final

from simpy.core import EmptySchedule, StopSimulation

from simasgd.cluster.cast.cast import AbstractCast
from simasgd.cluster.clock.events import Clock
from simasgd.cluster.clock.recording import AbstractRecording, Limit

_EVENTS = 250_000
_EVENTS_PER_MESSAGE = 200
_MOST_IDLE_CHECKS = 8
_MOST_CHECKS_AT_ONE_TIME = 2


class Idle(NamedTuple):
    """The end of a run that has no event left."""


class Stuck(NamedTuple):
    """The end of a run by the rule: `events` events since `since` (s) made no progress.

    If `since` is the present, the clock stands still, even if gradients are applied.
    """

    since: float
    events: int


Ending = Idle | Stuck | None
"""The end of a run that did not reach its stop; None for a run that reached it."""


@final
class ProgressMonitor:
    """Checks a run's progress every 250,000 events, plus 200 for each message between two gradients.

    A gradient is kept if it was computed and not given up, dropped or lost. A run is over if no
    gradient has been applied since the last check and no more are kept than at the best check
    before. It is also over if no gradient has been applied in eight checks, since kept gradients
    may be on a route that takes too long. If only a time can end it, it is also over if the clock
    has not moved in two checks.
    """

    def __init__(self, env: Clock, cast: AbstractCast, recording: AbstractRecording, limit: Limit) -> None:
        self._env = env
        self._cast = cast
        self._recording = recording
        self._needs_time = limit.gradients is None and limit.updates is None
        self._patience = _EVENTS + _EVENTS_PER_MESSAGE * cast.messages

    def run(self) -> Ending:
        """Run the events and return how the run ended."""
        env = self._env
        applied = most = idle_checks = still = 0
        progress_at = moved_at = 0.0  # (s) the last check with new gradients, and the last with a new time
        try:
            while True:
                env.run_events(self._patience)
                if self._recording.gradients > applied:
                    applied, idle_checks, progress_at = self._recording.gradients, 0, env.now
                else:
                    idle_checks += 1
                kept = self._cast.kept()
                if idle_checks and (kept <= most or idle_checks == _MOST_IDLE_CHECKS):
                    return Stuck(progress_at, idle_checks * self._patience)
                most = max(most, kept)
                still, moved_at = (still + 1 if env.now == moved_at else 0), env.now
                if self._needs_time and still == _MOST_CHECKS_AT_ONE_TIME:
                    return Stuck(moved_at, still * self._patience)
        except StopSimulation as stop:
            return Idle() if stop.args[0] else None
        except EmptySchedule:
            return Idle()

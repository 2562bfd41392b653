"""Carrying out the events of a clock up to the stop, or until nothing will come of any more of them.

A cluster may be busy for ever without getting anywhere: its learners crash more often than they finish a mini-batch, say, or
all takes so little time that the clock stands still. No event tells that such a run will never reach its stop, so it is ended
by a rule. The rule counts events and no wall time, because a run is a function of its scenario and seed.
"""

from __future__ import annotations

from itertools import repeat
from typing import NamedTuple, final

from simpy import Environment
from simpy.core import EmptySchedule, StopSimulation

from simasgd.cluster.cast.cast import AbstractCast
from simasgd.cluster.clock.recording import Limit, Recording

_EVENTS = 250_000
_EVENTS_PER_MESSAGE = 200
_MOST_BARREN = 8
_LOOKS_AT_ONE_TIME = 2


class Idle(NamedTuple):
    """No event is left."""


class Stuck(NamedTuple):
    """The rule has ended the run: nothing came of so many `events` since `since` (s). If it is still that time the clock stands
    still, even if gradients are applied."""

    since: float
    events: int


Ending = Idle | Stuck | None
"""How a run ended that did not reach its stop; None for one that did."""


@final
class ProgressMonitor:
    """Looks at a run every so many events: 250,000, and 200 for each message between one gradient and the next.

    A run is over if no gradient has been applied since the last look and no more are kept (computed, and not given up, dropped
    or lost) than at the best look before; or none has been applied in eight looks, since what is kept may be on a way that
    takes too long. Where only a time can end it, it is over, too, if the clock has not moved in two looks.
    """

    def __init__(self, env: Environment, cast: AbstractCast, recording: Recording, limit: Limit) -> None:
        self._env = env
        self._cast = cast
        self._recording = recording
        self._needs_time = limit.gradients is None and limit.updates is None
        self._patience = _EVENTS + _EVENTS_PER_MESSAGE * cast.messages

    def run(self) -> Ending:
        """Carry the events out."""
        env, step = self._env, self._env.step
        applied = most = barren = still = 0
        fruit_at = moved_at = 0.0  # the look (s) until which gradients were applied, and to which the clock moved
        try:
            while True:
                for _ in repeat(None, self._patience):
                    step()
                if self._recording.gradients > applied:
                    applied, barren, fruit_at = self._recording.gradients, 0, env.now
                else:
                    barren += 1
                kept = self._cast.kept()
                if barren and (kept <= most or barren == _MOST_BARREN):
                    return Stuck(fruit_at, barren * self._patience)
                most = max(most, kept)
                still, moved_at = (still + 1 if env.now == moved_at else 0), env.now
                if self._needs_time and still == _LOOKS_AT_ONE_TIME:
                    return Stuck(moved_at, still * self._patience)
        except StopSimulation as stop:
            return Idle() if stop.args[0] else None
        except EmptySchedule:
            return Idle()

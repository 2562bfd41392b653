"""The clocks of a run's machines beside the server's, and what they show on the server's."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, final

import numpy as np

from simasgd.tape.tape import Tape
from simasgd.testbed.system.clock import EXACT, Offset
from simasgd.testbed.system.messages import Span

_WORST_DRIFT = 1e-3
"""Seconds a second. Linux changes the pace of a clock by up to 500 ppm (adjtimex), and two clocks may differ twice that."""


class _Life(NamedTuple):
    """From when on (s) a learner runs on a machine."""

    since: float
    machine: str


@final
class Clocks:
    """The offsets of machines' clocks, at the beginning and at the end of a run, by the identity of a machine's last start.

    A machine with the server's identity has the server's clock.
    """

    def __init__(self, server: str) -> None:
        self._begin = {server: EXACT}
        self._end = {server: EXACT}
        self._lives: dict[int, list[_Life]] = {}

    def begin_at(self, machine: str, begin: float, measure: Callable[[], Offset]) -> float:
        """Return what a machine's clock shows when the server's shows `begin` (s). A new machine's offset is measured."""
        if machine not in self._begin:
            self._begin[machine] = measure()
        return begin - self._begin[machine].seconds

    def move(self, learner: int, machine: str, since: float) -> None:
        """Note that a learner runs on a machine from a time on (s)."""
        self._lives.setdefault(learner, []).append(_Life(since, machine))

    def measure_end(self, machine: str, measure: Callable[[], Offset]) -> None:
        """Measure the offset of a machine's clock at the end of the run, once."""
        if machine not in self._end:
            self._end[machine] = measure()

    def bound(self, seconds: float) -> float:
        """Return by how much times of different machines may be wrong against each other (s), in a run of `seconds`."""
        return max(self._bound_of(machine, seconds) for machine in self._begin)

    def correct_spans(self, learner: int, spans: Sequence[Span], seconds: float) -> Sequence[Span]:
        """Return the spans of a learner, with the drift of its clocks in a run of `seconds` taken out."""
        if not self._drifts or learner not in self._lives:
            return spans
        return [(activity, *self._correct(learner, np.array([start, end]), seconds).tolist()) for activity, start, end in spans]

    def correct_tape(self, tape: Tape, seconds: float) -> Tape:
        """Return the tape with the drift of the learners' clocks taken out."""
        if not self._drifts:
            return tape
        read_at, computed_at = tape.read_at.copy(), tape.computed_at.copy()
        for learner in self._lives:
            rows = tape.learner == learner
            read_at[rows] = self._correct(learner, read_at[rows], seconds)
            computed_at[rows] = self._correct(learner, computed_at[rows], seconds)
        return replace(tape, read_at=read_at, computed_at=computed_at)

    @property
    def _drifts(self) -> bool:
        return len(self._begin) > 1

    def _bound_of(self, machine: str, seconds: float) -> float:
        begin, end = self._begin[machine], self._end.get(machine)
        if end is None:
            return begin.bound + _WORST_DRIFT * seconds
        return max(begin.bound, end.bound) + abs(end.seconds - begin.seconds)

    def _correct(self, learner: int, times: Any, seconds: float) -> Any:
        """Return times (s) on the server's clock: the offset of the learner's machine changes linearly during the run."""
        lives = self._lives[learner]
        moved = np.array(times, float)
        for row, time in enumerate(times):
            life = lives[max(0, bisect_right(lives, time, key=lambda one: one.since) - 1)]
            begin, end = self._begin[life.machine], self._end.get(life.machine)
            if end is not None and seconds > 0.0:
                moved[row] += (end.seconds - begin.seconds) * min(max(time / seconds, 0.0), 1.0)
        return moved

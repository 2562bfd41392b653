"""The time that work still takes, estimated from what was measured."""

from __future__ import annotations

from typing import final

_LEAST_SECONDS = 1.0
"""A speed is measured over at least this time."""
_LEAST_FRACTION = 0.01
_SAME_INSTANT = 0.5  # seconds
_FIRST_WAVE = 0.5  # of the time until the first points are there
_WITHOUT_ADVANCE = ("compile", "report", "done")
"""Phases in which the fraction does not advance."""


@final
class PhaseEstimate:
    """An estimate for work in phases of very different speeds.

    The clock's phase may be a hundred times as fast as learning, so its speed tells nothing about the
    rest. While no whole run is done, the speed of the present phase is used, and not that of `simulate`
    if learning is to follow. Later the mean time of whole runs is used: it has all phases in it, and
    compilation.
    """

    def __init__(self, now: float, *, learns: bool) -> None:
        self._learns = learns
        self._began = now
        self._done = (now, 0.0)
        self._phase, self._since = "", (now, 0.0)

    def seconds_left(self, now: float, phase: str, fraction: float) -> float | None:
        """Return the seconds left at the time `now` (s); None if nothing tells it yet."""
        if phase != self._phase:
            self._phase, self._since = phase, (now, fraction)
        if phase == "done":
            self._done = (now, fraction)
        at, done = self._done
        if done > _LEAST_FRACTION and at - self._began >= _LEAST_SECONDS:
            a_whole = (at - self._began) / done
            ahead = fraction if phase == "replay" else done  # learning is the last phase of a run, so nothing else is left
            return max(0.0, min(a_whole * (1.0 - done) - (now - at), a_whole * (1.0 - ahead)))
        begun, start = self._since
        if phase in _WITHOUT_ADVANCE or (phase == "simulate" and self._learns):
            return None
        if now - begun < _LEAST_SECONDS or fraction - start < _LEAST_FRACTION:
            return None
        return (now - begun) / (fraction - start) * (1.0 - fraction)


@final
class PointEstimate:
    """An estimate for points of a sweep. Points that were kept took no time, and do not count.

    The first points took longer, for processes started and programs were compiled. And while they were computed, other
    processes nearly finished others. So the pace is that after the first points, measured over at least half of the time
    that they took.
    """

    def __init__(self, now: float) -> None:
        self._began = now
        self._kept = 0
        self._first: tuple[float, int] | None = None

    def seconds_left(self, now: float, what: str, finished: int, total: int) -> float | None:
        """Return the seconds left at the time `now` (s); None before a point was computed."""
        if what == "kept":
            self._kept, self._began = finished, now
            return None
        if self._first is None:
            self._first = (now, finished)
        at, done = self._first
        if now <= at + _SAME_INSTANT:  # points that share a loop are finished together
            self._first = (at, finished)
            return None
        if now - at < _FIRST_WAVE * (at - self._began):
            return None
        return (now - at) / (finished - done) * (total - finished)


def describe_left(seconds: float | None) -> str:
    """Return `about 2 min left`; "" if it is not known."""
    if seconds is None:
        return ""
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 1.5 * size:
            return f"about {seconds / size:.{1 if unit == 'h' and seconds < 10 * size else 0}f} {unit} left"
    if seconds < 5.0:
        return "a few seconds left"
    return f"about {5 * round(seconds / 5)} s left"

"""Slow spells of learners: work at a pace that is drawn as time goes on.

Work is measured in the seconds it takes at full speed.
"""

from __future__ import annotations

import abc
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from math import inf
from typing import final

import numpy as np

from simasgd import exact
from simasgd.laws import AbstractDistribution, Exponential

_AT_ONCE = 128  # spells in one answer: a learner may be interrupted, or the run over, long before
_COUNTED = 2**14  # spells that work goes through one by one; the sum of more is within 1 % of its mean
_FORGOTTEN = 2**10  # spells without a query; after them next to nothing is left of the known state
_EXPONENTIAL = Exponential()
_RESOLUTION = 2.0**-40  # of a time (s): shorter spells are below the resolution of the clock


class AbstractSlowness(abc.ABC):
    """The pace of a learner's computing, as it goes on."""

    __slots__ = ()

    @abc.abstractmethod
    def advance(self, start: float, work: float) -> tuple[float, float]:
        """Advance `work` seconds of full-speed work, which continue at `start` (s).

        Return a time (s) and the work left then. If work is left, ask again at that time. Without a
        slow spell in between, the time is exactly start + work. Queries come with non-decreasing
        `start`, from all learners together.
        """


@final
@dataclass(frozen=True)
class SpellKind:
    """What slow spells of one kind have in common.

    Lengths are a mean (s) times a factor of a law. A slow spell takes `slowdown` times as long, or
    1 + (slowdown − 1) times a factor of the law `slowdowns`, drawn for each spell.
    """

    slowdown: float
    mean_normal: float
    mean_slow: float
    normal: AbstractDistribution = _EXPONENTIAL
    slow: AbstractDistribution = _EXPONENTIAL
    slowdowns: AbstractDistribution | None = None

    def draw_slowdowns(self, bits: Callable[[], np.random.Philox]) -> Iterator[float]:
        """Return an endless stream of slowdowns; `bits` makes their source of bits."""
        if self.slowdowns is None:
            return repeat(self.slowdown)
        more = self.slowdown - 1.0
        # More than 1, so that a slow spell is known by its slowdown.
        return (max(1.0 + more * factor, 1.0 + 2.0**-52) for factor in self.slowdowns.factors(bits()))

    @property
    def cycle(self) -> float:
        """Mean length of a normal and a slow spell together (s)."""
        return self.mean_normal + self.mean_slow

    @cached_property
    def mean_slowdown(self) -> float:
        """How many times longer unbroken work takes in the long run: (N + S)/(N + S·E[1/slowdown])."""
        if self.slowdowns is None:
            return self.cycle / (self.mean_normal + self.mean_slow / self.slowdown)
        return self.cycle / (self.mean_normal + self.mean_slow * self.slowdowns.mean_speed(self.slowdown))


@final
class SlowSpells(AbstractSlowness):
    """Alternating normal and slow spells of one member: a learner, or several that are slow at once.

    `slowdowns` yields the slowdown of each slow spell.

    The pace is stationary: the first state has its long-run probability, and the rest of the first
    spell has the law of the rest of a spell at a random instant. Only the spells between the last
    start and the furthest answer are kept.

    Very many spells are never handled one by one. An answer covers a bounded number of them. After
    a long time without a query the state is drawn anew. Work over very many spells, or over spells
    too short for the clock, goes at the mean pace.
    """

    __slots__ = ("_ahead", "_bits", "_cycle", "_kind", "_normals", "_slowdowns", "_slows")

    def __init__(self, kind: SpellKind, bits: np.random.Philox, slowdowns: Iterator[float]) -> None:
        self._kind = kind
        self._cycle = kind.cycle
        self._bits = bits
        self._ahead: deque[tuple[float, float]] = deque()  # ends of spells, and their slowdowns
        self._slowdowns = slowdowns
        slow = self._is_slow()
        self._normals = kind.normal.factors(bits)
        self._slows = self._normals if kind.slow == kind.normal else kind.slow.factors(bits)
        self._begin(0.0, slow)

    def advance(self, start: float, work: float) -> tuple[float, float]:
        ahead, cycle = self._ahead, self._cycle
        if work > _COUNTED * cycle or cycle < start * _RESOLUTION:  # as in is_fine, but without a call
            return start + work * self.mean_slowdown, 0.0
        if ahead[0][0] <= start:
            self.forget(start)
        now, left = start, work
        for i in range(_AT_ONCE):
            if i == len(ahead):
                self._follow()
            until, slowdown = ahead[i]
            stretched = left * slowdown
            if stretched <= until - now:
                return now + stretched, 0.0
            left -= (until - now) / slowdown
            now = until
        return now, left

    @property
    def mean_slowdown(self) -> float:
        """How many times longer unbroken work takes in the long run."""
        return self._kind.mean_slowdown

    def is_fine(self, start: float, work: float) -> bool:
        """Return whether work (s at full speed) from `start` (s) goes through too many spells, or too short ones."""
        return work > _COUNTED * self._cycle or self._cycle < start * _RESOLUTION

    def forget(self, start: float) -> None:
        """Forget the spells that end before `start` (s), so that the first one lasts beyond it."""
        ahead = self._ahead
        if start - ahead[-1][0] > _FORGOTTEN * self._cycle:
            ahead.clear()
            self._begin(start, self._is_slow())
        while ahead[0][0] <= start:
            if len(ahead) == 1:
                self._follow()
            ahead.popleft()

    def spell(self, number: int) -> tuple[float, float]:
        """Return the end (s) and the slowdown of spell `number`, counted from the first that is kept."""
        while number >= len(self._ahead):
            self._follow()
        return self._ahead[number]

    def _is_slow(self) -> bool:
        """Draw the state after a long time."""
        return float(exact.uniforms(self._bits, 1)[0]) * self._cycle < self._kind.mean_slow

    def _begin(self, start: float, slow: bool) -> None:
        """Draw the rest of a spell that is under way."""
        kind = self._kind
        law, factors, mean = (
            (kind.slow, self._slows, kind.mean_slow) if slow else (kind.normal, self._normals, kind.mean_normal)
        )
        rest = next(factors) if law == _EXPONENTIAL else law.rest(self._bits)  # exponential lengths have no memory
        self._ahead.append((start + rest * mean, next(self._slowdowns) if slow else 1.0))

    def _follow(self) -> None:
        """Draw the spell after the last one."""
        until, slowdown = self._ahead[-1]
        if slowdown > 1.0:
            self._ahead.append((until + next(self._normals) * self._kind.mean_normal, 1.0))
        else:
            self._ahead.append((until + next(self._slows) * self._kind.mean_slow, next(self._slowdowns)))


@final
class CombinedSlowness(AbstractSlowness):
    """Slow spells of several kinds at once, whose slowdowns multiply, on top of a `lasting` slowdown.

    Of spells that are too many or too short for some work, the mean pace counts, as in `SlowSpells`.
    """

    __slots__ = ("_lasting", "_others", "_sources")

    def __init__(self, lasting: float, sources: Sequence[SlowSpells]) -> None:
        self._lasting = lasting
        self._sources = sources
        whole = lasting
        for source in sources:
            whole *= source.mean_slowdown
        self._others = [whole / source.mean_slowdown for source in sources]

    def advance(self, start: float, work: float) -> tuple[float, float]:
        constant, counted = self._lasting, []
        for source, others in zip(self._sources, self._others, strict=True):
            if source.is_fine(start, work * others):
                constant *= source.mean_slowdown
            else:
                source.forget(start)
                counted.append(source)
        if not counted:
            return start + work * constant, 0.0
        places = [0] * len(counted)
        now, left = start, work
        for _ in range(_AT_ONCE):
            spells = [source.spell(place) for source, place in zip(counted, places, strict=True)]
            until, slowdown = inf, constant
            for end, factor in spells:
                until = min(until, end)
                slowdown *= factor
            stretched = left * slowdown
            if stretched <= until - now:
                return now + stretched, 0.0
            left -= (until - now) / slowdown
            now = until
            places = [place + (end <= until) for place, (end, _) in zip(places, spells, strict=True)]
        return now, left

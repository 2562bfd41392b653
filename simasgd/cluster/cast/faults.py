"""Learners that crash and rejoin."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, NamedTuple, final

from simpy import Environment, Event, Interrupt
from simpy.events import Timeout

from simasgd import exact
from simasgd.cluster.cast.leaving import LeaveTimes
from simasgd.cluster.cast.worker import AbstractWorker
from simasgd.cluster.clock.events import after, first_of
from simasgd.laws import Exponential
from simasgd.scenario.cluster.faults import Faults, RandomCrashes

_FOREVER = float("inf")
MakeRole = Callable[[], Generator[Any, Any, None]]


class Outage(NamedTuple):
    """The times (s) of a crash and of the return; the return is infinite if the learner never comes back."""

    crash: float
    back: float
    is_late: bool = False
    """Whether the learner is not there when the run begins, so that its role does not start."""


def draw_outages(faults: Faults, seed: int, learner: int) -> Iterator[Outage]:
    """Return the outages of one learner, in order."""
    if isinstance(faults.crashes, RandomCrashes):
        return _draw_random_outages(faults.crashes, seed, learner)
    mine = sorted(outage for outage in faults.outages if outage.learner == learner)
    late = any(absence.learner == learner and absence.since == 0.0 for absence in faults.absences)
    return iter([Outage(outage.since, outage.until, late and outage.since == 0.0) for outage in mine])


def _draw_random_outages(crashes: RandomCrashes, seed: int, learner: int) -> Iterator[Outage]:
    factors = Exponential().factors(exact.stream(seed, exact.Purpose.CRASH, learner))
    back = 0.0
    for up, down in zip(factors, factors, strict=False):
        crash = back + crashes.mtbf * up
        back = crash + crashes.mttr * down
        yield Outage(crash, back)


@final
@dataclass
class CrashRecord:
    """Counts of the crashes so far, the learners that are down, and since when (s)."""

    crashes: int = 0
    rejoins: int = 0
    down_seconds: float = 0.0
    down_since: dict[int, float] = field(default_factory=dict)
    for_good: set[int] = field(default_factory=set)

    def down_until(self, now: float) -> float:
        """Return the learner-seconds spent down before `now` (s)."""
        return self.down_seconds + sum(now - since for since in self.down_since.values())


def run_with_crashes(
    env: Environment,
    learner: AbstractWorker,
    threads: Sequence[MakeRole],
    when: Iterator[Outage],
    crash_record: CrashRecord,
    leavings: LeaveTimes | None = None,
) -> Generator[Event, Any, None]:
    """Run a learner's threads, interrupted by its outages; after each outage they start anew.

    With `leavings`, a learner whose work ends with its trace is away for good, as after a crash.
    """
    for crash, back, is_late in chain(when, repeat(Outage(_FOREVER, _FOREVER))):
        running = [] if is_late else [env.process(_until_interrupted(thread())) for thread in threads]
        if crash == _FOREVER and leavings is None:
            return
        wait = max(0.0, crash - env.now)  # rounding may put the crash before the return
        yield Timeout(env, wait) if leavings is None or is_late else first_of(env, after(env, env.now, wait), running[0])
        for process in running:
            if process.is_alive:
                process.interrupt()
        learner.crash()
        if leavings is not None and learner.number in leavings.at:
            return
        crash_record.crashes += 1
        crash_record.down_since[learner.number] = env.now
        if back == _FOREVER:
            crash_record.for_good.add(learner.number)
            return
        yield Timeout(env, back - env.now)
        crash_record.down_seconds += env.now - crash_record.down_since.pop(learner.number)
        crash_record.rejoins += 1
        learner.rejoin()


def _until_interrupted(thread: Generator[Any, Any, None]) -> Generator[Any, Any, None]:
    try:
        yield from thread
    except Interrupt:
        return  # Learner.crash gives up all that the thread held

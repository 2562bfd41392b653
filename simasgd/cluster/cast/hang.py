"""Why a run ended before its stop."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from simasgd.cluster.cast.faults import CrashRecord
from simasgd.cluster.cast.leaving import LeaveTimes
from simasgd.cluster.cast.monitor import Ending, Idle, Stuck

_MOST_NAMED = 5


@dataclass(frozen=True)
class Hang:
    """The time (s) of the last update, 0 if there was none, and the reason why nothing followed."""

    at: float
    reason: str


@dataclass(frozen=True)
class EndState:
    """The state of a run at its end.

    `last` is the time of the last update (s), `now` the present (s) and `applied` the number of
    applied gradients. `computing` are the learners that were computing, and `troubles` counts each
    kind of trouble. `waiting` says who waits in which verb, if that is known.
    """

    last: float
    now: float
    applied: int
    crash_record: CrashRecord
    leavings: LeaveTimes
    computing: Collection[int]
    troubles: dict[str, int]
    waiting: str = ""


def explain_hang(end: Ending, state: EndState) -> Hang | None:
    """Return the explanation of a hang; None for a run that reached its stop."""
    if end is None:
        return None
    return Hang(state.last, _idle(state) if isinstance(end, Idle) else _stuck(end, state))


def _idle(state: EndState) -> str:
    waiting = f" ({state.waiting})" if state.waiting else ""
    gone = _gone(state)
    if gone:
        return f"all participants wait for ever{waiting}{gone}"
    if state.computing:
        return f"all participants wait for ever for mini-batches that never end: {_named(state.computing)}"
    never = "no learner has crashed: the protocol waits for an event that cannot happen"
    return f"all participants wait for ever, and {never}{waiting}"


def _stuck(end: Stuck, state: EndState) -> str:
    if end.since == state.now:
        gradients = f"{state.applied:,} gradients were applied" if state.applied else "no gradient was applied"
        return f"the clock stands still at {state.now:.6g} s: {end.events:,} events took no time; {gradients}"
    counts = [f"{number:,} {name}" for name, number in state.troubles.items() if number]
    seen = f" (in the whole run: {', '.join(counts)})" if counts else ""
    spent = f"{end.events:,} events and {state.now - end.since:.6g} s of simulated time"
    return f"the run makes no progress: no gradient in {spent}{seen}{_gone(state)}"


def _gone(state: EndState) -> str:
    """Return clauses about the learners that are gone for good."""
    record = state.crash_record
    crashed = {number: record.down_since[number] for number in record.for_good}
    clauses = ""
    if crashed:
        clauses = f"; these learners crashed for good: {_dated(crashed)}"
    if state.leavings.at:
        clauses += f"; the traces of these learners ended: {_dated(state.leavings.at)}"
    return clauses


def _dated(since: Mapping[int, float]) -> str:
    gone = sorted(since)
    named = ", ".join(f"{number} (at {since[number]:.6g} s)" for number in gone[:_MOST_NAMED])
    return named + (f" and {len(gone) - _MOST_NAMED} more" if len(gone) > _MOST_NAMED else "")


def _named(learners: Collection[int]) -> str:
    some = sorted(learners)[:_MOST_NAMED]
    more = f" and {len(learners) - _MOST_NAMED} more" if len(learners) > _MOST_NAMED else ""
    return f"learner{'s' if len(learners) > 1 else ''} {', '.join(map(str, some))}{more}"

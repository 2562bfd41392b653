"""Collective operations with costs computed at once, where every message has a path of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, final

import numpy as np
from simpy import Environment, Event

from simasgd.cluster.clock.activity import Activity, ActivityLog, AnyActivity, CostActivity
from simasgd.cluster.clock.trail import START, Trail, add_copy, add_launch, add_push
from simasgd.cluster.collectives.at_once import AbstractAtOnce
from simasgd.cluster.collectives.costly import OperationCosts
from simasgd.cluster.collectives.joins import NEVER, Entry, Join
from simasgd.cluster.collectives.lockstep import message_seconds
from simasgd.cluster.collectives.operations import Done, OnFirst
from simasgd.cluster.collectives.patterns import Round, Rounds, distinct_rounds
from simasgd.cluster.network.network import PrivatePath
from simasgd.tape.arrays import Floats, Ints

_COPY, _LAUNCH, _PUSH, _WAIT = CostActivity.COPY, CostActivity.LAUNCH, Activity.PUSH, Activity.WAIT


class _Front(NamedTuple):
    """The progress of all ranks: (p,) times (s), numbers of their causes, and seconds of copies and starts since these."""

    times: Floats
    causes: Ints
    copied: Floats
    launched: Floats

    def replaced(self, ranks: Ints, other: _Front) -> _Front:
        """Return this front with the progress `other` of some ranks."""
        made = _Front(self.times.copy(), self.causes.copy(), self.copied.copy(), self.launched.copy())
        for column, values in zip(made, other, strict=True):
            column[ranks] = values
        return made

    def of(self, ranks: Ints) -> _Front:
        """Return the progress of some ranks."""
        return _Front(self.times[ranks], self.causes[ranks], self.copied[ranks], self.launched[ranks])

    def copies(self, seconds: Floats) -> _Front:
        """Return the front after copies of `seconds`."""
        return self._replace(times=self.times + seconds, copied=self.copied + seconds)


def _later(one: _Front, other: _Front) -> _Front:
    """Return the later of two fronts, rank by rank; `other` where both are equal."""
    is_later = one.times > other.times
    return _Front(
        np.where(is_later, one.times, other.times),
        np.where(is_later, one.causes, other.causes),
        np.where(is_later, one.copied, other.copied),
        np.where(is_later, one.launched, other.launched),
    )


class _Cause(NamedTuple):
    """A time (s) and its trail; from then on the trail consists of messages, copies and starts."""

    time: float
    trail: Trail

    def trail_at(self, time: float, copied: float, launched: float) -> Trail:
        messages = max(0.0, time - self.time - copied - launched)  # rounding may leave less than nothing
        return add_copy(add_launch(add_push(self.trail, messages), launched), copied)


@final
class _Spans:
    """What the ranks spend on copies and starts in one join: sums, and all spans if the run has a time line.

    `waiting` holds the part of it before `started` (s), when the last rank is there; the rest comes later.
    """

    def __init__(self, ranks: int, started: float, *, keeps_all: bool) -> None:
        self.started = started
        self.copied, self.launched, self.waiting = np.zeros(ranks), np.zeros(ranks), np.zeros(ranks)
        self._each: list[tuple[CostActivity, Ints, Floats, Floats]] | None = [] if keeps_all else None

    def add(self, activity: CostActivity, ranks: Ints, start: Floats, seconds: Floats) -> None:
        """Add a span of each of some ranks."""
        total = self.copied if activity is _COPY else self.launched
        total[ranks] += seconds
        self.waiting[ranks] += np.clip(self.started - start, 0.0, seconds)
        if self._each is not None:
            self._each.append((activity, ranks, start, start + seconds))

    def enter(self, log: ActivityLog, rank: int, since: float, until: float) -> None:
        """Enter into the log of a rank, which has been waiting since `since` (s), what it did until `until`."""
        changes: list[tuple[float, AnyActivity]] = []
        if self._each is None:
            at = max(since, self.started - float(self.waiting[rank]))
            launched, copied = float(self.launched[rank]), float(self.copied[rank])
            changes += [(at, _LAUNCH), (at + launched, _COPY), (at + launched + copied, _PUSH)]
        else:
            changes.append((self.started, _PUSH))
            for activity, ranks, start, end in self._each:
                for place in np.flatnonzero(ranks == rank).tolist():
                    after = _WAIT if end[place] < self.started else _PUSH
                    changes += [(float(start[place]), activity), (float(end[place]), after)]
            changes = _without_switch_within(sorted(changes, key=lambda change: change[0]), self.started)
        for at, begun in changes:
            log.begin(begun, min(max(at, since), until))


def _without_switch_within(changes: list[tuple[float, AnyActivity]], started: float) -> list[tuple[float, AnyActivity]]:
    """Leave out the change to pushing at `started` (s) if it falls into a copy or a start."""
    kept: list[tuple[float, AnyActivity]] = []
    for change in changes:
        is_switch = change == (started, _PUSH)
        if is_switch and kept and isinstance(kept[-1][1], CostActivity):
            continue
        kept.append(change)
    return kept


@final
class CostlyLockstep(AbstractAtOnce):
    """One operation a join, computed when the last rank has its input. Its times are those of `CostlyOperations`.

    The logs are written when a rank has finished.
    """

    keeps_logs = True

    def __init__(
        self,
        env: Environment,
        rounds: Rounds,
        paths: Mapping[tuple[int, int], PrivatePath],
        size: float,
        on_first: OnFirst,
        costs: OperationCosts,
    ) -> None:
        ranks = len(costs.logs)
        super().__init__(env, ranks, sum(size * float(messages.share.sum()) for messages in rounds), on_first)
        self._rounds = rounds
        self._starts, self._logs = costs.starts, costs.logs
        distinct = distinct_rounds(rounds)
        self._seconds = {id(messages): message_seconds(messages, paths, size) for messages in distinct}
        per_message, per_byte = costs.costs.copy_seconds(0.0), 1.0 / costs.costs.copy_bandwidth
        self._copies = {id(messages): per_message + messages.share * size * per_byte for messages in distinct}
        self._takes_part = np.zeros(ranks, bool)
        for messages in distinct:
            self._takes_part[messages.source] = self._takes_part[messages.target] = True
        self._last = [_Cause(NEVER, START)] * ranks  # when each rank finished the last join
        self._spans: dict[int, _Spans] = {}  # by join, while some rank has not finished it

    def _leave(self, join: Join, rank: int, finished: Event) -> None:
        done: Any = finished.value
        self._spans[join.number].enter(self._logs[rank], rank, self._latest[rank].ready[0], self._env.now)
        if join.left == 1:
            del self._spans[join.number]
        self._joins.leave(join, done.trail)

    def _finish(self, join: Join, entries: Sequence[Entry]) -> None:
        front = self._end(join, entries)
        now = self._env.now
        rests = front.times - now
        ends = []
        for end, cause, copied, launched in zip(*(column.tolist() for column in front), strict=True):
            because = self._last[-1 - cause] if cause < 0 else _Cause(entries[cause].ready[0], entries[cause].trail_at_ready(0))
            ends.append(_Cause(end, because.trail_at(end, copied, launched)))
        self._last = ends
        for rank in np.argsort(rests, kind="stable").tolist():
            entries[rank].finished.fire_later(float(rests[rank]), Done(ends[rank].trail, join.started))

    def _end(self, join: Join, entries: Sequence[Entry]) -> _Front:
        """Compute when the ranks finish the join. Cause i: rank i was ready. Cause −1 − i: it finished the last join."""
        ranks = np.arange(len(entries))
        nothing = np.zeros(len(entries))
        last = _Front(np.array([last.time for last in self._last]), -1 - ranks, nothing, nothing)
        front = _later(last, _Front(np.array([entry.ready[0] for entry in entries]), ranks, nothing, nothing))
        join.started = float(front.times.max())
        spans = self._spans[join.number] = _Spans(len(entries), join.started, keeps_all=self._logs[0].keeps_spans)
        if any(times is not None for times in self._starts) and self._takes_part.any():
            launched = np.array([next(times) if times is not None else 0.0 for times in self._starts]) * self._takes_part
            spans.add(_LAUNCH, ranks, front.times, launched)
            front = front._replace(times=front.times + launched, launched=launched)
        for messages in self._rounds:
            front = _advance(front, messages, self._seconds[id(messages)], self._copies[id(messages)], spans)
        return front


def _advance(front: _Front, messages: Round, seconds: Floats, copies: Floats, spans: _Spans) -> _Front:
    """Advance the front by a round whose messages, shape (M,), take `seconds`, and a copy of `copies` at either end."""
    source, target, _ = messages
    spans.add(_COPY, source, front.times[source], copies)
    sent = front.of(source).copies(copies)
    own = front.replaced(source, sent)
    began = _later(front.of(target), sent)
    arrived = began._replace(times=began.times + seconds)
    received = _later(arrived, own.of(target))
    spans.add(_COPY, target, received.times, copies)
    after = own.replaced(target, received.copies(copies))
    return after.replaced(source, _later(arrived, after.of(source)))

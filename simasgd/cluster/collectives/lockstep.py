"""Collective operations computed at once, where every message has a path of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, final

import numpy as np
from simpy import Environment, Event

from simasgd.cluster.clock.trail import START, Trail, add_push
from simasgd.cluster.collectives.at_once import AbstractAtOnce
from simasgd.cluster.collectives.joins import NEVER, Entry, Join
from simasgd.cluster.collectives.operations import Done, OnFirst
from simasgd.cluster.collectives.patterns import Round, Rounds, distinct_rounds
from simasgd.cluster.network.network import PrivatePath
from simasgd.tape.arrays import Floats, Ints


class _Front(NamedTuple):
    """The progress of all ranks at one place in the order of rounds: (p,) times (s), and (p,) numbers of their causes."""

    times: Floats
    causes: Ints


class _Cause(NamedTuple):
    """A time (s) and its trail; from then on the trail consists of messages only."""

    time: float
    trail: Trail

    def trail_at(self, time: float) -> Trail:
        return add_push(self.trail, time - self.time)


@final
class Lockstep(AbstractAtOnce):
    """All rounds of a join at once, computed when the last rank has its last input.

    Every message has a path of its own and takes its c seconds. So a message from i to j arrives at
    max(tᵢ, tⱼ) + c, and a rank reaches the next round at the latest of its arrivals.

    The result is that of `MessagePassing`, with two differences. Ranks that finish at the same
    instant finish in the order of their numbers. The bytes of a join count as sent and received
    when the first rank finishes it.
    """

    def __init__(
        self,
        env: Environment,
        ranks: int,
        rounds: Rounds,
        paths: Mapping[tuple[int, int], PrivatePath],
        sizes: Sequence[float],
        on_first: OnFirst,
    ) -> None:
        bytes_of_join = sum(size * float(messages.share.sum()) for size in sizes for messages in rounds)
        super().__init__(env, ranks, bytes_of_join, on_first)
        self._rounds = rounds
        distinct = distinct_rounds(rounds)
        self._seconds = [{id(messages): message_seconds(messages, paths, size) for messages in distinct} for size in sizes]
        self._last = [_Cause(NEVER, START)] * ranks  # when each rank finished the last join

    def _leave(self, join: Join, rank: int, finished: Event) -> None:
        done: Any = finished.value
        self._joins.leave(join, done.trail)

    def _finish(self, join: Join, entries: Sequence[Entry]) -> None:
        front = self._end(join, entries)
        now = self._env.now
        rests = front.times - now
        causes = {number: self._cause(number, entries) for number in set(front.causes.tolist())}
        ends = zip((now + rests).tolist(), front.causes.tolist(), strict=True)
        self._last = [_Cause(end, causes[cause].trail_at(end)) for end, cause in ends]
        for rank in np.argsort(rests, kind="stable").tolist():
            entries[rank].finished.fire_later(float(rests[rank]), Done(self._last[rank].trail, join.started))

    def _end(self, join: Join, entries: Sequence[Entry]) -> _Front:
        """Compute when the ranks finish the join, and the causes.

        Cause b·p + i: rank i was ready for operation b. Cause −1 − i: rank i finished the last
        join.
        """
        ranks = np.arange(len(entries))
        ready = np.array([entry.ready for entry in entries])
        front = _Front(np.array([last.time for last in self._last]), -1 - ranks)
        for operation, seconds in enumerate(self._seconds):
            inputs = ready[:, operation]
            causes = np.where(inputs >= front.times, operation * len(ranks) + ranks, front.causes)
            front = _Front(np.maximum(inputs, front.times), causes)
            join.started = float(front.times.max())
            for messages in self._rounds:
                front = _advance(front, messages, seconds[id(messages)])
        return front

    def _cause(self, number: int, entries: Sequence[Entry]) -> _Cause:
        if number < 0:
            return self._last[-1 - number]
        operation, rank = divmod(number, len(entries))
        return _Cause(entries[rank].ready[operation], entries[rank].trail_at_ready(operation))


def _advance(front: _Front, messages: Round, seconds: Floats) -> _Front:
    """Advance the front by a round whose messages take `seconds`, shape (M,)."""
    (source, target, _), (times, causes) = messages, front
    at_source, at_target = times[source], times[target]
    arrivals = np.maximum(at_source, at_target) + seconds
    because = np.where(at_target > at_source, causes[target], causes[source])
    times, causes = times.copy(), causes.copy()
    times[source], causes[source] = arrivals, because
    later = arrivals > times[target]
    times[target[later]], causes[target[later]] = arrivals[later], because[later]
    return _Front(times, causes)


def message_seconds(messages: Round, paths: Mapping[tuple[int, int], PrivatePath], size: float) -> Floats:
    """Compute the durations (s) of a round's messages, shape (M,)."""
    pairs = zip(messages.source.tolist(), messages.target.tolist(), strict=True)
    overhead, bandwidth, latency = np.array([paths[pair] for pair in pairs]).T
    seconds: Floats = overhead + messages.share * size / bandwidth + latency
    return seconds

"""Carrying out collective operations among p ranks, each of which comes to them when it is ready.

A rank does one operation after another, and the rounds of an operation one after another. A message starts when *both* its ends
have come to its round: the receiver has to have a place for it (a rendezvous, as MPI does it with large messages, and NCCL
because its buffers are bounded). A rank comes to the next round when its messages of this one, out and in, have arrived. So no
rank ever has two messages under way in one direction, and ranks may be several rounds apart.

A *join* is one call for all the operations (the buckets of a gradient, say) that follow each other in the same order again and
again; a rank may join again before it has finished. Every operation leaves each rank with something from all others, so nobody
finishes a join before the last rank has come to its last operation.

When the inputs of the first operations will be there, a rank says ahead. That of the last is there when the rank says so, and
not at a time that was foreseen: who finishes a join comes after all that its ranks did before they gave their last input, even
if that took no time, or less than a clock can show that has gone far.
"""

from __future__ import annotations

import abc
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, final

import numpy as np
from simpy import Environment, Event

from simasgd.cluster.clock.events import Signal, after
from simasgd.cluster.clock.trail import START, Extend, Trail, add_compute, add_push
from simasgd.cluster.collectives.patterns import Round, Rounds
from simasgd.cluster.network.network import Endpoint, Network, PrivatePath
from simasgd.cluster.network.routes import AbstractRoute, ByteCounts
from simasgd.tape import Floats, Ints

OnFirst = Callable[[int, Trail], None]
"""Is told the number of a join and the trail of this instant, at which the first rank has finished it."""
_NEVER = float("-inf")
_NOBODY = -1


class Done(NamedTuple):
    """What a rank's signal says when the rank has finished a join."""

    trail: Trail
    """Of that instant."""
    started: float
    """(s) when the last rank had come to the last operation: before that one waits, after it messages move."""


class AbstractCollective(abc.ABC):
    """The operations of one group of ranks."""

    @abc.abstractmethod
    def join(self, rank: int, trail: Trail) -> Signal:
        """A rank's next join; `trail` is that of this instant, and the rank computes from now on until its inputs are there.
        The signal happens when the rank has finished, and its value is `Done`."""

    @abc.abstractmethod
    def foresee(self, rank: int, times: Sequence[float]) -> None:
        """The inputs of the next operations in the rank's latest join will be there at these times (s), none before now."""

    @abc.abstractmethod
    def provide(self, rank: int) -> None:
        """The input of the last operation in the rank's latest join is there."""


def collective(
    env: Environment, network: Network, ends: Sequence[Endpoint], rounds: Rounds, sizes: Sequence[float], on_first: OnFirst
) -> AbstractCollective:
    """Operations on payloads of `sizes` (bytes), one after another, among ranks at these ends: computed at once where all
    messages go over ways of their own, and else message by message."""
    ways = _private_ways(network, ends, rounds)
    if ways is None:
        return Messages(env, network, ends, rounds, sizes, on_first)
    lockstep = Lockstep(env, len(ends), rounds, ways, sizes, on_first)
    network.count_bytes_of(lockstep)
    return lockstep


def _private_ways(network: Network, ends: Sequence[Endpoint], rounds: Rounds) -> dict[tuple[int, int], PrivatePath] | None:
    """The ways of all messages, by source and target, if nobody else's messages go there."""
    found: dict[tuple[int, int], PrivatePath] = {}
    for one in _distinct(rounds):
        for pair in zip(one.source.tolist(), one.target.tolist(), strict=True):
            if pair in found:
                continue
            way = network.private_path(ends[pair[0]], ends[pair[1]])
            if way is None:
                return None
            found[pair] = way
    return found


def _distinct(rounds: Rounds) -> Iterable[Round]:
    """Each round once that is repeated as the same object: a ring of p has 2(p − 1) times the same p messages."""
    return {id(one): one for one in rounds}.values()


@final
class _Join:
    """What the ranks have in common in their n-th join."""

    __slots__ = ("left", "number", "started")

    def __init__(self, number: int, ranks: int) -> None:
        self.number = number
        self.left = ranks  # that have not finished it
        self.started = _NEVER


class _Entry(NamedTuple):
    """A rank's part in a join that `began` (s), with the times (s) at which its inputs are there, as far as they are known."""

    join: _Join
    began: float
    ready: list[float]
    trail: Trail
    finished: Signal

    def trail_at_ready(self, operation: int) -> Trail:
        return add_compute(self.trail, self.ready[operation] - self.began)


@final
class _Joins:
    """The joins that some rank has still to finish."""

    def __init__(self, ranks: int, on_first: OnFirst) -> None:
        self._ranks = ranks
        self._on_first = on_first
        self._entered = [0] * ranks
        self._open: dict[int, _Join] = {}

    def enter(self, rank: int) -> _Join:
        """The rank's next join."""
        number = self._entered[rank]
        self._entered[rank] += 1
        if number not in self._open:
            self._open[number] = _Join(number, self._ranks)
        return self._open[number]

    def leave(self, join: _Join, trail: Trail) -> None:
        """Some rank finishes the join now."""
        if join.left == self._ranks:
            self._on_first(join.number, trail)
        join.left -= 1
        if not join.left:
            del self._open[join.number]


@final
class _Rank:
    """How far a rank of `Messages` has come."""

    __slots__ = ("entries", "number", "operation", "pending", "position", "round", "trail", "waits")

    def __init__(self, number: int) -> None:
        self.number = number
        self.entries: deque[_Entry] = deque()  # the joins that it has not finished; it is busy with the first
        self.operation = 0  # of the first
        self.round = -1  # of the operation
        self.position = -1  # the same counted from the beginning of the run, to see whether two are at one place
        self.pending = 0  # messages of the round that have not arrived
        self.waits = False  # for an input, and does not know until when
        self.trail = START  # of the last thing that happened to it


@final
class _Channel:
    """Carries the messages of one size from one rank to another. `deliver` is called with it when one arrives later than it
    was sent."""

    __slots__ = ("_deliver", "_env", "_route", "_start", "source", "target")

    def __init__(
        self, env: Environment, route: AbstractRoute, source: _Rank, target: _Rank, deliver: Callable[[_Channel, Trail], None]
    ) -> None:
        self.source = source
        self.target = target
        self._env = env
        self._route = route
        self._deliver = deliver
        self._start = 0.0

    def send(self, trail: Trail) -> bool:
        """Send a message now; whether it has arrived already."""
        self._start, arrival = self._route.send(self._env.now, trail)
        if arrival is None:
            self._route.receive(self._start)
            return True
        arrival.callbacks.append(self._arrive)
        return False

    def _arrive(self, arrival: Event) -> None:
        self._route.receive(self._start)
        trail: Any = arrival.value
        self._deliver(self, trail)


@final
class _Stage:
    """A round of one operation: to whom each rank sends, from whom it receives (or _NOBODY), and by sender the messages' sizes
    (bytes) and the channels, which are made when the first message goes there."""

    __slots__ = ("channels", "sizes", "sources", "targets")

    def __init__(self, one: Round, ranks: int, size: float) -> None:
        self.targets: list[int] = _scattered(one.source, one.target, ranks)
        self.sources: list[int] = _scattered(one.target, one.source, ranks)
        self.sizes: dict[int, float] = dict(zip(one.source.tolist(), (one.share * size).tolist(), strict=True))
        self.channels: list[_Channel | None] = [None] * ranks


def _scattered(places: Ints, values: Ints, ranks: int) -> list[int]:
    everywhere = np.full(ranks, _NOBODY)
    everywhere[places] = values
    found: list[int] = everywhere.tolist()
    return found


@final
class Messages(AbstractCollective):
    """Message by message over the routes of a network, whatever else is sent there.

    The later of a message's two ends starts it, so its trail continues that end's; and a rank comes to its next round with the
    trail of the arrival that it waited for.
    """

    def __init__(
        self,
        env: Environment,
        network: Network,
        ends: Sequence[Endpoint],
        rounds: Rounds,
        sizes: Sequence[float],
        on_first: OnFirst,
        extend: Extend = add_push,
    ) -> None:
        self._env = env
        self._network = network
        self._ends = ends
        self._extend = extend
        self._joins = _Joins(len(ends), on_first)
        self._ranks = [_Rank(number) for number in range(len(ends))]
        self._channels: dict[tuple[int, int, float], _Channel] = {}
        self._stages = [_stages(rounds, len(ends), size) for size in sizes]

    def join(self, rank: int, trail: Trail) -> Signal:
        me, finished = self._ranks[rank], Signal(self._env)
        me.entries.append(_Entry(self._joins.enter(rank), self._env.now, [], trail, finished))
        me.waits = len(me.entries) == 1
        return finished

    def foresee(self, rank: int, times: Sequence[float]) -> None:
        me = self._ranks[rank]
        me.entries[-1].ready.extend(times)
        if me.waits and times:
            self._is_ready(me)

    def provide(self, rank: int) -> None:
        self.foresee(rank, [self._env.now])

    def _is_ready(self, rank: _Rank) -> bool:
        """Whether the input of the rank's operation has been there for a while; if not, it goes on by itself when it is."""
        entry, operation, now = rank.entries[0], rank.operation, self._env.now
        was_waiting, rank.waits = rank.waits, operation == len(entry.ready)
        if rank.waits:
            return False
        rest = entry.ready[operation] - now
        if rest > 0.0:
            after(self._env, rest).callbacks.append(lambda _: self._begin(rank, entry.trail_at_ready(operation)))
            return False
        entry.join.started = now  # counts in the end for the last operation of the last rank
        if was_waiting:
            self._begin(rank, entry.trail_at_ready(operation))
        return not was_waiting

    def _begin(self, rank: _Rank, trail: Trail) -> None:
        """The input is there that the rank waited for."""
        rank.trail = trail
        rank.entries[0].join.started = self._env.now
        self._go_on(deque([rank]))

    def _go_on(self, free: deque[_Rank]) -> None:
        """These ranks are free to go on, and so are those whom a message sets free that takes no time."""
        while free:
            rank = free.popleft()
            stage = self._next_stage(rank)
            if stage is not None:
                self._come(rank, stage, free)
            elif self._has_another_operation(rank) and self._is_ready(rank):
                free.append(rank)

    def _next_stage(self, rank: _Rank) -> _Stage | None:
        """The next round of the operation in which the rank has a message."""
        stages, number = self._stages[rank.operation], rank.number
        while rank.round + 1 < len(stages):
            rank.round += 1
            rank.position += 1
            stage = stages[rank.round]
            if stage.targets[number] != _NOBODY or stage.sources[number] != _NOBODY:
                return stage
        rank.round = -1
        return None

    def _come(self, rank: _Rank, stage: _Stage, free: deque[_Rank]) -> None:
        """The rank has come to a round. Its messages whose other end is there, too, start."""
        number, position, trail, ranks = rank.number, rank.position, rank.trail, self._ranks
        target, source = stage.targets[number], stage.sources[number]
        rank.pending = (target != _NOBODY) + (source != _NOBODY)
        if target != _NOBODY and ranks[target].position == position:
            self._send(stage, number, trail, free)
        if source != _NOBODY and ranks[source].position == position:
            self._send(stage, source, trail, free)

    def _send(self, stage: _Stage, source: int, trail: Trail, free: deque[_Rank]) -> None:
        channel = stage.channels[source]
        if channel is None:
            channel = stage.channels[source] = self._channel(source, stage.targets[source], stage.sizes[source])
        if channel.send(trail):
            self._arrived(channel, trail, free)

    def _channel(self, source: int, target: int, size: float) -> _Channel:
        key = source, target, size
        if key not in self._channels:
            route = self._network.make_route(self._ends[source], self._ends[target], size, self._extend, learner=source)
            self._channels[key] = _Channel(self._env, route, self._ranks[source], self._ranks[target], self._deliver)
        return self._channels[key]

    def _deliver(self, channel: _Channel, trail: Trail) -> None:
        free: deque[_Rank] = deque()
        self._arrived(channel, trail, free)
        if free:
            self._go_on(free)

    def _arrived(self, channel: _Channel, trail: Trail, free: deque[_Rank]) -> None:
        for rank in (channel.source, channel.target):
            rank.trail = trail
            rank.pending -= 1
            if not rank.pending:
                free.append(rank)

    def _has_another_operation(self, rank: _Rank) -> bool:
        """The rank has finished an operation, and perhaps a join. Whether there are more."""
        entry = rank.entries[0]
        rank.operation += 1
        if rank.operation == len(self._stages):
            rank.operation = 0
            rank.entries.popleft()
            self._joins.leave(entry.join, rank.trail)
            entry.finished.fire(Done(rank.trail, entry.join.started))
        return bool(rank.entries)


def _stages(rounds: Rounds, ranks: int, size: float) -> list[_Stage]:
    made = {id(one): _Stage(one, ranks, size) for one in _distinct(rounds)}
    return [made[id(one)] for one in rounds]


class _Front(NamedTuple):
    """How far the ranks of `Lockstep` are at the same place in the order of rounds: (p,) times (s), and (p,) the numbers of the
    causes that they go back to."""

    times: Floats
    causes: Ints


class _Cause(NamedTuple):
    """A time (s) since when a trail has been made of messages only, and the trail then."""

    time: float
    trail: Trail

    def trail_at(self, time: float) -> Trail:
        return add_push(self.trail, time - self.time)


@final
class Lockstep(AbstractCollective):
    """All rounds of a join at once, when the last rank has its last input: where every message has a way of its own and takes
    its c seconds, one from i to j arrives at max(tᵢ, tⱼ) + c, and a rank comes to the next round at the latest of its arrivals.

    What it finds is what `Messages` would; only the order of finishes at one and the same instant is that of the ranks, and
    the bytes of a join count as sent and received when the first rank finishes it.
    """

    def __init__(
        self,
        env: Environment,
        ranks: int,
        rounds: Rounds,
        ways: Mapping[tuple[int, int], PrivatePath],
        sizes: Sequence[float],
        on_first: OnFirst,
    ) -> None:
        self._env = env
        self._rounds = rounds
        self._seconds = [{id(one): _seconds(one, ways, size) for one in _distinct(rounds)} for size in sizes]
        self._bytes = sum(size * float(one.share.sum()) for size in sizes for one in rounds)  # of a join
        self._moved = 0.0
        self._joins = _Joins(ranks, self._count_first)
        self._on_first = on_first
        self._latest: dict[int, _Entry] = {}  # of each rank
        self._complete: dict[int, dict[int, _Entry]] = {}  # by join, until all have their inputs, and rank
        self._last = [_Cause(_NEVER, START)] * ranks  # when each rank finished the join before

    def counts(self) -> ByteCounts:
        return ByteCounts(self._moved, self._moved, 0.0)

    def join(self, rank: int, trail: Trail) -> Signal:
        join, finished = self._joins.enter(rank), Signal(self._env)
        # Before anybody can wait for the signal: whoever does comes after this.
        finished.callbacks.append(partial(self._leave, join))
        self._latest[rank] = _Entry(join, self._env.now, [], trail, finished)
        return finished

    def foresee(self, rank: int, times: Sequence[float]) -> None:
        self._latest[rank].ready.extend(times)

    def provide(self, rank: int) -> None:
        entry = self._latest[rank]
        entry.ready.append(self._env.now)
        entries = self._complete.setdefault(entry.join.number, {})
        entries[rank] = entry
        if len(entries) == len(self._last):
            del self._complete[entry.join.number]
            self._finish(entry.join, [entries[number] for number in range(len(entries))])

    def _leave(self, join: _Join, finished: Event) -> None:
        done: Any = finished.value
        self._joins.leave(join, done.trail)

    def _count_first(self, number: int, trail: Trail) -> None:
        self._moved += self._bytes
        self._on_first(number, trail)

    def _finish(self, join: _Join, entries: Sequence[_Entry]) -> None:
        """All have their inputs; let each rank's signal happen in time."""
        front = self._end(join, entries)
        now = self._env.now
        rests = front.times - now
        causes = {number: self._cause(number, entries) for number in set(front.causes.tolist())}
        ends = zip((now + rests).tolist(), front.causes.tolist(), strict=True)
        self._last = [_Cause(end, causes[cause].trail_at(end)) for end, cause in ends]
        for rank in np.argsort(rests, kind="stable").tolist():
            entries[rank].finished.fire_later(float(rests[rank]), Done(self._last[rank].trail, join.started))

    def _end(self, join: _Join, entries: Sequence[_Entry]) -> _Front:
        """When the ranks have finished the join, and why then: cause number b·p + i is that rank i was ready for operation b,
        and −1 − i that it finished the join before."""
        ranks = np.arange(len(entries))
        ready = np.array([entry.ready for entry in entries])
        front = _Front(np.array([last.time for last in self._last]), -1 - ranks)
        for operation, seconds in enumerate(self._seconds):
            inputs = ready[:, operation]
            causes = np.where(inputs >= front.times, operation * len(ranks) + ranks, front.causes)
            front = _Front(np.maximum(inputs, front.times), causes)
            join.started = float(front.times.max())
            for one in self._rounds:
                front = _after(front, one, seconds[id(one)])
        return front

    def _cause(self, number: int, entries: Sequence[_Entry]) -> _Cause:
        if number < 0:
            return self._last[-1 - number]
        operation, rank = divmod(number, len(entries))
        return _Cause(entries[rank].ready[operation], entries[rank].trail_at_ready(operation))


def _after(front: _Front, one: Round, seconds: Floats) -> _Front:
    """After a round of which the messages take that long (M,)."""
    (source, target, _), (times, causes) = one, front
    at_source, at_target = times[source], times[target]
    arrivals = np.maximum(at_source, at_target) + seconds
    because = np.where(at_target > at_source, causes[target], causes[source])
    times, causes = times.copy(), causes.copy()
    times[source], causes[source] = arrivals, because
    later = arrivals > times[target]
    times[target[later]], causes[target[later]] = arrivals[later], because[later]
    return _Front(times, causes)


def _seconds(one: Round, ways: Mapping[tuple[int, int], PrivatePath], size: float) -> Floats:
    """(M,) what the messages of a round take."""
    pairs = zip(one.source.tolist(), one.target.tolist(), strict=True)
    overhead, bandwidth, latency = np.array([ways[pair] for pair in pairs]).T
    seconds: Floats = overhead + one.share * size / bandwidth + latency
    return seconds

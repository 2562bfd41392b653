"""Collective operations carried out message by message over the routes of a network."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, final

from simpy import Environment, Event

from simasgd.cluster.clock.events import Signal, after
from simasgd.cluster.clock.trail import START, Extend, Trail, add_push
from simasgd.cluster.collectives.joins import Entry, Joins
from simasgd.cluster.collectives.operations import AbstractOperations, Done, OnFirst
from simasgd.cluster.collectives.patterns import Rounds
from simasgd.cluster.collectives.plans import NOBODY, RoundPlan, plan_rounds
from simasgd.cluster.network.network import Endpoint, Network
from simasgd.cluster.network.routes import AbstractRoute


@final
class _Rank:
    """The progress of a rank."""

    __slots__ = ("entries", "number", "operation", "pending", "position", "round", "trail", "waits")

    def __init__(self, number: int) -> None:
        self.number = number
        self.entries: deque[Entry] = deque()  # unfinished joins; the rank works on the first
        self.operation = 0  # of the first join
        self.round = -1  # of the operation
        self.position = -1  # rounds since the beginning of the run, to see whether two ranks are in the same round
        self.pending = 0  # messages of the round that have not arrived
        self.waits = False  # for an input whose time is not known
        self.trail = START  # of the rank's last event


@final
class _Channel:
    """Carries the messages of one size from one rank to another; calls `deliver` when one arrives later than it was sent."""

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
        """Send a message now and return whether it has arrived already."""
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


_Plan = RoundPlan[_Channel]


@final
class MessagePassing(AbstractOperations):
    """Operations whose messages go over the routes of a network and meet other traffic there.

    The later of a message's two ends starts it, so its trail continues that end's trail. A rank
    reaches its next round with the trail of the arrival that it waited for.
    """

    def __init__(
        self,
        env: Environment,
        network: Network,
        endpoints: Sequence[Endpoint],
        rounds: Rounds,
        sizes: Sequence[float],
        on_first: OnFirst,
        extend: Extend = add_push,
    ) -> None:
        self._env = env
        self._network = network
        self._endpoints = endpoints
        self._extend = extend
        self._joins = Joins(len(endpoints), on_first)
        self._ranks = [_Rank(number) for number in range(len(endpoints))]
        self._channels: dict[tuple[int, int, float], _Channel] = {}
        self._operations: list[list[_Plan]] = [plan_rounds(rounds, len(endpoints), size) for size in sizes]

    def join(self, rank: int, trail: Trail) -> Signal:
        joining, finished = self._ranks[rank], Signal(self._env)
        joining.entries.append(Entry(self._joins.enter(rank), self._env.now, [], trail, finished))
        joining.waits = len(joining.entries) == 1
        return finished

    def forecast(self, rank: int, times: Sequence[float]) -> None:
        computing = self._ranks[rank]
        computing.entries[-1].ready.extend(times)
        if computing.waits and times:
            self._is_ready(computing)

    def provide(self, rank: int) -> None:
        self.forecast(rank, [self._env.now])

    def _is_ready(self, rank: _Rank) -> bool:
        """Return whether the rank's next input was ready before; if it was not, begin the operation when it is."""
        entry, operation, now = rank.entries[0], rank.operation, self._env.now
        was_waiting, rank.waits = rank.waits, operation == len(entry.ready)
        if rank.waits:
            return False
        rest = entry.ready[operation] - now
        if rest > 0.0:
            after(self._env, now, rest).callbacks.append(lambda _: self._begin(rank, entry.trail_at_ready(operation)))
            return False
        entry.join.started = now  # the last operation of the last rank sets the final value
        if was_waiting:
            self._begin(rank, entry.trail_at_ready(operation))
        return not was_waiting

    def _begin(self, rank: _Rank, trail: Trail) -> None:
        """Begin an operation, whose input is ready now."""
        rank.trail = trail
        rank.entries[0].join.started = self._env.now
        self._continue(deque([rank]))

    def _continue(self, free: deque[_Rank]) -> None:
        """Let these ranks continue, and every rank that a message without duration sets free."""
        while free:
            rank = free.popleft()
            plan = self._next_round(rank)
            if plan is not None:
                self._enter_round(rank, plan, free)
            elif self._finish_operation(rank) and self._is_ready(rank):
                free.append(rank)

    def _next_round(self, rank: _Rank) -> _Plan | None:
        """Advance to the next round of the operation in which the rank has a message."""
        rounds, number = self._operations[rank.operation], rank.number
        while rank.round + 1 < len(rounds):
            rank.round += 1
            rank.position += 1
            plan = rounds[rank.round]
            if plan.targets[number] != NOBODY or plan.sources[number] != NOBODY:
                return plan
        rank.round = -1
        return None

    def _enter_round(self, rank: _Rank, plan: _Plan, free: deque[_Rank]) -> None:
        """Start the rank's messages of a round whose other end has reached the round, too."""
        number, position, trail, ranks = rank.number, rank.position, rank.trail, self._ranks
        target, source = plan.targets[number], plan.sources[number]
        rank.pending = (target != NOBODY) + (source != NOBODY)
        if target != NOBODY and ranks[target].position == position:
            self._send(plan, number, trail, free)
        if source != NOBODY and ranks[source].position == position:
            self._send(plan, source, trail, free)

    def _send(self, plan: _Plan, source: int, trail: Trail, free: deque[_Rank]) -> None:
        channel = plan.channels[source]
        if channel is None:
            channel = plan.channels[source] = self._channel(source, plan.targets[source], plan.sizes[source])
        if channel.send(trail):
            self._arrive(channel, trail, free)

    def _channel(self, source: int, target: int, size: float) -> _Channel:
        key = source, target, size
        if key not in self._channels:
            ends = self._endpoints[source], self._endpoints[target]
            route = self._network.make_route(*ends, size, self._extend, learner=source)
            self._channels[key] = _Channel(self._env, route, self._ranks[source], self._ranks[target], self._deliver)
        return self._channels[key]

    def _deliver(self, channel: _Channel, trail: Trail) -> None:
        free: deque[_Rank] = deque()
        self._arrive(channel, trail, free)
        if free:
            self._continue(free)

    def _arrive(self, channel: _Channel, trail: Trail, free: deque[_Rank]) -> None:
        for rank in (channel.source, channel.target):
            rank.trail = trail
            rank.pending -= 1
            if not rank.pending:
                free.append(rank)

    def _finish_operation(self, rank: _Rank) -> bool:
        """Finish the rank's operation, and its join with the last one; return whether the rank has another operation."""
        entry = rank.entries[0]
        rank.operation += 1
        if rank.operation == len(self._operations):
            rank.operation = 0
            rank.entries.popleft()
            self._joins.leave(entry.join, rank.trail)
            entry.finished.fire(Done(rank.trail, entry.join.started))
        return bool(rank.entries)

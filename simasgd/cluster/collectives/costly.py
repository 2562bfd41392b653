"""Collective operations whose start takes time, and whose messages are copied at both ends."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from typing import Any, NamedTuple, final

from simpy import Environment, Event

from simasgd.cluster.clock.activity import Activity, ActivityLog, CostActivity
from simasgd.cluster.clock.events import Signal, after
from simasgd.cluster.clock.trail import START, Extend, Trail, add_copy, add_launch, add_push
from simasgd.cluster.collectives.joins import Entry, Joins
from simasgd.cluster.collectives.operations import AbstractOperations, Done, OnFirst
from simasgd.cluster.collectives.patterns import Rounds
from simasgd.cluster.collectives.plans import NOBODY, RoundPlan, plan_rounds
from simasgd.cluster.network.network import Endpoint, Network
from simasgd.cluster.network.routes import AbstractRoute
from simasgd.scenario.cluster.costs import Costs

_Plan = RoundPlan[AbstractRoute]
_COPY, _LAUNCH, _PUSH, _WAIT = CostActivity.COPY, CostActivity.LAUNCH, Activity.PUSH, Activity.WAIT


class OperationCosts(NamedTuple):
    """The costs of collective operations, and the ranks' activity logs.

    `starts` are the times (s) that each rank takes to start its operations; None for no time.
    """

    costs: Costs
    starts: Sequence[Iterator[float] | None]
    logs: Sequence[ActivityLog]


@final
class _Rank:
    """The progress of a rank."""

    __slots__ = ("arrival", "at", "copied", "entries", "log", "news", "number", "reached", "rounds", "sent", "trail", "waits")

    def __init__(self, number: int, log: ActivityLog) -> None:
        self.number = number
        self.log = log
        self.entries: deque[Entry] = deque()  # unfinished joins; the rank works on the first
        self.news: Signal | None = None  # happens when a join begins or an input becomes known
        self.waits = False  # its thread, for the end of the join
        self.trail = START  # of the rank's last event
        self.at = 0.0  # (s) the end of its last operation
        self.rounds = 0  # of all operations so far
        self.reached = -1  # the round that the rank has reached, counted from the beginning of the run
        self.copied = -1  # the last round whose message it has copied
        self.arrival: Signal  # of the message that comes in this round
        self.sent: Signal  # the arrival of the message that goes in this round


@final
class CostlyOperations(AbstractOperations):
    """Operations with their costs. Without costs, times are those of `MessagePassing`.

    A rank takes the time of a start between its input and its first message. In a round it copies
    the message that it sends. The message starts when it is copied and its other end has reached
    the round. When a message has arrived, its receiver copies it, and reaches the next round when
    its own message has arrived, too. Ranks copy and start while their learners compute, if there
    is an input. Once its learner waits, these times are in the learner's log.
    """

    keeps_logs = True

    def __init__(
        self,
        env: Environment,
        network: Network,
        endpoints: Sequence[Endpoint],
        rounds: Rounds,
        sizes: Sequence[float],
        on_first: OnFirst,
        costs: OperationCosts,
    ) -> None:
        self._env = env
        self._network = network
        self._endpoints = endpoints
        self._starts = costs.starts
        self._costs = costs.costs
        self._joins = Joins(len(endpoints), on_first)
        self._ranks = [_Rank(number, log) for number, log in enumerate(costs.logs)]
        self._routes: dict[tuple[int, int, float], AbstractRoute] = {}
        self._operations: list[list[_Plan]] = [plan_rounds(rounds, len(endpoints), size) for size in sizes]
        self._in_last: Counter[int] = Counter()  # by join: ranks that have reached its last operation, while some have not
        self._moving = -1  # the last join whose last operation all ranks have reached
        for rank in self._ranks:
            env.process(self._run(rank))

    def join(self, rank: int, trail: Trail) -> Signal:
        joining, finished = self._ranks[rank], Signal(self._env)
        joining.entries.append(Entry(self._joins.enter(rank), self._env.now, [], trail, finished))
        _wake(joining)
        return finished

    def forecast(self, rank: int, times: Sequence[float]) -> None:
        self._ranks[rank].entries[-1].ready.extend(times)
        _wake(self._ranks[rank])

    def provide(self, rank: int) -> None:
        self._ranks[rank].waits = True
        self.forecast(rank, [self._env.now])

    def _run(self, rank: _Rank) -> Generator[Event, Any, None]:
        while True:
            while not rank.entries:
                yield self._news(rank)
            entry = rank.entries[0]
            for number, plans in enumerate(self._operations):
                yield from self._await_input(rank, entry, number)
                if number == len(self._operations) - 1:
                    self._reach_last(entry.join.number)
                entry.join.started = self._env.now
                yield from self._do(rank, plans)
                rank.at = self._env.now
            rank.entries.popleft()
            rank.waits = False
            self._joins.leave(entry.join, rank.trail)
            entry.finished.fire(Done(rank.trail, entry.join.started))

    def _await_input(self, rank: _Rank, entry: Entry, operation: int) -> Generator[Event, Any, None]:
        """Wait until the input of an operation is ready; the later of this and the last operation sets the trail."""
        while len(entry.ready) <= operation:
            yield self._news(rank)
        ready = entry.ready[operation]
        if ready >= rank.at:
            rank.trail = entry.trail_at_ready(operation)
        rest = ready - self._env.now
        if rest > 0.0:
            yield after(self._env, self._env.now, rest)

    def _news(self, rank: _Rank) -> Signal:
        rank.news = Signal(self._env)
        return rank.news

    def _reach_last(self, join: int) -> None:
        """Record that a rank reaches the last operation of a join; with the last rank, waiting ends and messages move."""
        self._in_last[join] += 1
        if self._in_last[join] == len(self._ranks):
            del self._in_last[join]
            self._moving = join
            for rank in self._ranks:
                if rank.waits and rank.log.activity is _WAIT:
                    rank.log.begin(_PUSH, self._env.now)

    def _do(self, rank: _Rank, plans: Sequence[_Plan]) -> Generator[Event, Any, None]:
        """Do a rank's part in an operation."""
        number, started, first = rank.number, False, rank.rounds
        rank.rounds += len(plans)
        for position, plan in enumerate(plans, start=first):
            if plan.targets[number] == NOBODY and plan.sources[number] == NOBODY:
                continue
            if not started:
                started = True
                yield from self._spend(rank, _LAUNCH, self._next_start(number), add_launch)
            yield from self._do_round(rank, plan, position)

    def _do_round(self, rank: _Rank, plan: _Plan, position: int) -> Generator[Event, Any, None]:
        number, ranks = rank.number, self._ranks
        target, source = plan.targets[number], plan.sources[number]
        rank.reached = position
        rank.arrival, rank.sent = Signal(self._env), Signal(self._env)
        if source != NOBODY and ranks[source].copied == position:
            self._send(plan, ranks[source], rank, rank.trail)
        if target != NOBODY:
            yield from self._copy(rank, plan.sizes[number])
            rank.copied = position
            if ranks[target].reached == position:
                self._send(plan, rank, ranks[target], rank.trail)
        if source != NOBODY:
            yield from _follow(rank, rank.arrival)
            yield from self._copy(rank, plan.sizes[source])
        if target != NOBODY:
            yield from _follow(rank, rank.sent)

    def _send(self, plan: _Plan, source: _Rank, target: _Rank, trail: Trail) -> None:
        """Send the message of a round, for which both its ends are ready now."""
        route = plan.channels[source.number]
        if route is None:
            route = plan.channels[source.number] = self._route(source.number, target.number, plan.sizes[source.number])
        start, arrival = route.send(self._env.now, trail)
        sent, received = source.sent, target.arrival
        if arrival is None:
            route.receive(start)
            sent.fire(trail)
            received.fire(trail)
            return

        def arrived(event: Event) -> None:
            route.receive(start)
            sent.call(event.value)
            received.call(event.value)

        arrival.callbacks.append(arrived)

    def _route(self, source: int, target: int, size: float) -> AbstractRoute:
        key = source, target, size
        if key not in self._routes:
            ends = self._endpoints[source], self._endpoints[target]
            self._routes[key] = self._network.make_route(*ends, size, add_push, learner=source)
        return self._routes[key]

    def _next_start(self, rank: int) -> float:
        times = self._starts[rank]
        return 0.0 if times is None else next(times)

    def _copy(self, rank: _Rank, size: float) -> Generator[Event, Any, None]:
        return self._spend(rank, _COPY, self._costs.copy_seconds(size), add_copy)

    def _spend(self, rank: _Rank, activity: CostActivity, seconds: float, extend: Extend) -> Generator[Event, Any, None]:
        """Spend `seconds` of a rank on an activity, which its log shows if its learner waits."""
        if seconds == 0.0:
            return
        if rank.waits:
            rank.log.begin(activity, self._env.now)
        yield after(self._env, self._env.now, seconds)
        rank.trail = extend(rank.trail, seconds)
        if rank.waits:
            rank.log.begin(_PUSH if rank.entries[0].join.number <= self._moving else _WAIT, self._env.now)


def _wake(rank: _Rank) -> None:
    """Let the rank look for what is new."""
    if rank.news is not None:
        news, rank.news = rank.news, None
        news.fire()


def _follow(rank: _Rank, arrival: Signal) -> Generator[Event, Any, None]:
    """Wait for an arrival; if the rank has to wait, its trail becomes that of the arrival."""
    if arrival.triggered:
        yield arrival
    else:
        rank.trail = yield arrival

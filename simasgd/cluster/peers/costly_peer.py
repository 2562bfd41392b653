"""A learner of its own model, whose steps, mixing and messages take time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, final

from simpy import Environment, Event

from simasgd.cluster.cast.backlog import Backlog, Verb
from simasgd.cluster.cast.own_work import Work, copy
from simasgd.cluster.cast.waiting import wait_for
from simasgd.cluster.clock.activity import CostActivity
from simasgd.cluster.peers.costly_messaging import CostlyMessaging, MessagingCosts, ModelCopy, mix_models
from simasgd.cluster.peers.member_messaging import only_messaging
from simasgd.cluster.peers.peer import Peer
from simasgd.cluster.peers.promises import Promise, resolve
from simasgd.protocols.verbs import Message, PeerVerbs
from simasgd.tape.mixing import Model
from simasgd.tape.tape import Gradient


@final
class CostlyPeer:
    """The verbs of a peer, with what they cost. Its protocol sees it as `PeerVerbs`.

    A step or a mixing changes the model when it is done. Until then the role has a promise of the
    new model.
    """

    def __init__(self, env: Environment, peer: Peer, shared: MessagingCosts, peers: Sequence[CostlyPeer]) -> None:
        number, log = peer.number, peer.activity_log
        self.number = number
        self._env = env
        self._shared = shared
        self.peers = peers
        self._peer = peer
        self._holder = shared.holders[number]
        self._costs = shared.costs[number]
        self._backlog = Backlog()
        self._messaging = CostlyMessaging(env, number, only_messaging(peer.messaging), log, shared, self._backlog)
        before = self._backlog.before
        self.draw = peer.draw
        copies = shared.copy_seconds > 0.0
        self.fetch = before(self._messaging.fetch if copies else peer.fetch, log)
        self.exchange = before(self._messaging.exchange if shared.answering else peer.exchange, log)
        self.send = self._messaging.send  # which does what is ordered itself
        self.average, self.hand_over = before(peer.average, log), before(peer.hand_over, log)
        self.compute = before(lambda model: peer.compute(resolve(model)), log)
        self.average_gradient = before(lambda model: peer.average_gradient(resolve(model)), log)
        self.push, self.receive = before(self._push, log), before(self._receive, log)
        self.fetch_centre = before(self._fetch_centre if copies and shared.centre else peer.fetch_centre, log)
        if peer.second_thread is not None:
            second = peer.second_thread
            second_log = peer.threads[0].activity_log
            beside = CostlyMessaging(env, number, only_messaging(second.messaging), second_log, shared, self._backlog)
            self.beside = _Beside(
                before(beside.fetch if copies else second.messaging.fetch, second_log),
                beside.send,
                before(beside.exchange if shared.answering else second.messaging.exchange, second_log),
            )
            self.handed_over = before(peer.handed_over, second_log)
        else:
            self.handed_over = peer.handed_over

    @property
    def round(self) -> int:
        """The number of the round with which the role begins."""
        return self._peer.round

    @property
    def weight(self) -> float:
        """The weight of push-sum."""
        return self._peer.weight

    @weight.setter
    def weight(self, weight: float) -> None:
        self._peer.weight = weight

    @property
    def model(self) -> Model:
        """A handle on the model x, or a promise of x as it will be when all that is ordered is done."""
        return self._promise(None, lambda: self._holder.model) if self._backlog else self._holder.model

    def step(self, gradient: Gradient, share: float = 1.0) -> None:
        """Order a step: x ← x − share·(the optimizer's update with `gradient`)."""
        work = (
            None if self._costs.step is None else partial(self._peer.work, activity=CostActivity.STEP, times=self._costs.step)
        )
        self._backlog.add(work, lambda: self._peer.step(gradient, share))

    def mix(self, theirs: Model, share: float, own_share: float | None = None) -> None:
        """Order that x ← (1 − share)·x + share·theirs; `own_share` replaces 1 − share."""
        self._backlog.add(self._mixing, lambda: self._holder.mix(resolve(theirs), share, own_share))

    def difference(self, mine: Model, theirs: Model, share: float) -> Model:
        """Order share·(mine − theirs), a model that nobody holds, and return a promise of it."""
        return self._promise(self._mixing, lambda: self._holder.difference(resolve(mine), resolve(theirs), share))

    def subtract(self, difference: Model, of: Model | None = None) -> None:
        """Order that x ← x − difference, with `of` as in `ModelHolder.subtract`."""
        whose = None if of is None else resolve(of)
        self._backlog.add(self._mixing, lambda: self._holder.subtract(resolve(difference), whose))

    def take(self) -> Iterator[Message]:
        """Take the messages that have arrived; each is copied before anything that is done with it."""
        for message in self._peer.take():
            self._backlog.add(lambda log: copy(self._env, log, self._shared.copy_seconds))
            yield message

    @property
    def _mixing(self) -> Work | None:
        return None if self._costs.mixing is None else lambda log: mix_models(self._peer, log, self._costs)

    def _promise(self, work: Work | None, make: Callable[[], Model]) -> Model:
        promise = Promise(*self._holder.model)

        def keep() -> None:
            promise.made = make()

        self._backlog.add(work, keep)
        return promise

    def _receive(self, number: int) -> Generator[Event, Any, Message]:
        message = yield from self._peer.receive(number)
        return (yield from self._messaging.take_in(message))

    def _push(self, difference: Model) -> Generator[Event, Any, None]:
        yield from self._messaging.copy(self._shared.centre_seconds)
        yield from self._peer.push(resolve(difference))

    def _fetch_centre(self, moves: int = 0) -> Generator[Event, Any, Model]:
        """Return the centre's model, once the centre has moved `moves` times and copied it."""
        assert self._shared.centre is not None
        env, log, (centre, _, down) = self._env, self._peer.activity_log, self._shared.centre[self.number]
        while (ready := centre.ready(moves)) is not None:
            yield from wait_for(env, ready, log)
        copied = centre.copy_out(log.trail)
        if copied is not None:
            yield from wait_for(env, copied, log)
        model = yield from only_messaging(self._peer.messaging).read(ModelCopy(centre.holder.model), down)
        yield from self._messaging.copy(self._shared.centre_seconds)
        return model


class _Beside(NamedTuple):
    """The messaging verbs of the second thread."""

    fetch: Verb[[PeerVerbs], Model]
    send: Callable[..., Generator[Event, Any, None]]
    exchange: Verb[[PeerVerbs, float], None]

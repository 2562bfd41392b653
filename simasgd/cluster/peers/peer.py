"""A learner that has a model of its own, or one in common with all others without a server."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Never, final

from simpy import Environment, Event

from simasgd import exact
from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.cast.own_work import AnswerThread
from simasgd.cluster.cast.worker import AbstractWorker
from simasgd.cluster.clock.activity import ActivityLog, Thread
from simasgd.cluster.network.peer_routes import PeerRoutes
from simasgd.cluster.peers.centre import CentreMessaging, CentreRoutes
from simasgd.cluster.peers.ensemble import GradientEnsemble, ModelEnsemble
from simasgd.cluster.peers.inbox import Inbox
from simasgd.cluster.peers.messaging import Messaging
from simasgd.cluster.peers.model_holder import ModelHolder
from simasgd.cluster.peers.second_thread import SecondThread
from simasgd.protocols.base import Role
from simasgd.tape.mixing import Model
from simasgd.tape.tape import Gradient, Weights

Communicate = Callable[["Peer"], Role]


@final
@dataclass(frozen=True, eq=False)
class PeerGroup:
    """All that the learners of a run share, by number; in the end also the learners themselves (`peers`).

    A learner has an activity log for its compute thread and, if `communicate` is the role of a
    second thread, one for that. `answering` are the threads that answer requests of other learners;
    there are none unless that takes time. An ensemble is None unless all learners meet to average
    its values.
    """

    holders: Sequence[ModelHolder]
    logs: Sequence[ActivityLog]
    second_logs: Sequence[ActivityLog]
    communicate: Communicate | None
    inboxes: Sequence[Inbox]
    routes: PeerRoutes
    gradients: GradientEnsemble | None
    models: ModelEnsemble | None
    centre: Sequence[CentreRoutes]
    answering: Sequence[AnswerThread]
    peers: list[Peer] = field(default_factory=list)

    def make_messaging(self, env: Environment, number: int, log: ActivityLog) -> Messaging:
        """Make the messaging of the learner's thread that has this log."""
        return Messaging(env, self.holders[number], log, self.routes, self.inboxes)


@final
class Peer(AbstractWorker):
    """Learner number `number` of the `peers`. Its protocol sees it as `PeerVerbs`.

    It consists of a model holder, an inbox and the messaging of its compute thread, and takes their
    verbs for its own.
    """

    def __init__(self, context: RunContext, group: PeerGroup, number: int) -> None:
        log = group.logs[number]
        super().__init__(context, number, log)
        self.peers: Sequence[Peer] = group.peers
        self.weight = 1.0
        self._recording = context.recording
        self._group = group
        self._holder, self._inbox = group.holders[number], group.inboxes[number]
        self.messaging = group.make_messaging(context.env, number, log)
        self._uniforms = exact.endless_uniforms(exact.stream(context.seed, exact.Purpose.PEER, number))
        self._outstanding: dict[int, int] = {}  # by mini-batch in no step yet: the changes of the model it was computed on
        self.second_thread = self._make_second_thread(group)
        self._stepping_log = log if self.second_thread is None else group.second_logs[number]
        self.mix, self.difference, self.subtract = self._holder.mix, self._holder.difference, self._holder.subtract
        self.fetch, self.send, self.exchange = self.messaging.fetch, self.messaging.send, self.messaging.exchange
        self.take, self.receive = self._inbox.take, self._inbox.receive
        if self.second_thread is not None:
            self.beside = self.second_thread.messaging
            self.hand_over, self.handed_over = self.second_thread.hand_over, self.second_thread.handed_over
        else:
            self.hand_over, self.handed_over = _refuse("hand_over", "thread"), _refuse("handed_over", "thread")
        if group.centre:
            centre = CentreMessaging(context.env, group.centre[number], number, self.messaging, log)
            self.fetch_centre, self.push = centre.fetch_centre, centre.push
        else:
            self.fetch_centre, self.push = _refuse("fetch_centre", "has_centre"), _refuse("push", "has_centre")

    # The verbs of a protocol's learner role.

    @property
    def model(self) -> Model:
        """A handle on the current model x."""
        return self._holder.model

    def compute(self, model: Model) -> Generator[Event, None, Gradient]:
        """Compute the gradient of the learner's next mini-batch on a model of its own."""
        gradient = yield from self.compute_gradient(Weights(model.number))
        self._outstanding[gradient.batch] = model.changes
        return gradient

    def step(self, gradient: Gradient, share: float = 1.0) -> None:
        """Set x ← x − share·(the optimizer's update with `gradient`)."""
        staleness = self._holder.changes - self._outstanding.pop(gradient.batch)
        self._recording.trail = self._stepping_log.trail
        self._holder.step(gradient, staleness, share)

    def draw(self, count: int) -> int:
        """Draw a uniform random number from 0 to `count` − 1."""
        return ceil(count * next(self._uniforms)) - 1

    def average(self, *, with_states: bool) -> Generator[Event, Any, None]:
        """Replace x by the mean of all learners' models; `with_states` also averages the optimizers' states."""
        if self._group.models is None:
            raise TypeError("average() needs a protocol whose `meeting` is of models")
        return self._group.models.average(self, self._holder, with_states=with_states)

    def average_gradient(self, model: Model) -> Generator[Event, Any, Model]:
        """Compute a gradient on the common `model`, average it with all learners', and return the next common model."""
        if self._group.gradients is None:
            raise TypeError("average_gradient() needs a protocol whose `meeting` is of gradients")
        return self._group.gradients.step(self, model)

    # The interface to the cast.

    @property
    def weights_elsewhere(self) -> float:
        """The sum of the push-sum weights in the messages under way from this learner and in its inbox."""
        return sum(message.weight for message in (*self.messaging.in_transit, *self._inbox.messages))

    @property
    def in_flight(self) -> int:
        return len(self._outstanding)

    @property
    def threads(self) -> Sequence[Thread]:
        second = () if self.second_thread is None else (self.second_thread.thread,)
        answering = [Thread(one.activity_log, one.run) for one in self._group.answering[self.number : self.number + 1]]
        return (*second, *answering)

    def crash(self) -> None:
        raise NotImplementedError("a scenario without a server has no crashes")

    def _make_second_thread(self, group: PeerGroup) -> SecondThread | None:
        communicate = group.communicate
        if communicate is None:
            return None
        log = group.second_logs[self.number]
        messaging = group.make_messaging(self._env, self.number, log)
        return SecondThread(self._env, messaging, self.activity_log, log, lambda: communicate(self))


def _refuse(verb: str, needed: str) -> Callable[..., Never]:
    """Return a verb that this protocol's learners do not have: a call raises TypeError."""

    def refuse(*_: object, **__: object) -> Never:
        raise TypeError(f"{verb} needs a protocol with `{needed}`")

    return refuse

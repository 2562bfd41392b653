"""A learner that has a model of its own, or one in common with all others without a server."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from math import ceil
from typing import Any, Never, final

from simpy import Event

from simasgd import exact
from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.cast.worker import AbstractWorker
from simasgd.cluster.clock.activity import ActivityLog, LifeLog, Log, Thread
from simasgd.cluster.membership.member_inbox import MemberInbox
from simasgd.cluster.peers.centre import CentreMessaging
from simasgd.cluster.peers.peer_group import PeerGroup
from simasgd.cluster.peers.second_thread import SecondThread
from simasgd.protocols.base import Role
from simasgd.tape.mixing import Model
from simasgd.tape.tape import Gradient, Weights


@final
class Peer(AbstractWorker):
    """Learner number `number` of the `peers`. Its protocol sees it as `PeerVerbs`.

    It consists of a model holder, an inbox and the messaging of its compute thread, and takes their
    verbs for its own. Each life of a learner that comes and goes has messaging of its own, so that
    what a past life began changes nothing.
    """

    def __init__(self, context: RunContext, group: PeerGroup, number: int) -> None:
        super().__init__(context, number, group.logs[number])
        self.peers: Sequence[Peer] = group.peers
        self.weight = 1.0
        self.round = 0
        self._recording = context.recording
        self._group = group
        self._holder, self._inbox = group.holders[number], group.inboxes[number]
        self._uniforms = exact.endless_uniforms(exact.stream(context.seed, exact.Purpose.PEER, number))
        self._outstanding: dict[int, int] = {}  # by mini-batch in no step yet: the changes of the model it was computed on
        self._life_logs: list[LifeLog] = []
        self._returns = False
        self._has_thread = group.communicate is not None
        self._stepping_log = group.second_logs[number] if self._has_thread else self.activity_log
        self.difference, self.subtract = self._holder.difference, self._holder.subtract
        self._begin_life()

    def _begin_life(self) -> None:
        """Make the messaging of a life, and bind its verbs."""
        group, number, env = self._group, self.number, self._env
        log, second_log = self._log_of_life(group.logs[number]), self._log_of_life(group.second_logs[number])
        self.mix = self._holder.mix
        self.messaging = group.make_messaging(env, self, log)
        self.fetch, self.send, self.exchange = self.messaging.fetch, self.messaging.send, self.messaging.exchange
        if isinstance(self._inbox, MemberInbox):
            self._inbox.log = log
        self.take, self.receive = self._inbox.take, self._inbox.receive
        self.second_thread: SecondThread | None = None
        if self._has_thread:
            self.second_thread = second = SecondThread(env, group.make_messaging(env, self, second_log), log, second_log)
            self.beside = second.messaging
            self.hand_over, self.handed_over = second.hand_over, second.handed_over
        else:
            self.hand_over, self.handed_over = _refuse("hand_over", "thread"), _refuse("handed_over", "thread")
        if group.centre:
            centre = CentreMessaging(env, group.centre[number], number, group.make_plain_messaging(env, number, log), log)
            self.fetch_centre, self.push = centre.fetch_centre, centre.push
        else:
            self.fetch_centre, self.push = _refuse("fetch_centre", "has_centre"), _refuse("push", "has_centre")

    def _log_of_life(self, log: ActivityLog) -> Log:
        if self._group.membership is None:
            return log
        self._life_logs.append(LifeLog(log))
        return self._life_logs[-1]

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
        communicate = self._group.communicate
        second = () if communicate is None else (Thread(self._stepping_log, lambda: communicate(self)),)
        answering = [Thread(one.activity_log, one.run) for one in self._group.answering[self.number : self.number + 1]]
        return (*second, *answering)

    def live(self, learn: Callable[[Peer], Role]) -> Role:
        """Run the role of a learner that may be away, after it has come back if it was."""
        if self._returns:
            yield from self._come_back()
        yield from learn(self)

    def crash(self) -> None:
        membership, group = self._group.membership, self._group
        assert membership is not None
        self.lost += len(self._outstanding)
        self._outstanding.clear()
        for life_log in self._life_logs:
            life_log.is_alive = False
        self._life_logs.clear()
        assert isinstance(self._inbox, MemberInbox)
        self._inbox.clear()
        self.mix = _ignore
        if group.attendance is not None:
            group.attendance.forget(self.number)
        if group.gradients is None:
            self._holder.lose()
        membership.leave(self.number)
        self._returns = True
        self._fall_silent()

    def rejoin(self) -> None:
        super().rejoin()
        if self._returns and not self._life_logs:
            assert self._group.membership is not None
            self._group.membership.come_back(self.number)
            self._begin_life()

    def _come_back(self) -> Role:
        """Take the model of the centre, or of the next learner that is there, by a message of its size."""
        group, number = self._group, self.number
        membership, holder = group.membership, self._holder
        assert membership is not None
        if group.attendance is not None:
            yield from group.attendance.wait_for_admission(number, self._life_logs[0])
            membership.expect(number)
        other = next(membership.others_there(number), None)
        theirs: Model | None = None
        if group.centre:
            theirs = yield from self.fetch_centre()
        elif other is not None:
            theirs = yield from group.make_plain_messaging(self._env, number, self._life_logs[0]).fetch(self.peers[other])
        if group.gradients is not None:
            holder.model = group.gradients.model
        elif theirs is None:
            holder.go_on()
        else:
            holder.take_over(theirs)
        self.weight = 1.0
        self.round = group.round_after(number, theirs)
        membership.arrive(number)


def _ignore(*_: object, **__: object) -> None:
    """Mix nothing into the model of a learner that is away."""


def _refuse(verb: str, needed: str) -> Callable[..., Never]:
    """Return a verb that this protocol's learners do not have: a call raises TypeError."""

    def refuse(*_: object, **__: object) -> Never:
        raise TypeError(f"{verb} needs a protocol with `{needed}`")

    return refuse

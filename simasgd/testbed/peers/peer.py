"""A learner without a parameter server, on a real process."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING, Any, Never, cast, final

from simasgd import exact
from simasgd.protocols.verbs import PeerVerbs, Timed
from simasgd.tape.mixing import Model
from simasgd.tape.tape import Gradient, Weights
from simasgd.testbed.learner.work import CurrentMiniBatch, LearnerWork
from simasgd.testbed.peers.ensemble import GradientMeetings, ModelMeetings
from simasgd.testbed.peers.holder import RealHolder
from simasgd.testbed.peers.inbox import RealInbox
from simasgd.testbed.peers.messaging import RealMessaging
from simasgd.testbed.peers.models import RealModel, values_of
from simasgd.testbed.peers.process_lock import ProcessLock
from simasgd.testbed.peers.second_thread import RealSecondThread
from simasgd.testbed.peers.values import AbstractValues, Reading
from simasgd.testbed.system.messages import RoleStopped

if TYPE_CHECKING:
    from simasgd.learning.models.network import Parameters
    from simasgd.learning.rules.trees import Updates


@final
class OtherPeer:
    """Another learner, of which a learner knows the number only: verbs take it as the one to send to or to fetch from."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __getattr__(self, name: str) -> Never:
        raise AttributeError(f"a learner cannot use {name!r} of learner {self.number} itself; use fetch, send or exchange")


@final
class RealPeer:
    """A learner in a process of its own. Its protocol sees it as `PeerVerbs`; its verbs block.

    It consists of a model holder, an inbox and the messaging of its compute thread, and takes their verbs for its own.
    A part that the protocol does not have is None. `computed_at` has the times (s) when mini-batches ended.
    """

    def __init__(
        self,
        number: int,
        learners: int,
        seed: int,
        gate: ProcessLock,
        work: LearnerWork,
        holder: RealHolder,
        values: AbstractValues,
        inbox: RealInbox,
        messaging: RealMessaging,
        second: RealSecondThread | None,
        models: ModelMeetings | None,
        gradients: GradientMeetings | None,
        *,
        has_centre: bool,
    ) -> None:
        self.number = number
        self.weight = 1.0
        self.round = 0
        self.peers = tuple(self if other == number else _other(other) for other in range(learners))
        self.computed_at: list[float] = []
        self.is_endless = False
        self._gate = gate
        self._work = work
        self._holder = holder
        self._values = values
        self._models, self._gradients = models, gradients
        self._uniforms = exact.endless_uniforms(exact.stream(seed, exact.Purpose.PEER, number))
        self._outstanding: dict[int, tuple[Updates, Parameters, int]] = {}  # by mini-batch in no step yet
        self.mix, self.difference, self.subtract = holder.mix, holder.difference, holder.subtract
        self.fetch, self.send, self.exchange = messaging.fetch, messaging.send, messaging.exchange
        self.take, self.receive = inbox.take, inbox.receive
        self.fetch_centre, self.push = messaging.fetch_centre, messaging.push
        if not has_centre:
            self.fetch_centre, self.push = _refuse("fetch_centre", "has_centre"), _refuse("push", "has_centre")
        self.hand_over, self.handed_over = _refuse("hand_over", "thread"), _refuse("handed_over", "thread")
        self.beside = messaging
        if second is not None:
            self.beside, self.hand_over, self.handed_over = second.messaging, second.hand_over, second.handed_over

    @property
    def model(self) -> Model:
        """A handle on the current model x."""
        return self._holder.model

    def compute(self, model: Model) -> Timed[Gradient]:
        """Compute the gradient of the learner's next mini-batch on a model of its own."""
        yield from ()
        turn = self._begin()
        values = self._values.gradient(self._work.computed, values_of(model))
        gradient = self._finish(turn, model)
        self._outstanding[gradient.batch] = (values, values_of(model), model.changes)
        return gradient

    def step(self, gradient: Gradient, share: float = 1.0) -> None:
        """Make a step: x ← x − share·(the optimizer's update with `gradient`)."""
        values, read, changes = self._outstanding.pop(gradient.batch)
        with self._gate.changed:
            self._gate.require_running()
            self._holder.step(gradient, Reading(values, read, self._holder.changes - changes), share)

    def draw(self, count: int) -> int:
        """Draw a uniform random number from 0 to `count` − 1."""
        return ceil(count * next(self._uniforms)) - 1

    def average(self, *, with_states: bool) -> Timed[None]:
        """Replace x by the mean of all models; `with_states` also averages optimizers' states."""
        yield from ()
        if self._models is None:
            raise TypeError("average() needs a protocol whose `meeting` is of models")
        self._models.average(with_states=with_states)

    def average_gradient(self, model: Model) -> Timed[Model]:
        """Compute a gradient on `model`, average it with all, and return the next common model."""
        yield from ()
        if self._gradients is None:
            raise TypeError("average_gradient() needs a protocol whose `meeting` is of gradients")
        assert isinstance(model, RealModel)
        turn = self._begin()
        part = self._gradients.part(self._work.computed, model)
        gradient = self._finish(turn, model)
        return self._gradients.step(gradient, part, model)

    def _begin(self) -> CurrentMiniBatch:
        self._gate.require_running()
        turn = self._work.begin()
        if turn.is_endless:
            self.is_endless = True
            self._gate.wait_for(lambda: False)
        return turn

    def _finish(self, turn: CurrentMiniBatch, model: Model) -> Gradient:
        if self._gate.stopped.wait(self._work.rest(turn)):
            raise RoleStopped
        gradient = self._work.finish(turn, Weights(model.number))
        self.computed_at.append(gradient.computed_at)
        return gradient


def _other(number: int) -> RealPeer:
    """Return another learner in the place of one: a role that uses it otherwise than by verbs meets an error."""
    return cast("RealPeer", OtherPeer(number))


def _refuse(verb: str, needed: str) -> Callable[..., Any]:
    """Return a verb that this protocol's learners do not have: a call raises TypeError."""

    def refuse(*_: object, **__: object) -> Never:
        raise TypeError(f"{verb} needs a protocol with `{needed}`")

    return refuse


def as_verbs(peer: RealPeer) -> PeerVerbs:
    """Return the learner as its protocol sees it; mypy checks that it fits."""
    return peer

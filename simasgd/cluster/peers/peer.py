"""A learner that has a model of its own, or one in common with all others without a server."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from math import ceil
from typing import Any, final

from simpy import Event

from simasgd import exact
from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.cast.worker import AbstractWorker, Forecast
from simasgd.cluster.clock.activity import Activity, ActivityLog, Thread
from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.trail import Trail
from simasgd.cluster.network.peer_routes import PeerRoutes
from simasgd.cluster.network.routes import AbstractRoute
from simasgd.cluster.peers.centre import Centre
from simasgd.cluster.peers.ensemble import GradientEnsemble, ModelEnsemble
from simasgd.cluster.peers.messaging import Messaging
from simasgd.cluster.peers.model_holder import AbstractModelHolder
from simasgd.protocols.base import Role
from simasgd.protocols.verbs import Message
from simasgd.tape.mixing import Model
from simasgd.tape.tape import Gradient, Weights

_WAIT = Activity.WAIT


@final
class Peer(AbstractWorker, AbstractModelHolder):
    """Learner number `number` of the `peers` as its protocol sees it.

    What it does with its model by itself takes no time: `step`, `mix`, `difference`, `subtract`. What takes time: `compute`,
    `fetch`, `send`, `receive` and `exchange`; `average` and `average_gradient` with all others; `fetch_centre` and `push`. A
    thread that talks while this one computes has `beside` for its verbs, and gets gradients by `hand_over` and `handed_over`.
    `weight` is that of push-sum.
    """

    def __init__(
        self,
        context: RunContext,
        number: int,
        activity_log: ActivityLog,
        peers: Sequence[Peer],
        holders: Sequence[AbstractModelHolder],
        routes: PeerRoutes,
    ) -> None:
        env = context.env
        AbstractWorker.__init__(self, context, number, activity_log)
        AbstractModelHolder.__init__(self, env, context.recording, number, holders)
        self.peers = peers
        self.weight = 1.0
        self._routes = routes
        messaging = Messaging(env, self, activity_log, routes)
        self.fetch, self.send, self.exchange, self._messaging = messaging.fetch, messaging.send, messaging.exchange, messaging
        self._stepping = activity_log
        self._threads: tuple[Thread, ...] = ()
        self._uniforms = exact.endless_uniforms(exact.stream(context.seed, exact.Purpose.PEER, number))
        self._outstanding: dict[int, int] = {}  # mini-batches in no step yet, and how often the model had changed when read
        self._inbox: list[Message] = []
        self._wanted: int | None = None
        self._here: Signal | None = None
        self._at_centre: tuple[Centre, AbstractRoute, AbstractRoute] | None = None
        self._gradients: GradientEnsemble | None = None
        self._models: ModelEnsemble | None = None
        self._handed: Gradient | None = None
        self._given: Signal | None = None
        self._taken: Signal | None = None

    # How the cast puts it into its place.

    def meet_in(self, ensemble: GradientEnsemble | ModelEnsemble) -> None:
        """Give it the verb of meetings."""
        if isinstance(ensemble, GradientEnsemble):
            self._gradients = ensemble
        else:
            self._models = ensemble

    def visit(self, centre: Centre, up: AbstractRoute, down: AbstractRoute) -> None:
        """Give it the ways to the centre and back."""
        self._at_centre = centre, up, down

    def talk_beside(self, activity_log: ActivityLog, run: Callable[[], Role]) -> None:
        """Give it a thread that talks."""
        self.beside = Messaging(self._env, self, activity_log, self._routes)
        self._stepping = activity_log
        self._threads = (Thread(activity_log, run),)

    # The verbs.

    def compute(self, model: Model) -> Generator[Event, None, Gradient]:
        """The gradient of this learner's next mini-batch on a model of its own."""
        gradient = yield from self._compute(Weights(model.number))
        self._outstanding[gradient.batch] = model.changes
        return gradient

    def step(self, gradient: Gradient, share: float = 1.0) -> None:
        """x ← x − share·(the optimizer's update with that gradient)."""
        staleness = self.changes - self._outstanding.pop(gradient.batch)
        self._recording.trail = self._stepping.trail
        self._step(gradient, staleness, share)

    def draw(self, count: int) -> int:
        """A number from 0 to count − 1, each as likely as any."""
        return ceil(count * next(self._uniforms)) - 1

    def average(self, *, with_states: bool) -> Generator[Event, Any, None]:
        """Replace the model by the mean of everybody's, and the optimizer's state likewise or not."""
        if self._models is None:
            raise TypeError("average wants a protocol whose `meeting` is of models")
        return self._models.average(self, with_states)

    def average_gradient(self, model: Model) -> Generator[Event, Any, Model]:
        """Compute a gradient on everybody's model; that model after a step with the mean of everybody's gradients."""
        if self._gradients is None:
            raise TypeError("average_gradient wants a protocol whose `meeting` is of gradients")
        return self._gradients.step(self, model)

    def fetch_centre(self, moves: int = 0) -> Generator[Event, Any, Model]:
        """The centre's model, when it has moved so often."""
        centre, _, down = self._visited()
        while (ready := centre.ready(moves)) is not None:
            yield from self._messaging.wait_for(ready)
        return (yield from self._messaging.read(centre, down))

    def push(self, difference: Model) -> Generator[Event, Any, None]:
        """Send a difference to the centre, as soon as the last one has arrived."""
        centre, up, _ = self._visited()
        return self._messaging.carry(up, Message(difference, self.number), centre.deliver)

    def take(self) -> Iterator[Message]:
        """The messages that have come, one after the other, in order of arrival."""
        while self._inbox:
            yield self._inbox.pop(0)

    def receive(self, number: int) -> Generator[Event, Any, Message]:
        """The message of that number, when it is here."""
        if not any(message.number == number for message in self._inbox):
            self._wanted, self._here = number, Signal(self._env)
            yield from self._messaging.wait_for(self._here)
        found = next(message for message in self._inbox if message.number == number)
        self._inbox.remove(found)
        return found

    def hand_over(self, gradient: Gradient) -> Generator[Event, Any, None]:
        """Give a gradient to the thread that talks, when it has taken the last one."""
        if self._handed is not None:
            self._taken = Signal(self._env)
            yield from self._messaging.wait_for(self._taken)
        self._handed = gradient
        if self._given is not None:
            given, self._given = self._given, None
            given.fire(self.activity_log.trail)

    def handed_over(self) -> Generator[Event, Any, Gradient]:
        """The next gradient that the compute thread gives."""
        if self._handed is None:
            self._given = Signal(self._env)
            yield from self.beside.wait_for(self._given)
        gradient, self._handed = self._handed, None
        assert gradient is not None
        if self._taken is not None:
            taken, self._taken = self._taken, None
            taken.fire(self.beside.activity_log.trail)
        return gradient

    # What the others ask of it.

    @property
    def now(self) -> float:
        """The time (s)."""
        now: float = self._env.now
        return now

    def backward(self, weights: Weights, forecast: Forecast) -> Generator[Event, None, Gradient]:
        """A gradient of which others keep account; `foresee` is told how fast its parts are made."""
        return self._compute(weights, forecast)

    def deliver(self, message: Message, trail: Trail) -> None:
        """A message arrives."""
        self._inbox.append(message)
        if self._here is not None and message.number == self._wanted:
            here, self._here = self._here, None
            here.call(trail)

    def _visited(self) -> tuple[Centre, AbstractRoute, AbstractRoute]:
        """The centre, and the ways there and back."""
        if self._at_centre is None:
            raise TypeError("fetch_centre and push want a protocol that has a centre")
        return self._at_centre

    @property
    def weights_elsewhere(self) -> float:
        """The push-sum weights of messages that have been sent, and of those that have come and were not looked at."""
        return sum(message.weight for message in (*self._messaging.messages, *self._inbox))

    @property
    def in_flight(self) -> int:
        return len(self._outstanding)

    @property
    def threads(self) -> Sequence[Thread]:
        return self._threads

    def crash(self) -> None:
        raise NotImplementedError("a scenario without a server has no crashes")

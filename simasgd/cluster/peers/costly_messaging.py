"""The messaging verbs of one thread of a learner, where copies of messages and mixing take time."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from typing import Any, NamedTuple, final

from simpy import Environment, Event

from simasgd.cluster.cast.backlog import Backlog
from simasgd.cluster.cast.own_work import AnswerThread, JobResult, copy
from simasgd.cluster.cast.worker import AbstractWorker
from simasgd.cluster.clock.activity import Activity, ActivityLog, CostActivity
from simasgd.cluster.clock.costs import LearnerCosts
from simasgd.cluster.clock.trail import add_pull, add_push
from simasgd.cluster.network.peer_routes import PeerRoutes
from simasgd.cluster.network.routes import AbstractRoute
from simasgd.cluster.peers.centre import CentreRoutes
from simasgd.cluster.peers.messaging import Messaging
from simasgd.cluster.peers.model_holder import ModelHolder
from simasgd.cluster.peers.promises import resolve
from simasgd.protocols.verbs import Message, PeerVerbs
from simasgd.tape.mixing import Model

_WAIT, _PUSH, _PULL = Activity.WAIT, Activity.PUSH, Activity.PULL


@final
class MessagingCosts(NamedTuple):
    """What all learners of a run need for their messages; sequences are by learner.

    A copy of a message takes `copy_seconds` at either end, and `centre_seconds` at a learner if it
    goes to the centre or comes from there. `centre` is None if there is no centre.
    """

    copy_seconds: float
    centre_seconds: float
    costs: Sequence[LearnerCosts]
    workers: Sequence[AbstractWorker]
    holders: Sequence[ModelHolder]
    answering: Sequence[AnswerThread]
    routes: PeerRoutes
    centre: Sequence[CentreRoutes] | None


class ModelCopy(NamedTuple):
    """A copy of a model that another holder had when it was made."""

    model: Model


@final
class CostlyMessaging:
    """The messaging verbs of the thread with `activity_log`, which makes the copies at this learner's end.

    At the other end of a fetch or an exchange, a thread of the other learner copies and mixes.
    """

    def __init__(
        self,
        env: Environment,
        number: int,
        messaging: Messaging,
        activity_log: ActivityLog,
        shared: MessagingCosts,
        backlog: Backlog,
    ) -> None:
        self._backlog = backlog
        self._env = env
        self._number = number
        self._messaging = messaging
        self._activity_log = activity_log
        self._shared = shared

    def fetch(self, source: PeerVerbs) -> Generator[Event, Any, Model]:
        """Return the model of another learner, as it is when that learner has copied it."""
        log, shared = self._activity_log, self._shared
        asked = shared.answering[source.number].ask(partial(self._copy_out, source.number), log.trail)
        snapshot = yield from self._await(asked)
        route = shared.routes.between(source.number, self._number, add_pull)
        model = yield from self._messaging.read(snapshot, route)
        yield from self.copy()
        return model

    def send(self, target: PeerVerbs, model: Model, number: int = 0, weight: float = 1.0) -> Generator[Event, Any, None]:
        """Do what is ordered, copy a message, and send it once the previous one has arrived."""
        message = Message(model, self._number, number, weight)
        self._messaging.in_transit.append(message)  # its push-sum weight is nowhere else
        yield from self._backlog.do(self._activity_log)
        yield from self.copy()
        self._messaging.in_transit.remove(message)
        yield from self._messaging.send(target, resolve(model), number, weight)

    def take_in(self, message: Message) -> Generator[Event, Any, Message]:
        """Copy a message that was received, and return it."""
        self._messaging.in_transit.append(message)  # as in `send`
        yield from self.copy()
        self._messaging.in_transit.remove(message)
        return message

    def exchange(self, other: PeerVerbs, share: float) -> Generator[Event, Any, None]:
        """Set x ← x − share·(x − y) for this learner, y ← y + share·(x − y) for `other`, as `Messaging.exchange` does.

        `other` changes y when it has copied the message and mixed the models, and then copies its
        answer.
        """
        log, shared, number = self._activity_log, self._shared, self._number
        holder = shared.holders[number]
        mine = holder.model
        yield from self.copy()
        yield from self._carry(shared.routes.between(number, other.number, add_push), _PUSH)
        asked = shared.answering[other.number].ask(partial(self._mix_there, other.number, mine, share), log.trail)
        theirs = yield from self._await(asked)
        yield from self._carry(shared.routes.between(other.number, number, add_pull), _PULL)
        yield from self.copy()
        yield from mix_models(shared.workers[number], log, shared.costs[number])
        if holder.changes == mine.changes:
            holder.mix(theirs, share)
        else:  # a third learner has exchanged with this one meanwhile
            holder.subtract(holder.difference(mine, theirs, share), theirs)

    def copy(self, seconds: float | None = None) -> Generator[Event, Any, None]:
        """Copy a message at this end, in `seconds` if it is none between learners."""
        return copy(self._env, self._activity_log, self._shared.copy_seconds if seconds is None else seconds)

    def _carry(self, route: AbstractRoute, activity: Activity) -> Generator[Event, Any, None]:
        """Send a message over that route and wait until it has arrived."""
        log, now = self._activity_log, self._env.now
        log.begin(_WAIT, now)
        start, arrival = route.send(now, log.trail)
        log.then(activity, start)
        if arrival is not None:
            log.trail = yield arrival
        log.then(activity, route.receive(start))

    def _await(self, asked: Event) -> Generator[Event, Any, Any]:
        self._activity_log.begin(_WAIT, self._env.now)
        answer: JobResult = yield asked
        self._activity_log.trail = answer.trail
        return answer.result

    def _copy_out(self, source: int, log: ActivityLog) -> Generator[Event, Any, ModelCopy]:
        yield from copy(self._env, log, self._shared.copy_seconds)
        return ModelCopy(self._shared.holders[source].model)

    def _mix_there(self, other: int, mine: Model, share: float, log: ActivityLog) -> Generator[Event, Any, Model]:
        shared = self._shared
        yield from copy(self._env, log, shared.copy_seconds)
        yield from mix_models(shared.workers[other], log, shared.costs[other])
        theirs = shared.holders[other].model
        shared.holders[other].mix(mine, share)
        yield from copy(self._env, log, shared.copy_seconds)
        return theirs


def mix_models(worker: AbstractWorker, log: ActivityLog, costs: LearnerCosts) -> Generator[Event, Any, None]:
    """Let a thread of a learner mix two models."""
    if costs.mixing is not None:
        yield from worker.work(log, CostActivity.MIX, costs.mixing)

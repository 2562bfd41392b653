"""The processes of a learner with a model of its own and of the centre: the calls that others and the driver make."""

from __future__ import annotations

import abc
import threading
from collections.abc import Callable, Sequence
from typing import Any, final

from simasgd.cluster.clock.activity import Activity
from simasgd.cluster.supervision.supervise import supervise_in_real_time
from simasgd.protocols.base import AbstractPeerProtocol, Role
from simasgd.protocols.verbs import CentreVerbs, Message, PeerVerbs
from simasgd.scenario.schema import Scenario
from simasgd.testbed.engine.abstract import Process
from simasgd.testbed.learner.activities import Activities
from simasgd.testbed.learner.work import LearnerWork
from simasgd.testbed.peers.centre import RealCentre
from simasgd.testbed.peers.ensemble import GradientMeetings, Meetings, ModelMeetings, RingPlace
from simasgd.testbed.peers.holder import RealHolder
from simasgd.testbed.peers.inbox import RealInbox
from simasgd.testbed.peers.messaging import MessageContext, RealMessaging
from simasgd.testbed.peers.models import SentModel
from simasgd.testbed.peers.operations import NewOperations, ProcessOperations
from simasgd.testbed.peers.peer import RealPeer
from simasgd.testbed.peers.process_lock import ProcessLock
from simasgd.testbed.peers.ring import Vector
from simasgd.testbed.peers.second_thread import RealSecondThread
from simasgd.testbed.peers.values import make_common_values, make_values
from simasgd.testbed.system.clock import RunClock, bounded, reading
from simasgd.testbed.system.messages import RoleStopped, Span
from simasgd.testbed.system.pacing import AbstractPacing, Lateness
from simasgd.testbed.system.parcels import Parcel
from simasgd.testbed.system.role import play


class AbstractHolderProcess(abc.ABC):
    """A holder of a model, of which other processes fetch it, and to which they send messages.

    `steps` says that the holder makes steps with gradients of its own.
    """

    def __init__(self, scenario: Scenario, number: int, *, steps: bool) -> None:
        self._scenario, self._number = scenario, number
        protocol = scenario.protocol
        assert isinstance(protocol, AbstractPeerProtocol)
        self._protocol = supervise_in_real_time(protocol)
        self._has_centre, self._thread, self._meeting = protocol.has_centre, protocol.thread, protocol.meeting
        self._learners = scenario.cluster.learners
        self._values = make_values(scenario, number if steps else None)

    # The driver's calls.

    def read_clock(self) -> float:
        """Return the reading of this machine's clock (s)."""
        return reading()

    def join(self, begin: float, processes: Sequence[Process]) -> None:
        """Meet the other processes: the learners by number, then the centre. `begin` is this clock's reading at time 0."""
        self._gate = ProcessLock(RunClock(begin))
        self._processes = processes
        self._log = ProcessOperations(self._values.start)
        holders = self._learners + self._has_centre
        self._holder = RealHolder(self._number, holders, self._values, self._gate, self._log)
        self._wire = MessageContext(self._gate, self._values, processes, self._scenario.payload)
        self._activities = Activities(max(0.0, self._gate.clock.now))
        self._inbox = RealInbox(self._gate, self._activities)
        self._make_role()

    @abc.abstractmethod
    def run(self, start: float) -> None:
        """Run the roles from `start` (s) on until they are stopped. Raises the error of a role."""

    def collect(self, merged: int) -> NewOperations:
        """Return what the process has done since the last call; the run goes on after its first `merged` operations."""
        with self._gate.changed:
            return self._collect(self._log.take(merged))

    def held(self, number: int) -> Parcel:
        """Return the model with that number, which the holder has, or had after operations that are not merged."""
        return self._values.pack(self._log.held(number))

    def stop(self) -> None:
        """End all waiting of the roles."""
        self._gate.stop()

    # The other processes' calls.

    def deliver(self, sent: SentModel, sender: int, number: int = 0, weight: float = 1.0) -> None:
        """Take in a message."""
        self._inbox.deliver(Message(self._wire.received(sent), sender, number, weight))

    @abc.abstractmethod
    def fetch(self, moves: int = 0) -> SentModel:
        """Return the holder's model, the centre's once it has moved `moves` times."""

    @abc.abstractmethod
    def _make_role(self) -> None:
        """Make what the role sees."""

    @abc.abstractmethod
    def _collect(self, operations: tuple[Any, ...]) -> NewOperations:
        """Return what the process has done, with these operations."""

    def _send(self) -> SentModel:
        self._gate.count_traffic(self._scenario.payload)
        return self._holder.send()


@final
class PeerProcess(AbstractHolderProcess):
    """A learner. `pacing` says how long mini-batches last."""

    def __init__(self, scenario: Scenario, number: int, pacing: type[AbstractPacing]) -> None:
        has_own = scenario.protocol.has_own_models
        super().__init__(scenario, number, steps=has_own)
        self._pacing = pacing
        self._common = None if has_own else make_common_values(scenario, number)

    def _make_role(self) -> None:
        scenario, number, gate, activities = self._scenario, self._number, self._gate, self._activities
        pacing = self._pacing.of(scenario, number, 0)
        self._work = LearnerWork(number, 0, pacing, gate.clock, activities)
        messaging = RealMessaging(self._wire, self._holder, activities)
        self._second: RealSecondThread | None = None
        if self._thread is not None:
            own = Activities(activities.since)
            self._second = RealSecondThread(gate, RealMessaging(self._wire, self._holder, own), activities, own)
        place = RingPlace(number, self._learners, self._processes[(number + 1) % self._learners])
        self._meetings = Meetings(place, gate, activities)
        meeting = self._meeting
        models = gradients = None
        if meeting is not None and self._common is None:
            models = ModelMeetings(self._meetings, self._holder, self._values, scenario.payload * meeting.size)
        if self._common is not None:
            gradients = GradientMeetings(self._meetings, self._common, gate, self._log)
        self._peer = RealPeer(
            number,
            self._learners,
            scenario.cluster_seed,
            gate,
            self._work,
            self._holder,
            self._values,
            self._inbox,
            messaging,
            self._second,
            models,
            gradients,
            has_centre=self._has_centre,
        )

    def run(self, start: float) -> None:
        gate, peer = self._gate, self._peer
        if gate.stopped.wait(bounded(start - gate.clock.now)):
            return
        verbs: PeerVerbs = peer
        roles = [lambda: self._protocol.learn(verbs)]
        if self._second is not None:
            roles.append(lambda: self._protocol.communicate(verbs))
        _play_all(roles, gate)
        for activities in self._threads:
            activities.begin(Activity.IDLE, gate.clock.now)

    def fetch(self, moves: int = 0) -> SentModel:
        return self._send()

    def exchange(self, sent: SentModel, share: float) -> tuple[float, SentModel]:
        """Mix in a model that arrives, and return when it arrived (s), and the model from before."""
        arrived, theirs = self._gate.clock.now, self._wire.received(sent)
        with self._gate.changed:
            self._gate.require_running()
            answer = self._send()
            self._holder.mix(theirs, share)
        return arrived, answer

    def chunk(self, meeting: int, number: int, part: Vector) -> None:
        """Take in a part of a collective operation."""
        self._meetings.deliver(meeting, number, part)

    @property
    def _threads(self) -> list[Activities]:
        return [self._activities, *([] if self._second is None else [self._second.activities])]

    def _collect(self, operations: tuple[Any, ...]) -> NewOperations:
        gate, computed_at = self._gate, self._peer.computed_at
        count = len(computed_at)
        computed = tuple(computed_at[:count])
        del computed_at[:count]
        spans = tuple(activities.take() for activities in self._threads)
        return NewOperations(
            gate.clock.now,
            operations,
            computed,
            gate.take_traffic(),
            spans,
            self._work.late,
            gate.blocked,
            self._peer.is_endless,
            gate.sent,
            gate.received,
        )


@final
class CentreProcess(AbstractHolderProcess):
    """The centre, which holds model number λ of the holders."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario, scenario.cluster.learners, steps=False)

    def _make_role(self) -> None:
        self._centre = RealCentre(self._learners, self._gate, self._holder, self._inbox)

    def run(self, start: float) -> None:
        verbs: CentreVerbs = self._centre
        _play_all([lambda: self._protocol.serve(verbs)], self._gate)

    def fetch(self, moves: int = 0) -> SentModel:
        has_waited = self._gate.wait_for(lambda: self._holder.steps >= moves)
        sent = self._send()
        return sent._replace(ready_at=self._gate.clock.now) if has_waited else sent

    def _collect(self, operations: tuple[Any, ...]) -> NewOperations:
        gate, moves = self._gate, self._centre.moves
        count = len(moves)
        spans: tuple[Span, ...] = tuple((0, *move) for move in moves[:count])
        del moves[:count]
        return NewOperations(
            gate.clock.now,
            operations,
            (),
            gate.take_traffic(),
            (spans,),
            Lateness(),
            gate.blocked,
            False,
            gate.sent,
            gate.received,
        )


def _play_all(roles: Sequence[Callable[[], Role]], gate: ProcessLock) -> None:
    """Play roles to their end, the first one in this thread; an error ends them all and is raised."""
    errors: list[BaseException] = []

    def guarded(role: Callable[[], Role]) -> None:
        try:
            play(role())
        except RoleStopped:
            return
        except Exception as error:  # noqa: BLE001 - raised below, in the thread of the call
            errors.append(error)
            gate.stop()

    first, *others = roles
    threads = [threading.Thread(target=guarded, args=(role,), daemon=True) for role in others]
    for thread in threads:
        thread.start()
    guarded(first)
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]

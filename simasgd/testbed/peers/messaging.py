"""The messages of one thread of a learner to other holders of models, as calls between processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, final

from simasgd.cluster.clock.activity import Activity
from simasgd.protocols.verbs import PeerVerbs, Timed
from simasgd.tape.mixing import Model
from simasgd.testbed.engine.abstract import Process, Reply
from simasgd.testbed.learner.activities import Activities
from simasgd.testbed.peers.holder import RealHolder
from simasgd.testbed.peers.models import RealModel, SentModel, values_of
from simasgd.testbed.peers.process_lock import ProcessLock
from simasgd.testbed.peers.values import AbstractValues

_WAIT, _PUSH, _PULL = Activity.WAIT, Activity.PUSH, Activity.PULL


class MessageContext(NamedTuple):
    """What all messages of a process need: the lock, the values, the processes of all holders, and a message's bytes."""

    gate: ProcessLock
    values: AbstractValues
    processes: Sequence[Process]
    payload: float

    def sent(self, model: Model) -> SentModel:
        """Return a model ready to be sent."""
        return SentModel(Model(*model), self.values.pack(values_of(model)))

    def received(self, sent: SentModel) -> RealModel:
        """Return a model that has arrived."""
        return RealModel.of(self.values.unpack(sent.parcel), *sent.model)


@final
class Outbox:
    """Messages of one thread that are answered with nothing. At most one is under way."""

    def __init__(self, gate: ProcessLock) -> None:
        self._gate = gate
        self._last: Reply | None = None

    def send(self, process: Process, size: float, method: str, *arguments: Any) -> None:
        """Call a method of a process without waiting for it, once the previous message has arrived."""
        self.wait()
        self._gate.require_running()
        self._gate.count_traffic(size, unanswered=True)
        self._last = process.ask(method, *arguments)

    def wait(self) -> None:
        """Wait until the previous message has arrived; raise the error that it met with."""
        if self._last is not None:
            self._last.get()
            self._last = None


@final
class RealMessaging:
    """The messaging verbs of one thread of a learner. Its protocol sees it as `MessagingVerbs`."""

    def __init__(self, wire: MessageContext, holder: RealHolder, activities: Activities) -> None:
        self._wire = wire
        self._holder = holder
        self._activities = activities
        self._gate = wire.gate
        self._outbox, self._centre_outbox = Outbox(wire.gate), Outbox(wire.gate)

    def fetch(self, source: PeerVerbs) -> Timed[Model]:
        """Return the model of the learner `source` at the time when `source` sends it."""
        yield from ()
        return self._read(source.number, "fetch")

    def send(self, target: PeerVerbs, model: Model, number: int = 0, weight: float = 1.0) -> Timed[None]:
        """Send a model to the learner `target`, once the previous message has arrived."""
        yield from ()
        self._post(self._outbox, target.number, model, number, weight)

    def exchange(self, other: PeerVerbs, share: float) -> Timed[None]:
        """Move both models closer: x ← x − share·(x − y), and y ← y + share·(x − y) for `other`.

        This learner sends x. `other` changes y at once and answers with the old y, and this learner waits for the answer.
        The sum x + y is kept, even if another learner changes x meanwhile.
        """
        yield from ()
        gate, holder, wire = self._gate, self._holder, self._wire
        gate.require_running()
        mine = holder.model
        self._activities.begin(_PUSH, gate.clock.now)
        gate.count_traffic(wire.payload)
        arrived, answer = wire.processes[other.number].call("exchange", wire.sent(mine), share)
        self._note_answer(arrived)
        theirs = wire.received(answer)
        with gate.changed:
            gate.require_running()
            if holder.changes == mine.changes:
                holder.mix(theirs, share)
            else:  # a third learner has exchanged with this one meanwhile
                holder.subtract(holder.difference(mine, theirs, share), theirs)

    def fetch_centre(self, moves: int = 0) -> Timed[Model]:
        """Return the centre's model, once the centre has moved `moves` times."""
        yield from ()
        return self._read(-1, "fetch", moves)

    def push(self, difference: Model) -> Timed[None]:
        """Send a difference to the centre, once the previous message has arrived."""
        yield from ()
        self._post(self._centre_outbox, -1, difference)

    def _post(self, outbox: Outbox, process: int, model: Model, *more: float) -> None:
        wire, clock = self._wire, self._gate.clock
        self._activities.begin(_WAIT, clock.now)
        outbox.wait()
        self._activities.begin(_PUSH, clock.now)
        outbox.send(wire.processes[process], wire.payload, "deliver", wire.sent(model), self._holder.number, *more)
        self._activities.begin(_WAIT, clock.now)

    def _read(self, process: int, *call: Any) -> Model:
        self._gate.require_running()
        asked = self._gate.clock.now
        self._activities.begin(_WAIT, asked)
        sent: SentModel = self._wire.processes[process].call(*call)
        self._note_answer(asked if sent.ready_at is None else sent.ready_at)
        return self._wire.received(sent)

    def _note_answer(self, since: float) -> None:
        """Note that an answer was on its way from `since` (s) until now."""
        now = self._gate.clock.now
        self._activities.begin(_PULL, min(max(since, self._activities.since), now))
        self._activities.begin(_WAIT, now)

"""The log of a process: the operations on its models, from which the driver makes the rows of the tape."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, final

from simasgd.learning.models.network import Parameters
from simasgd.tape.mixing import Row
from simasgd.tape.tape import Gradient
from simasgd.testbed.system.messages import Span
from simasgd.testbed.system.pacing import Lateness


class ModelRead(NamedTuple):
    """Where a mixed-in model comes from: its holder, and the holder's steps when it was read."""

    holder: int
    steps: int


class ModelMade(NamedTuple):
    """A model was made at `time` (s). Models have the numbers of `ModelNumbers`, and the row's age is still unknown."""

    time: float
    number: int
    row: Row
    gradient: Gradient | None = None
    read: ModelRead | None = None


class CentreMoved(NamedTuple):
    """The centre was moved at `time` (s) by several differences, in one step."""

    time: float
    made: tuple[ModelMade, ...]


class MeetingInput(NamedTuple):
    """A learner gave its model, with its optimizer's state, or its gradient to a meeting at `time` (s)."""

    time: float
    meeting: int
    model: int = 0
    state: int = 0
    gradient: Gradient | None = None


class MeetingResult(NamedTuple):
    """A learner took over the result of a meeting at `time` (s): model `number`, with the mean of states if `with_states`."""

    time: float
    meeting: int
    number: int
    with_states: bool = False


Operation = ModelMade | CentreMoved | MeetingInput | MeetingResult


@final
class ProcessOperations:
    """The operations of a process, guarded by its lock.

    The models that the holder held are kept until the driver knows that the run goes on after them, because it may turn
    out to have ended before. `start` is the first one, number 0.
    """

    def __init__(self, start: Parameters) -> None:
        self._operations: list[Operation] = []
        self._count = 0
        self._held: deque[tuple[int, int, Parameters]] = deque([(0, 0, start)])  # operations before it, number, values

    def append(self, operation: Operation) -> None:
        """Log an operation that leaves the holder's model as it is."""
        self._operations.append(operation)
        self._count += 1

    def hold(self, operation: Operation, number: int, values: Parameters) -> None:
        """Log an operation by which the holder has another model."""
        self.append(operation)
        self._held.append((self._count, number, values))

    def take(self, merged: int) -> tuple[Operation, ...]:
        """Return the operations since the last call. The run goes on after the first `merged` operations of all."""
        while len(self._held) > 1 and self._held[1][0] <= merged:
            self._held.popleft()
        taken, self._operations = tuple(self._operations), []
        return taken

    def held(self, number: int) -> Parameters:
        """Return a model that the holder held after the operations that are known to be merged."""
        return next(values for _, known, values in self._held if known == number)


class NewOperations(NamedTuple):
    """What a process has done since it was last asked."""

    until: float
    """All operations up to this time (s) are here, or were before."""
    operations: tuple[Operation, ...]
    computed: tuple[float, ...]
    """When mini-batches ended (s)."""
    traffic: tuple[tuple[float, float], ...]
    """When bytes were sent (s), and how many."""
    spans: tuple[tuple[Span, ...], ...]
    """The activities of each thread; of the centre, one span for each move."""
    late: Lateness
    blocked: int
    """The number of roles that wait here for others."""
    endless: bool
    """Whether the learner computes a mini-batch that never ends."""
    sent: int
    """The number of messages sent so far that are not answered with anything."""
    received: int
    """The number of such messages received so far."""

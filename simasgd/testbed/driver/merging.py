"""From the logs of processes to one tape: operations in order of time, but none before what it builds on."""

from __future__ import annotations

from collections import deque
from typing import final

from simasgd.cluster.clock.recording import Limit
from simasgd.tape.mixing import NOBODY, NONE, Row
from simasgd.tape.recorder import TapeRecorder
from simasgd.tape.tape import Gradient
from simasgd.testbed.peers.operations import CentreMoved, MeetingInput, MeetingResult, ModelMade, NewOperations, Operation


@final
class Merger:
    """Merges the logs of λ learners, and of the centre if there is one, until a limit is reached.

    `merged` counts the merged operations of each holder, and `held` has the model that each holder holds after them, by
    its number in the logs. `gradients`, `updates` and `samples` count those on the tape, and `last_at` is the time (s)
    of the last update. Everything up to `safe` (s) is merged. The run is over when it has reached the limit, of a count or
    of time. The tape ends as the simulator's does: with the update that reaches the limit.

    Operations of one process stay in their order. An operation whose model is not made yet waits, which happens between
    machines whose clocks differ. Times on the tape never decrease.
    """

    def __init__(self, learners: int, sizes: tuple[int, ...], limit: Limit, *, has_centre: bool, has_own_models: bool) -> None:
        holders = learners + has_centre
        self.recorder = TapeRecorder()
        self.gradients = 0
        self.updates = 0
        self.last_at = 0.0
        self.is_over = False
        self.has_reached_a_count = False
        self.samples = 0
        self.merged = [0] * holders
        self.held = [0] * holders
        self.safe = 0.0
        self._learners, self._sizes, self._limit = learners, sizes, limit
        self._has_own_models = has_own_models
        if has_own_models:
            self.recorder.models(learners, has_centre)
        self._waiting: list[deque[Operation]] = [deque() for _ in range(holders)]
        self._until = [0.0] * holders
        self._made = {0: 0}  # the numbers on the tape, by those in the logs
        self._steps = [0] * holders
        self._rows = 0
        self._time = 0.0
        self._given: dict[int, dict[int, MeetingInput]] = {}  # by meeting and learner
        self._met: set[int] = set()

    def add(self, holder: int, collected: NewOperations) -> None:
        """Add what a process has logged."""
        self._waiting[holder].extend(collected.operations)
        self._until[holder] = collected.until

    def advance(self) -> None:
        """Merge all operations before which nothing can come any more."""
        self.safe = min(self._until)
        end = float("inf") if self._limit.seconds is None else self._limit.seconds
        until = min(self.safe, end)
        while not self.is_over and (holder := self._choose(until)) is not None:
            self.merged[holder] += 1
            self._apply(holder, self._waiting[holder].popleft())
        self.is_over = self.is_over or self.safe >= end

    def _choose(self, until: float) -> int | None:
        """Return the holder of the next operation up to `until` (s); None if there is none that can be next."""
        ready = [
            (log[0].time, holder)
            for holder, log in enumerate(self._waiting)
            if log and log[0].time <= until and self._can(log[0])
        ]
        return min(ready)[1] if ready else None

    def _can(self, operation: Operation) -> bool:
        """Return whether everything that an operation builds on is merged."""
        match operation:
            case ModelMade():
                return self._has_sources(operation)
            case CentreMoved(made=made):
                return all(self._made.keys() >= {one.row.other} for one in made)
            case MeetingInput(model=model, state=state):
                return self._made.keys() >= {model, state}
            case MeetingResult(meeting=meeting):
                return meeting in self._met or len(self._given.get(meeting, ())) == self._learners

    def _has_sources(self, made: ModelMade) -> bool:
        row = made.row
        return all(number == NONE or number in self._made for number in (row.base, row.other, row.state))

    def _apply(self, holder: int, operation: Operation) -> None:
        self._time = max(self._time, operation.time)
        match operation:
            case ModelMade():
                self._make(operation)
            case CentreMoved(made=made):
                for one in made:
                    self._make(one)
                self._steps[holder] += 1
            case MeetingInput(meeting=meeting):
                self._given.setdefault(meeting, {})[holder] = operation
            case MeetingResult(meeting=meeting, number=number):
                if meeting not in self._met:
                    self._meet(operation)
                self.held[holder] = number
                if self._has_own_models:
                    self.recorder.hold(self._rows, holder, self._made[number])

    def _make(self, made: ModelMade) -> None:
        row, gradient = made.row, made.gradient
        age = NONE if made.read is None else self._steps[made.read.holder] - made.read.steps
        own = row._replace(base=self._made[row.base], age=age)
        if row.other != NONE:
            own = own._replace(other=self._made[row.other])
        if row.state != NONE:
            own = own._replace(state=self._made[row.state])
        if gradient is not None:
            gradient = gradient._replace(timestamp=self._made[gradient.timestamp])
        self._write(made.number, own, gradient)
        if row.owner != NOBODY:
            self.recorder.hold(self._rows, row.owner, self._rows)
            self.held[row.owner] = made.number
        if gradient is not None:
            self._steps[row.owner] += 1
            self._count((gradient,))

    def _meet(self, adopted: MeetingResult) -> None:
        """Record the mean of a meeting, when the first learner takes it over."""
        meeting = adopted.meeting
        given = [gave for _, gave in sorted(self._given.pop(meeting).items())]
        self._met.add(meeting)
        gradients = sorted(gave.gradient for gave in given if gave.gradient is not None)
        if gradients:
            self.recorder.step(self._time, self.updates, gradients)
            self._count(gradients)
            return
        first, *others = given
        share = 1.0 / len(given)
        total, state, own_share = self._made[first.model], self._made[first.state], share
        for gave in others:
            states = (state, self._made[gave.state]) if adopted.with_states else (NONE, NONE)
            row = Row(NOBODY, total, own_share, self._made[gave.model], share, state=states[0], other_state=states[1])
            self._write(adopted.number, row, None)
            total = state = self._rows
            own_share = 1.0

    def _write(self, number: int, row: Row, gradient: Gradient | None) -> None:
        """Write a row of a model, which has that number in the logs."""
        self.recorder.row(self._time, row, gradient, 0)
        self._rows += 1
        self._made[number] = self._rows

    def _count(self, gradients: list[Gradient] | tuple[Gradient]) -> None:
        limit = self._limit
        self.gradients += len(gradients)
        self.updates += 1
        self.samples += sum(self._sizes[gradient.learner] for gradient in gradients)
        self.last_at = self._time
        counts = ((self.gradients, limit.gradients), (self.updates, limit.updates), (self.samples, limit.samples))
        self.has_reached_a_count = any(most is not None and count >= most for count, most in counts)
        self.is_over = self.has_reached_a_count

"""Who is there: the learners that work, and who knows of those that are gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import final

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.clock.events import Signal


@final
class Membership:
    """The learners that are there, and those that the others have given up.

    A learner is *there* while it works. When it leaves, the others wait for it where they need it,
    and give it up after `patience` (s). A learner that comes back is there again once it has a
    model. `watch` registers functions that are called with every learner that is given up, or that
    is there again. `timeouts` counts the rounds that went on without a member, and
    `members_dropped` the learners that were given up.
    """

    def __init__(self, env: Environment, learners: int, patience: float) -> None:
        self.timeouts = 0
        self.members_dropped = 0
        self.learners = learners
        self._env = env
        self._patience = patience
        self._away: set[int] = set()
        self._given_up: set[int] = set()
        self._absences = [0] * learners  # a timer of an earlier absence must not ring for a later one
        self._watchers: list[Callable[[int], None]] = []
        self._listening: list[Signal] = []

    def is_there(self, number: int) -> bool:
        """Return whether a learner works."""
        return number not in self._away

    def is_given_up(self, number: int) -> bool:
        """Return whether the others go on without a learner."""
        return number in self._given_up

    def others_there(self, number: int) -> Iterator[int]:
        """Iterate over the other learners that are there, from the next number on."""
        for further in range(1, self.learners):
            other = (number + further) % self.learners
            if other not in self._away:
                yield other

    def watch(self, changed: Callable[[int], None]) -> None:
        """Call `changed` with each learner that is given up or there again, before anything else that follows from it."""
        self._watchers.append(changed)

    def news(self) -> Signal:
        """Return a signal for the next time that a learner is given up, or there again."""
        signal = Signal(self._env)
        self._listening.append(signal)
        return signal

    def leave(self, number: int) -> None:
        """Record that a learner leaves now."""
        self._away.add(number)
        self._absences[number] += 1
        absence = self._absences[number]

        def give_up(_: Event) -> None:
            if self._absences[number] == absence:
                self._given_up.add(number)
                self.members_dropped += 1
                self._tell(number)

        if number not in self._given_up:
            patience = self._patience if self._env.now > 0.0 else 0.0  # nobody waits for one that was never there
            Timeout(self._env, patience).callbacks.append(give_up)

    def come_back(self, number: int) -> None:
        """Record that a learner is on its way back: it is not given up any more, if it was not before."""
        self._absences[number] += 1

    def expect(self, number: int) -> None:
        """Record that the others wait again for a learner that is on its way back."""
        self._given_up.discard(number)

    def arrive(self, number: int) -> None:
        """Record that a learner that was away works again."""
        self._away.discard(number)
        self._given_up.discard(number)
        self._tell(number)

    def _tell(self, number: int) -> None:
        for changed in self._watchers:
            changed(number)
        listening, self._listening = self._listening, []
        for signal in listening:  # one after the other, because the first may reach the stop
            signal.follow()

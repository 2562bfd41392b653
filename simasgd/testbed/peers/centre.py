"""The centre on a real process: a model that nobody computes on, and that learners pull towards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from simasgd.protocols.verbs import Message, Timed
from simasgd.testbed.peers.holder import RealHolder
from simasgd.testbed.peers.inbox import RealInbox
from simasgd.testbed.peers.process_lock import ProcessLock


@final
class RealCentre:
    """The centre. Its protocol sees it as `CentreVerbs`; its verbs block. `moves` has the start and end (s) of each move."""

    def __init__(self, learners: int, gate: ProcessLock, holder: RealHolder, inbox: RealInbox) -> None:
        self.num_learners = learners
        self.moves: list[tuple[float, float]] = []
        self._gate = gate
        self._holder = holder
        self._inbox = inbox

    def collect(self, count: int) -> Timed[Sequence[Message]]:
        """Return the next `count` messages, in order of arrival."""
        yield from ()
        return self._inbox.collect(count)

    def move(self, messages: Sequence[Message]) -> None:
        """Move the centre: x̃ ← x̃ + Σ of the differences in `messages`, after earlier moves."""
        began = self._gate.clock.now
        self._gate.require_running()
        self._holder.move([message.model for message in messages])
        self.moves.append((began, self._gate.clock.now))

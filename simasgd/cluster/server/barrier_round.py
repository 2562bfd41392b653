"""The round of a barrier, as all servers of a tree know it, at once and for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import final

from simasgd.tape.tape import Gradient

_NONE = -1


@final
class BarrierRound:
    """Whose gradients the parameter server waits for, if it waits for one of every member.

    `timestamp` is that of the weights on which these are computed, -1 where the server takes whatever comes. `here` holds the
    learners whose gradient is at some server of the tree; `on_first` is called when the first one is.
    """

    __slots__ = ("_all", "_on_first", "_watchers", "here", "members", "timestamp")

    def __init__(self, learners: int, on_first: Callable[[], None]) -> None:
        self.timestamp = _NONE
        self.members = set(range(learners))
        self.here: set[int] = set()
        self._all = learners
        self._on_first = on_first
        self._watchers: list[Callable[[], None]] = []

    @property
    def is_open(self) -> bool:
        """Whether the server waits for one gradient of every member."""
        return self.timestamp != _NONE

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever the server waits for fewer gradients than before."""
        self._watchers.append(changed)

    def open(self, timestamp: int) -> None:
        """The server begins to wait for one gradient of every member on the weights of that timestamp."""
        if timestamp != self.timestamp:
            self.timestamp = timestamp
            self.here.clear()

    def close(self) -> None:
        """The server takes whatever comes."""
        if self.is_open:
            self.timestamp = _NONE
            self._changed()

    def arrive(self, gradients: Sequence[Gradient]) -> None:
        """A learner's gradients arrive at a server of the tree below the parameter server."""
        for gradient in gradients:
            if gradient.timestamp == self.timestamp:
                self.members.add(gradient.learner)
                self.here.add(gradient.learner)
                if len(self.here) == 1:
                    self._on_first()

    def drop(self, learners: Iterable[int]) -> None:
        """Wait for these no more, until a gradient of theirs arrives."""
        self.members.difference_update(learners)
        self._changed()

    def awaits(self, learners: range, seen: set[int]) -> bool:
        """Whether a gradient of any of these learners is still to come, besides those `seen`."""
        if len(seen) >= len(learners):
            return False
        return len(self.members) == self._all or any(one not in seen and one in self.members for one in learners)

    def _changed(self) -> None:
        for changed in self._watchers:
            changed()

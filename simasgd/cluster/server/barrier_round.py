"""The round of a barrier, which all servers of a tree know at once, at no cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import final

from simasgd.tape.tape import Gradient

_NONE = -1


@final
class BarrierRound:
    """The learners whose gradients the parameter server waits for, if it waits for one of every member.

    `timestamp` is that of the weights on which these gradients are computed; it is −1 if the server
    takes any gradient. `here` holds the learners whose gradient is at some server of the tree.
    `on_first` is called when the first one is.
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
        """Begin to wait for one gradient of every member on the weights of that timestamp."""
        if timestamp != self.timestamp:
            self.timestamp = timestamp
            self.here.clear()

    def close(self) -> None:
        """Take any gradient from now on."""
        if self.is_open:
            self.timestamp = _NONE
            self._changed()

    def arrive(self, gradients: Sequence[Gradient]) -> None:
        """Record gradients that arrive at a server of the tree below the parameter server."""
        for gradient in gradients:
            if gradient.timestamp == self.timestamp:
                self.members.add(gradient.learner)
                self.here.add(gradient.learner)
                if len(self.here) == 1:
                    self._on_first()

    def drop(self, learners: Iterable[int]) -> None:
        """Remove these learners from the members, each until one of its gradients arrives."""
        self.members.difference_update(learners)
        self._changed()

    def awaits(self, learners: range, seen: set[int]) -> bool:
        """Return whether a gradient of any of these learners, besides those `seen`, is still to come."""
        if len(seen) >= len(learners):
            return False
        return len(self.members) == self._all or any(number in self.members for number in learners if number not in seen)

    def _changed(self) -> None:
        for changed in self._watchers:
            changed()

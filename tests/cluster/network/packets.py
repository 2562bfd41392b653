"""A slow twin of first-in-first-out links: every message is cut into packets, which queue at each link one by one."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from itertools import count

PACKETS = 64


class PacketLinks:
    """Links by name with their bandwidths (bytes/s). A packet enters a link when it has left the link before as a whole."""

    def __init__(self, bandwidths: dict[str, float]) -> None:
        self.now = 0.0
        self._bandwidths = bandwidths
        self._free: dict[str, float] = {}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def call_at(self, time: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time, next(self._order), act))

    def send(self, size: float, path: Sequence[str], arrived: Callable[[], None]) -> None:
        """Send a message now; `arrived` is called when its last packet is there."""
        left = PACKETS

        def hop(number: int) -> None:
            nonlocal left
            if number == len(path):
                left -= 1
                if left == 0:
                    arrived()
                return
            link = path[number]
            start = max(self.now, self._free.get(link, 0.0))
            self._free[link] = start + size / PACKETS / self._bandwidths[link]
            self.call_at(self._free[link], lambda: hop(number + 1))

        for _ in range(PACKETS):
            hop(0)

    def run(self) -> float:
        """Process all events and return the time of the last one (s)."""
        while self._events:
            self.now, _, act = heapq.heappop(self._events)
            act()
        return self.now


def async_rate(learners: int, compute: float, size: float, paths: Callable[[int], tuple[Sequence[str], Sequence[str]]],
               bandwidths: dict[str, float], gradients: int) -> float:  # fmt: skip
    """Return the gradients/s of learners that pull, compute and push again and again.

    The server answers at once, and times are constant. `paths` gives the links up and down of a
    learner.
    """
    net = PacketLinks(bandwidths)
    applied: list[float] = []

    def pull(learner: int) -> None:
        net.send(size, paths(learner)[1], lambda: net.call_at(net.now + compute, lambda: push(learner)))

    def push(learner: int) -> None:
        net.send(size, paths(learner)[0], lambda: apply(learner))

    def apply(learner: int) -> None:
        applied.append(net.now)
        if len(applied) < gradients:
            pull(learner)

    for learner in range(learners):
        pull(learner)
    net.run()
    return gradients / applied[gradients - 1]

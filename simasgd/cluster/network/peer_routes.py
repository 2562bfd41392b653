"""The routes of messages between any two learners."""

from __future__ import annotations

from typing import final

from simasgd.cluster.clock.trail import Extend
from simasgd.cluster.network.network import Network
from simasgd.cluster.network.routes import AbstractRoute, ByteCounts

_MOST_KEPT = 1 << 14  # all pairs of 128 learners


@final
class PeerRoutes:
    """Routes for messages of `size` bytes between learners.

    There may be λ² routes, so a route is made when it is needed and kept while there are few. This
    object counts their bytes.
    """

    def __init__(self, network: Network, size: float) -> None:
        self._network = network
        self._size = size
        self._kept: dict[tuple[int, int, Extend], AbstractRoute] = {}
        self._counted: list[AbstractRoute] = []
        self._settle_at = _MOST_KEPT
        self._settled = ByteCounts(0.0, 0.0, 0.0)
        network.count_bytes_of(self)

    def between(self, source: int, target: int, extend: Extend) -> AbstractRoute:
        """Return a route for a message from one learner to another."""
        key = source, target, extend
        route = self._kept.get(key)
        if route is None:
            ends = self._network.learner_endpoint(source), self._network.learner_endpoint(target)
            route = self._network.make_uncounted_route(*ends, self._size, extend, learner=source)
            self._counted.append(route)
            if not self._network.loses_messages:  # a lossy route remembers its message, and two may be under way
                self._kept[key] = route
            if len(self._counted) >= self._settle_at:
                self._settle()
        return route

    def counts(self) -> ByteCounts:
        return _sum(self._settled, *(route.counts() for route in self._counted))

    def _settle(self) -> None:
        """Forget the routes that carry no message, but keep their counts."""
        counted = [(route, route.counts()) for route in self._counted]
        idle = [counts for _, counts in counted if counts.sent == counts.received + counts.lost]
        self._settled = _sum(self._settled, *idle)
        self._counted = [route for route, counts in counted if counts.sent != counts.received + counts.lost]
        self._kept.clear()
        self._settle_at = len(self._counted) + _MOST_KEPT


def _sum(*counts: ByteCounts) -> ByteCounts:
    return ByteCounts(*(sum(column) for column in zip(*counts, strict=True)))

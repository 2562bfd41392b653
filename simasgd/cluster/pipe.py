"""A first-in-first-out resource: messages through a network interface, updates through a server."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, final


class Usage(NamedTuple):
    """What a resource did until the stop: fraction of the time busy, mean number waiting, bytes carried."""

    name: str
    busy: float
    mean_queue: float
    bytes: float


@final
class Pipe:
    """Serves one request at a time in order of arrival.

    No SimPy resource is needed: a request that arrives now starts at max(now, free), which is exact as long as the requests
    are made in order of their arrival.
    """

    __slots__ = ("_bytes", "_free", "_served", "_starts", "_waited", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._free = 0.0
        self._served = 0.0
        self._waited = 0.0
        self._bytes = 0.0
        self._starts: deque[tuple[float, float]] = deque()  # (start, size) of the requests that may still be waiting

    def request(self, now: float, seconds: float, size: float = 0.0) -> float:
        """Ask now for `seconds` of service to a message of `size` bytes; returns the time at which it starts."""
        start = self._free
        if start <= now:
            start = now
            if self._starts:
                self._starts.clear()
        else:
            self._waited += start - now
            starts = self._starts
            starts.append((start, size))
            while starts[0][0] <= now:
                starts.popleft()
        self._free = start + seconds
        self._served += seconds
        self._bytes += size
        return start

    def usage(self, until: float) -> Usage:
        """What happened before `until` (s), the time of the last request or a later one; a message that has begun counts
        with all its bytes."""
        if until <= 0.0:
            return Usage(self.name, 0.0, 0.0, 0.0)
        waiting = [(start, size) for start, size in self._starts if start > until]
        # From `until` to `_free` the pipe is never idle: all that it still serves has arrived by now.
        served = self._served - max(0.0, self._free - until)
        waited = self._waited - sum(start - until for start, _ in waiting)
        carried = self._bytes - sum(size for _, size in waiting)
        return Usage(self.name, served / until, waited / until, carried)

"""The star network: every message passes the server's interface, a first-in-first-out pipe."""

from __future__ import annotations

from typing import final

from simasgd.cluster.pipe import Pipe


@final
class Route:
    """One direction between a learner and the server.

    A message of `size` bytes occupies the server's pipe of this direction for size ÷ bandwidth, in order of arrival there,
    and then travels `latency` (s). The bandwidth (bytes/s) is the slower end's.
    """

    __slots__ = ("_latency", "_pipe", "_seconds", "_size")

    def __init__(self, pipe: Pipe, size: float, bandwidth: float, latency: float) -> None:
        self._pipe = pipe
        self._size = size
        self._seconds = size / bandwidth
        self._latency = latency

    def send(self, now: float) -> tuple[float, float]:
        """Send a message now; returns when it enters the pipe and when it arrives at the other end (s)."""
        seconds = self._seconds
        start = self._pipe.request(now, seconds, self._size)
        return start, start + seconds + self._latency

"""What the processes of the test-bed tell each other beside parcels."""

from __future__ import annotations

from typing import NamedTuple

from simasgd.testbed.system.pacing import Lateness
from simasgd.testbed.system.parcels import Parcel

Span = tuple[int, float, float]
"""An activity of a learner's thread, by its number, with start and end (s)."""


class Report(NamedTuple):
    """What a learner has done since its last report, with its counts so far."""

    learner: int
    life: int
    """How often the learner has been started again."""
    computed: int
    cancelled: int
    late: Lateness
    oldest: int
    """The number of the oldest weights that the learner may still send a gradient of."""
    spans: tuple[Span, ...] = ()


class Pulled(NamedTuple):
    """Weights that a server sends: their number, and the samples applied to make them.

    If the server had to wait for them, they were ready at `ready_at` (s).
    """

    timestamp: int
    samples: int
    ready_at: float | None
    parcel: Parcel


class Stopped(Exception):
    """The run is over, or this learner is."""

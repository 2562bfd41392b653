"""What the processes of the test-bed tell each other beside parcels."""

from __future__ import annotations

from typing import NamedTuple

from simasgd.cluster.supervision.role import RoleEnded
from simasgd.testbed.system.pacing import Lateness
from simasgd.testbed.system.parcels import Parcel

Span = tuple[int, float, float]
"""An activity of a learner's thread, by its number, with start and end (s)."""


class Report(NamedTuple):
    """What a learner has done since its last report, with its counts so far, those of its earlier lives included."""

    learner: int
    life: int
    """How often the learner has been started again."""
    number: int
    """The number of the report in this life. Calls may overtake each other."""
    begun: int
    """The number of mini-batches begun, which is that of the times drawn."""
    computed: int
    cancelled: int
    late: Lateness
    oldest: int
    """The number of the oldest weights that the learner may still send a gradient of."""
    activity: int
    """The number of the activity under way."""
    since: float
    """When the activity under way began (s)."""
    spans: tuple[Span, ...] = ()


class LearnerPast(NamedTuple):
    """The earlier lives of a learner: how many there were, and what it has done in them."""

    life: int = 0
    begun: int = 0
    computed: int = 0
    cancelled: int = 0
    pushed: int = 0
    """The number of its gradients that the server has received."""
    late: Lateness = Lateness()


NOTHING = LearnerPast()
"""The past of a learner that starts for the first time."""


class PulledWeights(NamedTuple):
    """Weights that a server sends: their number, and the samples applied to make them.

    If the server had to wait for them, they were ready at `ready_at` (s).
    """

    timestamp: int
    samples: int
    ready_at: float | None
    parcel: Parcel


class RoleStopped(RoleEnded):
    """The run is over, or this learner is."""

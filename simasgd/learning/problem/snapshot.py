"""Snapshots: all that a replay needs to go on after a number of steps."""

from __future__ import annotations

from typing import NamedTuple

from simasgd.learning.models.network import Parameters
from simasgd.learning.rules.trees import State


class Snapshot(NamedTuple):
    """All that a replay needs to go on after a number of steps, if no gradient is in flight."""

    weights: Parameters
    """The weights to evaluate, as in `simasgd.learning.layout.moment.Moment`."""
    optimizer: State
    """The state of the optimizer; with a leading axis of learners where each has one."""
    memory: State
    """The state of the per-gradient transformation."""
    learners: Parameters | None = None
    """The learners' own models, with a leading axis of learners on each leaf; None if there are none."""
    centre: Parameters | None = None
    """The centre's model; None if there is no centre."""

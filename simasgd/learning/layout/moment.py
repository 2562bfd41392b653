"""Moments: what a player has computed after a number of steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from simasgd.learning.models.network import Parameters
from simasgd.learning.rules.trees import State


class Snapshot(NamedTuple):
    """All that a replay needs to go on after a number of steps, if no gradient is in flight."""

    weights: Parameters
    """The weights to evaluate, as in `Moment`."""
    optimizer: State
    """The state of the optimizer; with a leading axis of learners where each has one."""
    memory: State
    """The state of the per-gradient transformation."""
    learners: Parameters | None = None
    """The learners' own models, with a leading axis of learners on each leaf; None if there are none."""
    centre: Parameters | None = None
    """The centre's model; None if there is no centre."""


class Moment(NamedTuple):
    """The weights after `steps` steps.

    If learners have models of their own, the weights are the mean of these models, or those of the
    centre if there is one.
    """

    steps: int
    weights: Parameters
    take_snapshot: Callable[[], Snapshot]
    """Returns the snapshot, until the player is asked for the next moment.

    With models of learners' own it needs a recipe that keeps states. Weights that are not finite
    have none.
    """
    diverged: bool = False
    """Whether this step was the first to make a weight infinite or NaN. No later moment follows."""
    distance: float | None = None
    """The consensus distance: the root mean square distance of learners' models from their mean.

    None if there is one model only.
    """

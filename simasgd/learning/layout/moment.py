"""Moments: what a player has computed after a number of steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from simasgd.learning.models.network import Parameters
from simasgd.learning.problem.snapshot import Snapshot


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

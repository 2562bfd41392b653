"""The two aims of a search, what a candidate costs by each, and how far a candidate came."""

from __future__ import annotations

from enum import StrEnum

from simasgd.advising.candidates import Candidate


class Aim(StrEnum):
    """The quantity that a search makes as small as possible: the time to the target, or its cost."""

    SOONEST = "soonest"
    """Simulated seconds."""
    CHEAPEST = "cheapest"
    """Learner-hours."""


class SearchStage(StrEnum):
    """How far a candidate came."""

    PROBLEM = "cannot run"
    BOUND = "out by its timing"
    BEHIND = "behind the others"
    MISSED = "misses the target"
    REACHED = "reaches the target"
    BEATEN = "beaten in the final"
    FINALIST = "in the final"
    OPEN = "not decided"


def price(one: Candidate, epochs: float, aim: Aim, seconds_per_epoch: float | None = None) -> float:
    """Return the cost of `epochs` by a candidate's timing."""
    seconds = epochs * (one.pace.seconds_per_epoch if seconds_per_epoch is None else seconds_per_epoch)
    return seconds if aim is Aim.SOONEST else seconds * one.learners / 3600.0

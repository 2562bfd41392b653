"""Figures of runs, studies and comparisons, as matplotlib axes.

Each function takes a result and, if you like, the axes to draw into, and returns the axes:

from simasgd import figures
axes = figures.error_over_time(run)
axes.figure.savefig("error.pdf")
"""

from __future__ import annotations

from simasgd.figures.drawing import (
    error_against_time,
    error_over_time,
    learner_time,
    loss_over_time,
    staleness,
    staleness_over_time,
    time_to_target,
)

__all__ = [
    "error_against_time",
    "error_over_time",
    "learner_time",
    "loss_over_time",
    "staleness",
    "staleness_over_time",
    "time_to_target",
]

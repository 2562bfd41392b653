"""Latency and bandwidth from the sizes and times of messages; times of updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, sqrt
from typing import final

import numpy as np

from simasgd.calibration.laws.law_fit import fit_laws, is_constant
from simasgd.calibration.laws.standard_errors import Estimate, write_quantity
from simasgd.errors import UsageError
from simasgd.operations.log import OperationLog
from simasgd.tape.arrays import Floats

_SHOWN = 2_000
_SCATTERED = 0.2  # of the mean time


@final
@dataclass(frozen=True)
class LineFit:
    """Seconds of a message = intercept + bytes ÷ bandwidth, by least squares."""

    latency: Estimate
    """The intercept (s)."""
    bandwidth: Estimate
    """(bytes/s); infinite where larger messages take no longer."""
    messages: int
    sizes: tuple[float, float]
    """The smallest and the largest message (bytes)."""
    scatter: float
    """Standard deviation of the residuals over the mean time."""
    sample: tuple[Floats, Floats]
    """Sizes (bytes) and times (s) of at most 2,000 messages, for the page."""
    remarks: tuple[str, ...]

    def describe_bandwidth(self) -> str:
        """Write the bandwidth with its standard error."""
        return self.bandwidth.describe("B/s") if isfinite(self.bandwidth.value) else "unlimited"


@final
@dataclass(frozen=True)
class TimesFit:
    """How long an operation takes, and the likeliest law."""

    mean: Estimate
    """(s)"""
    law: str
    cv: Estimate
    distance: float
    """Kolmogorov–Smirnov distance of the law from the times."""
    operations: int


def fit_line(log: OperationLog, operations: Sequence[str], what: str) -> LineFit | None:
    """Fit the times of operations with a size; None where the log has none.

    `what` names them in messages. Raises UsageError where there are too few.
    """
    if log.bytes is None:
        return None
    rows = np.concatenate([log.rows(operation) for operation in operations])
    rows = rows[(log.bytes[rows] > 0.0) & (log.seconds[rows] >= 0.0)]  # neither is NaN
    if len(rows) == 0:
        return None
    if len(rows) < 3:
        raise UsageError(f"the log has {len(rows)} {what} with a size; a line needs at least 3")
    size, seconds = log.bytes[rows], log.seconds[rows]
    remarks = []
    if float(np.ptp(size)) <= 1e-9 * float(np.max(size)):
        slope, intercept = float(np.mean(seconds)) / float(size[0]), 0.0
        errors = (inf, float(np.std(seconds)) / sqrt(len(rows)) / float(size[0]))
        remarks.append(f"All {what} have one size. So latency and bandwidth cannot be told apart: the latency is taken as 0.")
    else:
        intercept, slope, errors = _fit_line(size, seconds)
        if intercept < 0.0:
            if intercept < -2 * errors[0]:
                latency = write_quantity(intercept, "s")
                remarks.append(f"The line over the sizes of {what} gives a negative latency ({latency}), taken as 0.")
            slope, intercept = float(np.sum(size * seconds) / np.sum(size * size)), 0.0
    residuals = seconds - intercept - slope * size
    scatter = float(np.std(residuals)) / max(float(np.mean(seconds)), 1e-300)
    if scatter > _SCATTERED:
        remarks.append(
            f"The times of {what} are off the line by {scatter:.0%} of their mean. If links were shared while the log was "
            "taken, the bandwidth is what was left of it on average."
        )
    if slope <= 0.0:
        remarks.append(f"Larger {what} take no longer, so the bandwidth is taken as unlimited.")
        bandwidth = Estimate(inf, inf)
    else:
        bandwidth = Estimate(1 / slope, errors[1] / slope**2)
    step = -(-len(rows) // _SHOWN)
    return LineFit(
        Estimate(intercept, errors[0]), bandwidth, len(rows), (float(size.min()), float(size.max())), scatter,
        (size[::step], seconds[::step]), tuple(remarks),
    )  # fmt: skip


def _fit_line(x: Floats, y: Floats) -> tuple[float, float, tuple[float, float]]:
    """Fit y = a + b·x by least squares; return a, b and their standard errors."""
    centre, size = float(np.mean(x)), len(x)
    squares = float(np.sum((x - centre) ** 2))
    slope = float(np.sum((x - centre) * (y - np.mean(y)))) / squares
    intercept = float(np.mean(y)) - slope * centre
    variance = float(np.sum((y - intercept - slope * x) ** 2)) / max(size - 2, 1)
    return intercept, slope, (sqrt(variance * (1 / size + centre**2 / squares)), sqrt(variance / squares))


def fit_times(log: OperationLog, operation: str) -> TimesFit | None:
    """Fit the times of an operation; None where the log has fewer than two that took time."""
    seconds = log.seconds[log.rows(operation)]
    seconds = seconds[seconds > 0.0]
    if len(seconds) < 2:
        return None
    mean = Estimate.mean_of(seconds)
    if is_constant([seconds]):
        return TimesFit(mean, "constant", Estimate(0.0, 0.0), 0.0, len(seconds))
    step = -(-len(seconds) // 200_000)
    best = fit_laws([seconds[::step]])[0]
    return TimesFit(mean, best.family.name, best.cv, best.distance, len(seconds))

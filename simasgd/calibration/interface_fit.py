"""The server's interface: its latency and its occupancy, fitted to overlapping messages of one size.

One size cannot tell latency from bandwidth by a line over sizes. Messages that are under way together can: an interface
that serves them one after another delays the second, and latency does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from scipy.optimize import minimize_scalar

from simasgd.calibration.laws.standard_errors import Estimate
from simasgd.operations.log import OperationLog
from simasgd.tape.arrays import Floats, Ints

_LEAST = 100  # messages, of which at least this share begins while another one is under way
_OVERLAP = 0.02
_GRID = 24
_PARTS = 8  # of the log, whose estimates give the standard error
_BETTER = 0.99  # of the deviation without an interface
_OUTLIER = 5.0  # times the median deviation
Duplex = Literal["half", "full"]


@final
@dataclass(frozen=True)
class InterfaceFit:
    """An interface that messages of `size` bytes occupy one after another, and a latency that they all have beside.

    With `half` duplex pulls and pushes share it; with `full` each direction has its own.
    """

    size: float
    occupied: Estimate
    """Seconds for which a message occupies the interface."""
    latency: Estimate
    """The rest of a message's time (s)."""
    duplex: Duplex
    messages: int
    overlapping: float
    """The fraction of the messages that began while another one was under way."""

    @property
    def bandwidth(self) -> float:
        """The interface's bandwidth (bytes/s)."""
        return self.size / self.occupied.value


def fit_interface(log: OperationLog) -> InterfaceFit | None:
    """Fit the interface that explains best how long pulls and pushes took.

    It minimizes the mean absolute deviation of the messages' times from those of a first-in-first-out queue, in which
    deviations of outliers are cut off. The starts must be on one clock. None if messages differ in size, hardly overlap,
    or if no queue explains them as well.
    """
    if log.bytes is None or log.start is None:
        return None
    rows = np.concatenate([log.rows("pull"), log.rows("push")])
    rows = rows[(log.bytes[rows] > 0.0) & (log.seconds[rows] > 0.0) & ~np.isnan(log.start[rows])]
    if len(rows) < _LEAST or np.ptp(log.bytes[rows]) > 1e-9 * np.max(log.bytes[rows]):
        return None
    pulls = np.isin(rows, log.rows("pull"))
    order = np.argsort(log.start[rows], kind="stable")
    start, seconds, direction = log.start[rows][order], log.seconds[rows][order], pulls[order].astype(np.int64)
    overlapping = float(np.mean(_under_way(start, seconds)))
    if overlapping < _OVERLAP:
        return None
    fits: dict[Duplex, tuple[float, float, float]] = {
        "half": _fit(start, seconds, direction, np.zeros(len(start), np.int64)),
        "full": _fit(start, seconds, direction, direction),
    }
    duplex: Duplex = min(fits, key=lambda name: fits[name][0])
    deviation, occupied, latency = fits[duplex]
    if occupied <= 0.0 or deviation > _BETTER * _deviate(seconds, direction, _cut(seconds)):
        return None
    queues = np.zeros(len(start), np.int64) if duplex == "half" else direction
    parts = [
        _fit(start[part], seconds[part], direction[part], queues[part])
        for part in np.array_split(np.arange(len(start)), _PARTS)
    ]
    errors = np.std(np.array(parts), axis=0, ddof=1) / np.sqrt(_PARTS)
    return InterfaceFit(
        size=float(log.bytes[rows[0]]),
        occupied=Estimate(occupied, float(errors[1])),
        latency=Estimate(latency, float(errors[2])),
        duplex=duplex,
        messages=len(rows),
        overlapping=overlapping,
    )


def _under_way(start: Floats, seconds: Floats) -> Floats:
    """Return for each message 1 if another one is under way when it begins, else 0."""
    latest = np.maximum.accumulate(start + seconds)
    return np.concatenate([[0.0], (latest[:-1] > start[1:]).astype(np.float64)])


def _fit(start: Floats, seconds: Floats, direction: Ints, queue: Ints) -> tuple[float, float, float]:
    """Return the least mean absolute deviation (s), the time for which a message occupies its queue, and the latency (s)."""
    cut = _cut(seconds)

    def deviation(occupied: float) -> float:
        return _deviate(seconds - _in_queue(start, queue, occupied), direction, cut)

    most = float(np.median(seconds))
    grid = np.linspace(0.0, most, _GRID)
    best = int(np.argmin([deviation(float(value)) for value in grid]))
    bounds = float(grid[max(0, best - 1)]), float(grid[min(_GRID - 1, best + 1)])
    found = minimize_scalar(deviation, bounds=bounds, method="bounded", options={"xatol": 1e-4 * most})
    occupied = float(found.x)
    # The mean, as slow messages count in a learner's cycle, too.
    latency = max(0.0, float(np.mean(seconds - _in_queue(start, queue, occupied))))
    return float(found.fun), occupied, latency


def _cut(seconds: Floats) -> float:
    """Return the deviation (s) above which a message counts as an outlier."""
    return _OUTLIER * float(np.median(np.abs(seconds - np.median(seconds))))


def _deviate(rest: Floats, direction: Ints, cut: float) -> float:
    """Return the mean absolute deviation from the median of the direction (s), each cut off at `cut`."""
    parts = [rest[direction == number] for number in np.unique(direction)]
    return float(np.mean(np.concatenate([np.minimum(cut, np.abs(part - np.median(part))) for part in parts])))


def _in_queue(start: Floats, queue: Ints, occupied: float) -> Floats:
    """Return how long (s) each message is in its queue, which serves one after another for `occupied` seconds each.

    Message i of a queue is done at occupied·(i + 1) + max over j ≤ i of (start_j − occupied·j).
    """
    result = np.empty(len(start))
    for number in (0, 1):
        mine = np.flatnonzero(queue == number)
        place = np.arange(len(mine))
        done = occupied * (place + 1) + np.maximum.accumulate(start[mine] - occupied * place)
        result[mine] = done - start[mine]
    return result

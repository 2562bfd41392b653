"""Where labels of points stand: each nearest to its own point, clear of points, bars and other labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import hypot
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MARKER = 6.0
"""Half the space that a marker needs, in points."""
FAR = 7.0
"""The distance between a marker and its label, in points, from which a line joins them."""
_CLEARLY = 4.0
"""How much nearer a label is to its own marker than to others, in points, where there is room."""
_BAR = 2.0
"""Half the width of a bar, in points."""
_STEPS, _PASSES = 12, 6
_ON_A_LABEL, _ON_A_BAR, _NEAREST_IS_ANOTHER = 3_000.0, 1_000.0, 200.0
"""The cost of a fault; a label that stands one point farther away costs 1."""
_OUTSIDE, _ON_A_MARKER, _CROSSING, _BESIDE_ANOTHER, _ON_ITS_BAR = 5_000.0, 3_000.0, 100.0, 60.0, 60.0


class Box(NamedTuple):
    """A rectangle, in points."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def middle(self) -> tuple[float, float]:
        """The centre."""
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    def overlaps(self, other: Box) -> bool:
        """Tell whether two rectangles have an area in common."""
        return self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top

    def measure_distance(self, x: float, y: float) -> float:
        """Return the distance of a point from the rectangle; 0 within it."""
        return hypot(max(self.left - x, 0.0, x - self.right), max(self.bottom - y, 0.0, y - self.top))


class Spot(NamedTuple):
    """A point that gets a label: where it is, the size of its label, and its bars over the seeds, in points."""

    x: float
    y: float
    wide: float
    high: float
    bars: tuple[Box, ...] = ()


def make_bars(x: float, y: float, low: tuple[float, float], high: tuple[float, float]) -> tuple[Box, ...]:
    """Return the rectangles of a horizontal and a vertical bar through a point, those that are longer than its marker."""
    across = Box(low[0], y - _BAR, high[0], y + _BAR)
    along = Box(x - _BAR, low[1], x + _BAR, high[1])
    return tuple(bar for bar in (across, along) if max(bar.right - bar.left, bar.top - bar.bottom) > 2 * MARKER)


def place_labels(spots: Sequence[Spot], others: Sequence[tuple[float, float]], frame: Box) -> list[Box]:
    """Return a place for the label of each spot; `others` are points without a label.

    Each label is moved in turn to where it costs least beside the others, until none moves. Costs are overlaps, an edge of
    the frame, a label that is nearest to the wrong marker, lines that cross, and the distance.
    """
    choices = [list(_list_places(spot)) for spot in spots]
    alone = [_weigh_alone(i, choices[i], spots, others, frame) for i in range(len(spots))]
    found: list[Box | None] = [None] * len(spots)
    for _ in range(_PASSES):
        before = list(found)
        for i, options in enumerate(choices):
            costs = [cost + _weigh_beside(i, box, found, spots) for box, cost in zip(options, alone[i], strict=True)]
            found[i] = options[costs.index(min(costs))]
        if found == before:
            break
    return [box for box in found if box is not None]


def _list_places(spot: Spot) -> Iterator[Box]:
    """Yield places for a label: beside the marker, above and below it, and then farther away."""
    x, y, wide, high = spot.x, spot.y, spot.wide, spot.high
    for step in range(_STEPS):
        for side in (1, -1) if step else (1,):
            middle = y + side * (step * 10.0 + (high - 10.0) / 2 * (step > 0))
            for left in (x + MARKER + 1, x - MARKER - 1 - wide, x - wide / 2, x + 4 * MARKER, x - 4 * MARKER - wide):
                if step or left != x - wide / 2:
                    yield Box(left, middle - high / 2, left + wide, middle + high / 2)


def _weigh_alone(
    i: int, options: Sequence[Box], spots: Sequence[Spot], others: Sequence[tuple[float, float]], frame: Box
) -> list[float]:
    """Return what each place of a label costs without the other labels."""
    boxes = np.array(options)
    own = spots[i]
    points = np.array([(spot.x, spot.y) for spot in spots] + list(others), dtype=float).reshape(-1, 2)
    markers = np.hstack([points - MARKER, points + MARKER])
    bars = np.array([bar for j, spot in enumerate(spots) if j != i for bar in spot.bars], dtype=float).reshape(-1, 4)
    outside = (boxes[:, :2] < np.array(frame[:2])).any(axis=1) | (boxes[:, 2:] > np.array(frame[2:])).any(axis=1)
    distances = _measure_distances(boxes, points)
    to_own = distances[:, i]
    beside_another = (np.delete(distances, i, axis=1) < to_own[:, None]).any(axis=1)
    costs = (
        _OUTSIDE * outside
        + _ON_A_MARKER * _count_overlaps(boxes, markers)
        + _ON_A_BAR * _count_overlaps(boxes, bars)
        + _ON_ITS_BAR * _count_overlaps(boxes, np.array(own.bars, dtype=float).reshape(-1, 4))
        + _BESIDE_ANOTHER * beside_another
        + to_own
    )
    return [float(cost) for cost in costs]


def _count_overlaps(boxes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.int64]:
    meet = (boxes[:, None, :2] < others[None, :, 2:]).all(axis=2) & (others[None, :, :2] < boxes[:, None, 2:]).all(axis=2)
    return np.asarray(meet.sum(axis=1))


def _measure_distances(boxes: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of each box from each point."""
    apart = np.maximum(np.maximum(boxes[:, None, :2] - points[None], points[None] - boxes[:, None, 2:]), 0.0)
    return np.hypot(apart[:, :, 0], apart[:, :, 1])


def _weigh_beside(i: int, box: Box, found: Sequence[Box | None], spots: Sequence[Spot]) -> float:
    """Return what a place of a label costs beside the labels that have one."""
    own, cost = spots[i], 0.0
    to_own = box.measure_distance(own.x, own.y)
    for j, other in enumerate(found):
        if j == i or other is None:
            continue
        spot = spots[j]
        cost += _ON_A_LABEL * box.overlaps(other)
        cost += _weigh_nearness(other.measure_distance(own.x, own.y) - to_own)
        cost += _weigh_nearness(box.measure_distance(spot.x, spot.y) - other.measure_distance(spot.x, spot.y))
        cost += _CROSSING * cross(box.middle, (own.x, own.y), other.middle, (spot.x, spot.y))
    return cost


def _weigh_nearness(farther: float) -> float:
    """Return what it costs that another label is only `farther` points farther from a marker than its own."""
    return _NEAREST_IS_ANOTHER * ((farther <= 0.5) + 0.3 * (farther <= _CLEARLY))


def cross(
    start: tuple[float, float], end: tuple[float, float], other_start: tuple[float, float], other_end: tuple[float, float]
) -> bool:
    """Tell whether two line segments cross."""

    def turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    sides = turn(start, end, other_start) * turn(start, end, other_end)
    return sides < 0.0 and turn(other_start, other_end, start) * turn(other_start, other_end, end) < 0.0

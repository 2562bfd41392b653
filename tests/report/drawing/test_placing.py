"""Labels of points: each marker's nearest label is its own, none covers another's bar, and lines do not cross."""

from __future__ import annotations

from itertools import combinations
from math import hypot

import numpy as np
import pytest
from matplotlib.text import Annotation, Text

from simasgd.report.comparison.comparison import MetricComparison
from simasgd.report.comparison.figures import draw_pareto
from simasgd.report.drawing import svg
from simasgd.report.drawing.placing import Box, cross
from tests.report.contenders import compared, contender

CLOSE = compared(
    contender("hardsync", [0.022, 0.034, 0.044], [9.05, 9.06, 9.07], series=0),
    contender("all-reduce", [0.022, 0.034, 0.044], [8.35, 8.36, 8.36], series=1),
    contender("async-inverse-staleness", [0.025, 0.036, 0.053], [8.5, 8.5, 8.5], series=2),
    contender("backup-workers-backups2", [0.031, 0.035, 0.044], [9.11, 9.13, 9.15], series=3),
)
"""Two pairs of variants, each close in both."""


def scattered(seed: int) -> MetricComparison:
    rng = np.random.default_rng(seed)
    return compared(
        *(
            contender(f"variant {i}", list(0.05 + 0.02 * rng.random(3)), list(8.0 + 3.0 * rng.random() + 0.2 * rng.random(3)))
            for i in range(5)
        )
    )


@pytest.mark.parametrize("comparison", [CLOSE, scattered(0), scattered(1), scattered(2)], ids=["close", "a", "b", "c"])
def test_a_label_is_its_own_markers(comparison: MetricComparison) -> None:
    with svg.open_figure(3.1) as figure:
        axes = figure.subplots()
        draw_pareto(axes, comparison)
        figure.draw_without_rendering()
        notes = [text for text in axes.texts if isinstance(text, Annotation)]
        boxes = [Box(*Text.get_window_extent(note).extents) for note in notes]
        places = [tuple(axes.transData.transform(note.xy)) for note in notes]
        bars = []
        for one in comparison.contenders:
            scores, times = sorted(one.values("score").values()), sorted(one.values("simulated_seconds").values())
            (left, low), (right, high) = axes.transData.transform([(times[0], scores[0]), (times[-1], scores[-1])])
            bars.append((left, low, right, high))
    assert len(notes) == len(comparison.contenders)
    for i, place in enumerate(places):
        distances = [box.measure_distance(*place) for box in boxes]
        assert distances.index(min(distances)) == i, "the nearest label of a marker is its own"
        left, low, right, high = bars[i]
        others = [box for j, box in enumerate(boxes) if j != i]
        for bar in (Box(left, place[1] - 0.5, right, place[1] + 0.5), Box(place[0] - 0.5, low, place[0] + 0.5, high)):
            assert not any(map(bar.overlaps, others)), "no label lies on another variant's bar"
        if distances[i] > 12.0:
            assert notes[i].arrow_patch is not None, "a label that has moved away has a line to its marker"
        assert hypot(*np.subtract(boxes[i].middle, place)) < 140.0
    for (one, at), (other, there) in combinations(list(zip(boxes, places, strict=True)), 2):
        assert not one.overlaps(other)
        assert not cross(one.middle, at, other.middle, there)

"""Labels beside curves and points: they keep apart, and move as little as they can."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from matplotlib.text import Annotation, Text

from simasgd.report.drawing import svg
from simasgd.report.drawing.labels import LabelAnchor, label_ends, label_points, spread_apart, wrap_label


def test_numbers_apart_stay_where_they_are() -> None:
    assert spread_apart([0.5, 0.1, 0.9], 0.2, 0.0, 1.0) == pytest.approx([0.5, 0.1, 0.9])


def test_two_in_one_place_move_by_half_a_gap_each() -> None:
    assert spread_apart([0.5, 0.5], 0.2, 0.0, 1.0) == pytest.approx([0.4, 0.6])


def test_at_an_end_all_moves_go_the_other_way() -> None:
    assert spread_apart([0.0, 0.0, 0.01], 0.1, 0.0, 1.0) == pytest.approx([0.0, 0.1, 0.2])
    assert spread_apart([1.0, 1.0], 0.1, 0.0, 1.0) == pytest.approx([0.9, 1.0])


def test_where_there_is_no_room_the_gap_is_smaller() -> None:
    assert spread_apart([0.5, 0.5, 0.5], 0.9, 0.0, 1.0) == pytest.approx([0.0, 0.5, 1.0])
    assert spread_apart([], 0.1, 0.0, 1.0) == []


@pytest.mark.parametrize("seed", range(5))
def test_gaps_and_order_are_kept_and_no_single_move_helps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    at = rng.uniform(0.0, 1.0, 8) ** 2
    gap = 0.08
    found = np.array(spread_apart(list(at), gap, 0.0, 1.0))
    order = np.argsort(at, kind="stable")
    assert np.all(np.diff(found[order]) >= gap - 1e-9)
    assert found.min() >= 0.0
    assert found.max() <= 1.0 + 1e-9
    cost = np.sum((found - at) ** 2)
    for size in range(1, 9):  # moving any run of neighbours a little up or down breaks a rule or costs more
        for first in range(9 - size):
            for step in (-1e-4, 1e-4):
                moved = found.copy()
                moved[order[first : first + size]] += step
                allowed = np.all(np.diff(moved[order]) >= gap - 1e-9) and moved.min() >= 0 and moved.max() <= 1.0
                assert not allowed or np.sum((moved - at) ** 2) >= cost


def test_a_long_name_takes_two_lines() -> None:
    assert wrap_label("async-inverse-staleness") == "async-inverse-\nstaleness"
    assert wrap_label("async") == "async"
    assert wrap_label("x" * 60) == f"{'x' * 18}\n{'x' * 17}…"


@pytest.mark.parametrize("draw", [label_ends, label_points])
def test_labels_overlap_nowhere(draw: object) -> None:
    marks = [LabelAnchor(9.0 + 0.1 * i, 3.0 + 0.02 * (i % 3), f"variant {i}", i) for i in range(9)]
    with svg.open_figure(3.1) as figure:
        axes = figure.subplots()
        axes.set(xlim=(0, 12), ylim=(0, 6))
        (label_ends if draw is label_ends else label_points)(axes, marks)
        figure.draw_without_rendering()
        boxes = [Text.get_window_extent(text) for text in axes.texts if isinstance(text, Annotation)]
    assert len(boxes) == len(marks)
    for one, other in combinations(boxes, 2):
        overlap = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
        assert min(overlap) < 1.0, "in pixels"
    heights = [box.y0 for _, box in sorted(zip(marks, boxes, strict=True), key=lambda pair: pair[0].y)]
    assert draw is not label_ends or all(above > below for below, above in pairwise(heights)), "in the order of their marks"

"""The plan keeps every version where it is read, and reuses no slot too early."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simasgd.learning.chain.plan import plan_chain
from simasgd.learning.layout.costs import CPU, Work
from simasgd.learning.train import evaluation_points
from tests.build import TIMING, clock, scenario
from tests.learning.agreement import IN_WAVES
from tests.learning.tapes import make_tape

ONE_BY_ONE = CPU


def layout_of(tape, device=ONE_BY_ONE, overhead=16.0, linear=True, stops=()):
    work = Work(0, CPU.launch * CPU.operations_per_second / overhead if overhead else math.inf)  # of an evaluation by itself
    return plan_chain(tape, device, lambda: work, linear, stops)


def steps_of(layout):
    """Return the evaluations of each step."""
    return [range(layout.first[u], layout.first[u + 1]) for u in range(layout.num_steps)]


def versions_read(layout):
    """Play the slots: the versions that each evaluation finds, in each layer."""
    slots = np.full(max(1, layout.num_slots), -1)
    slots[layout.slot[0]] = 0
    found = {}
    starts = range(layout.num_steps + 1) if layout.waves is None else layout.waves.step
    for start, end in pairwise(starts):
        for e in range(layout.first[start], layout.first[end]):
            found[e] = [int(slots[layout.slot[version]]) for version in layout.evaluations.timestamp[e]]
        for u in range(start, end):
            slots[layout.slot[u + 1]] = u + 1
    return [found[e] for e in range(layout.num_evaluations)]


@st.composite
def tapes(draw):
    steps = draw(st.integers(1, 40))
    width = draw(st.integers(1, 5))
    rows = []
    for u in range(steps):
        count = draw(st.integers(1, width))
        rows.append([draw(st.integers(max(0, u - draw(st.sampled_from([0, 2, 12]))), u)) for _ in range(count)])
    return rows


overheads = st.sampled_from([0.0, 1.0, 3.0, 1000.0])


@given(tapes(), st.sampled_from([ONE_BY_ONE, IN_WAVES]), overheads, st.booleans())
def test_every_gradient_is_in_one_evaluation_of_its_step_and_version(rows, device, overhead, linear):
    tape = make_tape(rows)
    layout = layout_of(tape, device, overhead, linear)
    of = layout.evaluations
    real = np.ones(of.gradients.shape, bool) if of.real is None else of.real
    assert sorted(of.gradients[real].tolist()) == list(range(tape.num_gradients))
    for u, members in enumerate(steps_of(layout)):
        for e in members:
            gradients = of.gradients[e][real[e]]
            assert (tape.step[gradients] == u).all()
            assert (tape.timestamp[gradients] == of.timestamp[e, 0]).all()
            assert (of.staleness[e], of.coefficient[e]) == (u - of.timestamp[e, 0], len(gradients) / len(rows[u]))
            assert linear or len(gradients) == 1
    if not linear:
        assert of.gradients[:, 0].tolist() == list(range(tape.num_gradients)), "a rule that remembers sees them in order"


@given(tapes(), st.sampled_from([ONE_BY_ONE, IN_WAVES]), overheads, st.booleans(), st.sets(st.integers(1, 39)))
def test_every_evaluation_finds_its_version(rows, device, overhead, linear, stops):
    layout = layout_of(make_tape(rows), device, overhead, linear, sorted(stops))
    if layout.num_slots == 0:
        assert (layout.evaluations.staleness == 0).all(), "without slots only the current weights are read"
    else:
        assert versions_read(layout) == layout.evaluations.timestamp.tolist()
    if layout.waves is not None:
        assert set(layout.waves.step.tolist()) >= {stop for stop in stops if stop < len(rows)} | {0, len(rows)}
        sizes = np.diff(layout.first[layout.waves.step])
        widest_step = np.diff(layout.first).max()
        assert sizes.max() == layout.waves.shape.width <= max(8, widest_step)


@given(tapes(), st.lists(st.integers(0, 12), min_size=2, max_size=3))
def test_each_layer_finds_its_version(rows, delays):
    tape = make_tape([[min(row)] for row in rows])
    layers = np.maximum(0, np.arange(tape.num_steps)[:, None] - delays)
    tape = dataclasses.replace(tape, timestamp=layers.min(axis=1), layers=layers)
    for device in (ONE_BY_ONE, IN_WAVES):
        layout = layout_of(tape, device)
        if layout.num_slots:
            assert versions_read(layout) == layers.tolist()
        else:
            assert (layers == np.arange(tape.num_steps)[:, None]).all()


@given(tapes())
def test_no_more_slots_than_versions_alive_together(rows):
    tape = make_tape(rows)
    layout = layout_of(tape)
    last = {}
    for u, row in enumerate(rows):
        for version in row:
            last[version] = u
    # Version v exists from the end of step v − 1; while step u runs, those read now or later are alive.
    alive = max(sum(1 for v, end in last.items() if v <= u <= end) for u in range(len(rows)))
    assert layout.num_slots <= alive + 1 + 3 + 1  # one that nobody reads, and rounding up to four


def test_one_version_a_step_is_one_mini_batch():
    _, tape = clock(scenario(TIMING, {"protocol": "hardsync", "stop": {"gradients": 40}}))
    layout = layout_of(tape)
    assert (layout.num_slots, layout.fused, layout.one_each) == (0, 4, True)
    assert layout.evaluations.gradients.ravel().tolist() == list(range(tape.num_gradients))


def test_a_mini_batch_too_large_for_the_device_is_parted():
    layout = layout_of(make_tape([[u] * 10 for u in range(3)]), CPU._replace(most_samples=4), overhead=0.5)
    assert (layout.fused, layout.num_evaluations) == (2, 15), "five pairs waste nothing"
    assert layout.evaluations.coefficient.tolist() == [0.2] * 15


def test_groups_are_fused_as_far_as_that_pays():
    """Six gradients read one version and two another.

    If evaluations cost nothing each gradient has its own; if they cost much there are two; in between they are pairs.
    """
    tape = make_tape([[0, 0], [1, 0, 1, 1, 1, 0, 1, 1]])
    cases = {0.0: (1, 10), 1.5: (2, 5), 100.0: (6, 3)}
    for overhead, expected in cases.items():
        layout = layout_of(tape, overhead=overhead)
        assert (layout.fused, layout.num_evaluations) == expected
    assert layout.evaluations.gradients[1].tolist() == [2, 4, 5, 6, 8, 9]
    assert layout.evaluations.gradients[2][:2].tolist() == [3, 7]
    assert layout.evaluations.real.sum(axis=1).tolist() == [2, 6, 2]


def test_async_needs_about_a_slot_a_learner():
    _, tape = clock(scenario(TIMING, {"cluster": {"learners": 30}, "stop": {"gradients": 3000}}))
    layout = layout_of(tape)
    assert 30 <= layout.num_slots <= 36
    assert layout.one_each


def test_waves_of_async_are_nearly_as_wide_as_the_cluster():
    """Gradients under way together do not depend on each other.

    So λ = 30 learners of nearly the same speed give waves of more than 15 gradients.
    """
    _, tape = clock(scenario(TIMING, {"cluster": {"learners": 30}, "stop": {"gradients": 3000}}))
    layout = layout_of(tape, CPU._replace(most_in_wave=64, most_bytes_in_wave=1e9))
    assert 15 < tape.num_steps / (len(layout.waves.step) - 1) <= 30


@given(st.lists(st.integers(0, 4), min_size=1, max_size=20), st.integers(1, 6), st.integers(1, 9))
def test_each_epoch_is_evaluated_at_the_step_that_ends_it_and_no_step_twice(gradients, mini_batch, samples_per_epoch):
    tape = dataclasses.replace(make_tape([[0] * count for count in gradients]), mini_batch=mini_batch)
    samples = int(tape.samples_before[-1])
    epochs, steps = evaluation_points(tape, samples_per_epoch)
    whole = range(samples // samples_per_epoch + 1)
    expected = {int(tape.first_step_after([epoch * samples_per_epoch])[0]): float(epoch) for epoch in whole}
    if max(expected) < tape.num_steps:
        *_, (last, epoch) = expected.items()
        if epoch * samples_per_epoch == samples:
            del expected[last]
        expected[tape.num_steps] = samples / samples_per_epoch
    assert dict(zip(steps, epochs, strict=True)) == expected
    assert len(steps) == len(set(steps)) <= tape.num_steps + 1


def test_a_step_that_ends_many_epochs_is_evaluated_once():
    tape = dataclasses.replace(make_tape([[0]] * 3), mini_batch=10**9)
    assert evaluation_points(tape, 1) == ([0.0, 1e9, 2e9, 3e9], [0, 1, 2, 3])

"""The plan keeps every version where it is read, and reuses no slot too early."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simasgd.learning.plan import plan
from simasgd.tape import Tape
from tests.build import TIMING, clock, scenario


def tape_of(timestamps):
    """A tape whose step u applies gradients computed on the weights numbered timestamps[u]."""
    counts = [len(row) for row in timestamps]
    flat = np.array([timestamp for row in timestamps for timestamp in row])
    none = np.zeros(len(flat))
    return Tape(
        mini_batch=1,
        learner=np.zeros(len(flat), np.int64),
        batch=np.arange(len(flat)),
        timestamp=flat,
        read_at=none,
        computed_at=none,
        stepped_at=np.arange(len(counts), dtype=float),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
    )


def layout_of(tape):
    batches = np.arange(tape.num_gradients * tape.mini_batch, dtype=np.int32).reshape(-1, tape.mini_batch)
    return plan(tape, batches, np.ones(tape.num_steps))


def versions_read(layout, steps):
    """Play the slots: which version each evaluation finds."""
    slots = np.full(max(1, layout.num_slots), -1)
    slots[layout.start_slot] = 0
    found = []
    for u in range(steps):
        found.append([int(slots[slot]) for slot in layout.rows.slot[u]])
        slots[layout.rows.keep[u]] = u + 1
    return found


@st.composite
def tapes(draw):
    steps = draw(st.integers(1, 40))
    width = draw(st.integers(1, 4))
    rows = []
    for u in range(steps):
        count = draw(st.integers(1, width))
        rows.append([draw(st.integers(max(0, u - 12), u)) for _ in range(count)])
    return rows


@given(tapes())
def test_every_evaluation_finds_its_version(rows):
    tape = tape_of(rows)
    layout = layout_of(tape)
    found = versions_read(layout, len(rows))
    for u, row in enumerate(rows):
        if layout.num_slots == 0:
            assert set(row) == {u}, "without slots only the current weights are read"
        elif layout.evaluations == 1:
            assert set(found[u]) == set(row)
        else:
            assert found[u][: len(row)] == row
        assert layout.rows.coefficient[u].sum() == pytest.approx(1.0)
        assert (layout.rows.coefficient[u][len(row) :] == 0).all()


@given(tapes())
def test_no_more_slots_than_versions_alive_together(rows):
    tape = tape_of(rows)
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
    assert (layout.num_slots, layout.evaluations) == (0, 1)
    assert layout.rows.samples[: tape.num_steps].reshape(-1).tolist() == list(range(tape.num_gradients * 4))


def test_async_needs_about_a_slot_a_learner():
    _, tape = clock(scenario(TIMING, {"cluster": {"learners": 30}, "stop": {"gradients": 3000}}))
    layout = layout_of(tape)
    assert 30 <= layout.num_slots <= 36
    assert layout.evaluations == 1

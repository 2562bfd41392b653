"""Columns derived from the tape, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.tape.growing import settled_steps
from simasgd.tape.mixing import NONE, Row
from simasgd.tape.recorder import SummaryRecorder, TapeRecorder
from simasgd.tape.tape import Gradient

#: Steps of weights 0 → 1 → 2 → 3, with gradients (learner, batch, timestamp).
STEPS = [(1.0, [(0, 0, 0), (1, 0, 0)]), (2.5, [(0, 1, 0), (2, 0, 0)]), (3.0, [(1, 1, 1), (0, 2, 2)])]


def recorded(recorder):
    for timestamp, (time, rows) in enumerate(STEPS):
        recorder.step(time, timestamp, [Gradient(*row, read_at=time - 0.5, computed_at=time - 0.25) for row in rows])
    return recorder


def test_columns():
    tape = recorded(TapeRecorder()).tape(mini_batch=4)
    assert (tape.num_gradients, tape.num_steps) == (6, 3)
    assert tape.step.tolist() == [0, 0, 1, 1, 2, 2]
    assert tape.staleness.tolist() == [0, 0, 1, 1, 1, 0]
    assert tape.samples_before.tolist() == [0, 8, 16, 24]
    assert tape.learner.tolist() == [0, 1, 0, 2, 1, 0]
    assert tape.read_at.tolist() == [0.5, 0.5, 2.0, 2.0, 2.5, 2.5]


@pytest.mark.parametrize(("samples", "steps"), [(0, 0), (1, 1), (8, 1), (8.5, 2), (24, 3), (25, 4)])
def test_first_step_after(samples, steps):
    assert recorded(TapeRecorder()).tape(mini_batch=4).first_step_after([samples]).tolist() == [steps]


@pytest.mark.parametrize("recorder", [TapeRecorder, SummaryRecorder])
def test_staleness_counts(recorder):
    assert recorded(recorder()).staleness_counts() == {0: 3, 1: 3}


def test_layers():
    """A row without layers of its own has its timestamp in all of them."""
    recorder = TapeRecorder()
    for timestamp, layers in enumerate([(), (0, 1, 1), (), (2, 3, 0)]):
        read = min(layers, default=timestamp)
        recorder.step(1.0 + timestamp, timestamp, [Gradient(0, timestamp, read, 0.5, 0.75, layers)])
    tape = recorder.tape(mini_batch=4)
    assert tape.layers.tolist() == [[0, 0, 0], [0, 1, 1], [2, 2, 2], [2, 3, 0]]
    assert tape.layer_staleness.tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 0], [1, 0, 3]]
    assert tape.staleness.tolist() == [0, 1, 0, 3]
    assert recorded(TapeRecorder()).tape(mini_batch=4).layers is None


def test_columns_cannot_be_changed():
    tape = recorded(TapeRecorder()).tape(mini_batch=4)
    with pytest.raises(ValueError, match="read-only"):
        tape.learner[0] = 9


def test_an_empty_tape():
    tape = TapeRecorder().tape(mini_batch=4)
    assert (tape.num_gradients, tape.num_steps) == (0, 0)
    assert tape.staleness.shape == (0,)
    assert np.array_equal(tape.samples_before, [0])


def test_what_is_settled_of_a_growing_tape_is_twice_as_far_back_as_any_row_refers():
    """A chain whose oldest gradient is 3 steps old, and a pair of models of which one is mixed in 2 rows after it was made."""
    chain = TapeRecorder()
    for timestamp in range(10):
        chain.step(float(timestamp), timestamp, [Gradient(0, timestamp, max(0, timestamp - 3 * (timestamp == 5)), 0.0, 0.0)])
    assert settled_steps(chain.tape(mini_batch=4)) == 10 - 2 * 3 - 1
    models = TapeRecorder()
    models.models(2, has_centre=False)
    for number in range(8):
        models.row(float(number), Row(owner=0, base=number, other=number - 2 if number == 6 else NONE), None, 0)
    assert settled_steps(models.tape(mini_batch=4)) == 8 - 2 * 2 - 1
    assert settled_steps(TapeRecorder().tape(mini_batch=4)) == 0

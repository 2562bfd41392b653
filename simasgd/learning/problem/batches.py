"""The mini-batches of a tape.

They say which training samples each gradient is computed on, and how these are augmented.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from jaxtyping import Int32

from simasgd.learning.data.augment import draws
from simasgd.learning.data.sets import mini_batches
from simasgd.scenario.learning.data import AbstractData
from simasgd.tape.arrays import Ints
from simasgd.tape.tape import Tape

BatchRows = npt.NDArray[np.int32]


def draw_batches(seed: int, tape: Tape, samples: int, partition: Sequence[Ints] | None) -> Int32[BatchRows, "G µ"]:
    """Return the indices of the samples of every gradient row.

    Indices are below `samples`. With a `partition`, a learner draws from its own part only. A
    mini-batch of fewer than µ samples is filled up with its first one.
    """

    def draw(learner: int, count: int) -> Int32[BatchRows, "count µ"]:
        number = samples if partition is None else len(partition[learner])
        places = _filled(mini_batches(seed, learner, count, _size(tape, learner), number), tape.mini_batch)
        return places if partition is None else partition[learner][places].astype(np.int32)

    return _rows_by_learner(tape, draw)


def draw_augmentations(spec: AbstractData, seed: int, tape: Tape) -> Int32[BatchRows, "G µ"]:
    """Return the augmentation codes of the samples of every gradient row (see `data.augment`)."""

    def draw(learner: int, count: int) -> Int32[BatchRows, "count µ"]:
        return _filled(draws(spec, seed, learner, count, _size(tape, learner)), tape.mini_batch)

    return _rows_by_learner(tape, draw)


def _size(tape: Tape, learner: int) -> int:
    return tape.mini_batch if tape.mini_batches is None else int(tape.mini_batches[learner])


def _filled(rows: Int32[BatchRows, "count n"], size: int) -> Int32[BatchRows, "count size"]:
    """Return the rows, filled up to `size` columns with their first entries."""
    missing = size - rows.shape[1]
    return np.concatenate([rows, np.repeat(rows[:, :1], missing, axis=1)], axis=1) if missing else rows


def _rows_by_learner(tape: Tape, draw: Callable[[int, int], BatchRows]) -> Int32[BatchRows, "G µ"]:
    """Return one row for every gradient row.

    The function draw(learner, count) returns the learner's first `count` rows.
    """
    rows = np.empty((tape.num_gradients, tape.mini_batch), np.int32)
    order = np.argsort(tape.learner, kind="stable")
    learners, first = np.unique(tape.learner[order], return_index=True)
    for learner, gradients in zip(learners.tolist(), np.split(order, first)[1:], strict=True):
        numbers = tape.batch[gradients]
        rows[gradients] = draw(learner, int(numbers.max()) + 1)[numbers]
    return rows

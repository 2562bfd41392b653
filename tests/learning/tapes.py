"""Tapes written by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simasgd.tape.tape import Tape


def make_tape(timestamps: Sequence[Sequence[int]]) -> Tape:
    """Return a tape whose step u applies gradients computed on the weights numbered timestamps[u]."""
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

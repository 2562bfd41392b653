"""Golden runs: a seed fixes the tape bit for bit, on every machine and with every supported version of the libraries.

If a digest here changes, every tape that users have recorded at that seed can no longer be repeated: that is a breaking
change and needs an entry in the changelog.
"""

from __future__ import annotations

import hashlib
import tracemalloc
from dataclasses import fields, replace

import numpy as np
import pytest

from simasgd import simulate
from simasgd.cluster.clock.recording import Limit
from simasgd.cluster.job import Job
from simasgd.cluster.simulation import run
from simasgd.tape.mixing import Mixing
from simasgd.tape.recorder import SummaryRecorder
from tests.build import LEARNING, TIMING, clock, scenario

TAPES = [
    ("p775", "hardsync", "e64293cdc307d3e9"),
    ("p775", "async", "3dd748200efbea07"),
    ("p775", {"kind": "n-softsync", "n": 3}, "b2889bcbc76f77a4"),
    ("ethernet-25g", "async", "d08465227dd39a91"),
    ("ideal", "hardsync", "461c66c65ebf9565"),
    ("p775", "all-reduce", "ab36e742bb6f1d1e"),
    ("p775", {"kind": "easgd", "period": 2}, "1ff833fe4bca2dee"),
    ("ethernet-25g", "gossip-pull", "98dada6963ccb4a7"),
    ("ethernet-25g", "ad-psgd", "f8ec85305bf3c238"),
    ("ethernet-25g", "overlap-sgp", "9e2769d40fa00be5"),
]


@pytest.mark.parametrize(("profile", "protocol", "digest"), TAPES, ids=str)
def test_tapes(profile, protocol, digest):
    chosen = scenario(
        TIMING, {"cluster": {"learners": 8, "profile": profile}, "protocol": protocol, "stop": {"gradients": 2000}}
    )
    _, tape = clock(chosen)
    found = hashlib.sha256()
    for column in (tape.learner, tape.batch, tape.timestamp, tape.offsets):
        found.update(column.astype("<i8").tobytes())
    for column in (tape.read_at, tape.computed_at, tape.stepped_at):
        found.update(column.astype("<f8").tobytes())
    if tape.mixing is not None:
        for field in fields(Mixing):
            column = np.asarray(getattr(tape.mixing, field.name))
            found.update(column.astype("<f8" if column.dtype == np.float64 else "<i8").tobytes())
    assert found.hexdigest()[:16] == digest


@pytest.mark.usefixtures("quickly_compiled")
def test_learned_numbers():
    """Not bit for bit across versions of JAX, but close: an accident in mini-batches, initial weights or rules would show."""
    finished = simulate(scenario(LEARNING, {"stop": {"gradients": None, "epochs": 3}}))
    losses = [row.test_loss for row in finished.summary.evaluations[:4]]
    assert losses == pytest.approx([2.3891, 0.57938, 0.29315, 0.27943], rel=1e-2)


def test_the_summarys_memory_does_not_grow_with_the_gradients():
    chosen = scenario(TIMING, {"cluster": {"learners": 2, "profile": "p775"}})

    def peak(gradients):
        tracemalloc.start()
        run(replace(Job.of(chosen), limit=Limit(gradients=gradients)), SummaryRecorder())
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(100)
    # The random blocks grow to 512 draws a learner; from then on nothing does. A tape would take 56 bytes a gradient.
    assert peak(8_000) - peak(4_000) < 56 * 4_000 / 10

"""Protocols that equal another one at the end of a parameter's range: equal tapes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.build import TIMING, clock, same_tape, scenario
from tests.protocols.cluster import CLUSTER

ASYNC = {"kind": "async"}
HARDSYNC = {"kind": "hardsync"}
CLUSTERS = {
    "ideal": {"learners": 6},
    "uneven": CLUSTER,
    "stragglers": {
        "learners": 6,
        "profile": "p775",
        "stragglers": {"slowdown": 10, "mean_normal": "50 ms", "mean_slow": "10 ms"},
        "server": {"update": "1 ms"},
    },
}
EVERYWHERE = [
    ({"kind": "backup-workers", "backups": 0}, HARDSYNC),
    ({"kind": "k-sync", "k": 6}, HARDSYNC),
    ({"kind": "k-batch-async", "k": 1}, ASYNC),
    ({"kind": "k-batch-async", "k": 6}, {"kind": "n-softsync", "n": 1}),
    ({"kind": "k-batch-async", "k": 3}, {"kind": "n-softsync", "n": 2}),
    ({"kind": "ringmaster", "threshold": "infinite"}, ASYNC),
    ({"kind": "ringmaster-stop", "threshold": "infinite"}, ASYNC),
    ({"kind": "ringmaster", "threshold": 3}, {"kind": "async", "spread": 2}),
    ({"kind": "ssp", "slack": "infinite"}, ASYNC),
    ({"kind": "downpour", "n_fetch": 1, "n_push": 1}, ASYNC),
    ({"kind": "fedbuff", "buffer": 1, "local_steps": 1}, ASYNC),
    ({"kind": "fedbuff", "buffer": 6, "local_steps": 1}, {"kind": "n-softsync", "n": 1}),
    ({"kind": "dynsgd"}, ASYNC),
]
BLOCKING = [  # where a learner waits for its own update anyway
    ({"kind": "k-async", "k": 1}, ASYNC),
    ({"kind": "k-async", "k": 6}, HARDSYNC),
    ({"kind": "bounded-delay", "delay": 0}, ASYNC),
]


def tape_of(cluster, protocol, architecture="base"):
    chosen = {"cluster": {**CLUSTERS[cluster], "architecture": architecture}, "protocol": protocol}
    return clock(scenario(TIMING, chosen, {"stop": {"gradients": 300}}))[1]


@pytest.mark.parametrize("architecture", ["base", "adv", "adv*"])
@pytest.mark.parametrize("cluster", CLUSTERS)
@pytest.mark.parametrize(("one", "other"), EVERYWHERE, ids=str)
def test_both_protocols_are_equal(one, other, cluster, architecture):
    assert same_tape(tape_of(cluster, one, architecture), tape_of(cluster, other, architecture))


@pytest.mark.parametrize("cluster", CLUSTERS)
@pytest.mark.parametrize(("one", "other"), BLOCKING, ids=str)
def test_both_protocols_are_equal_if_learners_block(one, other, cluster):
    assert same_tape(tape_of(cluster, one), tape_of(cluster, other))


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_ssp_without_slack_goes_in_rounds(cluster):
    """Check that all clocks are equal every λ updates: one gradient each in a round."""
    tape = tape_of(cluster, {"kind": "ssp", "slack": 0})
    rounds = tape.learner[: tape.num_gradients // 6 * 6].reshape(-1, 6)
    assert (np.sort(rounds, axis=1) == np.arange(6)).all()


def test_ringmaster_with_threshold_1_takes_fresh_gradients_only():
    """Check claim 54."""
    for kind in ("ringmaster", "ringmaster-stop"):
        assert not tape_of("uneven", {"kind": kind, "threshold": 1}).staleness.any()

"""Collective operations where messages share links, alone and in whole runs."""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.cluster.collectives.lockstep import Lockstep
from simasgd.cluster.collectives.message_passing import MessagePassing
from simasgd.cluster.collectives.patterns import reduction
from simasgd.cluster.collectives.selection import make_operations
from simasgd.scenario.cluster.collective import RecursiveDoubling, RingCollective
from tests.build import TIMING, clock, scenario
from tests.cluster.collectives.ranks import (
    BYTES,
    Cluster,
    at_once,
    at_random,
    by_kind,
    by_operation,
    carried_out,
)

BUSY = {
    "tree": {"topology": {"kind": "tree", "nodes_per_rack": 2, "oversubscription": 4}},
    "ring": {"topology": "ring"},
    "shared nodes": {"per_node": 2, "shared_nodes": True, "intra_node": 1e9},
    "slow node": {"faults": {"degraded_links": [{"link": "node 1", "at": "0.1 s", "lasting": "50 s", "factor": 0.25}]}},
    "losses": {"faults": {"message_loss": {"probability": 0.2, "resend_after": "10 ms"}}},
}


@by_kind
@by_operation
@pytest.mark.parametrize("sharing", ["fifo", "fair"])
@pytest.mark.parametrize("busy", BUSY)
def test_contention_only_adds(kind, operation, sharing, busy):
    """Without latency, of which messages have more on a ring than on a star, and none within a node."""
    p, sizes = 8, [BYTES, 0.5 * BYTES]
    rounds, plan = operation(kind, p, 2), at_random(0, p, len(sizes), joins=2, mean=0.03)
    idle = carried_out(Cluster(p, latency=0), "lockstep", rounds, sizes, plan)
    cluster = Cluster(p, latency=0, sharing=sharing, **BUSY[busy])
    found = carried_out(cluster, "messages", rounds, sizes, plan)
    assert (found.finished >= idle.finished - 1e-9).all()
    assert found.trails.sum(axis=2) == pytest.approx(found.finished, abs=1e-9)
    sent, received, lost = cluster.network.counts()
    assert sent == pytest.approx(received + lost)
    assert (lost > 0.0) == (busy == "losses")
    if isinstance(kind, RecursiveDoubling):
        assert (found.finished > 1.1 * idle.finished).any()


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
def test_learners_of_a_node_share_its_interface(sharing):
    """Recursive doubling on two nodes of two: one message time within the nodes, and then two messages leave each node."""
    cluster = Cluster(4, per_node=2, shared_nodes=True, intra_node=1e9, latency=0, sharing=sharing)
    found = carried_out(cluster, "messages", reduction(RecursiveDoubling(), 4, 2), [BYTES], at_once(4))
    assert found.finished.max() == pytest.approx(3 * BYTES / 1e9)


@pytest.mark.parametrize(
    ("changes", "chosen"),
    [
        ({}, Lockstep),
        ({"topology": {"kind": "tree", "nodes_per_rack": 4}}, Lockstep),
        *((one, MessagePassing) for one in BUSY.values()),
    ],
)
def test_messages_are_followed_one_by_one_only_where_they_may_meet_others(changes, chosen):
    cluster = Cluster(4, **changes)
    made = make_operations(
        cluster.env, cluster.network, cluster.endpoints, reduction(RingCollective(), 4, 2), [BYTES], lambda *_: None
    )
    assert isinstance(made, chosen)


@pytest.mark.parametrize("topology", ["star", "ring"])
def test_a_step_of_all_reduce_is_a_mini_batch_and_the_operation(topology):
    """Through the whole cluster, at constant compute times: in a ring of nodes as on a star, since neighbours are linked."""
    p, size, bandwidth, latency, seconds = 4, 1e6, 1e6, 1e-3, 0.5
    network = {"latency": "1 ms", "bandwidth": "1 MB/s", "overhead": 0, "topology": topology}
    compute = {"per_batch": "500 ms", "per_sample": 0, "distribution": "constant", "cv": None}
    chosen = scenario(
        TIMING,
        {
            "cluster": {"learners": p, "network": network, "compute": compute},
            "protocol": "all-reduce",
            "workload": {"payload": "1 MB"},
            "stop": {"gradients": 10 * p},
        },
    )
    round_ = size / p / bandwidth + latency
    _, tape = clock(chosen)
    assert np.diff(tape.stepped_at) == pytest.approx(seconds + 2 * (p - 1) * round_, rel=1e-9)


@pytest.mark.parametrize("protocol", ["all-reduce", "gossip-push", "async"])
@pytest.mark.parametrize("sharing", ["fifo", "fair"])
def test_a_medium_carries_no_more_than_its_bandwidth(protocol, sharing):
    """Whoever sends to whom."""
    network = {"bandwidth": "1 MB/s", "topology": "medium", "sharing": sharing}
    chosen = scenario(
        TIMING, {"cluster": {"learners": 6, "network": network}, "protocol": protocol, "stop": {"gradients": 200}}
    )
    clocked, _ = clock(chosen)
    assert 0.8e6 < clocked.bytes.received / clocked.simulated_seconds <= 1e6 * (1 + 1e-9)

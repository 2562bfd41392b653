"""Nodes of unlike bandwidths, and servers on nodes with learners: by hand, and equal to like nodes where all are equal."""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.cluster.network.bandwidths import bandwidths
from simasgd.what_if.changes import faster_network
from tests.build import TIMING, clock, same_tape, scenario
from tests.cluster.by_hand import ms
from tests.protocols.table import ROWS

TWO = {
    "cluster": {
        "learners": 2,
        "profile": None,
        "compute": {"per_batch": "10 ms", "per_sample": 0},
        "network": {"latency": 0, "bandwidth": ["1 GB/s", "500 MB/s"]},
        "server": {"bandwidth": "unlimited", "update": 0},
    },
    "workload": {"payload": "1 MB"},
    "stop": {"gradients": None, "updates": 4},
}
"""Two learners, 10 ms of computing, messages of 1 and 2 ms."""
NETWORKS = {
    "star": {},
    "tree": {"topology": {"kind": "tree", "nodes_per_rack": 3, "oversubscription": 2.3}},
    "ring": {"topology": "ring"},
    "medium": {"topology": "medium"},
    "p775": {"topology": {"kind": "p775", "nodes_per_drawer": 2, "drawers_per_supernode": 1}},
}


def updates(*changes):
    """Return the times of the updates in ms, and their learners."""
    _, tape = clock(scenario(TIMING, TWO, *changes))
    return ms(tape.stepped_at), tape.learner.tolist()


@pytest.mark.parametrize(
    ("changes", "times", "learners"),
    [
        # Cycles of 1 + 10 + 1 and 2 + 10 + 2.
        ({}, [12, 14, 24, 28], [0, 1, 0, 1]),
        ({"sharing": "fair"}, [12, 14, 24, 28], [0, 1, 0, 1]),
        # One after the other on the medium: pulls end at 1 and 3, pushes at 12 and 15.
        ({"topology": "medium"}, [12, 15, 24, 29], [0, 1, 0, 1]),
        # Both at once: 1 GB/s in sum, of which learner 1 takes half in any case. Pulls and pushes take 2.
        ({"topology": "medium", "sharing": "fair"}, [14, 14, 28, 28], [0, 1, 0, 1]),
        # The server is the third node of the ring, so no message meets another one.
        ({"topology": "ring"}, [12, 14, 24, 28], [0, 1, 0, 1]),
        # One rack of two nodes of 750 MB/s in the mean: its links carry 2 · 750 ÷ 3 = 500 MB/s. Pulls end at 2 and 4.
        (
            {"topology": {"kind": "tree", "nodes_per_rack": 2, "oversubscription": 3}},
            [14, 16, 28, 30],
            [0, 1, 0, 1],
        ),
    ],
    ids=str,
)
def test_messages_take_the_time_of_their_own_node(changes, times, learners):
    assert updates({"cluster": {"network": changes}}) == (times, learners)


def test_a_message_between_learners_takes_the_time_of_the_slower_one():
    """Two rounds of half a payload each, at 500 MB/s: 1 ms a round."""
    assert updates({"protocol": "all-reduce"})[0] == [12, 24, 36, 48]
    on_ring = {"cluster": {"network": {"topology": "ring"}}, "protocol": "all-reduce"}
    assert updates(on_ring)[0] == [12, 24, 36, 48]


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
def test_a_learner_on_the_servers_node_sends_within_it(sharing):
    """Learner 0 sends within the node, at once. The messages of learner 1 pass both nodes' interfaces, and take 2 ms."""
    changes = {"cluster": {"server": {"node": 0}, "network": {"sharing": sharing}}}
    within = {"cluster": {"architecture": {"kind": "base", "intra_node_bandwidth": "unlimited"}}}
    assert updates(changes, within) == ([10, 14, 20, 28], [0, 1, 0, 1])
    slowly = {"cluster": {"architecture": {"kind": "base", "intra_node_bandwidth": "250 MB/s"}}}
    assert updates(changes, slowly) == ([14, 18, 28, 36], [1, 0, 1, 0])


def test_learners_on_other_nodes_queue_for_the_interface_of_the_servers_node():
    """At the node's 1 GB/s the pulls of learners 1 and 2 end at 1 and 2 ms, and their pushes at 12 and 13 ms."""
    three = {"learners": 3, "network": {"bandwidth": "1 GB/s"}, "server": {"node": 0}}
    within = {"kind": "base", "intra_node_bandwidth": "unlimited"}
    assert updates({"cluster": {**three, "architecture": within}}) == ([10, 12, 13, 20], [0, 1, 2, 0])
    fair = {"network": {"sharing": "fair"}}
    # The two share the interface: pulls end at 2, pushes at 14.
    assert updates({"cluster": {**three, "architecture": within}}, {"cluster": fair}) == ([10, 14, 14, 20], [0, 1, 2, 0])


def test_shards_on_nodes():
    """Half a message goes to either shard. That within the node takes no time, the other one 0.5 and 1 ms."""
    shards = {"kind": "base", "shards": 2, "intra_node_bandwidth": "unlimited"}
    cluster = {"server": {"node": [0, 1]}, "architecture": shards, "network": {"bandwidth": "1 GB/s"}}
    assert updates({"cluster": cluster})[0] == [11, 11, 22, 22]
    one, both = {"server": {"node": 1}}, {"server": {"node": [1, 1]}}
    assert updates({"cluster": {**cluster, **one}}) == updates({"cluster": {**cluster, **both}})


def test_the_centre_may_be_on_a_node():
    """Learner 0 exchanges with the centre within the node: 10 ms a cycle. Learner 1 takes 2 ms each way."""
    within = {"architecture": {"kind": "base", "intra_node_bandwidth": "unlimited"}, "server": {"node": 0}}
    clocked, tape = clock(scenario(TIMING, TWO, {"cluster": within, "protocol": {"kind": "easgd", "period": 1}}))
    assert clocked.bytes.sent == pytest.approx(clocked.bytes.received, abs=4e6)
    assert ms(tape.computed_at[tape.learner == 0])[:2] == [10, 20]


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("sharing", ["fifo", "fair"])
def test_equal_bandwidths_in_a_list_change_nothing(kind, sharing):
    number = list(ROWS).index(kind)
    topology = list(NETWORKS.values())[number % len(NETWORKS)]
    per_node = 1 + number % 2
    network = {"bandwidth": "0.3 MB/s", "sharing": sharing, **topology}
    cluster = {"learners": 6, "learners_per_node": per_node, "network": network, "start": "spread"}
    one = scenario(TIMING, {"cluster": cluster, "protocol": ROWS[kind].typical, "stop": {"gradients": 50}})
    several = scenario(TIMING, one.resolved(), {"cluster": {"network": {"bandwidth": ["0.3 MB/s"] * (6 // per_node)}}})
    assert same_tape(clock(one)[1], clock(several)[1])


def law(learners, seed=0, **law):
    network = {"bandwidth": {"mean": "1 GB/s", "distribution": "gamma", "cv": 0.5, **law}}
    chosen = scenario(TIMING, {"cluster": {"learners": learners, "network": network}})
    return chosen.cluster, bandwidths(chosen.cluster, seed)


def test_a_law_of_bandwidths():
    _, drawn = law(2000)
    assert np.mean(drawn) == pytest.approx(1e9, rel=0.05)
    assert np.std(drawn) == pytest.approx(0.5e9, rel=0.1)
    assert law(7)[1] == drawn[:7], "a node's bandwidth depends on the number of nodes"
    assert law(7, seed=1)[1] != drawn[:7]
    assert all(1e-15 <= one <= 1e15 for one in law(50, cv=10, mean="1e15 B/s", distribution="lognormal")[1])


def test_a_faster_network_is_faster_for_every_node():
    cluster, drawn = law(5)
    assert bandwidths(faster_network(cluster), 0) == [2 * one for one in drawn]
    listed = scenario(TIMING, TWO).cluster
    assert bandwidths(faster_network(listed), 0) == [2e9, 1e9]

"""One learner whom nobody is in the way of: a cycle is compute + 2·(overhead + bytes/bandwidth + travel) + update, to rounding.

Messages of 12 MB over interfaces of 2 GB/s take 6 ms; travel is 0.5 ms, computing 10 ms, an update 0.3 ms. All times below are
in milliseconds.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.build import TIMING, clock, scenario

LONE = {
    "cluster": {
        "learners": 1,
        "profile": None,
        "compute": {"per_batch": "2 ms", "per_sample": "2 ms"},
        "network": {"latency": "0.5 ms", "bandwidth": "2 GB/s"},
        "server": {"bandwidth": "4 GB/s", "update": "0.3 ms"},
    },
    "workload": {"mini_batch": 4, "payload": "12 MB"},
    "stop": {"gradients": 7},
}
SLOW_SERVER = {"server": {"bandwidth": "0.5 GB/s"}}
TREE = {"kind": "tree", "core_latency": "0.7 ms"}
# Supernodes of two drawers of two nodes: nodes 0–3, 4–7.
P775 = {"kind": "p775", "nodes_per_drawer": 2, "drawers_per_supernode": 2, "local": "8 GB/s"}
ONE_D_LINK = {**P775, "d_links": 1}


def cycles(cluster, protocol="async", learner=0):
    """Milliseconds from one update of this learner to the next. Others, if any, are so slow that they never push anything."""
    alone = scenario(TIMING, LONE, {"cluster": cluster, "protocol": protocol})
    others = alone.cluster.learners - 1
    if not others:
        _, tape = clock(alone)
        return np.diff(tape.stepped_at, prepend=0.0) * 1e3
    speeds = [1e-6] * learner + [1.0] + [1e-6] * (others - learner)
    _, tape = clock(scenario(TIMING, LONE, {"cluster": {**cluster, "speeds": speeds}, "protocol": protocol}))
    assert set(tape.learner) == {learner}
    return np.diff(tape.stepped_at[1:]) * 1e3  # at first all want weights at once


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
@pytest.mark.parametrize(
    ("cluster", "one_way"),
    [
        ({}, 6.0 + 0.5),
        (SLOW_SERVER, 24.0 + 0.5),
        ({"network": {"bandwidth": "unlimited"}}, 3.0 + 0.5),
        ({"server": {"duplex": "half"}}, 6.0 + 0.5),
        ({"network": {"overhead": "0.25 ms"}}, 0.25 + 6.0 + 0.5),
        ({"network": {"bandwidth": "unlimited", "overhead": "0.25 ms"}, "server": {"bandwidth": "unlimited"}}, 0.25 + 0.5),
        ({"network": {"topology": TREE}}, 6.0 + 0.5 + 0.7),
        ({"network": {"topology": {**TREE, "nodes_per_rack": 2, "oversubscription": 8.0}}}, 24.0 + 0.5 + 0.7),
        ({"network": {"topology": "ring"}}, 6.0 + 0.5),
        ({"network": {"topology": P775}}, 6.0 + 0.5),
        # Parts of a message go side by side, each with its share of the learner's interface, and to a server of its own.
        ({"architecture": {"kind": "base", "shards": 3}}, 6.0 + 0.5),
        ({"architecture": {"kind": "base", "shards": 3}, **SLOW_SERVER}, 8.0 + 0.5),
        ({"architecture": {"kind": "base", "shards": 3}, **SLOW_SERVER, "network": {"overhead": "0.25 ms"}}, 8.0 + 0.75),
    ],
    ids=str,
)
def test_a_cycle_is_compute_and_two_messages_and_an_update(cluster, one_way, sharing):
    network = {**cluster.get("network", {}), "sharing": sharing}
    update = 0.3 / cluster.get("architecture", {}).get("shards", 1)
    assert cycles({**cluster, "network": network}) == pytest.approx(10.0 + 2 * one_way + update, rel=1e-12)


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
@pytest.mark.parametrize(
    ("topology", "learner", "slowest", "links"),
    [
        ("star", 3, 6.0, 1),
        # The server closes the ring of 6 as node 5.
        ("ring", 0, 6.0, 1),
        ("ring", 1, 6.0, 2),
        ("ring", 2, 6.0, 3),
        ("ring", 4, 6.0, 1),
        # The server is node 5, in supernode 1; D links start at nodes 1 and 4, and node 5's L link to node 4 is local.
        (ONE_D_LINK, 0, 6.0, 3),
        (ONE_D_LINK, 1, 6.0, 2),
        (ONE_D_LINK, 3, 6.0, 3),
        (P775, 4, 6.0, 1),
        ({**ONE_D_LINK, "d_link": "1 GB/s"}, 1, 12.0, 2),
        # With one D link a node each starts at the learner's own; with four more they end at the server's, too.
        ({**P775, "d_links": 4}, 0, 6.0, 2),
        ({**P775, "d_links": 4}, 3, 6.0, 2),
        ({**P775, "d_links": 16}, 0, 6.0, 1),
        ({**P775, "d_links": 16, "d_link": "1 GB/s"}, 3, 12.0, 1),
        ({**ONE_D_LINK, "remote": "500 MB/s"}, 1, 6.0, 2),
        ({**ONE_D_LINK, "remote": "500 MB/s"}, 3, 24.0, 3),
    ],
    ids=str,
)
def test_latency_is_paid_for_every_link_and_the_slowest_sets_the_pace(topology, learner, slowest, links, sharing):
    found = cycles({"learners": 5, "network": {"topology": topology, "sharing": sharing}}, learner=learner)
    assert found == pytest.approx(10.0 + 2 * (slowest + links * 0.5) + 0.3, rel=1e-11)


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
def test_an_interface_that_is_shared_with_learners_at_rest_is_as_good_as_ones_own(sharing):
    found = cycles({"learners": 5, "learners_per_node": 5, "network": {"sharing": sharing}}, learner=2)
    assert found == pytest.approx(23.3, rel=1e-11)


@pytest.mark.parametrize("protocol", ["hardsync", "async", {"kind": "n-softsync", "n": 1}], ids=str)
def test_alone_all_protocols_are_the_same(protocol):
    assert cycles({}, protocol) == pytest.approx(23.3, rel=1e-12)

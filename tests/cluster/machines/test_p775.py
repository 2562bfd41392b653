"""The two tiers of a P775: which links there are, and what they carry (docs/papers.md A1.6)."""

from __future__ import annotations

from collections import Counter

import pytest

from simasgd import Study, simulate
from simasgd.cluster.network.topology import build_topology
from simasgd.report.sections.provenance import tabulate_profiles
from simasgd.scenario.cluster.network import P775, Network
from tests.build import TIMING, clock, scenario

SUPERNODE = 32


def ways(nodes, **keys):
    return build_topology(Network(latency="1 us", bandwidth="96 GB/s", topology=P775(**keys)), [96e9] * nodes, 0)


def d_links(system, nodes, a, b):
    """Return the D links of messages from supernode a to b, with the number of pairs of nodes that each serves."""
    found = Counter()
    for x in range(SUPERNODE):
        for y in range(SUPERNODE):
            if b * SUPERNODE + y < nodes:
                way = system.path(a * SUPERNODE + x, b * SUPERNODE + y)
                found.update(link.name for link in way.links if link.name.startswith("D"))
    return found


@pytest.mark.parametrize(("supernodes", "count"), [(2, 512), (3, 256), (5, 128), (17, 32), (33, 16), (257, 2), (600, 1)])
def test_the_d_links_of_a_supernode_are_shared_out_evenly(supernodes, count):
    nodes = supernodes * SUPERNODE
    system = ways(nodes)
    for a, b in ((0, 1), (1, 0), (supernodes - 1, 0), (0, supernodes - 1)):
        taken = d_links(system, nodes, a, b)
        assert len(taken) == count
        assert max(taken.values()) <= 2 * min(taken.values())
        assert sum(taken.values()) == SUPERNODE**2


@pytest.mark.parametrize("supernodes", [2, 3, 5, 17, 33, 257])
def test_a_d_link_has_two_ends_and_every_way_at_most_three_links(supernodes):
    """Both directions of a D link end at the same two nodes, and every node is an end of 16 at most."""
    system = ways(supernodes * SUPERNODE)
    ends = {}
    for a, b in ((0, 1), (1, 0)):
        for x in range(SUPERNODE):
            for y in range(SUPERNODE):
                source, target = a * SUPERNODE + x, b * SUPERNODE + y
                links = system.path(source, target).links
                names = [link.name for link in links]
                (number,) = (i for i, name in enumerate(names) if name.startswith("D"))
                assert len(links) <= 3
                # "L 3 to 5 …" before it leads to its start, one behind it away from its end.
                start = int(names[0].split()[3]) if number else source
                end = int(names[-1].split()[1]) if number < len(links) - 1 else target
                name = names[number].split()[-1]
                assert ends.setdefault(name, {start, end}) == {start, end}
    per_node = Counter(node for pair in ends.values() for node in pair)
    assert max(per_node.values()) <= 16


def gbytes_per_second(learners, protocol, sharing="fair", **cluster):
    """Return the throughput of all links between nodes (GB/s), while learners do nothing but send."""
    changes = {
        "cluster": {
            "learners": learners,
            "profile": "p775",
            "compute": {"per_batch": "1 ns", "per_sample": 0, "distribution": "constant", "cv": None},
            "network": {"topology": "p775", "latency": 0, "sharing": sharing},
            **cluster,
        },
        "workload": {"payload": "24 MB"},
        "protocol": protocol,
    }
    clocked, _ = clock(scenario(TIMING, changes, {"stop": {"gradients": 20 * learners}}))
    return clocked.bytes.received / clocked.simulated_seconds / 1e9


def test_the_links_of_a_drawer_are_reached_over_the_profile():
    """Two learners of a drawer that average by a ring: half a message each way at once, over a link of 24 GB/s."""
    assert gbytes_per_second(2, "all-reduce") == pytest.approx(2 * 24, rel=0.01)
    # The interface is a key like others: the scenario has the last word.
    slow = {"topology": "p775", "latency": 0, "bandwidth": "10 GB/s"}
    assert gbytes_per_second(2, "all-reduce", network=slow) == pytest.approx(2 * 10, rel=0.01)


def test_over_a_star_the_profile_stays_at_a_d_link():
    for topology_ in ("star", "ring"):
        chosen = scenario(TIMING, {"cluster": {"profile": "p775", "network": {"topology": topology_}}})
        assert chosen.cluster.network.bandwidth == 10e9
    chosen = scenario(TIMING, {"cluster": {"profile": "p775", "network": {"topology": {"kind": "p775", "local": "20 GB/s"}}}})
    assert (chosen.cluster.network.bandwidth, chosen.cluster.network.topology.local) == (96e9, 20e9)
    assert scenario(TIMING, {"cluster": {"network": {"topology": "p775"}}}).cluster.network.bandwidth == float("inf")


@pytest.mark.parametrize(("kind", "bandwidth", "source"), [("star", "10 GB/s", "one D link"), ("p775", "96 GB/s", "its hub")])
def test_the_report_names_the_source_of_the_interface_that_was_used(kind, bandwidth, source):
    chosen = scenario(TIMING, {"cluster": {"profile": "p775", "network": {"topology": kind}}, "stop": {"gradients": 10}})
    (found,) = tabulate_profiles(Study(chosen, {"": [simulate(chosen)]}))
    (row,) = (row for row in ([cell.text for cell in row] for row in found.table.rows) if row[0] == "cluster.network.bandwidth")
    assert (row[1], row[2]) == (bandwidth, "")
    assert source in row[3]

"""Messages within a node keep to it, and under a barrier a node's gradients are added up before they leave it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.build import TIMING, clock, scenario, thin
from tests.cluster.by_hand import ms, run_tree, spell

GPU8 = {
    "cluster": {"learners": 8, "profile": "gpu8-200g", "compute": {"distribution": "constant", "cv": None}},
    "workload": {"mini_batch": 64, "payload": "102 MB", "samples_per_epoch": 100_000},
    "protocol": "hardsync",
    "stop": {"gradients": None, "updates": 20},
}
BARRIERS = ["hardsync", {"kind": "hardsync", "barrier_timeout": "1 s"}, {"kind": "backup-workers", "backups": 0}]


def gpu8(*changes):
    return clock(scenario(TIMING, GPU8, *changes))


def node(bandwidth, **more):
    return {"cluster": {"architecture": {"intra_node_bandwidth": bandwidth}, **more}}


def payloads(clocked, name):
    """How many messages of the payload a step a link carried."""
    (link,) = (link for link in clocked.links if link.name == name)
    return link.bytes / 102e6 / clocked.updates


@pytest.mark.parametrize("nvlink", [30e9, 300e9, 3000e9])
@pytest.mark.parametrize(("sharing", "in_node"), [("fair", 2 * 8), ("fifo", 8 + 1)])
def test_a_step_of_a_node_of_eight_gpus(nvlink, sharing, in_node):
    """A step has 26 + 64 · 0.303 ms of computing and 2.6 ms for the update.

    102 MB take their time over 25 GB/s and 5 µs each way. Within the node all eight messages move
    at once each way, 5.4 ms at 300 GB/s. Only the messages down wait for each other. So their
    learners finish gradients one after another, as fast as the leaf takes them, and only one
    message of the way up remains.
    """
    clocked, _ = gpu8(node(f"{nvlink} B/s", network={"sharing": sharing}))
    step = 0.026 + 64 * 0.303e-3 + 2 * (102e6 / 25e9 + 5e-6) + 0.0026 + in_node * 102e6 / nvlink
    assert clocked.simulated_seconds == pytest.approx(20 * step)
    if nvlink == 300e9:
        assert step == pytest.approx(0.062, rel=0.05)


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
@pytest.mark.parametrize("architecture", ["adv", "adv*"])
@pytest.mark.parametrize("protocol", BARRIERS, ids=str)
def test_under_a_barrier_one_payload_a_node_enters_the_server(protocol, architecture, sharing):
    changed = {"learners": 32, "network": {"sharing": sharing}, "architecture": {"kind": architecture}}
    clocked, tape = gpu8(
        {"cluster": changed, "protocol": protocol}, {"cluster": {"compute": {"distribution": "gamma", "cv": 0.2}}}
    )
    assert payloads(clocked, "server nic in") == 4
    assert not tape.staleness.any()
    assert (tape.offsets[1:] - tape.offsets[:-1] == 32).all()


def test_inner_servers_add_up_what_their_children_send():
    """16 nodes of two learners have 4 inner servers.

    Each node sends one payload, and so does each inner server. Four of the nodes are those of inner
    servers.
    """
    tree = {"learners": 32, "learners_per_node": 2, "architecture": {"fan_out": 4}}
    clocked, _ = gpu8({"cluster": tree})
    assert payloads(clocked, "server nic in") == 4
    assert sum(payloads(clocked, f"node {number} out") for number in range(16)) == 12 + 4 + 12  # and weights to 12 leaves


@pytest.mark.parametrize("protocol", ["async", {"kind": "n-softsync", "n": 1}], ids=str)
def test_without_a_barrier_nothing_waits_at_a_leaf(protocol):
    """Learner 0's gradients, one every 46 ms or so, leave its node at once, though the others take 4.5 s."""
    slow = {"cluster": {"learners": 8, "speeds": [1.0] + [0.01] * 7}, "protocol": protocol}
    clocked, _ = gpu8(slow, {"stop": {"updates": None, "simulated_time": "500 ms"}})
    assert payloads(clocked, "server nic in") * clocked.updates == pytest.approx(500 // 46)


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
@pytest.mark.parametrize(
    ("protocol", "architecture"),
    [
        ("hardsync", "adv"),
        ("async", "adv"),
        ("async", "adv*"),
        ("gossip-push", "base"),
        ({"kind": "all-reduce", "collective": "ring"}, "base"),
    ],
    ids=str,
)
def test_what_stays_in_the_node_does_not_know_the_network(protocol, architecture, sharing):
    """All learners are on one node.

    A slower interface of the node changes nothing for messages between learners. Under adv the
    interface carries only the messages of the parameter server.
    """
    seconds = {}
    for bandwidth, within in (("25 GB/s", 300), ("1 MB/s", 300), ("25 GB/s", 3)):
        shape = {"kind": architecture, "intra_node_bandwidth": f"{within} GB/s"}
        changed = {"architecture": shape, "network": {"bandwidth": bandwidth, "sharing": sharing}}
        clocked, _ = gpu8({"cluster": changed, "protocol": protocol, "stop": {"updates": None, "gradients": 80}})
        seconds[bandwidth, within] = clocked.simulated_seconds
        if architecture != "base":
            carried = {link.name: link.bytes for link in clocked.links}
            for node, server in (("node 0 out", "server nic in"), ("node 0 in", "server nic out")):
                assert carried[server] > 0
                assert carried[node] == pytest.approx(carried[server], abs=102e6)  # one may be on its way at the stop
    if architecture == "base":
        assert seconds["1 MB/s", 300] == seconds["25 GB/s", 300]
    assert seconds["25 GB/s", 3] > seconds["25 GB/s", 300]


def test_two_messages_to_one_learner_share_its_port():
    """Gossip in a node, two learners that compute for 1 s and then send 3 GB at 1 GB/s each: three learners at random."""
    changes = {
        "cluster": {
            "learners": 3,
            "learners_per_node": 3,
            "compute": {"per_sample": 0, "per_batch": "1 s", "distribution": "constant", "cv": None},
            "architecture": {"kind": "base", "intra_node_bandwidth": "1 GB/s"},
        },
        "workload": {"payload": "3 GB"},
        "protocol": "gossip-push",
        "stop": {"gradients": 30},
    }
    clocked, _ = clock(scenario(TIMING, changes))
    names = {link.name for link in clocked.links if link.bytes}
    assert names == {f"in node: {way} learner {number}" for number in range(3) for way in ("to", "from")}


# The small tree with servers of 1 GB/s: a message takes 3 ms on a link. All compute for 10.
LOSS = {
    "cluster": {"speeds": None, "server": {"bandwidth": "1 GB/s"}},
    "protocol": {"kind": "hardsync", "barrier_timeout": "5 ms"},
}
ADV = {"kind": "adv", "intra_node_bandwidth": "unlimited"}


def gone(*crashes):
    return {"cluster": {"faults": {"crashes": [{"learner": learner, "at": f"{at} ms"} for learner, at in crashes]}}}


def test_a_leaf_waits_for_no_member_that_was_dropped():
    """Weights are at the leaves at 3.5 and 6.5, gradients at 13.5 and 16.5, but learner 1 is gone.

    The barrier's 5 begin at 13.5, at the first leaf. Leaf 2's sum leaves at 16.5 and is at the root
    at 20. At 18.5 learner 1 ceases to be a member, so leaf 1's sum leaves. It finds the root's
    interface in use until 19.5 and arrives at 23.

    Leaf 1, which has asked first, has weights 1 at 26.75 and leaf 2 at 29.75. They send at 36.75
    and 39.75, until 43.25.
    """
    clocked, tape = run_tree(ADV, 2, LOSS, gone((1, 7)))
    assert ms(tape.stepped_at) == [23.25, 43.5]
    assert tape.learner.tolist() == [2, 3, 0, 0, 2, 3]
    assert (clocked.fault_counts.barrier_timeouts, clocked.fault_counts.members_dropped) == (1, 1)


def test_one_learner_gone_on_each_node_is_no_deadlock():
    """No leaf is ever complete: both send at 18.5, one after the other into the root, until 22 and 25."""
    clocked, tape = run_tree(ADV, 10, LOSS, gone((1, 7), (3, 7)))
    assert ms(tape.stepped_at)[0] == 25.25
    assert (clocked.fault_counts.barrier_timeouts, clocked.fault_counts.members_dropped) == (1, 2)
    assert clocked.hang is None
    assert set(tape.learner.tolist()) == {0, 2}


def test_without_a_time_out_a_leaf_waits_for_ever():
    clocked, _ = run_tree(ADV, 2, LOSS, {"protocol": {"barrier_timeout": None}}, gone((1, 7)))
    assert clocked.hang is not None
    assert (clocked.updates, clocked.gradients_in_flight) == (0, 3)


TREES = ["adv", "adv*", {"kind": "adv", "fan_out": 2, "colocated": False}]
TROUBLES = [
    ({"kind": "hardsync", "barrier_timeout": "5 ms"}, {"crashes": {"mtbf": "80 ms", "mttr": "20 ms"}}),
    ("hardsync", {"crashes": {"mtbf": "80 ms", "mttr": "20 ms"}}),
    ({"kind": "backup-workers", "backups": 0}, {"crashes": {"mtbf": "80 ms", "mttr": "20 ms"}}),
    ({"kind": "k-sync", "k": 12}, {"crashes": {"mtbf": "80 ms", "mttr": "20 ms"}}),
    ({"kind": "hardsync", "barrier_timeout": "1 ms"}, {"message_loss": {"probability": 0.1, "resend_after": "4 ms"}}),
    ({"kind": "hardsync", "barrier_timeout": "1 ms"}, {"server_pauses": [spell(50, 100)]}),
]


@pytest.mark.parametrize(
    ("per_gradient", "protocol", "faults", "architecture"),
    thin([(cost, *trouble, tree) for cost in ("0 s", "100 us") for trouble in TROUBLES for tree in TREES], 5),
    ids=str,
)
def test_whatever_happens_a_barrier_in_a_tree_goes_on(per_gradient, protocol, faults, architecture):
    cluster = {
        "learners": 12,
        "speeds": None,
        "compute": {"distribution": "gamma", "cv": 0.3},
        "server": {"bandwidth": "10 GB/s", "per_gradient": per_gradient},
        "network": {"bandwidth": "10 GB/s"},
        "architecture": architecture,
        "faults": faults,
    }
    clocked, tape = run_tree(architecture, 200, {"cluster": cluster, "protocol": protocol})
    assert clocked.hang is None
    assert clocked.updates == 200
    assert not tape.staleness.any()
    found = (clocked.gradients_applied, clocked.gradients_dropped, clocked.gradients_cancelled, clocked.gradients_lost)
    assert sum(found) + clocked.gradients_in_flight == clocked.gradients_computed
    assert 0 <= clocked.gradients_in_flight <= 3 * 12


def test_a_very_slow_learner_costs_a_tree_no_more_than_the_barriers_time():
    """Five learners compute for 10 ms and one for 1 s; its late gradients arrive in a later round.

    Rounds have 4 ms after the first gradient, 5 messages of 6 ms and 10 ms of computing.
    """
    cluster = {
        "learners": 6,
        "learners_per_node": 2,
        "profile": "ideal",
        "speeds": [1, 1, 1, 1, 1, 0.01],
        "compute": {"per_sample": 0, "per_batch": "10 ms", "distribution": "gamma", "cv": 0.7},
        "network": {"latency": "0.5 ms", "bandwidth": "1 GB/s"},
        "server": {"bandwidth": "0.5 GB/s", "update": "0.25 ms"},
        "architecture": {"kind": "adv", "intra_node_bandwidth": "unlimited"},
    }
    protocol = {"kind": "hardsync", "barrier_timeout": "4 ms"}
    more = {"workload": {"payload": "3 MB"}, "protocol": protocol, "stop": {"gradients": None, "updates": 200}}
    clocked, tape = clock(scenario(TIMING, {"cluster": cluster}, more))
    assert np.diff(tape.stepped_at).max() < 0.1
    assert clocked.gradients_dropped > 0

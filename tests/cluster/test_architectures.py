"""Rudra-adv and adv* (docs/papers.md A1.5) by hand on a small tree, and what must hold under every architecture.

Two nodes of two learners, a leaf server on each node, the root on a node of its own. Between nodes a message takes 3 and travels
for 0.5; within a node it takes no time; an update takes 0.25; learners 0 to 3 compute for 10, 12.5, 25 and 40. All times are in
milliseconds.
"""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.cluster.diary import Activity
from simasgd.cluster.log import SpanLog
from tests.build import TIMING, clock, scenario

SMALL_TREE = {
    "cluster": {
        "learners": 4,
        "learners_per_node": 2,
        "profile": None,
        "speeds": [1.0, 0.8, 0.4, 0.25],
        "compute": {"per_batch": "10 ms", "per_sample": 0},
        "network": {"latency": "0.5 ms", "bandwidth": "1 GB/s"},
        "server": {"bandwidth": "unlimited", "update": "0.25 ms"},
    },
    "workload": {"payload": "3 MB"},
}
ADV = {"kind": "adv", "intra_node_bandwidth": "unlimited"}
ADV_STAR = {"kind": "adv*", "intra_node_bandwidth": "unlimited"}


def run(architecture, updates, *changes, log=None):
    changed = {"cluster": {"architecture": architecture}, "stop": {"gradients": None, "updates": updates}}
    return clock(scenario(TIMING, SMALL_TREE, *changes, changed), log)


def ms(seconds):
    return [round(float(second) * 1e3, 6) for second in seconds]


def gradients(clocked):
    return clocked.gradients_computed, clocked.gradients_applied, clocked.gradients_in_flight


def test_adv_by_hand():
    """The leaves have weights 0 at 3.5 and 6.5, one after the other.

    Learner 0's gradient of 13.5 leaves its leaf until 16.5 and is there at 17. Its own next weights, still 0, wait for the
    leaf's way out, so it computes from 16.5 to 26.5, and so does learner 1, whose gradient of 16 goes up from 17 to 20.5.
    Learner 0's second goes from 26.5 to 30; that of 29 of learner 1 from 30 to 33.5; learner 2's of 31.5 finds the root's way
    in taken until 33 and is there at 36.5.
    """
    clocked, tape = run(ADV, 5)
    assert ms(tape.stepped_at) == [17.25, 20.75, 30.25, 33.75, 36.75]
    assert tape.learner.tolist() == [0, 1, 0, 1, 2]
    assert tape.staleness.tolist() == [0, 1, 2, 3, 4]
    assert ms(tape.read_at) == [3.5, 3.5, 16.5, 16.5, 6.5]
    assert gradients(clocked) == (5, 5, 0)


def test_adv_star_by_hand():
    """Weights 0 are at learner 0 at 3.5 and at learner 1 at 6.5; from learner 0 they go on to learner 2 (7) and 3 (10).

    Learner 0's gradients of 13.5, 23.5 and 33.5 follow each other without a pause; the first is at the root at 17. Weights 1
    are at learner 0 at 20.75, too late for the second one, and at learner 1 at 23.75. Learner 0 sends them on as soon as
    learner 1's gradient (19 to 22) has left the node: 22 to 25 and 25 to 28. Only then its own second gradient can leave, 28 to
    31. Weights 2 go on from 31 to 37, and learner 1's second gradient, held at the leaf since 31.5, from 37 to 40. Learner 2's
    goes from 32 to 35. Learner 0's third waits at the leaf.
    """
    clocked, tape = run(ADV_STAR, 5)
    assert ms(tape.stepped_at) == [17.25, 22.75, 31.75, 35.75, 40.75]
    assert tape.learner.tolist() == [0, 1, 0, 2, 1]
    assert tape.staleness.tolist() == [0, 1, 2, 3, 4]
    assert ms(tape.read_at) == [3.5, 6.5, 13.5, 7, 19]
    assert gradients(clocked) == (6, 5, 1)
    # Once they have weights, the learners do nothing but compute.
    assert ms(day[Activity.WAIT] for day in clocked.learner_seconds) == [3.5, 6.5, 7, 10]
    assert ms(day[Activity.COMPUTE] for day in clocked.learner_seconds) == [37.25, 34.25, 33.75, 30.75]


def test_base_by_hand():
    """On the same nodes. Replies leave the server from 0 on, one after the other: 3.5, 6.5, 9.5, 12.5."""
    clocked, tape = run("base", 3)
    # 13.5–17.0–17.25; 19–22.5; then learner 0 again from 20.75 to 30.75–34.25. Learner 2 is done at 34.5.
    assert ms(tape.stepped_at) == [17.25, 22.75, 34.5]
    assert tape.learner.tolist() == [0, 1, 0]
    assert tape.staleness.tolist() == [0, 1, 1]
    assert ms(tape.read_at) == [3.5, 6.5, 20.75]
    assert gradients(clocked) == (3, 3, 0)


def test_servers_that_are_not_colocated_have_nodes_and_interfaces_of_their_own():
    """A lone learner: weights travel 0.5 to the leaf and take 3.5 to the node, at 4; the gradient leaves at 14 and takes the
    same way back, to the leaf until 17.5 and to the root until 18."""
    one = {"cluster": {"learners": 1, "learners_per_node": 1, "speeds": None}}
    clocked, tape = run({"kind": "adv", "colocated": False}, 1, one)
    assert (ms(tape.read_at), ms(tape.stepped_at)) == ([4], [18.25])
    assert {link.name for link in clocked.links if link.bytes} == {
        *(f"{server} nic {side}" for server in ("server", "server 1") for side in ("in", "out")),
        *("node 0 in", "node 0 out"),
    }


def test_what_comes_while_the_way_up_is_taken_goes_as_one_message():
    """Four learners on a node are done at 13.5. The first gradient is at the root at 17, the other three, summed, at 20.5; the
    learners, who do not wait for that, are done again at 26.5."""
    four = {"cluster": {"learners_per_node": 4, "speeds": None}}
    _, tape = run(ADV, 2, four)
    assert ms(tape.stepped_at) == [17.25, 20.75]
    assert [part.tolist() for part in np.split(tape.learner, tape.offsets[1:-1])] == [[0], [1, 2, 3]]
    # A server that wants four of them has five when it has as many.
    _, tape = run(ADV, 2, four, {"protocol": {"kind": "n-softsync", "n": 1}})
    assert np.diff(tape.offsets).tolist() == [4, 4]
    _, tape = run(ADV, 2, four, {"protocol": {"kind": "n-softsync", "n": 2}})
    assert np.diff(tape.offsets).tolist() == [4, 4]


TWO_NODES = {
    "cluster": {
        "learners": 8,
        "learners_per_node": 4,
        "speeds": None,
        "compute": {"per_batch": "40 ms", "distribution": "gamma", "cv": 0.1},
        "server": {"bandwidth": "10 GB/s"},
    },
}
ALL = ["base", {"kind": "base", "shards": 3}, "adv", {"kind": "adv", "fan_out": 2, "colocated": False}, "adv*"]


def overlap(clocked, thread, activity):
    """Seconds in which learner 3 computes while a thread of it does that."""
    spans = clocked.spans
    names = [track.name for track in spans.tracks]

    def of(name, activity):
        chosen = (spans.track == names.index(name)) & (spans.activity == activity)
        return list(zip(spans.start[chosen], spans.end[chosen], strict=True))

    return sum(
        max(0.0, min(end, other_end) - max(start, other_start))
        for start, end in of("learner 3", Activity.COMPUTE)
        for other_start, other_end in of(f"learner 3 {thread}".strip(), activity)
    )


def test_adv_pushes_and_adv_star_also_pulls_while_it_computes():
    clocked = {kind: run(kind, 200, TWO_NODES, log=SpanLog())[0] for kind in ("base", "adv", "adv*")}
    assert overlap(clocked["base"], "", Activity.PUSH) == overlap(clocked["base"], "", Activity.PULL) == 0.0
    for kind in ("adv", "adv*"):
        day = clocked[kind].thread_seconds["push"][3]
        assert overlap(clocked[kind], "push", Activity.PUSH) == pytest.approx(day[Activity.PUSH], rel=0.05)
        assert day[Activity.PUSH] > 0
    assert clocked["adv"].learner_seconds[3][Activity.PULL] > 0
    day = clocked["adv*"].thread_seconds["pull"][3]
    assert overlap(clocked["adv*"], "pull", Activity.PULL) == pytest.approx(day[Activity.PULL], rel=0.05)
    assert day[Activity.PULL] > 0
    # So the part of a learner's day in which it computes grows.
    computing = [clocked[kind].learner_seconds[3][Activity.COMPUTE] / clocked[kind].simulated_seconds for kind in clocked]
    assert computing[0] < computing[1] < computing[2]
    assert computing[2] > 0.99


def test_an_adv_star_learner_waits_for_its_first_weights_only_if_messages_are_shorter_than_computing():
    clocked, tape = run("adv*", 400, TWO_NODES)
    for learner, day in enumerate(clocked.learner_seconds):
        assert day[Activity.WAIT] == pytest.approx(tape.read_at[tape.learner == learner].min(), rel=1e-12)
        assert day[Activity.PUSH] == day[Activity.PULL] == day[Activity.IDLE] == 0.0


def test_an_adv_star_learner_waits_where_a_push_takes_longer_than_computing():
    """Within the node a message takes 60: a learner gets rid of a gradient every 60, and waits 20 of it."""
    slow = {"cluster": {"learners_per_node": 1, "learners": 1, "compute": {"distribution": "constant", "cv": None}}}
    clocked, _ = run({"kind": "adv*", "intra_node_bandwidth": "50 MB/s"}, 50, TWO_NODES, slow)
    day = clocked.learner_seconds[0]
    assert day[Activity.WAIT] / (day[Activity.WAIT] + day[Activity.COMPUTE]) == pytest.approx(20 / 60, rel=0.02)


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
def test_adv_star_is_staler_than_base(sharing):
    """It holds more than one gradient and one copy of the weights outstanding, which is what it gains its overlap by."""
    mean = {}
    for kind in ("base", "adv", "adv*"):
        _, tape = run(kind, 1500, TWO_NODES, {"cluster": {"network": {"sharing": sharing}}})
        mean[kind] = tape.staleness.mean()
    assert mean["base"] < 7.0 < mean["adv*"]


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
@pytest.mark.parametrize("architecture", ALL, ids=str)
def test_hardsync_is_never_stale_under_any_architecture(architecture, sharing):
    clocked, tape = run(architecture, 60, TWO_NODES, {"protocol": "hardsync", "cluster": {"network": {"sharing": sharing}}})
    assert not tape.staleness.any()
    assert (np.diff(tape.offsets) == 8).all()
    assert all(sorted(part) == list(range(8)) for part in np.split(tape.learner, 60))
    assert clocked.gradients_dropped == 0


@pytest.mark.parametrize("architecture", ALL, ids=str)
def test_lambda_softsync_is_async_under_every_architecture(architecture):
    """Claim 9, where sums of several gradients are not parted either."""
    tapes = [
        run(architecture, 300, TWO_NODES, {"protocol": protocol})[1] for protocol in ("async", {"kind": "n-softsync", "n": 8})
    ]
    for name in ("learner", "batch", "timestamp", "stepped_at", "offsets"):
        assert np.array_equal(getattr(tapes[0], name), getattr(tapes[1], name)), name

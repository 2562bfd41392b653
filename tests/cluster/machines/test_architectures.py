"""Rudra-adv and adv* (docs/papers.md A1.5) by hand on a small tree, and what must hold under every architecture.

All times are in milliseconds; the cluster is described in by_hand.py.
"""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.cluster.clock.activity import Activity
from simasgd.cluster.clock.log import SpanLog
from tests.cluster.by_hand import ADV, ADV_STAR, ms, run_tree


def gradients(clocked):
    return clocked.gradients_computed, clocked.gradients_applied, clocked.gradients_in_flight


def test_adv_by_hand():
    """The root's interface is unlimited, so both leaves have weights 0 at 3.5, and within a node they take no time.

    Learner 0's gradient of 13.5 leaves its node until 16.5, is at the root at 17 and applied at 17.25. Learner 0 computes on
    weights 0 again from 13.5 to 23.5, and learner 1 from 16 to 28.5; learner 1's first gradient leaves from 17.25 to 20.25.
    Learner 0's second leaves from 23.5 to 26.5, learner 1's second from 28.5 to 31.5. Learner 2's first leaves its own node at
    the same time; it was begun earlier, so it is applied first.
    """
    clocked, tape = run_tree(ADV, 5)
    assert ms(tape.stepped_at) == [17.25, 21, 27.25, 32.25, 32.5]
    assert tape.learner.tolist() == [0, 1, 0, 2, 1]
    assert tape.staleness.tolist() == [0, 1, 2, 3, 4]
    assert ms(tape.read_at) == [3.5, 3.5, 13.5, 3.5, 16]
    assert gradients(clocked) == (5, 5, 0)


def test_adv_star_by_hand():
    """Weights 0 are at learner 0 at 3.5 and at learner 1 at 6.5; from learner 0 they go on to learner 2 (7) and 3 (10).

    Learner 0's gradients of 13.5, 23.5 and 33.5 follow each other without a pause; the first is at the root at 17. Weights 1
    are at learner 0 at 20.75, too late for the second one, and at learner 1 at 23.75. Learner 0 sends them on as soon as
    learner 1's gradient (19 to 22) has left the node: 22 to 25 and 25 to 28. Only then its own second gradient can leave, 28 to
    31. Weights 2 go on from 31 to 37, and learner 1's second gradient, which the leaf has since 31.5, from 37 to 40. Learner
    2's goes from 32 to 35. Learner 0's third waits at the leaf.
    """
    clocked, tape = run_tree(ADV_STAR, 5)
    assert ms(tape.stepped_at) == [17.25, 22.75, 31.75, 35.75, 40.75]
    assert tape.learner.tolist() == [0, 1, 0, 2, 1]
    assert tape.staleness.tolist() == [0, 1, 2, 3, 4]
    assert ms(tape.read_at) == [3.5, 6.5, 13.5, 7, 19]
    assert gradients(clocked) == (6, 5, 1)
    # Once they have weights, the learners do nothing but compute.
    assert ms(day[Activity.WAIT] for day in clocked.learner_seconds) == [3.5, 6.5, 7, 10]
    assert ms(day[Activity.COMPUTE] for day in clocked.learner_seconds) == [37.25, 34.25, 33.75, 30.75]


def test_base_by_hand():
    """On the same nodes. Replies leave the server at once, and enter each node one after the other: 3.5 and 6.5."""
    _, tape = run_tree("base", 3)
    # Learner 0 computes again from 20.75 to 30.75, learner 2 from 3.5 to 28.5.
    assert ms(tape.stepped_at) == [17.25, 22.75, 32.25]
    assert tape.learner.tolist() == [0, 1, 2]
    assert tape.staleness.tolist() == [0, 1, 2]
    assert ms(tape.read_at) == [3.5, 6.5, 3.5]


def test_servers_that_are_not_colocated_have_nodes_and_interfaces_of_their_own():
    """A lone learner's messages pass the leaf's own node.

    Weights travel 0.5 to the leaf and take 3.5 to the node, at 4. The gradient leaves at 14 and
    takes the same way back, to the leaf until 17.5 and to the root until 18.
    """
    one = {"cluster": {"learners": 1, "learners_per_node": 1, "speeds": None}}
    clocked, tape = run_tree({"kind": "adv", "colocated": False}, 1, one)
    assert (ms(tape.read_at), ms(tape.stepped_at)) == ([4], [18.25])
    assert {link.name for link in clocked.links if link.bytes} == {
        *(f"{server} nic {side}" for server in ("server", "server 1") for side in ("in", "out")),
        *("node 0 in", "node 0 out"),
    }


def test_what_comes_while_the_way_up_is_taken_goes_as_one_message():
    """Four learners on a node are done at 13.5. The first gradient is applied at 17.25, the other three, summed, at 21."""
    four = {"cluster": {"learners_per_node": 4, "speeds": None}}
    _, tape = run_tree(ADV, 2, four)
    assert ms(tape.stepped_at) == [17.25, 21]
    assert [part.tolist() for part in np.split(tape.learner, tape.offsets[1:-1])] == [[0], [1, 2, 3]]
    assert tape.staleness.tolist() == [0, 1, 1, 1]
    # A server that wants two of them cannot part the sum.
    _, tape = run_tree(ADV, 1, four, {"protocol": {"kind": "n-softsync", "n": 2}})
    assert (ms(tape.stepped_at), tape.learner.tolist()) == ([20.75], [0, 1, 2, 3])


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
    """Return the fraction of an activity of a thread of learner 3 that its computing covers."""
    spans = clocked.spans
    names = [track.name for track in spans.tracks]

    def of(name, activity):
        chosen = (spans.track == names.index(name)) & (spans.activity == activity)
        return list(zip(spans.start[chosen], spans.end[chosen], strict=True))

    mine = of(f"learner 3 {thread}".strip(), activity)
    both = [
        max(0.0, min(end, other_end) - max(start, other_start))
        for start, end in of("learner 3", Activity.COMPUTE)
        for other_start, other_end in mine
    ]
    return sum(both) / sum(end - start for start, end in mine)


def test_adv_pushes_and_adv_star_also_pulls_while_the_learner_goes_on():
    base, adv, adv_star = (run_tree(kind, 200, TWO_NODES, log=SpanLog())[0] for kind in ("base", "adv", "adv*"))
    day = base.learner_seconds[3]
    assert day[Activity.PUSH] > 0.0 < day[Activity.PULL]
    assert overlap(base, "", Activity.PUSH) == overlap(base, "", Activity.PULL) == 0.0
    day = adv.learner_seconds[3]
    assert day[Activity.PUSH] == 0.0 < day[Activity.PULL]
    assert adv.thread_seconds["push"][3][Activity.PUSH] > 0.0
    day = adv_star.learner_seconds[3]
    assert day[Activity.PUSH] == day[Activity.PULL] == 0.0
    for thread, activity in (("push", Activity.PUSH), ("pull", Activity.PULL)):
        assert overlap(adv_star, thread, activity) > 0.95
    # So the part of its day in which it computes grows.
    parts = [found.learner_seconds[3][Activity.COMPUTE] / found.simulated_seconds for found in (base, adv, adv_star)]
    assert parts[0] < parts[1] < 0.99 < parts[2]


def test_an_adv_star_learner_waits_for_its_first_weights_only_if_messages_are_shorter_than_computing():
    clocked, tape = run_tree("adv*", 400, TWO_NODES)
    for learner, day in enumerate(clocked.learner_seconds):
        assert day[Activity.WAIT] == pytest.approx(tape.read_at[tape.learner == learner].min(), rel=1e-12)
        assert day[Activity.PUSH] == day[Activity.PULL] == day[Activity.IDLE] == 0.0


def test_an_adv_star_learner_waits_where_a_push_takes_longer_than_computing():
    """Within the node a message takes 60: a learner gets rid of a gradient every 60, and waits 20 of it."""
    slow = {"cluster": {"learners_per_node": 1, "learners": 1, "compute": {"distribution": "constant", "cv": None}}}
    clocked, _ = run_tree({"kind": "adv*", "intra_node_bandwidth": "50 MB/s"}, 50, TWO_NODES, slow)
    day = clocked.learner_seconds[0]
    assert day[Activity.WAIT] / (day[Activity.WAIT] + day[Activity.COMPUTE]) == pytest.approx(20 / 60, rel=0.02)


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
def test_adv_is_staler_than_base_and_adv_star_than_adv(sharing):
    """Base stays below λ − 1. The others have more gradients and older weights outstanding, which their overlap comes from."""
    mean = {}
    for kind in ("base", "adv", "adv*"):
        _, tape = run_tree(kind, 1500, TWO_NODES, {"cluster": {"network": {"sharing": sharing}}})
        mean[kind] = tape.staleness.mean()
    assert mean["base"] < 7.0 < mean["adv"] < mean["adv*"] < 20.0


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
@pytest.mark.parametrize("architecture", ALL, ids=str)
def test_hardsync_is_never_stale_under_any_architecture(architecture, sharing):
    clocked, tape = run_tree(
        architecture, 60, TWO_NODES, {"protocol": "hardsync", "cluster": {"network": {"sharing": sharing}}}
    )
    assert not tape.staleness.any()
    assert (np.diff(tape.offsets) == 8).all()
    assert all(sorted(part) == list(range(8)) for part in np.split(tape.learner, 60))
    assert clocked.gradients_dropped == 0


@pytest.mark.parametrize("architecture", ALL, ids=str)
def test_lambda_softsync_is_async_under_every_architecture(architecture):
    """Claim 9, where sums of several gradients are not parted either."""
    tapes = [
        run_tree(architecture, 300, TWO_NODES, {"protocol": protocol})[1]
        for protocol in ("async", {"kind": "n-softsync", "n": 8})
    ]
    for name in ("learner", "batch", "timestamp", "stepped_at", "offsets"):
        assert np.array_equal(getattr(tapes[0], name), getattr(tapes[1], name)), name

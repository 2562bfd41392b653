"""The cost of a server's work: updates, which shards share, and messages, which are added up one by one."""

from __future__ import annotations

import pytest

from simasgd.what_if.changes import faster_server
from tests.build import TIMING, clock, scenario

# 16 learners that compute for 10 ms, and messages that take no time.
FREE = {
    "cluster": {
        "learners": 16,
        "compute": {"per_sample": "2.5 ms", "distribution": "constant", "cv": None},
        "server": {"update": "10 ms"},
    },
    "stop": {"gradients": 400},
}
BARRIERS = ["hardsync", {"kind": "backup-workers", "backups": 0}, {"kind": "k-sync", "k": 16}]


def work(*changes):
    return clock(scenario(TIMING, FREE, *changes))


def server(**keys):
    return {"cluster": {"server": keys}}


def rate(clocked):
    return clocked.gradients_applied / clocked.simulated_seconds


@pytest.mark.parametrize(("shards", "expected"), [(1, 100), (2, 200), (4, 400), (8, 800), (16, 1600)])
def test_shards_share_the_work_of_an_update(shards, expected):
    """An update takes 10 ms ÷ shards. The learners, who wait for their own, make 16 in 10 ms and an update at most."""
    clocked, _ = work({"cluster": {"architecture": {"kind": "base", "shards": shards}}})
    assert rate(clocked) == pytest.approx(min(expected, 16 / (0.01 + 0.01 / shards)), rel=0.04)


@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize(
    "protocol", ["hardsync", {"kind": "backup-workers", "backups": 0}, {"kind": "k-sync", "k": 16}], ids=str
)
def test_a_barrier_takes_up_gradient_after_gradient(protocol, shards):
    """All 16 are there at once, and take 1 ms each: a round takes 10 of computing and (16 + 10) ÷ shards of work."""
    changes = server(per_gradient="1 ms"), {"cluster": {"architecture": {"kind": "base", "shards": shards}}}
    clocked, tape = work(*changes, {"protocol": protocol, "stop": {"gradients": None, "updates": 5}})
    step = 0.010 + 0.026 / shards
    assert tape.stepped_at.tolist() == pytest.approx([step * k for k in range(1, 6)])
    assert clocked.critical_path[2] == pytest.approx(5 * 0.026 / shards)  # updating
    assert clocked.servers[0].busy == pytest.approx(0.026 / shards / step)


@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize(("protocol", "each"), [("async", 1 + 10), ({"kind": "n-softsync", "n": 4}, 1 + 10 / 4)], ids=str)
def test_a_busy_server_takes_up_every_gradient(protocol, each, shards):
    """In milliseconds a gradient: 1, and its part of an update of 10; the learners could do with 0.6."""
    changes = server(per_gradient="1 ms"), {"cluster": {"architecture": {"kind": "base", "shards": shards}}}
    clocked, _ = work(*changes, {"protocol": protocol})
    assert rate(clocked) == pytest.approx(shards * 1000 / each, rel=0.04)


@pytest.mark.parametrize("shards", [1, 4])
def test_a_centre_takes_up_every_message_and_its_shards_share_the_work(shards):
    """Synchronous elastic averaging at every mini-batch.

    16 differences are there at once, which is 16 + 10 of work, beside 10 of computing. Learners
    wait for both.
    """
    sync = {"protocol": {"kind": "easgd-sync", "period": 1}, "cluster": {"architecture": {"kind": "base", "shards": shards}}}
    clocked, _ = work(server(per_gradient="1 ms"), sync)
    assert clocked.simulated_seconds == pytest.approx(0.010 + 24 * max(0.010, 0.026 / shards))


def test_gradients_that_come_before_the_last_one_are_taken_up_before_it_comes():
    """Of two learners the slow one decides: 20 of computing, 1 for its gradient and 10 for the update."""
    two = {"cluster": {"learners": 2, "speeds": [1.0, 0.5], "server": {"per_gradient": "1 ms"}}, "protocol": "hardsync"}
    _, tape = work(two, {"stop": {"gradients": None, "updates": 2}})
    assert tape.stepped_at.tolist() == pytest.approx([0.031, 0.062])


def test_each_server_of_a_tree_takes_up_the_messages_of_its_children():
    """Four nodes of four: 4 at each leaf, all leaves at once, and then 4 sums at the root."""
    tree = {
        "learners_per_node": 4,
        "architecture": {"kind": "adv", "intra_node_bandwidth": "unlimited"},
        "server": {"per_gradient": "1 ms"},
    }
    clocked, tape = work({"cluster": tree, "protocol": "hardsync", "stop": {"gradients": None, "updates": 3}})
    assert tape.stepped_at.tolist() == pytest.approx([0.028, 0.056, 0.084])
    assert clocked.critical_path[:3] == pytest.approx((0.030, 0.0, 0.054))
    assert [usage.name for usage in clocked.servers] == ["server", *(f"server {leaf}" for leaf in (1, 2, 3, 4))]
    assert [usage.busy for usage in clocked.servers] == pytest.approx([14 / 28, *[4 / 28] * 4])


@pytest.mark.parametrize("architecture", ["adv", "adv*"])
def test_what_waits_for_a_busy_server_of_the_tree_does_not_pile_up(architecture):
    """A leaf takes 8 ms for a gradient, and its four learners compute for 10."""
    tree = {"learners_per_node": 4, "architecture": architecture, "server": {"per_gradient": "8 ms", "update": 0}}
    clocked, _ = work({"cluster": tree, "stop": {"gradients": 2000}})
    assert clocked.gradients_in_flight < 5 * 16
    # One a gradient at each leaf; the root then has more room than it needs, since what it gets are sums.
    assert rate(clocked) == pytest.approx(4 / 0.008, rel=0.02)


@pytest.mark.parametrize("kind", ["async", "n-softsync"])
def test_a_server_twice_as_fast_does_all_its_work_in_half_the_time(kind):
    protocol = {"kind": kind, "n": 2} if kind == "n-softsync" else kind
    chosen = scenario(TIMING, FREE, server(per_gradient="5 ms", update="5 ms"), {"protocol": protocol})
    faster = faster_server(chosen.cluster)
    assert (faster.server.update, faster.server.per_gradient) == (0.0025, 0.0025)
    clocked, quicker = clock(chosen)[0], clock(chosen.model_copy(update={"cluster": faster}))[0]
    assert clocked.simulated_seconds / quicker.simulated_seconds == pytest.approx(2, rel=0.05)

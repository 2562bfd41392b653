"""What steps, mixing, copies and starts add to a cycle, by hand. All times are in milliseconds.

A mini-batch takes 10 and messages no time. A step takes 1, mixing 0.5, a start 0.3. A copy of a message of 10 kB takes 1.2 at
either end: 0.2 for any message, and 1 for its bytes.
"""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.cluster.clock.activity import ALL, Activity, CostActivity
from simasgd.cluster.clock.log import SpanLog
from tests.build import TIMING, clock, scenario
from tests.cluster.by_hand import ms
from tests.cluster.invariants import holds

COSTS = {"step": "1 ms", "mixing": "0.5 ms", "per_message": "0.2 ms", "copy_bandwidth": "10 MB/s", "collective_start": "0.3 ms"}
BASE = {"cluster": {"compute": {"per_batch": "10 ms", "per_sample": 0, "distribution": "constant", "cv": None}, "costs": COSTS}}
COPY, HALF = 1.2, 0.7  # of a message, and of half a message


def updates(learners, protocol, *changes, steps=12):
    """Return the result of so many updates, and the times at which gradients were applied."""
    clocked, tape = ran(learners, protocol, *changes, steps=steps)
    return clocked, ms(sorted(tape.stepped_at[tape.step]))


def ran(learners, protocol, *changes, steps):
    chosen = scenario(
        TIMING,
        BASE,
        {"cluster": {"learners": learners}, "protocol": protocol, "stop": {"gradients": None, "updates": steps}},
        *changes,
    )
    clocked, tape = clock(chosen, SpanLog())
    holds(chosen, clocked, tape)
    return clocked, tape


def server(**keys):
    return {"cluster": {"server": keys}}


def steady(times, every):
    """Return the distances of gradients that are `every` apart, once the first two rounds are over."""
    return np.array(times[3 * every :]) - np.array(times[2 * every : -every])


@pytest.mark.parametrize(
    ("protocol", "first", "cycle"),
    [
        # The server copies the weights, the learner too, computes and copies the gradient, and so does the server.
        ("async", 4 * COPY + 10, 4 * COPY + 10),
        ("hardsync", 4 * COPY + 10, 4 * COPY + 10),
        # The step of the learner's copy comes before its message.
        ("downpour", 4 * COPY + 10 + 1, 4 * COPY + 10 + 1),
        ("all-reduce", 10 + 1, 10 + 1),
        ("gossip-pull", 10 + 1, 10 + 1),
        ("gossip-push", 10 + 1, 10 + 1),
        ("elastic-gossip", 10 + 1, 10 + 1),
        ("sgp", 10 + 1, 10 + 1),
        ("overlap-sgp", 10 + 1, 10 + 1),
        # The second thread steps, while the first one computes.
        ("ad-psgd", 10 + 1, 10),
        # A mean of its own model is taken over after each step.
        ({"kind": "local-sgd", "steps": 1}, 10 + 1, 10 + 1 + 0.5),
        # The centre and the learner copy x̃; a difference; its copy; the step; and subtracting the difference.
        ({"kind": "easgd", "period": 1}, 3 * COPY + 0.5 + 10 + 1, 3 * COPY + 2 * 0.5 + 10 + 1),
        ({"kind": "easgd-sync", "period": 1}, 3 * COPY + 0.5 + 10 + 1, 3 * COPY + 2 * 0.5 + 10 + 1),
    ],
    ids=str,
)
def test_one_learner(protocol, first, cycle):
    _, times = updates(1, protocol)
    assert times == pytest.approx([first + cycle * k for k in range(12)])


@pytest.mark.parametrize(
    ("protocol", "cycle"),
    [
        # Replies leave the server one after the other, and gradients are copied there one after the other. The second
        # one's reply waits for the first one's, and so does its gradient.
        ("hardsync", COPY + COPY + 10 + COPY + 2 * COPY),
        ("all-reduce", 10 + 0.3 + 2 * 2 * HALF + 1),
        ({"kind": "local-sgd", "steps": 1}, 10 + 1 + 0.3 + 2 * 2 * HALF + 0.5),
        # The other learner copies its model, this one copies it, too, and mixes.
        ("gossip-pull", 2 * COPY + 0.5 + 10 + 1),
        # This learner's message; then the other's, which came meanwhile.
        ("gossip-push", 2 * COPY + 0.5 + 10 + 1),
        # A copy here; there a copy, mixing and a copy; here a copy and mixing.
        ("elastic-gossip", 4 * COPY + 2 * 0.5 + 10 + 1),
        ("sgp", 10 + 1 + 2 * COPY + 0.5),
        # The exchange and the step in the second thread overlap with computing.
        ("ad-psgd", 10),
    ],
    ids=str,
)
def test_two_learners(protocol, cycle):
    _, times = updates(2, protocol, steps=20)
    assert steady(times, 2) == pytest.approx(cycle)


def test_local_steps_pay_once_for_each_step_and_once_for_the_mean():
    """H = 4 on three learners: a ring of four rounds, a third of the payload each."""
    clocked, times = updates(3, {"kind": "local-sgd", "steps": 4}, steps=36)
    third = 0.2 + 1 / 3
    period = 4 * (10 + 1) + 0.3 + 4 * 2 * third + 0.5
    assert steady(times, 12) == pytest.approx(period, abs=1e-5)
    spent = dict(zip(ALL, ms(clocked.learner_seconds[0]), strict=True))
    assert spent[CostActivity.STEP] == pytest.approx(12)
    assert spent[CostActivity.MIX] == pytest.approx(2 * 0.5)
    assert spent[CostActivity.LAUNCH] == pytest.approx(2 * 0.3)
    assert spent[CostActivity.COPY] == pytest.approx(2 * 4 * 2 * third, abs=1e-5)
    assert spent[Activity.PUSH] == spent[Activity.WAIT] == 0.0
    assert ms(clocked.critical_path) == pytest.approx([120, 0, 0, 0, 0, 12, 1, 2 * 8 * third, 0.6], abs=1e-5)


def test_messages_queue_for_the_servers_processor():
    """Both gradients arrive at once; the second one's copy waits for the first one's, and its update for its copy."""
    clocked, times = updates(2, "async", server(update="2 ms"), steps=2)
    # Replies leave at 1.2 and 2.4; gradients arrive at 13.6 and 14.8. Copy, 2; copy, 2.
    assert times == pytest.approx([13.6 + 1.2 + 2, 16.8 + 1.2 + 2])
    assert clocked.servers[0].busy * clocked.simulated_seconds == pytest.approx((4 * COPY + 2 * 2) * 1e-3)


def test_shards_copy_their_parts():
    """Four parts of 2.5 kB: 0.45 at each server, and 4·0.2 + 1 at the learner."""
    _, times = updates(1, "async", {"cluster": {"architecture": {"kind": "base", "shards": 4}}})
    assert np.diff(times) == pytest.approx(2 * 0.45 + 2 * 1.8 + 10)


@pytest.mark.parametrize(("architecture", "first"), [("adv", 8 * COPY + 10), ("adv*", 2 * COPY + 10 + 4 * COPY)])
def test_every_server_of_a_tree_copies_what_comes_and_goes(architecture, first):
    """Up and down: the root, the leaf server twice, and the learner. Under adv* the weights come from the root."""
    tree = {"cluster": {"architecture": {"kind": architecture, "intra_node_bandwidth": "unlimited"}}}
    _, times = updates(1, "hardsync", tree, steps=3)
    assert times[0] == pytest.approx(first)
    assert np.diff(times) == pytest.approx(first)


def test_learners_of_adv_star_copy_the_weights_for_each_other():
    """Fan-out 1: learner 1 has the weights when learner 0 has copied them in, out, and learner 1 in."""
    tree = {"kind": "adv*", "broadcast_fan_out": 1, "intra_node_bandwidth": "unlimited"}
    clocked, tape = ran(2, "hardsync", {"cluster": {"architecture": tree, "learners_per_node": 2}}, steps=1)
    assert dict(zip(tape.learner.tolist(), ms(tape.read_at), strict=True)) == pytest.approx({0: 2 * COPY, 1: 4 * COPY})
    copied = {name: [ms(day)[CostActivity.COPY] for day in days] for name, days in clocked.thread_seconds.items()}
    assert copied == {"push": [COPY, COPY], "pull": [COPY, COPY], "answer": [COPY, 0.0]}


def test_a_compressed_message_is_copied_faster():
    """Half of the bytes: 0.7 for a gradient at either end, and 1.2 for the weights."""
    _, times = updates(1, "async", {"workload": {"compression": "fp16"}})
    assert np.diff(times) == pytest.approx(2 * COPY + 2 * HALF + 10)


def test_speeds_and_slow_spells_apply_to_steps_and_mixing_but_not_to_copies():
    """At half speed: 20 for a mini-batch, 2 for a step, 1 for mixing; and a copy at either end as before."""
    _, times = updates(2, "gossip-pull", {"cluster": {"speeds": [0.5, 0.5]}}, steps=20)
    assert steady(times, 2) == pytest.approx(2 * COPY + 1 + 20 + 2)
    slow = {"stragglers": {"slowdown": 4, "mean_normal": "1e-6 s", "mean_slow": "1e6 s"}}
    _, times = updates(2, "gossip-pull", {"cluster": slow}, steps=20)
    assert steady(times, 2) == pytest.approx(2 * COPY + 4 * (0.5 + 10 + 1))


def test_a_start_belongs_to_each_bucket_and_overlaps_with_computing():
    """Four buckets, ready at 4, 6, 8 and 10. Each takes 0.3 and 2 rounds with copies of an eighth at both ends, 0.325 each."""
    protocol = {"kind": "all-reduce", "buckets": 4, "forward": 0.2}
    clocked, times = updates(2, protocol, steps=8)
    operation = 0.3 + 2 * 2 * 0.325
    assert operation < 2
    assert np.diff(times[::2]) == pytest.approx(10 + operation + 1)
    day = ms(clocked.learner_seconds[0])
    # The last step is recorded when it is done. Only the last bucket's costs come after the mini-batch.
    assert day[CostActivity.LAUNCH] == pytest.approx(8 * 0.3)
    assert day[CostActivity.COPY] == pytest.approx(8 * 4 * 0.325)

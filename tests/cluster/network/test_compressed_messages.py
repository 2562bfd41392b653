"""Gradients are smaller on the wire where they are compressed; weights, and the sums of a server in between, are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simasgd.simulator import simulate
from tests.build import LEARNING, TIMING, clock, scenario

WEIGHTS = 10_000.0
SIZES = {"none": WEIGHTS, "fp16": WEIGHTS / 2, "top-k": 200.0, "qsgd": 1270.0, "sign": 317.0}
LONE = {"cluster": {"learners": 1}, "stop": {"gradients": 100}}


COMPUTE = {"per_sample": "1 ms", "distribution": "constant", "cv": None}


def compressed(kind: str, *changes: dict[str, Any]) -> Any:
    return scenario(TIMING, {"workload": {"compression": kind}}, *changes)


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("architecture", ["base", {"kind": "base", "shards": 4}], ids=str)
def test_an_update_is_weights_down_and_a_message_up(kind: str, architecture: Any) -> None:
    """When the clock stops the next weights have been sent, too; parts over shards add up to the same."""
    clocked, _ = clock(compressed(kind, LONE, {"cluster": {"architecture": architecture}}))
    assert clocked.bytes.sent == pytest.approx(101 * WEIGHTS + 100 * SIZES[kind])


@pytest.mark.parametrize("kind", SIZES)
def test_a_sum_of_gradients_is_one_message(kind: str) -> None:
    """Fetched and sent every five."""
    downpour = {"protocol": {"kind": "downpour", "n_push": 5, "n_fetch": 5}}
    clocked, _ = clock(compressed(kind, LONE, downpour))
    assert clocked.bytes.sent == pytest.approx(21 * WEIGHTS + 20 * SIZES[kind])


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("architecture", ["adv", "adv*"])
def test_a_leaf_server_takes_compressed_gradients_and_sends_whole_sums(kind: str, architecture: str) -> None:
    """By the interfaces of servers on nodes of their own: how many messages the bytes of each are."""
    tree = {"cluster": {"architecture": {"kind": architecture, "colocated": False}, "server": {"bandwidth": "10 GB/s"}}}
    clocked, _ = clock(compressed(kind, LONE, tree))
    carried = {link.name: link.bytes for link in clocked.links}
    assert carried["node 0 out"] / SIZES[kind] == pytest.approx(100, abs=2)
    assert carried["server nic in"] / WEIGHTS == pytest.approx(100, abs=2)
    from_leaf = carried["server 1 nic in"] - (carried["server nic out"] if architecture == "adv" else 0.0)
    assert from_leaf / SIZES[kind] == pytest.approx(100, abs=2)


def test_the_pushes_of_a_slow_network_are_as_much_shorter() -> None:
    """A lone learner on an ideal link of 1 MB/s: 10 ms for the weights, and for the gradient in proportion."""
    network = {"latency": 0, "bandwidth": "1 MB/s"}
    slow = {"cluster": {"network": network, "server": {"bandwidth": "1 MB/s", "update": 0}, "compute": COMPUTE}}
    for kind, size in SIZES.items():
        clocked, tape = clock(compressed(kind, LONE, slow))
        assert np.diff(tape.stepped_at) == pytest.approx(0.010 + 0.004 + size / 1e6)
        assert clocked.simulated_seconds == pytest.approx(100 * (0.014 + size / 1e6))


@pytest.mark.usefixtures("quickly_compiled")
def test_a_run_says_what_it_sent() -> None:
    """In run.json and its table of evaluations, with and without learning."""
    sizes = {"payload": "10 kB", "compression": "sign"}
    learned = simulate(scenario(LEARNING, LONE, {"workload": sizes}))
    timed = simulate(compressed("sign", LONE))
    for run in (learned, timed):
        assert run.summary.bytes.sent == 101 * WEIGHTS + 100 * SIZES["sign"]
    assert learned.evaluations["bytes"].iloc[-1] == timed.summary.bytes.sent
    assert learned.scenario.resolved()["workload"]["compression"]["kind"] == "sign"


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("collective", ["ring", "halving-doubling"])
def test_all_reduce_adds_up_what_adds_up_and_gathers_the_rest(kind: str, collective: str) -> None:
    """A sum of half-precision numbers has their size: a step sends the bytes of 2(p − 1) messages.

    Other payloads are gathered, and each rank gets all of them: p(p − 1).
    """
    p, steps = 4, 25
    all_reduce = {"protocol": {"kind": "all-reduce", "collective": collective}, "cluster": {"learners": p}}
    clocked, tape = clock(compressed(kind, all_reduce, {"stop": {"gradients": p * steps}}))
    assert tape.num_steps == steps
    messages = 2 * (p - 1) if kind in ("none", "fp16") else p * (p - 1)
    assert clocked.bytes.sent == pytest.approx(steps * messages * SIZES[kind])
    whole, _ = clock(compressed("top-k", {"workload": {"compression": {"kind": "top-k", "fraction": 1.0}}}, all_reduce))
    plain, _ = clock(compressed("none", all_reduce))
    assert (whole.bytes, whole.simulated_seconds) == (plain.bytes, plain.simulated_seconds)

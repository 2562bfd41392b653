"""Rudra's `spread`: gradients that would be too stale are dropped (SendBroadcast.x10)."""

from __future__ import annotations

from dataclasses import fields
from itertools import product

import numpy as np
import pytest

from simasgd.errors import ScenarioError
from simasgd.tape.tape import Tape
from tests.build import TIMING, clock, scenario, thin

ARCHITECTURES = ["base", {"kind": "adv", "fan_out": 3}, {"kind": "adv*", "fan_out": 3}]
PROTOCOLS = [{"kind": "async"}, *({"kind": "n-softsync", "n": n} for n in (1, 2, "learners"))]
BOTH = thin(product(ARCHITECTURES, PROTOCOLS), 3)
CLUSTER = {
    "learners": 12,
    "profile": "ethernet-25g",
    "stragglers": {"slowdown": 10, "mean_normal": "50 ms", "mean_slow": "10 ms"},
}


def run(protocol, architecture="base", **changes):
    chosen = {"cluster": {**CLUSTER, "architecture": architecture}, "protocol": protocol, "stop": {"gradients": 500}}
    return clock(scenario(TIMING, chosen, {"workload": {"payload": "1 MB"}}, changes))


@pytest.mark.parametrize(("architecture", "protocol"), BOTH, ids=str)
def test_no_applied_gradient_is_staler_than_the_spread(protocol, architecture):
    """Claim 55, exactly; and without it, some would be."""
    _, free = run(protocol, architecture)
    for spread in (0, 1, 4):
        clocked, tape = run({**protocol, "spread": spread}, architecture)
        assert tape.num_gradients >= 500
        assert tape.staleness.max() <= spread
        assert (clocked.gradients_dropped > 0) == (free.staleness.max() > spread)


@pytest.mark.parametrize(("architecture", "protocol"), BOTH, ids=str)
def test_a_huge_spread_is_none(protocol, architecture):
    (clocked, tape), (_, free) = (run({**protocol, "spread": spread}, architecture) for spread in (2**53, None))
    assert clocked.gradients_dropped == 0
    for field in fields(Tape):
        assert np.array_equal(getattr(tape, field.name), getattr(free, field.name)), field.name


def test_a_lone_learner_loses_nothing():
    clocked, tape = run({"kind": "async", "spread": 0}, cluster={"learners": 1, "profile": "ideal"})
    assert (tape.num_gradients, clocked.gradients_dropped) == (500, 0)


def test_a_group_is_filled_up_again():
    """Dropped gradients do not count: under base every update has its c = 6, and learners may be in it twice."""
    clocked, tape = run({"kind": "n-softsync", "n": 2, "spread": 1})
    assert clocked.gradients_dropped > 0
    assert (np.diff(tape.offsets) == 6).all()


EVEN = {"profile": None, "speeds": None, "stragglers": None, "compute": {"per_batch": "4 ms", "per_sample": 0}}
FREE = {"network": {"latency": 0, "bandwidth": "unlimited"}, "server": {"bandwidth": "unlimited", "update": 0}}


def test_equal_learners_by_hand():
    """Every 4 ms three gradients come at once, and with spread 0 only the first of them counts."""
    clocked, tape = run({"kind": "async", "spread": 0}, cluster={**EVEN, **FREE, "learners": 3}, stop={"gradients": 5})
    assert tape.learner.tolist() == [0] * 5
    assert tape.batch.tolist() == list(range(5))
    assert tape.stepped_at == pytest.approx(np.arange(1, 6) * 0.004)
    assert clocked.gradients_dropped == 8  # two in each of four rounds; the fifth ends with its first gradient


def test_updates_that_were_begun_count():
    """The second gradient comes while the first is being applied, so it is applied one update later.

    Two learners, updates of 3 ms. The second learner is answered with the new weights, as the first
    is: a round takes 7 ms.
    """
    server = {"bandwidth": "unlimited", "update": "3 ms"}
    cluster = {**EVEN, **FREE, "server": server, "learners": 2}
    clocked, tape = run({"kind": "async", "spread": 0}, cluster=cluster, stop={"gradients": 5})
    assert tape.stepped_at == pytest.approx(np.arange(1, 6) * 0.007)
    assert tape.read_at == pytest.approx(np.arange(5) * 0.007)
    assert not tape.staleness.any()
    assert (clocked.gradients_computed, clocked.gradients_dropped) == (10, 5)


def test_with_a_cut_off_no_law_of_the_mean_staleness_is_known():
    for protocol in PROTOCOLS:
        chosen, free = (scenario(TIMING, {"protocol": {**protocol, "spread": spread}}) for spread in (3, None))
        assert chosen.protocol.lawful_staleness(4) is None
        assert free.protocol.lawful_staleness(4) is not None


@pytest.mark.parametrize(("spread", "fragment"), [(-1, "too small"), (1.5, "whole number"), (True, "whole number")])
def test_a_spread_is_a_number_of_updates(spread, fragment):
    with pytest.raises(ScenarioError, match=f"protocol.spread: .*{fragment}"):
        scenario(TIMING, {"protocol": {"kind": "async", "spread": spread}})

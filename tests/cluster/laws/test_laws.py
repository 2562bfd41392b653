"""The staleness laws of docs/papers.md parts B3 and D, claims 1–9, over all protocols."""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.scenario.vocabulary.merge import merge
from tests.build import TIMING, clock, scenario, thin

IDEAL_30 = merge(TIMING, {"cluster": {"learners": 30, "profile": "ideal"}})
START_UP = 435  # the first 30 gradients of async are 0 + 1 + … + 29 updates old instead of 29 each


def staleness(protocol, gradients, **cluster):
    _, tape = clock(scenario(IDEAL_30, {"protocol": protocol, "stop": {"gradients": gradients}, "cluster": cluster}))
    return tape.staleness


def test_hardsync_is_never_stale():
    assert not staleness("hardsync", 30_000).any()


def test_async_mean_staleness_is_one_less_than_the_learners():
    values = staleness("async", 60_000)
    assert values.mean() == pytest.approx(29.0, abs=0.05)
    # Apart from the start-up it is exact but for the gradients in flight at the end.
    assert (values.sum() + START_UP) / len(values) == pytest.approx(29.0, abs=0.01)


@pytest.mark.parametrize(
    ("kind", "cv"), thin([("constant", None), ("gamma", 0.5), ("lognormal", 1.0), ("exponential", None)], 2)
)
def test_async_mean_staleness_does_not_depend_on_the_law_of_the_times(kind, cv):
    values = staleness("async", 60_000, compute={"distribution": kind, "cv": cv})
    assert values.mean() == pytest.approx(29.0, abs=0.05)


@pytest.mark.parametrize("n", thin([1, 2, 6, 15, 30], 2))
def test_n_softsync(n):
    """Mean n(1 − 1/λ), claims 4 and 5; claim 6: 1-softsync gives 0, 1 and 2 only; claim 7: P(σ > 2n) < 1e-4 at cv 0.1."""
    chosen = scenario(IDEAL_30, {"protocol": {"kind": "n-softsync", "n": n}, "stop": {"gradients": 100_000}})
    _, tape = clock(chosen)
    values = tape.staleness
    law = n * (1 - 1 / 30)
    assert values.mean() == pytest.approx(law, rel=0.005)
    assert chosen.protocol.lawful_staleness(30) == pytest.approx(law)
    assert abs(values.mean() - n) <= max(1.0, 0.07 * n)
    assert (values > 2 * n).mean() < 1e-4
    if n == 1:
        assert (values > 2).mean() < 1e-4


@pytest.mark.parametrize(("cv", "holds"), [(0.2, True), (0.3, False)])
def test_the_bound_of_2n_is_for_a_cv_of_up_to_a_fifth(cv, holds):
    """Claims 6 and 7: P(σ > 2) is 2.5e-6 and 4e-4 at n = 1 (docs/papers.md B3.3)."""
    values = staleness({"kind": "n-softsync", "n": 1}, 60_000, compute={"cv": cv})
    assert ((values > 2).mean() < 1e-4) == holds


def test_the_nominal_staleness_is_n_also_where_the_mean_is_not():
    """50 learners and n = 30: c = ⌊50/30⌋ = 1, so the mean is that of async."""
    chosen = scenario(IDEAL_30, {"cluster": {"learners": 50}, "protocol": {"kind": "n-softsync", "n": 30}})
    assert chosen.protocol.nominal_staleness(50) == 30.0
    assert chosen.protocol.lawful_staleness(50) == 49.0


def test_the_bound_of_2n_breaks_for_exponential_times():
    """Claim 8: (1 − 1/30)^61 = 0.126 at n = λ = 30."""
    values = staleness({"kind": "n-softsync", "n": 30}, 100_000, compute={"distribution": "exponential", "cv": None})
    assert (values > 60).mean() == pytest.approx((1 - 1 / 30) ** 61, abs=0.01)


def test_lambda_softsync_is_async():
    """Claim 9, on a cluster where everything takes time."""
    real = {"cluster": {"profile": "p775", "learners": 30}, "stop": {"gradients": 5000}}
    tapes = [
        clock(scenario(TIMING, real, {"protocol": protocol}))[1]
        for protocol in ("async", {"kind": "n-softsync", "n": 30}, {"kind": "n-softsync", "n": "learners"})
    ]
    for name in ("learner", "batch", "timestamp", "read_at", "computed_at", "stepped_at", "offsets"):
        for other in tapes[1:]:
            assert np.array_equal(getattr(tapes[0], name), getattr(other, name)), name


def test_protocols_meet_the_same_stragglers():
    """The k-th compute time of a learner is the same under every protocol."""
    durations = {}
    for protocol in ("async", "hardsync", {"kind": "n-softsync", "n": 1}):
        _, tape = clock(scenario(IDEAL_30, {"protocol": protocol, "stop": {"gradients": 3000}}))
        order = np.lexsort((tape.batch, tape.learner))
        durations[str(protocol)] = {
            (learner, batch): seconds
            for learner, batch, seconds in zip(
                tape.learner[order], tape.batch[order], (tape.computed_at - tape.read_at)[order].round(12), strict=True
            )
        }
    first, *others = durations.values()
    for other in others:
        common = first.keys() & other.keys()
        assert len(common) > 2000
        assert all(first[key] == pytest.approx(other[key], abs=1e-11) for key in common)


def test_the_learning_seed_does_not_move_the_clock():
    from tests.build import LEARNING

    base = scenario(LEARNING)
    for change, moves in (({"learning": {"seed": 7}}, False), ({"cluster": {"seed": 7}}, True), ({"seed": 7}, True)):
        other = scenario(LEARNING, change)
        same = np.array_equal(clock(base)[1].stepped_at, clock(other)[1].stepped_at)
        assert same is not moves, change

"""Kinds of slow spells beside each other: who is hit, how long and how hard."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest

from simasgd import exact, laws, simulate
from simasgd.cluster.cast.stragglers import slow_spells
from simasgd.cluster.clock.spells import CombinedSlowness
from tests.build import TIMING, clock, same_tape, scenario
from tests.cluster.clock.paces import SPEC, cluster, end, long_run, paces

HALF = {"slowdown": 3.0, "mean_normal": "2 s", "mean_slow": "2 s"}
LAWS: list[dict[str, Any]] = [
    {"distribution": "constant"},
    {"distribution": "gamma", "cv": 0.5},
    {"distribution": "gamma", "cv": 2},
    {"distribution": "lognormal", "cv": 1},
    {"distribution": "shifted-exponential", "cv": 0.5},
    {"distribution": "pareto", "cv": 0.5},
    {"measured": ["1 s", "2 s", "6 s"]},
]
DISTRIBUTIONS = [
    laws.Constant(),
    laws.Exponential(),
    laws.Gamma(0.5),
    laws.Gamma(2.0),
    laws.LogNormal(1.0),
    laws.ShiftedExponential(0.5),
    laws.Pareto(0.5),
    laws.Empirical((1.0, 2.0, 6.0)),
]


@pytest.mark.parametrize("law", DISTRIBUTIONS, ids=repr)
def test_the_rest_of_a_spell_has_the_law_of_renewal_theory(law: laws.AbstractDistribution) -> None:
    """Its density is P(X > x), so P(rest > x) = E[(X − x)⁺], here over the law's own draws."""
    bits = exact.stream(1, exact.Purpose.SPELL, 0)
    rest = np.array([law.rest(bits) for _ in range(2_000)])
    drawn = np.array(list(islice(law.factors(exact.stream(2, exact.Purpose.SPELL, 0)), 30_000)))
    for x in (0.1, 0.5, 1.0, 2.0):
        expected = np.maximum(drawn - x, 0.0).mean()
        assert (rest > x).mean() == pytest.approx(expected, abs=5 * (0.25 / len(rest)) ** 0.5)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_lengths_of_any_law_have_the_mean_slowdown_of_the_formula(law: dict[str, Any]) -> None:
    (pace,) = paces({**SPEC, "normal_law": law, "slow_law": law}, 3)
    # Work of 0.7 s is no fraction of a cycle of constant lengths, 3.25 s of work.
    assert long_run(pace, 0.7, 20_000) == pytest.approx(4.0 / 3.25, rel=0.03)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_lengths_of_any_law_are_stationary(law: dict[str, Any]) -> None:
    """Of work too short to see the end of a spell, the fraction S/(N + S) is slow, at any time."""
    found = paces({**SPEC, "normal_law": law, "slow_law": law}, 5, 500)
    for start in (0.0, 0.7, 6.0, 1e5):
        slow = [pace.advance(start, 1e-7)[0] - start > 2e-7 for pace in found]
        assert np.mean(slow) == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / 500) ** 0.5)


def test_slowdowns_of_a_law_have_the_mean_pace_of_the_formula() -> None:
    """With 1 + (m − 1)·E and E exponential: E[1/s] by numerical integration."""
    x = (np.arange(200_000) + 0.5) * 1e-4
    mean_speed = float((np.exp(-x) / (1.0 + 3.0 * x)).sum() * 1e-4)
    law = {**HALF, "slowdown": {"mean": 4.0}}
    expected = 4.0 / (2.0 + 2.0 * mean_speed)
    assert long_run(paces(law, 7)[0], 0.3, 40_000) == pytest.approx(expected, rel=0.03)
    start, left = paces(law, 7)[0].advance(0.0, 1e9)  # too many spells to count
    assert (start, left) == (pytest.approx(1e9 * expected, rel=0.01), 0.0)


def test_the_law_of_slowdowns_does_not_move_the_spells() -> None:
    fixed, drawn = paces(HALF, 3)[0], paces({**HALF, "slowdown": {"mean": 3.0, "distribution": "gamma", "cv": 0.5}}, 3)[0]
    times = np.arange(0.0, 100.0, 0.01)
    assert [fixed.advance(t, 1e-9)[0] > t + 1.5e-9 for t in times] == [drawn.advance(t, 1e-9)[0] > t + 1.01e-9 for t in times]


def test_a_list_of_one_kind_is_that_kind() -> None:
    one, listed = paces(SPEC, 4, 3), paces([SPEC], 4, 3)
    assert [end(pace, 0.0, 500.0) for pace in one] == [end(pace, 0.0, 500.0) for pace in listed]
    mapped, listed_too = (clock(scenario(TIMING, {"cluster": {"stragglers": kinds}}))[1] for kinds in (SPEC, [SPEC]))
    assert same_tape(mapped, listed_too)


def at(pace: Any, time: float) -> float:
    """Return the slowdown at a time."""
    return round((pace.advance(time, 1e-9)[0] - time) / 1e-9, 3) if pace is not None else 1.0


def slowdowns(found: list[Any], until: float = 40.0) -> np.ndarray[Any, Any]:
    """Return the slowdowns of learners at each second, shape (seconds, learners)."""
    return np.array([[at(pace, float(time)) for pace in found] for time in range(int(until))])


def test_the_learners_of_a_node_are_slow_together() -> None:
    found = slowdowns(paces({**HALF, "hits": "node"}, 1, 6, learners_per_node=2))
    assert set(found.ravel()) == {1.0, 3.0}
    assert (found[:, 0::2] == found[:, 1::2]).all()
    assert (found[:, 0] != found[:, 2]).any()
    # Node i has the spells that learner i would have.
    assert (found[:, 0::2] == slowdowns(paces(HALF, 1, 3))).all()


def test_the_learners_of_a_rack_or_of_all_racks_are_slow_together() -> None:
    of_racks = slowdowns(paces({**HALF, "hits": "rack"}, 1, 9, learners_per_node=2))  # 2 nodes a rack: 4 learners
    for rack in (range(4), range(4, 8), range(8, 9)):
        assert all((of_racks[:, learner] == of_racks[:, rack[0]]).all() for learner in rack)
    assert (of_racks[:, 0] != of_racks[:, 4]).any()
    of_all = slowdowns(paces({**HALF, "hits": "all"}, 1, 5))
    assert (of_all == of_all[:, :1]).all()
    assert (of_all[:, 0] == of_racks[:, 0]).all()


@pytest.mark.parametrize("chosen", [{"members": [1, 4]}, {"share": 0.4}], ids=str)
def test_a_group_of_learners_is_slow_together(chosen: dict[str, Any]) -> None:
    found = slowdowns(slow_spells(cluster({**HALF, "hits": "all", **chosen}, 5), 1))
    hit = np.flatnonzero((found > 1.0).any(axis=0))
    assert len(hit) == 2
    assert "members" not in chosen or hit.tolist() == chosen["members"]
    assert (found[:, hit[0]] == found[:, hit[1]]).all()
    # They have the spells that all would have.
    assert (found[:, hit[0]] == slowdowns(paces({**HALF, "hits": "all"}, 1, 5))[:, 0]).all()


def test_answers_to_one_learner_do_not_depend_on_the_questions_of_another() -> None:
    alone = paces({**HALF, "hits": "all"}, 2, 1)[0]
    one, other = paces({**HALF, "hits": "all"}, 2, 2)
    now, expected, found = 0.0, [], []
    for _ in range(200):
        end(other, now, 7.3)
        found.append(end(one, now, 0.9))
        expected.append(end(alone, now, 0.9))
        now = found[-1]
    assert found == expected


def test_members_are_hit_and_nobody_else() -> None:
    found = slow_spells(cluster({**HALF, "members": [2, 0]}, 4), 1)
    assert [pace is not None for pace in found] == [True, False, True, False]
    assert (slowdowns([found[2]]) == slowdowns([paces(HALF, 1, 4)[2]])).all()


def test_a_share_is_drawn_by_the_seed_and_grows() -> None:
    def hit(share: float, seed: int = 0) -> set[int]:
        found = slow_spells(cluster({**HALF, "share": share}, 40), seed)
        return {learner for learner, pace in enumerate(found) if pace is not None}

    assert [len(hit(share)) for share in (0.001, 0.1, 0.5, 1.0)] == [1, 4, 20, 40]
    assert hit(0.001) < hit(0.1) < hit(0.5)
    assert hit(0.5, seed=1) != hit(0.5)


def test_members_that_are_slow_for_ever() -> None:
    lasting = {"slowdown": 3.0, "mean_slow": "forever", "hits": "node", "members": [1]}
    found = slow_spells(cluster(lasting, 4, learners_per_node=2), 1)
    assert [pace is None for pace in found] == [True, True, False, False]
    assert found[2] is not None
    assert found[2].advance(5.0, 2.0) == (11.0, 0.0)
    drawn = slow_spells(cluster({**lasting, "slowdown": {"mean": 3.0}, "hits": "learner", "members": None}, 4000), 1)
    factors = np.array([pace.advance(0.0, 1.0)[0] for pace in drawn if pace is not None])
    assert factors.mean() == pytest.approx(3.0, abs=5 * 2.0 / 4000**0.5)
    assert factors.min() > 1.0


def test_kinds_multiply() -> None:
    one, other = {**SPEC, "hits": "all"}, HALF
    lasting = {"slowdown": 5.0, "mean_slow": "forever", "members": [0]}
    both = slowdowns(paces([one, other, lasting], 1, 2))
    first = slowdowns(paces(one, 1, 2))
    # The second kind in a list has streams of its own.
    second = slowdowns(slow_spells(cluster([{**one, "members": None, "slowdown": 1.0 + 1e-12}, other], 2), 1))
    assert both == pytest.approx(first * second * [5.0, 1.0], rel=1e-2)
    assert set(second.ravel()) == {1.0, 3.0}


def test_work_over_spells_of_two_kinds_by_hand() -> None:
    """Constant lengths from a random phase: read the phases off, then follow 30 s of work by hand."""
    constant = {"distribution": "constant"}
    kinds = [
        {"slowdown": 2.0, "mean_normal": "3 s", "mean_slow": "1 s", "normal_law": constant, "slow_law": constant},
        {"slowdown": 4.0, "mean_normal": "2 s", "mean_slow": "5 s", "normal_law": constant, "slow_law": constant},
    ]
    (pace,) = paces(kinds, 6)
    (reader,) = paces(kinds, 6)
    step, done, time = 1e-3, 0.0, 0.0
    while done < 30.0:
        done += step / at(reader, time)
        time += step
    assert end(pace, 0.0, 30.0) == pytest.approx(time, abs=0.05)


def test_spells_that_hit_all_cost_no_barrier_anything() -> None:
    """With constant compute times all learners are equally slow at all times, so hardsync's barrier waits for nobody."""
    free = {"network": {"latency": 0, "bandwidth": "unlimited"}, "server": {"bandwidth": "unlimited", "update": 0}}
    kinds = [{**HALF, "mean_normal": "5 s", "hits": hits} for hits in ("all", "learner")]
    waits = []
    for kind in kinds:
        cluster_of_kind = {"profile": None, **free, "compute": {"per_sample": "250 ms"}, "stragglers": kind}
        run = simulate(scenario(TIMING, {"cluster": cluster_of_kind, "protocol": "hardsync", "stop": {"gradients": 400}}))
        waits.append(run.learners["wait"].sum() / run.simulated_seconds)
    assert waits[0] == pytest.approx(0.0, abs=1e-9)
    assert waits[1] > 0.3


def test_two_kinds_have_the_mean_pace_of_the_product() -> None:
    (pace,) = paces([SPEC, HALF], 3)
    assert long_run(pace, 0.7, 20_000) == pytest.approx((4.0 / 3.25) * (4.0 / (2.0 + 2.0 / 3.0)), rel=0.05)


def test_very_many_tiny_spells_of_one_kind_go_at_their_mean_beside_another() -> None:
    tiny = {"slowdown": 2.0, "mean_normal": "1e-12 s", "mean_slow": "1e-12 s"}
    (pace,) = paces([tiny, {**HALF, "mean_slow": "1e9 s", "mean_normal": "1e9 s"}], 3)
    assert isinstance(pace, CombinedSlowness)
    slow = pace.advance(0.0, 1e-6)[0] > 2e-6
    assert pace.advance(0.0, 100.0) == (pytest.approx(100.0 * 4.0 / 3.0 * (3.0 if slow else 1.0)), 0.0)
    found = pace.advance(1e3, 1e15)  # too many of both
    assert found == (pytest.approx(1e3 + 1e15 * (4.0 / 3.0) * (2.0 / (1.0 + 1.0 / 3.0))), 0.0)


def test_twenty_kinds_at_their_limits_are_answered() -> None:
    extreme = {"slowdown": {"mean": 1e6, "distribution": "pareto", "cv": 10}, "mean_normal": "1e-15 s", "mean_slow": "1e15 s"}
    (pace,) = paces([extreme] * 20, 3)
    until, _ = pace.advance(0.0, 1e15)
    assert until > 1e15
    assert np.isfinite(until)

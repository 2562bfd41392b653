"""Compute times that are replayed from a trace, and the law of each learner."""

from __future__ import annotations

from array import array
from itertools import islice
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simasgd import Scenario, simulate
from simasgd.cluster.clock import compute
from simasgd.cluster.clock.traces import EndOfTrace, start_places
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.cluster.measured import StoredTimes
from simasgd.what_if.changes import faster_node
from tests.build import TIMING, scenario

FREE = {"network": {"latency": 0, "bandwidth": "unlimited"}, "server": {"bandwidth": "unlimited", "update": 0}}
AB = {"distribution": "trace", "measured": [["1 s", "2 s", "3 s", "4 s"], ["10 s", "20 s"]]}


def streams(law: Any, learners: int = 2, mini_batch: int = 1, seed: int = 0, **others: Any) -> list[Any]:
    spec = Cluster.model_validate(
        {
            "learners": learners,
            "compute": law,
            **FREE,
            **others,
        }
    )
    return compute.compute_times(spec, seed, mini_batch)


def first(law: Any, count: int, **others: Any) -> list[list[float]]:
    """Take the first times of each learner."""
    return [list(islice(stream, count)) for stream in streams(law, **others)]


def test_each_learner_replays_its_series_and_begins_again() -> None:
    assert first(AB, 6) == [[1.0, 2.0, 3.0, 4.0, 1.0, 2.0], [10.0, 20.0, 10.0, 20.0, 10.0, 20.0]]


def test_learners_of_one_series_begin_apart() -> None:
    # Six learners, two series: learners 0, 2 and 4 share the first, and begin at 0/3, 1/3 and 2/3 of its 4 times.
    assert first(AB, 5, learners=6) == [
        [1.0, 2.0, 3.0, 4.0, 1.0],
        [10.0, 20.0, 10.0, 20.0, 10.0],
        [2.0, 3.0, 4.0, 1.0, 2.0],
        [10.0, 20.0, 10.0, 20.0, 10.0],  # 1/3 of 2, rounded down
        [3.0, 4.0, 1.0, 2.0, 3.0],
        [20.0, 10.0, 20.0, 10.0, 20.0],
    ]


def test_further_series_are_not_used() -> None:
    assert first(AB, 3, learners=1) == [[1.0, 2.0, 3.0]]


@given(st.lists(st.integers(1, 100), min_size=1, max_size=5), st.integers(1, 40))
@example([1, 18], 37)  # the second series has a learner less than the first
def test_places_are_in_their_series_and_apart_where_it_is_long_enough(lengths: list[int], learners: int) -> None:
    places = start_places(lengths, learners)
    for series, length in enumerate(lengths):
        own = places[series :: len(lengths)]
        assert all(0 <= place < length for place in own)
        assert own[:1] == [0][: len(own)]
        assert len(set(own)) == len(own) or -(-learners // len(lengths)) > length


def test_the_times_are_the_measured_ones_to_the_bit() -> None:
    odd = [0.1 + 0.2, 1e-15, 1 / 3, 123.456789012345678]
    law = {"distribution": "trace", "measured": [f"{time!r} s" for time in odd]}
    assert first(law, 4, learners=1) == [odd]


def test_speeds_divide_and_a_time_per_sample_scales() -> None:
    assert first(AB, 2, speeds=[0.5, 4.0]) == [[2.0, 4.0], [2.5, 5.0]]
    # The mean of all six times is 20/3 s, so with 4 samples of 5/3 s the times are as they were measured; with 2, half.
    per_sample = {**AB, "per_sample": "5 s"}
    assert first(per_sample, 2, mini_batch=4)[0] == pytest.approx([3.0, 6.0])
    assert first(per_sample, 2, mini_batch=2)[0] == pytest.approx([1.5, 3.0])


def test_all_learners_may_take_their_times_from_one_series() -> None:
    law = {"distribution": "trace", "measured": ["1 s", "2 s", "3 s"], "per": "cluster"}
    one, other = streams(law, speeds=[1.0, 0.5])
    assert [next(one), next(other), next(other), next(one)] == [1.0, 4.0, 6.0, 1.0]


def test_a_trace_may_stop() -> None:
    for law in ({**AB, "at_end": "stop"}, {"distribution": "trace", "measured": ["1 s"], "per": "cluster", "at_end": "stop"}):
        for stream in streams(law, learners=1):
            expected = [1.0] if "per" in law else [1.0, 2.0, 3.0, 4.0]
            assert [next(stream) for _ in expected] == expected
            for _ in range(2):  # a second time after a crash
                with pytest.raises(EndOfTrace):
                    next(stream)


def test_the_bootstrap_goes_on_with_blocks_that_keep_spells_and_their_learners_together() -> None:
    slow = [100.0 if 40 <= i < 60 else 1.0 for i in range(100)]
    series = [[f"{time + i * 1e-6:.6f} s" for i, time in enumerate(slow)], [f"{2 * time:.6f} s" for time in slow]]
    law = {"distribution": "trace", "measured": series, "at_end": "bootstrap"}
    one, other = first(law, 5_100)
    assert one[:100] == [round(time + i * 1e-6, 6) for i, time in enumerate(slow)]
    # After the trace, blocks of ⌈√100⌉ = 10 consecutive times.
    for begin in range(100, 5_100, 10):
        block = one[begin : begin + 10]
        place = round((block[0] % 1.0) * 1e6)
        assert block == one[place : place + 10]
    assert [time > 50.0 for time in one] == [time > 50.0 for time in other]  # slow together, as measured
    # Places are uniform over the 91 blocks; a block holds 1/5 slow times on average, but for its ends.
    assert 0.15 < sum(time > 50.0 for time in one[100:]) / 5_000 < 0.28
    assert first(law, 300, seed=1)[0] != one[:300]


def test_a_law_for_each_learner() -> None:
    laws = [{"per_sample": "1 s"}, {"per_sample": "2 s", "per_batch": "1 s"}, {**AB, "at_end": "repeat"}]
    drawn = [{"per_sample": "1 s", "distribution": "gamma", "cv": 0.5}]
    found = first([*laws, *drawn], 3, learners=4, speeds=[1.0, 1.0, 2.0, 1.0])
    assert found[:3] == [[1.0] * 3, [3.0] * 3, [0.5, 1.0, 1.5]]
    assert found[3] == first(drawn[0], 3, learners=4)[3]  # as if the law were that of all


def test_equal_laws_in_a_list_are_one_law() -> None:
    law = {"per_sample": "1 s", "distribution": "lognormal", "cv": 0.5}
    assert first([law] * 3, 40, learners=3) == first(law, 40, learners=3)


def test_the_means_of_a_list_of_laws() -> None:
    changes = {"cluster": {"learners": 2, "compute": [{"per_sample": "1 ms"}, {"per_sample": "3 ms"}]}}
    chosen = scenario(TIMING, changes)
    assert compute.mean_times(chosen.cluster, 4) == pytest.approx([4e-3, 12e-3])
    assert chosen.cluster.least_variation == 0.0


def test_the_means_of_a_trace_are_those_of_the_series() -> None:
    spec = Cluster.model_validate(
        {
            "learners": 3,
            "compute": AB,
            **FREE,
        }
    )
    assert compute.mean_times(spec, 1) == [2.5, 15.0, 2.5]


def test_a_faster_node_halves_every_time() -> None:
    laws = [AB, {"per_sample": "1 s", "per_batch": "2 s"}, {"distribution": "empirical", "measured": ["4 s"]}]
    stored = {"distribution": "trace", "measured": StoredTimes([array("d", [1.0, 3.0]), array("d", [2.0])])}
    for law, learners in ((AB, 2), (stored, 2), (laws, 3)):
        spec = scenario(TIMING, {"cluster": {"profile": None, **FREE, "learners": learners, "compute": law}}).cluster
        slow, fast = (compute.compute_times(one, 0, 1) for one in (spec, faster_node(spec)))
        assert [next(times) for times in fast] == [next(times) / 2 for times in slow]


def test_a_barrier_costs_the_maxima_of_a_trace() -> None:
    """Hardsync without costs: each update takes the longest of the learners' times, and their sum is exact."""
    law = {"distribution": "trace", "measured": [["1 s", "5 s", "2 s"], ["3 s", "1 s", "2.5 s"]]}
    chosen = Scenario.model_validate(
        {
            "name": "barrier",
            "cluster": {"learners": 2, "compute": law, **FREE},
            "workload": {"mini_batch": 1, "payload": "1 B"},
            "protocol": "hardsync",
            "stop": {"updates": 3},
        }
    )
    assert simulate(chosen).simulated_seconds == 3.0 + 5.0 + 2.5

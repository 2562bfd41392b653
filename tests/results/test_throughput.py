"""Samples per second, the speed-up over one learner, learner-hours and bytes: by hand, and as laws of all protocols."""

from __future__ import annotations

from typing import Any

import pytest

from simasgd import Run, simulate
from simasgd.report.comparison.comparison_json import build_comparison_json
from simasgd.report.facts.variant_facts import collect_facts
from tests.build import TIMING, scenario
from tests.clockwork import study_of
from tests.protocols.table import ROWS

FREE: dict[str, Any] = {
    "cluster": {
        "compute": {"distribution": "constant", "cv": None, "per_batch": "6 ms", "per_sample": "1 ms"},
        "network": {"bandwidth": "unlimited", "latency": "0 s", "overhead": "0 s"},
        "server": {"update": "0 s"},
    },
    "stop": {"gradients": 120},
}
"""Four samples take 10 ms, and nothing else takes time: a lone learner has 400 samples/s."""


def ran(*changes: dict[str, Any]) -> Run:
    return simulate(scenario(TIMING, FREE, *changes))


def test_learners_that_never_wait_are_as_many_times_as_fast_as_one() -> None:
    run = ran()
    assert run.summary.lone_samples_per_simulated_second == pytest.approx(400.0)
    assert run.samples_per_simulated_second == pytest.approx(1600.0)
    assert run.speedup == pytest.approx(4.0)
    assert run.simulated_seconds == pytest.approx(0.3)
    assert run.learner_hours == pytest.approx(4 * 0.3 / 3600)
    assert run.summary.bytes is not None
    assert run.bytes_sent == run.summary.bytes.sent > 0


def test_a_learner_of_half_the_speed_makes_half_of_it() -> None:
    slow = {"cluster": {"speeds": [1, 1, 1, 0.5]}}
    assert ran(slow, {"protocol": "hardsync"}).speedup == pytest.approx(2.0), "all wait for the slow one"
    assert ran(slow, {"stop": {"gradients": 140}}).speedup == pytest.approx(3.5)


def test_of_unequal_learners_the_fastest_is_the_lone_one() -> None:
    sizes = ran({"workload": {"mini_batch": [4, 4, 4, 14]}}).summary  # 14 samples take 20 ms
    assert sizes.lone_samples_per_simulated_second == pytest.approx(14 / 0.02)
    law = {"distribution": "constant", "per_batch": "6 ms", "per_sample": "1 ms"}
    laws = {"cluster": {"compute": [law, law, law, {**law, "per_batch": "1 ms"}]}}
    assert ran(laws).summary.lone_samples_per_simulated_second == pytest.approx(4 / 0.005)


@pytest.mark.parametrize("kind", sorted(ROWS))
def test_equal_learners_are_at_most_as_many_times_as_fast_as_one(kind: str) -> None:
    run = ran({"cluster": {"learners": 6}, "protocol": {"kind": None, **ROWS[kind].typical}})
    assert run.speedup is not None
    assert 0.0 < run.speedup <= 6.0 * (1 + 1e-9)
    assert run.learner_hours == pytest.approx(6 * run.simulated_seconds / 3600)


def test_an_absent_learner_costs_nothing() -> None:
    away = {"cluster": {"faults": {"absences": [{"learner": 0, "since": "0.1 s", "until": "0.15 s"}]}}}
    run = ran(away)
    assert run.summary.faults is not None
    assert run.summary.faults.down == pytest.approx(0.05)
    assert run.learner_hours == pytest.approx((4 * run.simulated_seconds - 0.05) / 3600)


def test_a_learner_whose_trace_ends_costs_nothing_after_that() -> None:
    trace = {"distribution": "trace", "measured": ["10 ms", "10 ms"], "at_end": "stop"}
    with_one = [trace, *[{"distribution": "constant", "per_batch": "10 ms", "per_sample": "0 s"}] * 3]
    run = ran({"cluster": {"compute": with_one}, "stop": {"gradients": 32}})  # 2 of the first, 10 of each of the others
    assert run.simulated_seconds == pytest.approx(0.1)
    assert run.learner_hours == pytest.approx((3 * 0.1 + 0.02) / 3600)


def test_a_run_that_hung_has_no_throughput() -> None:
    dead = {"cluster": {"faults": {"crashes": [{"learner": 0, "at": "35 ms"}]}}, "protocol": "hardsync"}
    run = ran(dead)
    assert run.outcome == "hung"
    assert (run.samples_per_simulated_second, run.speedup) == (None, None)
    assert run.summary.lone_samples_per_simulated_second == pytest.approx(400.0)


def test_tables_facts_and_json_have_the_same_numbers() -> None:
    fast, slow = ran(), ran({"seed": 1, "cluster": {"speeds": [1, 1, 1, 0.5]}, "protocol": "hardsync"})
    assert fast.speedup is not None
    assert slow.speedup is not None
    study = study_of({"both": [fast, slow], "fast": fast})
    row = study.table().iloc[0]
    mean = (fast.speedup + slow.speedup) / 2
    assert (row["speedup"], row["speedup_min"], row["speedup_max"]) == (mean, slow.speedup, fast.speedup)
    facts = collect_facts(study)[0]
    assert facts.speedup is not None
    assert tuple(facts.speedup[:3]) == (mean, slow.speedup, fast.speedup)
    stored = build_comparison_json(study)["variants"][0]
    for column in ("samples_per_simulated_second", "speedup", "learner_hours", "bytes_sent"):
        expected = {"mean": row[column], "min": row[f"{column}_min"], "max": row[f"{column}_max"]}
        assert stored[column] == expected

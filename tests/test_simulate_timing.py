"""From a scenario to a run of the clock alone."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from simasgd import Study, simulate, study
from simasgd.cluster.clock.activity import Activity
from simasgd.cluster.job import Job
from simasgd.results.json_files import write_json
from simasgd.timing import simulate_timing
from tests.build import TIMING, scenario


def test_timing_only():
    run = simulate(scenario(TIMING))
    assert (run.test_error, run.test_loss, run.diverged, run.summary.evaluations) == (None, None, False, ())
    assert run.summary.wall.compile == run.summary.wall.replay == 0.0
    assert run.learners[[activity.name.lower() for activity in Activity]].sum(axis=1).tolist() == pytest.approx(
        [run.simulated_seconds] * 4
    )
    assert run.learners["computed"].sum() == run.summary.gradients.computed


@pytest.mark.parametrize(("epochs", "gradients"), [(0.07, 7), (0.29, 29), (1, 100), (0.071, 8), (2.675, 268)])
def test_epochs_are_counted_exactly_as_written(epochs, gradients):
    one = {"workload": {"mini_batch": 1, "samples_per_epoch": 100}, "stop": {"gradients": None, "epochs": epochs}}
    chosen = scenario(TIMING, one)
    assert Job.of(chosen).limit.gradients == gradients
    assert simulate(chosen).summary.gradients.applied == gradients


@pytest.mark.parametrize(
    ("stop", "by"),
    [
        ({"epochs": 0.1}, "epochs"),
        ({"gradients": 30, "epochs": 1}, "gradients"),
        ({"gradients": 300, "epochs": 0.1}, "epochs"),
        ({"updates": 3, "gradients": 300}, "updates"),
        ({"simulated_time": "9 ms", "updates": 1000}, "simulated_time"),
    ],
)
def test_what_stopped_the_run_is_said(stop, by):
    assert simulate(scenario(TIMING, {"stop": {"gradients": None, **stop}})).summary.stopped_by == by


def test_repeats_come_back_in_their_order_beside_stray_files(tmp_path):
    result = study(scenario(TIMING, {"seed": 2**32 - 2, "repeats": 4}))
    result.save(tmp_path)
    (tmp_path / "repeats" / ".DS_Store").write_text("")
    (tmp_path / "repeats" / "notes").mkdir()
    assert [run.seed for run in Study.load(tmp_path).runs[""]] == [2**32 - 2, 2**32 - 1, 0, 1]


def test_seeds_wrap_around():
    assert [single.seed for single in scenario(TIMING, {"seed": 2**32 - 1, "repeats": 3}).repeated()] == [2**32 - 1, 0, 1]


def test_json_is_strict(tmp_path):
    write_json(tmp_path / "x.json", {"a": math.nan, "b": [math.inf, 1.5], "c": {"d": -math.inf}})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": None, "b": [None, 1.5], "c": {"d": None}}


@pytest.mark.parametrize(
    "stop", [{"gradients": 20_000}, {"updates": 20_000}, {"epochs": 80, "gradients": None}, {"simulated_time": "5 s"}], ids=str
)
def test_progress_is_reported_whatever_the_stop_counts(stop: dict[str, Any]) -> None:
    """One update for each gradient of 4 samples, 1 ms each, by 4 learners: 20,000 of them in 5 s."""
    compute = {"per_batch": "1 ms", "per_sample": "0 s", "distribution": "constant"}
    chosen = scenario(TIMING, {"cluster": {"compute": compute}, "stop": {"gradients": None, **stop}})
    seen: list[float] = []
    simulate_timing(chosen, lambda phase, fraction: seen.append(fraction))
    assert seen == pytest.approx([8_192 / 20_000, 16_384 / 20_000], rel=1e-3)

"""Many runs of one tape at once are the runs one by one."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from simasgd import Scenario, simulate, study
from simasgd.scenario.alike import Capacity, clock_of, together
from simasgd.simulator import simulate_together
from simasgd.sweeps.plan import plan_sweep
from tests.build import LEARNING, TIMING, scenario
from tests.sweeps.running import run_sweep

pytestmark = pytest.mark.usefixtures("quickly_compiled")

ONE_CLOCK = {"cluster": {"seed": 1}, "stop": {"gradients": 900}}


def with_rate(rate, **learning):
    return {"learning": {"optimizer": {"kind": "sgd", "learning_rate": rate}, **learning}}


@pytest.mark.parametrize(
    "modulation", [{"kind": "mishchenko", "smoothness": 2.0}, {"kind": "dana-zero", "decay": 0.5}], ids=str
)
def test_seeds_and_learning_rates_of_one_tape_are_the_runs_one_by_one(modulation):
    other = {"precision": "float64", "partition": "shards", "modulation": modulation, "schedule": {"warmup": 1}}
    scenarios = [
        scenario(LEARNING, ONE_CLOCK, with_rate(rate, seed=seed, **other)) for rate, seed in ((0.05, 0), (0.05, 1), (0.02, 0))
    ]
    assert together(scenarios) == [[0, 1, 2]]
    for run, alone in zip(simulate_together(scenarios), map(simulate, scenarios), strict=True):
        assert run.scenario == alone.scenario
        left, right = run.evaluations.to_numpy(), alone.evaluations.to_numpy()
        np.testing.assert_allclose(left, right, rtol=1e-9)
        ignored = {"wall", "evaluations", "test_error", "test_loss"}
        assert run.summary.model_dump(exclude=ignored) == alone.summary.model_dump(exclude=ignored)
    assert len({simulate(each).evaluations["test_loss"].iloc[-1] for each in scenarios}) == 3


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_one_that_diverges_takes_no_other_with_it():
    scenarios = [scenario(LEARNING, ONE_CLOCK, with_rate(rate)) for rate in (0.05, 1e20, 0.02)]
    runs, alone = simulate_together(scenarios), [simulate(each) for each in scenarios]
    assert [run.diverged for run in runs] == [False, True, False]
    assert runs[1].summary.diverged == alone[1].summary.diverged
    assert len(runs[1].evaluations) == len(alone[1].evaluations) < len(runs[0].evaluations)
    assert runs[0].test_error == pytest.approx(alone[0].test_error, abs=0.01)


def test_only_what_goes_through_one_loop_is_put_together():
    base = scenario(LEARNING, ONE_CLOCK)
    assert together([base.with_seed(seed) for seed in range(10)]) == [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9]]
    others = [
        scenario(LEARNING, ONE_CLOCK, {"cluster": {"seed": 2}}),
        scenario(LEARNING, ONE_CLOCK, {"learning": {"modulation": "inverse-staleness"}}),
        scenario(LEARNING, ONE_CLOCK, {"learning": {"optimizer": {"momentum": 0.6}}}),
        scenario(LEARNING, ONE_CLOCK, {"stop": {"gradients": 901}}),
        scenario(LEARNING, ONE_CLOCK, {"learning": {"precision": "float64"}, "workload": {"payload": "4 kB"}}),
        scenario(TIMING),
    ]
    assert together([base, *others]) == [[number] for number in range(7)]
    large = scenario(LEARNING, ONE_CLOCK, {"learning": {"model": {"kind": "mlp", "hidden": [400]}}})
    assert together([large] * 2) == [[0], [1]]
    assert together([large] * 3, Capacity(math.inf, math.inf)) == [[0, 1, 2]]
    of_one = (13 * 4 + 15 + 3) * large.learning.model_bytes  # of four learners
    assert together([large] * 3, Capacity(math.inf, 2.5 * of_one)) == [[0, 1], [2]]
    steps = [
        scenario(LEARNING, ONE_CLOCK, with_rate(rate, modulation={"kind": "mishchenko", "smoothness": 5.0}))
        for rate in (0.1, 0.2)
    ]
    assert together(steps) == [[0, 1]], "each has the factor of its own learning rate"
    assert clock_of(base) == clock_of(base.with_seed(5)) != clock_of(others[0])


def test_a_study_simulates_one_clock_once():
    variants = {"plain": None, "aware": {"learning": {"modulation": "inverse-staleness"}}, "sync": {"protocol": "hardsync"}}
    chosen = scenario(LEARNING, {"stop": {"gradients": 400}, "variants": variants})
    result = study(chosen)
    plain, aware, sync = (result.runs[name][0].summary.wall.simulate for name in variants)
    assert plain == aware != sync, "seconds of a clock of their own would differ"
    for name, runs in result.runs.items():
        left, right = simulate(chosen.variants[name]).summary, runs[0].summary
        assert (left.test_error, left.simulated_seconds) == (right.test_error, right.simulated_seconds)


@pytest.mark.usefixtures("compiled_anew")
def test_an_interrupted_sweep_of_learning_rates_gives_the_same_numbers(tmp_path):
    """If a part of a group is missing, the whole group is learned again."""
    (tmp_path / "s.yaml").write_text(json.dumps(scenario(LEARNING, ONE_CLOCK).resolved()))
    plan = plan_sweep(tmp_path / "s.yaml", ["learning.optimizer.learning_rate=0.01,0.02,0.05"])
    whole = run_sweep(plan, tmp_path / "whole", workers=1).points
    run_sweep(plan, tmp_path / "cut", workers=1)
    gone = tmp_path / "cut" / whole["folder"][1]
    for path in gone.iterdir():
        path.unlink()
    gone.rmdir()
    told = []
    again = run_sweep(plan, tmp_path / "cut", workers=2, progress=lambda *what: told.append(what)).points
    assert told == [("kept", 1, 3), ("kept", 2, 3), ("done", 3, 3)]
    assert again.equals(whole)
    assert whole["test_loss"].nunique() == 3


def test_resolved_scenarios_are_put_together_as_well():
    chosen = scenario(LEARNING, ONE_CLOCK)
    assert clock_of(Scenario.model_validate(chosen.resolved())) == clock_of(chosen)

"""Keys that vary together, and combinations for which a condition is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from simasgd.errors import ScenarioError, UsageError
from simasgd.report.sweep.facts.dials import find_dials
from simasgd.sweeps.plan import SweepPlan, plan_sweep
from simasgd.sweeps.roles import KeyRole, find_role
from simasgd.sweeps.table import Sweep
from tests.build import TIMING
from tests.sweeps.running import run_sweep
from tests.sweeps.test_sweep import scenario_file

PAIRS = "learners:mini_batch=2:8,4:4,8:2"


def settings(plan: SweepPlan) -> list[tuple[int, int]]:
    return [(point.scenario.cluster.learners, point.scenario.workload.mini_batch) for point in plan.points]


def test_keys_that_vary_together_are_one_axis(tmp_path: Path) -> None:
    plan = plan_sweep(scenario_file(tmp_path, TIMING), [PAIRS, "latency=0,1 ms"])
    assert settings(plan) == [(2, 8), (2, 8), (4, 4), (4, 4), (8, 2), (8, 2)]
    (axis, _) = plan.axes
    assert (axis.key, axis.values, axis.numbers) == ("cluster.learners:workload.mini_batch", ("2:8", "4:4", "8:2"), None)
    assert axis.overrides("4:4") == ["cluster.learners=4", "workload.mini_batch=4"]


def test_a_sweep_of_them_comes_back_and_is_said_in_words(tmp_path: Path) -> None:
    run_sweep(plan_sweep(scenario_file(tmp_path, TIMING), [PAIRS]), tmp_path / "out", workers=1)
    sweep = Sweep.load(tmp_path / "out")
    assert sweep.points["cluster.learners:workload.mini_batch"].tolist() == ["2:8", "4:4", "8:2"]
    assert sweep.points["learners"].tolist() == [2, 4, 8]
    (dial,) = find_dials(sweep, sweep.points)
    assert (dial.name, dial.role) == ("learners and mini-batch", KeyRole.CHOICE)
    assert dial.say("8:2") == "8 learners with mini-batch 2"


@pytest.mark.parametrize(
    ("key", "role"),
    [
        ("cluster.learners:workload.mini_batch", KeyRole.CHOICE),
        ("cluster.network.latency:cluster.network.bandwidth", KeyRole.WORLD),
        ("cluster.network.latency:cluster.learners", KeyRole.CHOICE),
    ],
)
def test_they_are_a_choice_if_one_of_them_is(key: str, role: KeyRole) -> None:
    assert find_role(key) is role


@pytest.mark.parametrize(
    ("argument", "fragment"),
    [
        ("learners:mini_batch=2:8,4", "4 is not a value for each of 2 keys; write …:…"),
        ("learners:mini_batch=2:8:1,4:4", "2:8:1 is not a value for each of 2 keys"),
        ("learners:mini_batch=2:,4:4", "2: is not a value for each of 2 keys"),
        ("learners:seed=2:1,4:2", "a seed cannot vary together with another key"),
        ("learners:cluster.learners=2:1,4:2", "cluster.learners is swept twice"),
        ("learners:mini_bach=2:1,4:2", "did you mean 'workload.mini_batch'?"),
    ],
)
def test_wrong_pairs_are_refused(argument: str, fragment: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as raised:
        plan_sweep(scenario_file(tmp_path, TIMING), [argument])
    assert fragment in str(raised.value)


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("learners * mini_batch == 16", [(2, 8), (4, 4), (8, 2)]),
        ("learners < 4 and not mini_batch == 4", [(2, 2), (2, 8)]),
        ("mini_batch in [2] or learners >= 8 and mini_batch < 8", [(2, 2), (4, 2), (8, 2), (8, 4)]),
    ],
)
def test_a_condition_leaves_out_combinations(only: str, expected: list[tuple[int, int]], tmp_path: Path) -> None:
    plan = plan_sweep(scenario_file(tmp_path, TIMING), ["learners=2,4,8", "mini_batch=2,4,8"], only=only)
    assert settings(plan) == expected


def test_what_is_left_out_need_not_be_possible(tmp_path: Path) -> None:
    path = scenario_file(tmp_path, TIMING, {"protocol": {"kind": "backup-workers", "backups": 1}})
    axes = ["learners=2,4", "protocol.backups=1,3"]
    with pytest.raises(ScenarioError, match="backups"):
        plan_sweep(path, axes)
    assert len(plan_sweep(path, axes, only="backups < learners").points) == 3


def test_quantities_are_in_si_units_and_parts_have_their_own_names(tmp_path: Path) -> None:
    axes = ["latency=25 us,1 ms", PAIRS]
    assert len(plan_sweep(scenario_file(tmp_path, TIMING), axes, only="latency == 25e-6").points) == 3
    plan = plan_sweep(scenario_file(tmp_path, TIMING), axes, only="latency > 25e-6 and learners == 4")
    assert [(point.scenario.cluster.network.latency, point.scenario.cluster.learners) for point in plan.points] == [(0.001, 4)]


@pytest.mark.parametrize(
    ("only", "error", "fragment"),
    [
        ("lerners > 2", UsageError, "argument: only: name 'lerners' is not defined; did you mean 'learners'?"),
        ("learners +", UsageError, "argument: only: invalid syntax (at the end of 'learners +'); write, for example, "),
        (" learners > > 2", UsageError, "argument: only: invalid syntax (character 12, at '> 2')"),
        ("learners", UsageError, "argument: only: 'learners' is not a condition"),
        ("learners > 99", ScenarioError, "no combination of the values fulfils 'learners > 99'"),
    ],
)
def test_a_wrong_condition_is_one_message(only: str, error: type[Exception], fragment: str, tmp_path: Path) -> None:
    with pytest.raises(error) as raised:
        plan_sweep(scenario_file(tmp_path, TIMING), ["learners=2,4"], only=only)
    assert fragment in str(raised.value)

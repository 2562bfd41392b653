"""The `sweep` section of a scenario file: axes, groups, draws, conditions and a budget."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from simasgd import Scenario, ScenarioError, UsageError
from simasgd.command import cli
from simasgd.scenario.reading.yaml_layer import dump_yaml
from simasgd.sweeps.draws import draw, parse_law
from simasgd.sweeps.plan import SweepPlan, plan_sweep
from simasgd.sweeps.table import Sweep
from tests.build import TIMING, scenario
from tests.sweeps.running import run_sweep

GROUP = {"learners": [1, 2, 4], "mini_batch": [16, 8, 4]}


def write(folder: Path, block: dict[str, Any], *changes: Any) -> Path:
    path = folder / "s.yaml"
    path.write_text(dump_yaml({**scenario(TIMING, {"stop": {"gradients": 8}}, *changes).resolved(), "sweep": block}))
    return path


def settings(plan: SweepPlan) -> list[tuple[int, int, float, int]]:
    chosen = [point.scenario for point in plan.points]
    return [(one.cluster.learners, int(one.workload.mini_batch), one.cluster.network.latency, one.seed) for one in chosen]  # type: ignore[arg-type]


def test_axes_and_groups_are_combined_in_their_order(tmp_path: Path) -> None:
    plan = plan_sweep(write(tmp_path, {"axes": {"latency": [0, "1 ms"], "seed": "range(0, 2)"}, "zip": [GROUP]}), [])
    assert settings(plan) == [
        (learners, batch, latency, seed)
        for latency in (0.0, 0.001)
        for seed in (0, 1)
        for learners, batch in ((1, 16), (2, 8), (4, 4))
    ]
    assert [axis.key for axis in plan.axes] == ["cluster.network.latency", "cluster.learners:workload.mini_batch"]
    assert plan.axes[1].parts == ((1, 2, 4), (16, 8, 4))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["latency=5 ms"], [(n, b, 0.005, 0) for n, b in ((1, 16), (2, 8), (4, 4))]),
        (["latency=5 ms,6 ms", "learners=3"], [(3, b, x, 0) for x in (0.005, 0.006) for b in (16, 8, 4)]),
        (["learners:mini_batch=8:2,9:3"], [(n, b, x, 0) for x in (0.0, 0.001) for n, b in ((8, 2), (9, 3))]),
        (
            ["network.bandwidth=1 MB/s,2 MB/s"],
            [(n, b, x, 0) for x in (0.0, 0.001) for n, b in ((1, 16), (2, 8), (4, 4)) for _ in (0, 1)],
        ),
    ],
)
def test_a_key_on_the_command_line_takes_the_place_of_the_sections(words: list[str], expected: Any, tmp_path: Path) -> None:
    assert settings(plan_sweep(write(tmp_path, {"axes": {"latency": [0, "1 ms"]}, "zip": [GROUP]}), words)) == expected


def test_a_condition_on_the_command_line_takes_the_place_of_the_sections(tmp_path: Path) -> None:
    path = write(tmp_path, {"axes": GROUP, "only": ["learners * mini_batch == 16", "learners < 4"]})
    assert {found[:2] for found in settings(plan_sweep(path, []))} == {(1, 16), (2, 8)}
    assert {found[:2] for found in settings(plan_sweep(path, [], only="mini_batch == 4"))} == {(1, 4), (2, 4), (4, 4)}


def test_draws_are_different_within_their_laws_and_fixed_by_the_seed(tmp_path: Path) -> None:
    laws = {"learners": "integers(2, 9)", "mini_batch": "choice(4, 8)", "latency": "log-uniform(1 us, 1 s)"}
    block = {"random": 10, "laws": laws, "only": "learners * mini_batch >= 24"}
    plan = plan_sweep(write(tmp_path, block), [])
    drawn = settings(plan)
    assert len(drawn) == len(set(drawn)) == 10
    assert all(2 <= n <= 9 and b in (4, 8) and 1e-6 <= x <= 1.0 and n * b >= 24 for n, b, x, _ in drawn)
    assert drawn == settings(plan_sweep(write(tmp_path, block), []))
    assert drawn != settings(plan_sweep(write(tmp_path, {**block, "seed": 1}), []))
    fixed = settings(plan_sweep(write(tmp_path, block), ["latency=0"]))
    assert {x for _, _, x, _ in fixed} == {0.0}
    assert len({(n, b) for n, b, _, _ in fixed}) == 10
    others = list(dict.fromkeys(one[:2] for one in drawn))
    assert [one[:2] for one in fixed][: len(others)] == others, "a key that is fixed does not change the draws of the others"
    rare = {"random": 1, "laws": {"learners": "integers(1, 1000)"}, "only": "learners == 777"}
    assert settings(plan_sweep(write(tmp_path, rare), []))[0][0] == 777


@pytest.mark.parametrize(
    ("only", "place", "said"),
    [
        (["learners > 1", "learners > 99", "mini_batch > 99"], 1, "fulfils 'learners > 99'"),
        (
            ["learners > 2", "mini_batch > 1", "learners < 3"],
            2,
            "fulfils 'learners < 3' together with 'learners > 2 and mini_batch > 1'",
        ),
    ],
)
def test_of_several_conditions_the_one_that_nothing_fulfils_is_named(
    only: list[str], place: int, said: str, tmp_path: Path
) -> None:
    with pytest.raises(ScenarioError) as raised:
        plan_sweep(write(tmp_path, {"axes": GROUP, "only": only}), [])
    assert f": sweep.only.{place}: no combination of the values {said}" in str(raised.value)


def test_a_condition_may_name_a_key_that_the_command_line_fixes(tmp_path: Path) -> None:
    path = write(tmp_path, {"axes": GROUP, "only": "learners * mini_batch == 16"})
    assert [found[:2] for found in settings(plan_sweep(path, ["learners=4"]))] == [(4, 4)]
    assert [found[:2] for found in settings(plan_sweep(path, ["learners=4", "mini_batch=4"]))] == [(4, 4)]
    with pytest.raises(ScenarioError, match=r"sweep.only: no combination of the values fulfils"):
        plan_sweep(path, ["learners=3"])
    drawn = {
        "random": 1,
        "laws": {"mini_batch": "integers(1, 9)"},
        "axes": {"learners": [1, 2]},
        "only": "mini_batch == learners",
    }
    assert [found[:2] for found in settings(plan_sweep(write(tmp_path, drawn), ["learners=7"]))] == [(7, 7)]


@pytest.mark.parametrize(
    ("text", "low", "high"), [("log-uniform(0.01, 0.9999)", 0.01, 0.9999), ("uniform(0.00001, 1)", 0.00001, 1.0)]
)
def test_a_draw_stays_within_the_ends_of_its_law(text: str, low: float, high: float) -> None:
    law = parse_law(text)
    assert (float(law(0.0)), float(law(0.9999999))) == (low, high)


def test_laws_have_their_distributions() -> None:
    """Of 4,000 draws: a mean is within five standard errors, and both ends of integers come up."""
    laws = [parse_law(text) for text in ("uniform(2, 4)", "log-uniform(0.01, 100)", "integers(-1, 1)", "choice(a, b)")]
    drawn = list(islice(draw(laws, 5), 4000))
    means = [sum(float(one[0]) for one in drawn) / 4000, sum(math.log10(float(one[1])) for one in drawn) / 4000]
    assert abs(means[0] - 3.0) < 5 * (2 / math.sqrt(12)) / math.sqrt(4000)
    assert abs(means[1]) < 5 * (4 / math.sqrt(12)) / math.sqrt(4000)
    assert {one[2] for one in drawn} == {"-1", "0", "1"}
    assert abs(sum(one[3] == "a" for one in drawn) - 2000) < 5 * math.sqrt(1000)
    assert drawn[0] == next(draw(laws, 5)) == ("3.246", "9.27", "1", "b"), "the same on every machine"


@pytest.mark.parametrize(
    ("block", "place", "fragment"),
    [
        ({"axes": {"lerners": [1, 2]}}, "sweep.axes.lerners", "did you mean 'cluster.learners'?"),
        ({"axes": {"learners": 3}}, "sweep.axes.learners", "found 3; expected a list of values, or text"),
        ({"axes": {"learners": [1, 1]}}, "sweep.axes.learners", "1 is given twice"),
        ({"axes": {"learners": [2, 0]}}, "cluster.learners", "0 is too small"),
        ({"axes": {"learners": "range(1, 4"}}, "sweep.axes.learners", "a bracket or quote is not closed"),
        ({"axes": {"latency": ["1 ms", "0.001 s"]}}, "cluster.network.latency", "are the same value"),
        ({"axes": {"sweep.seed": [1, 2]}}, "sweep.axes.sweep.seed", "it cannot be swept"),
        ({"zip": [{"learners": [1, 2], "mini_batch": [1]}]}, "sweep.zip.0", "learners has 2, mini_batch has 1"),
        ({"zip": [{"learners": [1, 2]}]}, "sweep.zip.0", "at least two keys"),
        ({"axes": {"learners": [3]}, "zip": [GROUP]}, "sweep.zip.0", "cluster.learners is swept twice"),
        ({"random": 3}, "sweep.random", "no laws to draw from"),
        ({"laws": {"learners": "integers(1, 3)"}}, "sweep.laws", "the number of draws is missing"),
        ({"random": 4, "laws": {"learners": "integers(1, 3)"}}, "sweep.random", "4 draws were asked for, and there are only 3"),
        ({"random": 2, "laws": {"learners": "integer(1, 3)"}}, "sweep.laws.learners", "did you mean 'integers'?"),
        ({"random": 2, "laws": {"latency": "uniform(1 ms, 1 MB)"}}, "sweep.laws.latency", "of different kinds"),
        ({"random": 2, "laws": {"latency": "log-uniform(0 s, 1 s)"}}, "sweep.laws.latency", "needs positive ends"),
        (
            {"random": 2, "laws": {"learners": "integers(1, 9)"}, "only": "learners > 9"},
            "sweep.only",
            "9 different draws were tried",
        ),
        ({"random": 2, "laws": {"learners": "integers(1, 9)"}, "only": "learners > 8"}, "sweep.random", "only 1 of 9"),
        ({"axes": {"learners": [1, 2]}, "only": "lerners > 1"}, "sweep.only", "did you mean 'learners'?"),
        ({"axes": {"learners": [1, 2]}, "only": ["learners > 0", "learners > 5"]}, "sweep.only.1", "no combination"),
        ({"axis": {}}, "sweep.axis", "did you mean 'axes'?"),
        ({"budget": {"time": 3}}, "sweep.budget.time", "expected a time"),
    ],
)
def test_a_mistake_is_one_message_with_its_place(block: dict[str, Any], place: str, fragment: str, tmp_path: Path) -> None:
    path = write(tmp_path, block)
    with pytest.raises(ScenarioError) as raised:
        plan_sweep(path, [])
    message = str(raised.value)
    assert message.startswith(f"{path}:")
    assert f": {place}: " in message
    assert fragment in message
    assert "\n" in message, "the line is shown"


def test_a_budget_stops_by_rule_and_the_same_sweep_goes_on(tmp_path: Path) -> None:
    """Both seeds of a setting are computed before the next setting begins."""
    axes = {"seed": [0, 1], "latency": [0, "1 ms"], "learners": [1, 2]}
    path = write(tmp_path, {"axes": axes, "budget": {"points": 3}})
    program = ["sweep", str(path), "--workers", "1", "--out", str(tmp_path / "out")]
    first = CliRunner().invoke(cli.app, program)
    assert first.exit_code == 0, first.output
    assert "test: the budget of 3 points is spent: 3 of 8 points are there; the same command goes on\n" in first.output
    table = Sweep.load(tmp_path / "out").points
    done = table[table["outcome"] == "finished"]
    assert [*zip(done["cluster.learners"], done["cluster.network.latency"], done["seed"], strict=True)] == [
        (1, 0.0, 0), (2, 0.0, 0), (1, 0.0, 1),
    ]  # fmt: skip
    assert repr(Sweep.load(tmp_path / "out")).startswith(
        "<Sweep of test over cluster.network.latency (2), cluster.learners (2); "
        "3 of 8 points (5 not run yet; the budget is 3 points)"
    )
    said = CliRunner().invoke(cli.app, [*program, "--dry-run"]).output
    assert "8 points\na budget of 3 points bounds what one command computes\n5 still to run: " in said
    jobs = ["--engine", "slurm", "--address", "local", "sweep.budget.time=1 min"]
    refused = CliRunner().invoke(cli.app, [*program[:2], *jobs, "--out", str(tmp_path / "jobs")])
    assert isinstance(refused.exception, UsageError)
    assert "sweep.budget.time: jobs of the engine slurm are submitted at once" in str(refused.exception)
    assert not (tmp_path / "jobs").exists()
    over = run_sweep(plan_sweep(path, ["sweep.budget={time: 0}"]), tmp_path / "out", workers=1)
    assert (over.points["outcome"] == "finished").sum() == 3, "no time, so nothing is begun"
    whole = run_sweep(plan_sweep(path, ["sweep.budget.points=null"]), tmp_path / "out", workers=1)
    assert set(whole.points["outcome"]) == {"finished"}


def test_a_section_changes_nothing_but_the_sweep(tmp_path: Path) -> None:
    """Points are runs of the scenario without it, and a resolved scenario has it."""
    path = write(tmp_path, {"axes": {"learners": [2]}}, {"variants": {"a": {"protocol": "hardsync"}, "b": None}})
    chosen = Scenario.load(path)
    assert chosen.sweep is not None
    assert all(variant.sweep is None for variant in chosen.variants.values())
    assert Scenario.load(chosen.resolved()) == chosen
    without = chosen.model_copy(update={"sweep": None})
    assert chosen.hash() == without.hash()
    assert "sweep" not in without.resolved()
    plan = plan_sweep(path, [])
    assert plan.scenario.sweep == chosen.sweep
    assert all(point.scenario.sweep is None for point in plan.points)
    said = CliRunner().invoke(cli.app, ["check", str(path)]).output.splitlines()
    assert said[-4:-1] == ["cluster.learners=2 variant=a seed=0", "cluster.learners=2 variant=b seed=0", "2 points"]
    path.write_text(path.read_text().replace("  b: {}", "  b: {sweep: null}"))
    with pytest.raises(ScenarioError, match="a variant cannot change 'sweep'"):
        Scenario.load(path)

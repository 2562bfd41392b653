"""How a run ended is decided once, and every table says so."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simasgd import Run, simulate
from simasgd.report.comparison.comparison_json import build_comparison_json
from simasgd.report.facts.formats import format_number, use_plain_spaces
from simasgd.report.facts.variant_facts import collect_facts
from simasgd.report.page import render_study, render_sweep
from simasgd.report.sweep.facts.sweep_facts import SweepFacts
from simasgd.report.sweep.verdict import SweepVerdict
from simasgd.report.terminal.study import conclude_study
from simasgd.report.terminal.sweep import conclude_sweep
from simasgd.report.verdict.verdict import state_verdict
from simasgd.results.outcome import Outcome, describe_outcomes, fails, find_gravest
from simasgd.scenario.reading.yaml_layer import dump_yaml
from simasgd.sweeps.plan import plan_sweep
from simasgd.sweeps.table import Sweep
from tests.build import LEARNING, TIMING, scenario
from tests.clockwork import HANG, altered, study_of
from tests.sweeps.running import run_sweep

DEAD = {
    "cluster": {"faults": {"crashes": [{"learner": 0, "at": "10 ms"}]}},
    "stop": {"gradients": 400},
}
EVALUATION = {
    "epoch": 0.0, "samples": 0, "updates": 0, "simulated_seconds": 0.0, "test_loss": 2.3, "test_error": 0.9,
    "consensus_distance": None, "bytes": 0.0,
}  # fmt: skip
HANGING = "all participants wait for ever; these learners crashed for good: 0 (at 0.01 s)"


@pytest.mark.parametrize(
    ("score", "classes", "first_loss", "failed"),
    [
        (None, 10, None, True),  # NaN, or no evaluation
        (0.73, 10, None, True),  # guessing has 0.9
        (0.71, 10, None, False),
        (0.40, 2, None, True),
        (None, 0, 2.0, True),  # an infinite loss
        (1.6, 0, 2.0, True),
        (1.59, 0, 2.0, False),
        (266.0, 0, 2.0, True),
        (5.0, 0, None, False),  # the initial loss was infinite
        (0.0, 0, 0.0, False),  # the initial weights were at the minimum
        (-2.0, 0, -1.0, False),
        (-1.1, 0, -1.0, True),
    ],
)
def test_failing_to_learn(score: float | None, classes: int, first_loss: float | None, failed: bool) -> None:
    assert fails(score, classes, first_loss) is failed


def test_the_gravest_of_several_seeds() -> None:
    assert find_gravest([Outcome.FINISHED, Outcome.FAILS, Outcome.HUNG]) is Outcome.HUNG
    mixed = [Outcome.FINISHED, Outcome.FAILS, Outcome.HUNG]
    assert describe_outcomes([Outcome.FINISHED] * 3) == "finished"
    assert describe_outcomes([Outcome.HUNG] * 3) == "hung"
    assert describe_outcomes([Outcome.HUNG]) == "hung"
    assert describe_outcomes(mixed) == "hung (1 of 3 seeds), fails to learn (1 of 3 seeds)"


def ended(changes: Mapping[str, Any], **learned: Any) -> Run:
    """Make a run of the real clock with other entries in its summary."""
    base = simulate(scenario(TIMING, {"stop": {"gradients": 40}}))
    learning = scenario(LEARNING).learning if learned else None
    chosen = base.scenario.model_copy(update={"learning": learning})
    numbers = {"evaluations": [EVALUATION], "test_error": None, "test_loss": None, **learned}
    return altered(replace(base, scenario=chosen), **{**numbers, **changes})


@pytest.mark.parametrize(
    ("run", "outcome", "has_time"),
    [
        (ended({}), Outcome.FINISHED, True),
        (ended({"hang": HANG}), Outcome.HUNG, False),
        (ended({"hang": HANG, "diverged": {"update": 3, "epoch": 0.1}}), Outcome.HUNG, False),
        (ended({"gradients": {"applied": 0}, "simulated_seconds": 1e-6}), Outcome.APPLIED_NOTHING, False),
        (ended({"simulated_seconds": 0.0}), Outcome.FINISHED, False),
        (ended({}, test_error=0.03), Outcome.FINISHED, True),
        (ended({}, test_error=0.9), Outcome.FAILS, True),
        (ended({}, test_error=None), Outcome.FAILS, True),
        (ended({"evaluations": []}, test_error=0.03), Outcome.FINISHED, True),
        (ended({"diverged": {"update": 3, "epoch": 0.1}}, test_error=None), Outcome.DIVERGED, True),
    ],
    ids=lambda case: case.outcome if isinstance(case, Run) else str(case),
)
def test_every_outcome(run: Run, outcome: Outcome, has_time: bool) -> None:
    assert (run.outcome, run.has_time) == (outcome, has_time)
    row = study_of({"": run}).table().iloc[0]
    assert row["outcome"] == outcome
    assert (row["simulated_seconds"] is not None) is has_time
    assert row["hung"] == (outcome is Outcome.HUNG)


def test_run_json_says_the_outcome() -> None:
    assert simulate(scenario(TIMING, DEAD, {"protocol": "hardsync"})).summary.outcome == "hung"
    assert simulate(scenario(TIMING, DEAD)).summary.outcome == "finished"
    nothing = simulate(scenario(TIMING, {"stop": {"gradients": None, "simulated_time": "1 ns"}}))
    assert (nothing.summary.outcome, nothing.has_time) == ("applied nothing", False)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sweep, dict[str, Any]]:
    """Sweep over a dead learner: hardsync waits for it for ever, asynchronous learners continue."""
    folder = tmp_path_factory.mktemp("outcomes")
    (folder / "dead.yaml").write_text(dump_yaml(scenario(TIMING, DEAD).resolved()))
    plan = plan_sweep(folder / "dead.yaml", ["protocol=hardsync,async", "seed=0,1"])
    table = run_sweep(plan, folder / "out", workers=1)
    return table, json.loads((folder / "out/sweep.json").read_text())


def test_a_point_that_hung_has_no_time_and_is_not_best(swept: tuple[Sweep, dict[str, Any]]) -> None:
    table, content = swept
    assert table.points["outcome"].tolist() == ["hung", "hung", "finished", "finished"]
    assert table.points["simulated_seconds"].isna().tolist() == [True, True, False, False]
    assert table.points["gradients_per_simulated_second"].isna().tolist() == [True, True, False, False]
    assert content["outcomes"] == {"hung": 2, "finished": 2}
    assert [(row["outcome"], row["simulated_seconds"] is None) for row in content["points"][1:3]] == [
        ("hung", True),
        ("finished", False),
    ]
    said = SweepVerdict.of(SweepFacts.of(table)).text
    assert "One setting of 2 hung (hardsync): after its last update at 0.00" in said
    assert f"s: {HANGING}." in said
    assert said.startswith("Use async: ")
    assert said.endswith("Protocol, throughput: no two values can be compared.")
    ended = conclude_sweep(table)
    assert ended.remark.endswith("4 of 4 points.")
    assert " ".join(ended.verdict) == said == ended.content["verdict"]
    assert "hung: after its last update at 0.00" in render_sweep(table)


def test_where_no_point_finished_none_is_best(swept: tuple[Sweep, dict[str, Any]]) -> None:
    table, _ = swept
    hung = table.points[table.points["outcome"] == "hung"]
    said = SweepVerdict.of(SweepFacts.of(replace(table, points=hung))).text
    assert said.startswith("No setting finished at every seed, so none is best. It hung: ")
    assert render_sweep(replace(table, points=hung))


def test_a_setting_of_which_one_seed_hung_is_not_best(swept: tuple[Sweep, dict[str, Any]]) -> None:
    table, _ = swept
    points = table.points.copy()
    points.loc[0, ["outcome", "reason"]] = "finished", ""
    points.loc[0, ["simulated_seconds", "gradients_per_simulated_second"]] = 1e-6, 1e9
    facts = SweepFacts.of(replace(table, points=points))
    assert facts.sound["protocol"].tolist() == ["async"]
    said = SweepVerdict.of(facts).text
    assert said.startswith("Use async: ")
    assert "One setting of 2 hung at 1 of 2 seeds (hardsync)" in said
    row = facts.settings.set_index("protocol").loc["hardsync"]
    assert row["outcome"] == "hung (1 of 2 seeds)"
    assert math.isnan(row["simulated_seconds"]), "a mean over the seeds that did not hang would flatter it"


def test_a_study_that_hung_says_so_everywhere() -> None:
    hung = simulate(scenario(TIMING, DEAD, {"protocol": "hardsync"}))
    lone = study_of({"": hung})
    ended = conclude_study(lone)
    assert ended.table is not None
    assert ended.table.rows[0][:2] == ("test", "hung")
    assert ended.verdict[0].endswith(f"{HANGING}.")
    assert ">hung</data>" in render_study(lone)
    both = study_of({"sync": hung, "async": simulate(scenario(TIMING, DEAD))})
    assert both.table()["outcome"].tolist() == ["hung", "finished"]
    content = build_comparison_json(both)
    assert [(row["outcome"], row["failure"]) for row in content["variants"]] == [("hung", "hung"), ("finished", None)]
    assert content["variants"][0]["simulated_seconds"] is None
    said = " ".join(conclude_study(both).verdict)
    assert said.count(HANGING) == 1, "the reason is given once"
    assert said == content["verdict"] == use_plain_spaces(state_verdict(collect_facts(both)))
    assert content["verdict"].startswith("Only async finishes: ")
    assert content["verdict"].endswith(f" sync hangs after its last update at 9.66 ms: {HANGING}.")
    alone = study_of({"a": hung, "b": hung})
    assert use_plain_spaces(state_verdict(collect_facts(alone))).startswith("No variant finishes. a and b hang")
    assert render_study(alone)


def test_some_seeds_hang(tmp_path: Path) -> None:
    fine, hung = simulate(scenario(TIMING)), simulate(scenario(TIMING, DEAD, {"protocol": "hardsync", "seed": 1}))
    mixed = study_of({"": [fine, hung]})
    row = mixed.table().iloc[0]
    assert row["outcome"] == "hung (1 of 2 seeds)"
    assert row["simulated_seconds"] == row["simulated_seconds_max"] == fine.simulated_seconds
    mixed.save(tmp_path)
    assert "hung at 1 of 2 seeds" in render_study(mixed)
    (one,) = collect_facts(mixed)
    assert one.failure == Outcome.HUNG


def test_what_does_not_vary_is_not_drawn(tmp_path: Path) -> None:
    """All runs last as long; how much they do in that time differs."""
    (tmp_path / "t.yaml").write_text(
        dump_yaml(scenario(TIMING, {"stop": {"gradients": None, "simulated_time": "20 ms"}}).resolved())
    )
    table = run_sweep(plan_sweep(tmp_path / "t.yaml", ["learners=1,2"]), tmp_path / "out", workers=1)
    page = render_sweep(table)
    assert "Throughput" in page
    assert "simulated time (ms)" not in page
    most = use_plain_spaces(format_number(table.points["samples_per_simulated_second"].max()))
    assert f"<h1>Use 2 learners: {most} samples/s.</h1>" in page

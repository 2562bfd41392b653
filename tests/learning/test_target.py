"""`stop.test_error` cuts a run at the first evaluation at or below it, as if it had been stopped there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from simasgd import Run, Scenario, ScenarioError, simulate, simulator, study
from simasgd.learning.players.reference import Reference
from simasgd.report.facts.formats import use_plain_spaces
from simasgd.report.facts.learning_facts import find_target
from simasgd.report.facts.variant_facts import collect_facts
from simasgd.report.terminal.study import conclude_study
from simasgd.report.verdict.verdict import state_verdict
from simasgd.results.outcome import Outcome
from simasgd.results.study import Study
from simasgd.scenario.alike import clock_of, together
from simasgd.simulator import simulate_together
from tests.build import LEARNING, LINEAR, TIMING, scenario

pytestmark = pytest.mark.usefixtures("quickly_compiled")

BASE = {"learning": {"evaluate": "20 updates"}, "stop": {"gradients": 330}, "workload": {"mini_batch": 16}}
NOT_COMPARED = {"wall", "scenario_hash", "stopped_by", "target"}


def goal(error: float | None) -> dict[str, Any]:
    return {"stop": {"test_error": error}}


def middle_of(run: Run) -> tuple[float, int]:
    """Return a test error that a run reaches halfway, and the number of updates at which it first does."""
    table = run.evaluations
    assert table is not None
    error = float(table["test_error"].iloc[1 : len(table) // 2 + 1].min())
    return error, int(table.iloc[1:][table["test_error"].iloc[1:] <= error]["updates"].iloc[0])


def same(one: Run, other: Run) -> None:
    """Check that two runs agree in all tables and numbers, but for the limit that stopped them."""
    assert one.summary.model_dump(exclude=NOT_COMPARED) == other.summary.model_dump(exclude=NOT_COMPARED)
    for table in ("learners", "updates", "evaluations", "timeline"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(other, table), check_exact=True)


@pytest.mark.parametrize("protocol", ["async", "hardsync", "downpour", "local-sgd", "easgd", "ad-psgd"])
def test_a_cut_run_is_the_run_that_stops_at_that_update(protocol: str) -> None:
    base = scenario(LEARNING, BASE, {"protocol": protocol, "record": "timeline", "cluster": {"profile": "ethernet-25g"}})
    whole = simulate(base)
    error, updates = middle_of(whole)
    assert 0 < updates < whole.summary.updates
    cut = simulate(scenario(base.resolved(), goal(error)))
    assert cut.summary.stopped_by == "test_error"
    assert cut.summary.target is not None
    assert cut.summary.target.reached
    assert cut.test_error is not None
    assert cut.test_error <= error
    assert cut.outcome is whole.outcome or cut.outcome is Outcome.FAILS
    stopped = simulate(scenario(base.resolved(), {"stop": {"updates": updates}}))
    same(cut, stopped)
    gradients = cut.summary.gradients
    assert gradients.computed == sum(
        getattr(gradients, fate) for fate in ("applied", "dropped", "cancelled", "lost", "in_flight")
    )


def test_both_players_cut_at_the_same_update() -> None:
    base = scenario(LEARNING, BASE, {"learning": {"precision": "float64"}})
    error, updates = middle_of(simulate(base))
    for player in (None, Reference()):
        assert simulate(scenario(base.resolved(), goal(error)), player=player).summary.updates == updates


def test_each_run_of_a_loop_is_cut_for_itself() -> None:
    one = {"cluster": {"seed": 1}}
    seeds = [scenario(LEARNING, BASE, one, {"learning": {"seed": seed}}) for seed in range(3)]
    error = sorted(middle_of(run)[0] for run in simulate_together(seeds))[1]
    goals = [scenario(seed.resolved(), goal(error)) for seed in seeds]
    assert together(goals) == [[0, 1, 2]]
    assert together([*goals[:1], *seeds[1:]]) == [[0], [1, 2]]
    assert clock_of(goals[0]) == clock_of(seeds[0]), "one clock serves both"
    runs = simulate_together(goals)
    assert len({run.summary.updates for run in runs}) > 1
    for run, alone in zip(runs, map(simulate, goals), strict=True):
        assert (run.summary.updates, run.simulated_seconds) == (alone.summary.updates, alone.simulated_seconds)
        assert run.summary.target == alone.summary.target


class Interrupted(Exception):
    """The exception with which a test interrupts a study."""


def test_an_interrupted_run_is_cut_where_it_would_have_been(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator, "_WORTH_KEEPING", 0.0)  # seconds
    base = scenario(LEARNING, BASE)
    chosen = scenario(base.resolved(), goal(middle_of(simulate(base))[0]))
    undisturbed = simulate(chosen)

    def interrupt(phase: str, fraction: float) -> None:
        if phase == "replay" and fraction > 0.15:
            raise Interrupted

    with pytest.raises(Interrupted):
        study(chosen, unfinished=tmp_path / "work", progress=interrupt, checkpoint_seconds=0.0)
    assert list((tmp_path / "work").glob("*.checkpoint"))
    again = study(chosen, unfinished=tmp_path / "work").runs[""][0]
    ignored = {"wall", "what_if", "lock_step", "warnings"}
    assert again.summary.model_dump(exclude=ignored) == undisturbed.summary.model_dump(exclude=ignored)


def test_an_error_that_is_never_reached_is_said_and_the_run_is_a_result(tmp_path: Path) -> None:
    chosen = scenario(LEARNING, BASE, goal(0.0), {"repeats": 2, "stop": {"gradients": 2000}})
    result = study(chosen)
    said = "a test error of 0.0 % was not reached"
    for run in result.runs[""]:
        assert (run.outcome, run.summary.reason) == (Outcome.FINISHED, said)
        assert run.summary.stopped_by == "gradients"
        assert run.has_time
    table = conclude_study(result).table
    assert table is not None
    assert table.rows[0][1] == "finished, 0.0 % not reached"
    assert result.table()["reason"].tolist() == [said]
    assert "A test error of 0.0 % was not reached." in use_plain_spaces(state_verdict(collect_facts(result)))
    reached = simulate(scenario(chosen.resolved(), goal(0.9), {"repeats": 1}))
    assert find_target(result) == 0.0
    assert find_target(replace(result, target=0.2)) == 0.2
    mixed = Study(chosen, {"": [result.runs[""][0], reached]})
    assert mixed.table()["reason"].tolist() == [f"{said} (1 of 2 seeds)"]
    result.save(tmp_path / "out")
    assert Study.load(tmp_path / "out").table()["reason"].tolist() == [said]


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_a_run_that_diverges_is_not_cut() -> None:
    run = simulate(scenario(LEARNING, BASE, goal(0.01), {"learning": {"optimizer": {"learning_rate": 1e20}}}))
    assert run.outcome is Outcome.DIVERGED
    assert run.summary.target is not None
    assert not run.summary.target.reached
    assert run.summary.stopped_by == "gradients"


def test_a_run_that_would_have_hung_later_is_cut_before() -> None:
    dead = {"cluster": {"faults": {"crashes": [{"learner": 0, "at": "900 ms"}]}}, "protocol": "hardsync"}
    hung = simulate(scenario(LEARNING, BASE, dead, {"stop": {"gradients": 3000}, "learning": {"evaluate": "10 updates"}}))
    assert hung.outcome is Outcome.HUNG
    error, updates = middle_of(hung)
    run = simulate(scenario(hung.scenario.resolved(), goal(error)))
    assert (run.summary.hang, run.summary.updates, run.summary.faults.crashes) == (None, updates, 0)
    last = simulate(scenario(hung.scenario.resolved(), goal(error), {"learning": {"evaluate": "1000 updates"}}))
    assert last.summary.updates == hung.summary.updates
    assert last.summary.stopped_by == "test_error", "it is cut at its last update, before it hangs"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stop": {"gradients": None}}, "a test error may never be reached; set epochs"),
        ({"stop": {"test_error": 1.5}}, "at most 1"),
        ({"stop": {"test_error": -0.1}}, "at least 0"),
        ({"stop": {"test_error": "5 %"}}, "not a number"),
    ],
)
def test_mistakes(changes: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario(LEARNING, goal(0.05), dict(changes))
    assert said in str(caught.value)


def test_where_nothing_has_a_test_error_it_is_refused() -> None:
    with pytest.raises(ScenarioError, match="labels of linear-regression are not classes"):
        scenario(LINEAR, goal(0.05))
    with pytest.raises(ScenarioError, match="nothing is learned without a learning section"):
        scenario(TIMING, goal(0.05))
    assert isinstance(scenario(LEARNING, goal(0.05)), Scenario)

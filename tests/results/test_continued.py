"""A run goes on from its kept weights: what holds of the whole, and what begins anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from simasgd import Run, Study, UsageError, exact, extend, simulate, study
from simasgd.command.cli import app
from simasgd.exact import Purpose
from simasgd.learning.players.reference import Reference
from simasgd.results.outcome import Outcome
from simasgd.scenario.reading.yaml_layer import dump_yaml
from simasgd.scenario.schema import Scenario
from simasgd.simulator import run_last_part
from simasgd.stages.parts import continued_scenario, plan_part, without_last_part
from simasgd.stages.progress import silent
from simasgd.timing import simulate_timing
from tests.build import LEARNING, LINEAR, TIMING, scenario
from tests.protocols.table import ROWS

EPOCH = {"workload": {"mini_batch": 16}, "record": {"weights": True}, "stop": {"gradients": None, "epochs": 1}}
DOUBLE = {"learning": {"precision": "float64", "schedule": {"boundaries": [0.5, 1.5], "factor": 0.5}}}
ADAM = {"learning": {"optimizer": {"kind": "adam", "learning_rate": 0.01}}}


def chosen(*changes: dict[str, Any]) -> Scenario:
    return scenario(LINEAR, EPOCH, DOUBLE, *changes)


def kept(run: Run) -> dict[str, np.ndarray]:
    assert run.weights is not None
    every = {"learners": run.weights.learners, "centre": run.weights.centre, "optimizer": run.weights.optimizer}
    groups = {"weights": run.weights.arrays, "memory": run.weights.memory, **every}
    return {f"{group}/{name}": np.asarray(a) for group, arrays in groups.items() if arrays for name, a in arrays.items()}


def agree(one: dict[str, np.ndarray], other: dict[str, np.ndarray], tolerance: float) -> None:
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_allclose(array, other[name], tolerance, tolerance, err_msg=name)


def equal(one: Run, other: Run) -> None:
    """Check that two runs are the same in all but the time that they took."""
    assert one.scenario == other.scenario
    assert one.summary.model_dump(exclude={"wall"}) == other.summary.model_dump(exclude={"wall"})
    for table in ("learners", "updates", "evaluations", "timeline"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(other, table), check_exact=True)
    agree(kept(one), kept(other), 0.0)


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize(
    ("protocol", "changes"),
    [
        ("async", {"cluster": {"learners": 1}, **ADAM}),
        ("hardsync", {}),
        ("sgp", {"cluster": {"learners": 1}}),
    ],
    ids=str,
)
def test_without_staleness_the_continued_run_is_the_uninterrupted_one(protocol: Any, changes: dict[str, Any]) -> None:
    """Weights, states, and the evaluations: if no gradient is in flight at the seam, nothing is lost there."""
    whole = simulate(chosen({"protocol": protocol, "stop": {"epochs": 2}}, changes))
    parts = extend(simulate(chosen({"protocol": protocol}, changes)), 1)
    assert parts.summary.updates == whole.summary.updates
    agree(kept(parts), kept(whole), 1e-9)
    columns = ["epoch", "samples", "updates", "test_loss"]
    assert parts.evaluations is not None
    assert whole.evaluations is not None
    pd.testing.assert_frame_equal(parts.evaluations[columns], whole.evaluations[columns])
    assert parts.updates is not None
    assert whole.updates is not None
    if protocol != "hardsync":
        assert parts.updates["batch"].tolist() == whole.updates["batch"].tolist()


@pytest.mark.usefixtures("quickly_compiled")
def test_a_run_that_is_continued_is_the_run_of_its_scenario(tmp_path: Path) -> None:
    """For variants with and without a server, from memory and from disk, in two parts and in three."""
    variants = {"async": {}, "easgd": {"protocol": "easgd"}}
    base = chosen({"record": {"kind": "timeline"}, "protocol": "async", "variants": variants})
    first = study(base)
    first.save(tmp_path / "first")
    longer = extend(extend(Study.load(tmp_path / "first"), 0.5), 0.5)
    assert longer.scenario.stop.continued == (0.5, 0.5)
    again = study(longer.scenario)
    for variant, runs in longer.runs.items():
        for run, other in zip(runs, again.runs[variant], strict=True):
            equal(run, other)
    longer.save(tmp_path / "longer")
    equal(Study.load(tmp_path / "longer").runs["easgd"][0], again.runs["easgd"][0])
    run, before = longer.runs["async"][0], first.runs["async"][0]
    assert run.summary.seams[0].updates == before.summary.updates
    assert any("Continued after epoch 1" in note for note in longer.notes)
    check_sums(run, before)


def check_sums(run: Run, before: Run) -> None:
    """Check what can be counted in the tables of a whole run."""
    summary = run.summary
    assert run.updates is not None
    assert run.evaluations is not None
    assert run.timeline is not None
    assert summary.gradients.applied == len(run.updates) == run.learners["applied"].sum()
    assert run.updates["timestamp"].is_monotonic_increasing
    assert run.updates["timestamp"].max() == summary.updates
    assert run.updates["time"].is_monotonic_increasing
    assert run.evaluations["epoch"].tolist() == [0.0, 1.0, run.evaluations["epoch"].iloc[2], 2.0]
    assert run.evaluations["bytes"].is_monotonic_increasing
    assert run.evaluations["simulated_seconds"].iloc[-1] == pytest.approx(summary.simulated_seconds)
    assert run.timeline["end"].max() == pytest.approx(summary.simulated_seconds)
    assert sum(summary.staleness.histogram) == summary.gradients.applied
    assert summary.critical_path is not None
    assert sum(summary.critical_path.model_dump().values()) == pytest.approx(summary.simulated_seconds)
    assert sum(value or 0.0 for value in summary.learner_time.model_dump().values()) == pytest.approx(1.0)
    later = run.updates.iloc[len(before.updates) :]  # type: ignore[arg-type]
    assert (later["staleness"].iloc[0], later["read_at"].min()) == (0, pytest.approx(before.simulated_seconds))
    pairs = run.updates[["learner", "batch"]]
    assert not pairs.duplicated().any(), "no mini-batch is drawn twice"


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize(
    ("protocol", "changes"),
    [
        ("async", {"learning": {"modulation": "dana-zero"}}),
        ({"kind": "local-sgd", "steps": 3, "average_momentum": True}, {}),
    ],
    ids=str,
)
def test_both_players_go_on_alike(protocol: Any, changes: dict[str, Any]) -> None:
    first = simulate(chosen({"protocol": protocol, "stop": {"epochs": 0.3}}, changes))
    longer = continued_scenario(first.scenario, 0.3)
    one, other = (run_last_part(first, longer, silent, player=player) for player in (None, Reference()))
    agree(kept(one), kept(other), 1e-9)
    assert one.evaluations is not None
    assert one.evaluations["test_loss"].iloc[-1] < one.evaluations["test_loss"].iloc[0]


@pytest.mark.parametrize("kind", ROWS)
def test_no_mini_batch_and_no_time_comes_twice(kind: str) -> None:
    """Under every protocol, for timing alone."""
    cluster = {"learners": 6, "profile": "p775", "compute": {"distribution": "gamma", "cv": 0.5}}
    base = scenario(TIMING, {"cluster": cluster, "protocol": ROWS[kind].typical, "stop": {"gradients": 60}})
    first = simulate(base)
    part = plan_part(first, continued_scenario(base, 0.2))
    assert part.samples == 200
    tape = simulate_timing(base, silent, part=part).tape
    assert tape is not None
    assert first.updates is not None
    assert tape.samples_before[-1] == part.past.samples + tape.num_gradients * 4 >= part.past.samples + 200
    drawn = set(zip(first.updates["learner"], first.updates["batch"], strict=True))
    assert drawn.isdisjoint(zip(tape.learner.tolist(), tape.batch.tolist(), strict=True))
    took = (first.updates["computed_at"] - first.updates["read_at"]).round(12)
    assert set(took).isdisjoint((tape.computed_at - tape.read_at).round(12).tolist())


def test_every_seed_goes_on_from_its_own_run() -> None:
    first = study(scenario(TIMING, {"repeats": 3, "stop": {"gradients": 40}}))
    longer = extend(first, 0.1)
    assert [run.seed for run in longer.runs[""]] == [0, 1, 2]
    for run, before in zip(longer.runs[""], first.runs[""], strict=True):
        assert run.updates is not None
        pd.testing.assert_frame_equal(run.updates[:40], before.updates)
    table = longer.table()
    assert table["simulated_seconds_max"][0] > table["simulated_seconds_min"][0]


def test_a_run_that_ends_for_good_has_no_further_part() -> None:
    """A scenario in parts, whose first part applies nothing, is a run that applied nothing."""
    run = simulate(scenario(TIMING, {"stop": {"gradients": None, "simulated_time": "1 ns", "continued": [1]}}))
    assert (run.outcome, run.scenario.stop.continued, run.summary.seams) == (Outcome.APPLIED_NOTHING, (1,), ())
    assert run.summary.scenario_hash == run.scenario.hash()


def test_what_lasts_is_the_same_in_every_part() -> None:
    first, second = exact.seed_of_part(7, 1), exact.seed_of_part(7, 2)
    assert exact.seed_of_run(second) == 7

    def bits(seed: int, purpose: Purpose) -> int:
        return int(exact.stream(seed, purpose, 3).random_raw(1)[0])

    for purpose in Purpose:
        found = {bits(seed, purpose) for seed in (7, first, second)}
        lasts = purpose.name in {"SPEED", "BANDWIDTH", "MEMBER", "SIZE", "SHARE", "RATE", "PARTITION", "MEAN", "TEXT"}
        assert len(found) == (1 if lasts or purpose.name in {"MINI_BATCH", "AUGMENT", "ANALYTIC"} else 3), purpose


def test_a_run_that_cannot_go_on_is_refused_with_the_reason() -> None:
    def refused(run: Run, reason: str) -> None:
        with pytest.raises(UsageError, match=reason):
            extend(run, 1)

    base = scenario(TIMING, {"stop": {"gradients": 40}})
    early = scenario(base.resolved(), {"stop": {"gradients": None, "simulated_time": "1 ns"}})
    refused(simulate(early), "the run applied nothing, so there is nothing to continue")
    for key, value in {
        "crashes": [{"learner": 1, "at": "1 h"}],
        "server_pauses": [{"at": "1 h", "lasting": "1 s"}],
        "degraded_links": [{"link": "server", "at": "1 h", "lasting": "1 s", "factor": 0.5}],
    }.items():
        refused(simulate(scenario(base.resolved(), {"cluster": {"faults": {key: value}}})), "it is at fixed times")
    trace = {"compute": {"distribution": "trace", "measured": ["1 ms", "2 ms"], "per_sample": None, "cv": None}}
    refused(simulate(scenario(base.resolved(), {"cluster": trace})), "cannot have a trace")
    assert extend(simulate(base), 0.1).summary.seams[0].updates == 40, "timing alone needs no weights"


@pytest.mark.usefixtures("quickly_compiled")
def test_a_run_without_weights_or_beyond_its_target_is_refused() -> None:
    with pytest.raises(UsageError, match=r"kept no weights; run it with record.weights=true"):
        extend(simulate(scenario(LINEAR, {"stop": {"gradients": 40}})), 1)
    whole = simulate(
        scenario(LEARNING, {"record": {"weights": True}, "stop": {"epochs": 1, "gradients": None, "test_error": 1}})
    )
    with pytest.raises(UsageError, match=r"reached its test error 1; to go on, run it without stop.test_error"):
        extend(whole, 1)
    assert not without_last_part(continued_scenario(scenario(TIMING), 1)).stop.continued


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["run", *arguments])
    assert isinstance(done.exception, UsageError)
    return str(done.exception)


def test_the_command_goes_on_with_the_run_of_a_scenario_or_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    base = scenario(TIMING, {"stop": {"gradients": 40}})
    Path("t.yaml").write_text(dump_yaml(base.resolved()))
    assert "there is no finished run of this scenario; run it first: simasgd run t.yaml seed=5" in refused(
        "t.yaml", "seed=5", "--continue", "1"
    )
    first = study(base)
    first.save("reports/test")
    done = CliRunner().invoke(app, ["run", "t.yaml", "--continue", "0.2", "-q"])
    assert done.exception is None, done.output
    whole = Study.load("reports/test-continued")
    assert any("Continued after epoch 0.16" in note for note in whole.notes)
    assert whole.command == "simasgd run t.yaml --continue 0.2"
    assert whole.runs[""][0].summary.gradients.applied == 90
    assert "Continued after epoch 0.16" in Path("reports/test-continued/index.html").read_text()
    assert Study.load("reports/test").runs[""][0].summary.gradients.applied == 40, "the first part stays"
    assert "leave out seed=5" in refused("reports/test", "seed=5", "--continue", "1")


@pytest.mark.usefixtures("quickly_compiled")
def test_the_command_refuses_a_run_without_weights_and_says_how_to_keep_them(tmp_path: Path) -> None:
    replace(study(scenario(LINEAR, {"stop": {"gradients": 40}})), command="simasgd run t.yaml").save(tmp_path)
    told = refused(str(tmp_path), "--continue", "1")
    assert f"{tmp_path}: the run kept no weights" in told
    assert told.endswith("keep them: simasgd run t.yaml record.weights=true")

"""From a scenario to a run: what is in it, that a seed fixes it, and that it comes back from its folder."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from simasgd import Run, RunFailed, Study, simulate, study
from simasgd.learning.players.reference import Reference
from simasgd.results.summary_parts import evaluation_rows
from simasgd.scenario.vocabulary.merge import merge
from tests.build import LEARNING, TIMING, scenario

pytestmark = pytest.mark.usefixtures("quickly_compiled")

PROTOCOLS = ["hardsync", "async", {"kind": "n-softsync", "n": 2}]
protocols = pytest.mark.parametrize("protocol", PROTOCOLS, ids=str)
SHORT = {"stop": {"gradients": None, "epochs": 2.5}, "cluster": {"profile": "p775"}}


def without_wall(run):
    return run.summary.model_dump(exclude={"wall"})


@protocols
def test_a_run_with_learning(protocol):
    run = simulate(scenario(LEARNING, SHORT, {"protocol": protocol}))
    summary = run.summary
    gradients = summary.gradients
    assert gradients.computed == sum(
        getattr(gradients, fate) for fate in ("applied", "dropped", "cancelled", "lost", "in_flight")
    )
    assert summary.samples == 4 * gradients.applied == 4 * len(run.updates)
    assert 2.5 <= summary.epochs == summary.samples / 1437 < 2.6
    assert summary.updates == run.updates["timestamp"].max()
    assert sum(summary.learner_time.model_dump().values()) == pytest.approx(1.0)
    assert summary.learner_time.compute > 0.5
    assert summary.gradients_per_simulated_second == pytest.approx(gradients.applied / summary.simulated_seconds)

    staleness = summary.staleness
    assert staleness.mean == pytest.approx(run.updates["staleness"].mean())
    assert staleness.max == run.updates["staleness"].max()
    assert staleness.histogram == tuple(np.bincount(run.updates["staleness"]).tolist())
    for percentile in (50, 95, 99):
        exact = np.percentile(run.updates["staleness"], percentile, method="inverted_cdf")
        assert getattr(staleness, f"p{percentile}") == exact

    assert summary.evaluations == evaluation_rows(run.evaluations)
    sent = [row.bytes for row in summary.evaluations]
    assert sent[0] == 0.0
    assert sent == sorted(sent)
    assert sent[-1] == summary.bytes.sent, "all that was sent until the stop"
    assert [row.epoch for row in summary.evaluations] == [0.0, 1.0, 2.0, pytest.approx(summary.epochs)]
    assert summary.test_error == summary.evaluations[-1].test_error < summary.evaluations[0].test_error
    assert summary.test_loss == summary.evaluations[-1].test_loss == run.test_loss


@protocols
def test_evaluations_are_at_the_first_update_at_or_after_each_epoch(protocol):
    run = simulate(scenario(LEARNING, SHORT, {"protocol": protocol}))
    applied = run.updates.groupby("timestamp").size().cumsum() * 4  # samples after each update
    times = run.updates.groupby("timestamp")["time"].first()
    for row in run.summary.evaluations[1:-1]:
        first = applied.index[applied >= row.epoch * 1437][0]
        assert (row.updates, row.samples, row.simulated_seconds) == (first, applied[first], times[first])


def test_evaluation_takes_no_simulated_time():
    with_learning = simulate(scenario(LEARNING, SHORT))
    size = {"payload": f"{with_learning.scenario.payload:.0f} B", "samples_per_epoch": 1437}
    timing = simulate(scenario(LEARNING, SHORT, {"workload": size, "learning": None}))
    pd.testing.assert_frame_equal(with_learning.updates, timing.updates, check_exact=True)


@protocols
def test_a_seed_fixes_the_run(protocol):
    chosen = scenario(LEARNING, SHORT, {"protocol": protocol})
    first, again = simulate(chosen), simulate(chosen)
    assert without_wall(first) == without_wall(again)
    pd.testing.assert_frame_equal(first.updates, again.updates, check_exact=True)
    assert without_wall(first) != without_wall(simulate(chosen.with_seed(1)))


@pytest.mark.parametrize("protocol", PROTOCOLS[-1:], ids=str)
def test_the_reference_player_gives_the_same_results(protocol):
    chosen = scenario(LEARNING, SHORT, {"protocol": protocol, "stop": {"epochs": 1}})
    compiled, reference = (simulate(chosen, player=player).evaluations for player in (None, Reference()))
    pd.testing.assert_frame_equal(compiled, reference, rtol=1e-4)


@pytest.mark.parametrize("record", ["summary", "updates"])
@pytest.mark.parametrize("base", [TIMING, LEARNING], ids=["timing", "learning"])
def test_what_is_recorded(base, record):
    run = simulate(scenario(base, {"record": record}))
    full = simulate(scenario(base, {"record": "updates"}))
    assert (run.updates is None) is (record == "summary")
    ours, theirs = run.summary.as_json(), full.summary.as_json()
    differ = {key for key in ours if ours[key] != theirs[key]} - {"wall"}
    assert differ <= {"scenario_hash"}
    assert (run.evaluations is None) is (base is TIMING)


EXPLODING = {"learning": {"model": {"hidden": [8, 8]}, "schedule": {"boundaries": [1], "factor": 1e30}}}


def test_divergence_is_a_result():
    run = simulate(scenario(LEARNING, SHORT, EXPLODING))
    assert run.diverged
    assert (run.test_error, run.test_loss) == (None, None)
    assert run.summary.diverged.update > 359
    assert 1.0 < run.summary.diverged.epoch < 1.2
    assert run.evaluations["epoch"].tolist() == [0.0, 1.0]
    json.dumps(run.summary.as_json(), allow_nan=False)


def test_a_run_that_stops_before_any_update():
    run = simulate(scenario(LEARNING, {"stop": {"gradients": None, "simulated_time": "1 us"}}))
    assert run.summary.gradients.applied == 0
    assert run.summary.staleness.mean is None
    assert [row.epoch for row in run.summary.evaluations] == [0.0]
    assert run.test_error == pytest.approx(0.9, abs=0.1)


BOWL = merge(
    LEARNING,
    {
        "learning": {
            "data": {"kind": "noise", "features": 2, "samples": 100},
            "model": {"kind": "quadratic", "spectrum": [1, 0.5]},
            "optimizer": {"momentum": 0.0},
        }
    },
)


def test_where_labels_are_no_classes_there_is_a_loss_and_no_error():
    run = simulate(scenario(BOWL))
    assert run.summary.test_error is None
    assert run.test_loss == run.summary.test_loss == run.summary.evaluations[-1].test_loss
    assert [row.test_error for row in run.summary.evaluations] == [None] * 17
    assert run.evaluations["test_error"].isna().all()
    assert run.evaluations["test_error"].dtype == np.float64
    table = study(scenario(BOWL, {"repeats": 2})).table()
    assert table["test_error"].tolist() == [None]
    assert table["test_loss_min"][0] < table["test_loss"][0] < table["test_loss_max"][0]
    json.dumps(run.summary.as_json(), allow_nan=False)


def test_a_loss_beyond_all_numbers_is_none():
    """In single precision (10²¹)² is; the weights are finite."""
    rising = {"learning": {"model": {"start": 1e6}, "optimizer": {"learning_rate": 1e5}}, "stop": {"gradients": 3}}
    run = simulate(scenario(BOWL, rising, {"cluster": {"learners": 1}}))
    assert not run.diverged
    assert run.test_loss is None
    json.dumps(run.summary.as_json(), allow_nan=False)


@pytest.mark.parametrize("base", [TIMING, LEARNING, BOWL], ids=["timing", "learning", "without error"])
def test_a_run_comes_back_from_its_folder(base, tmp_path):
    run = simulate(scenario(base))
    run.save(tmp_path / "run")
    back = Run.load(tmp_path / "run")
    assert back.summary == run.summary
    assert back.scenario.hash() == run.scenario.hash() == run.summary.scenario_hash
    pd.testing.assert_frame_equal(back.updates, run.updates)
    pd.testing.assert_frame_equal(back.learners, run.learners)
    if run.evaluations is not None:
        pd.testing.assert_frame_equal(back.evaluations, run.evaluations)


def test_the_folders_scenario_repeats_the_run(tmp_path):
    from simasgd import Scenario

    run = simulate(scenario(LEARNING, SHORT, {"protocol": {"kind": "n-softsync", "n": 2}}).with_seed(5))
    run.save(tmp_path / "run")
    assert without_wall(simulate(Scenario.load(tmp_path / "run" / "scenario.yaml"))) == without_wall(run)


VARIANTS = {"repeats": 2, "variants": {"sync": {"protocol": "hardsync"}, "async": None}}


def test_a_study_runs_every_variant_at_every_seed(tmp_path):
    chosen = scenario(LEARNING, SHORT, VARIANTS)
    result = study(chosen)
    assert {name: [run.seed for run in runs] for name, runs in result.runs.items()} == {"sync": [0, 1], "async": [0, 1]}
    alone = simulate(chosen.variants["sync"].with_seed(1))
    assert without_wall(alone) == without_wall(result.runs["sync"][1])
    assert alone.summary.protocol == "hardsync"

    table = result.table().set_index("variant")
    errors = [run.test_error for run in result.runs["async"]]
    assert table.loc["async", "test_error"] == pytest.approx(sum(errors) / 2)
    assert (table.loc["async", "test_error_min"], table.loc["async", "test_error_max"]) == (min(errors), max(errors))

    result.save(tmp_path)
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("run.json")}
    assert names == {"sync/run.json", "sync/repeats/1/run.json", "async/run.json", "async/repeats/1/run.json"}
    assert [row["variant"] for row in json.loads((tmp_path / "variants.json").read_text())["variants"]] == ["sync", "async"]
    back = Study.load(tmp_path)
    pd.testing.assert_frame_equal(back.table(), result.table())
    assert back.scenario.hash() == chosen.hash()
    for loaded in (back.runs["sync"][1], Run.load(tmp_path / "sync"), *Study.load(tmp_path / "sync").runs[""]):
        assert loaded.scenario.hash() == loaded.summary.scenario_hash


def test_given_epochs_move_the_schedule_too():
    """With 400 samples to an epoch the rate is cut after 100 gradients of 4, not after the data's 1437 samples."""
    from simasgd.learning.problem.problem import build_problem
    from tests.build import clock

    cut = {"schedule": {"boundaries": [1], "factor": 0.5}}
    chosen = scenario(LEARNING, {"workload": {"samples_per_epoch": 400}, "learning": cut, "stop": {"gradients": 300}})
    assert build_problem(chosen, clock(chosen)[1]).factors.tolist() == [1.0] * 100 + [0.5] * 200


def test_too_little_memory_is_a_failed_run():
    with pytest.raises(RunFailed, match="of memory"):
        simulate(scenario(LEARNING, {"learning": {"model": {"hidden": [10**7, 900]}, "precision": "float64"}}))

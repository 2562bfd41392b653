"""A log that simasgd wrote is imported as the run that it came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from simasgd import Run, simulate
from simasgd.errors import UsageError
from simasgd.measured.exporting import export_log
from simasgd.measured.importing import import_log
from simasgd.results.distributions import TimeFractions
from tests.build import TIMING, scenario
from tests.protocols.table import ROWS

CLUSTER: dict[str, Any] = {"cluster": {"learners": 6, "profile": "p775"}, "stop": {"gradients": 60}, "record": "timeline"}
UNTOLD = (
    "critical_path", "clock_events", "links", "faults", "bytes", "what_if", "wall", "note", "log", "origin", "stopped_by",
    "threads", "speedup", "lone_samples_per_simulated_second",
)  # fmt: skip
"""What a log does not tell, and what says that it is one."""
IN_LOGS = [kind for kind, row in ROWS.items() if not row.own_models]


def sent_round(run: Run, folder: Path, name: str) -> Run:
    """Return the run that is imported from the log of another one."""
    file = folder / name
    export_log(run, file)
    return import_log([file], run.scenario, name=run.scenario.name)


@pytest.mark.parametrize("kind", IN_LOGS)
def test_staleness_tape_and_numbers_are_those_of_the_run(kind: str, tmp_path: Path) -> None:
    run = simulate(scenario(TIMING, CLUSTER, {"protocol": ROWS[kind].typical}))
    found = sent_round(run, tmp_path, "log.csv")
    assert run.updates is not None
    assert run.timeline is not None
    assert found.timeline is not None
    pd.testing.assert_frame_equal(found.updates, run.updates, check_exact=True)
    # Every number of a learner that the log tells is the run's; whether a gradient is under way, the log may not tell.
    told = [name for name in run.learners if name != "bandwidth" and not found.learners[name].isna().all()]
    assert {"computed", "applied", *(name for name in run.learners if name in TimeFractions.model_fields)} <= set(told)
    pd.testing.assert_frame_equal(found.learners[told], run.learners[told], check_exact=True)
    assert found.summary.is_measured
    assert not run.summary.is_measured
    mine, theirs = found.summary.as_json(), run.summary.as_json()
    for key in (*UNTOLD, "gradients", "learner_gradients", "servers", "scenario_hash"):
        mine.pop(key)
        theirs.pop(key)
    assert mine == theirs
    totals, true = found.summary.gradients, run.summary.gradients
    assert (totals.computed, totals.applied) == (true.computed, true.applied)
    for name in ("dropped", "cancelled", "lost", "in_flight"):
        assert getattr(totals, name) in (None, getattr(true, name))
        assert getattr(totals, name) is not None or true.in_flight or not getattr(true, name)
    busy = [server.busy for server in run.summary.servers]
    assert [server.busy for server in found.summary.servers] == pytest.approx(busy, rel=1e-12)
    rows = run.timeline[run.timeline["group"] == "learners"]
    mine_too = found.timeline[found.timeline["group"] == "learners"]
    for column in ("track", "activity"):
        assert sorted(mine_too[column].astype(str)) == sorted(rows[column].astype(str))
    for column in ("start", "end"):
        np.testing.assert_allclose(np.sort(mine_too[column]), np.sort(rows[column]), rtol=1e-15)


@pytest.mark.parametrize("kind", [kind for kind, row in ROWS.items() if row.own_models])
def test_models_of_the_learners_own_have_times_but_no_versions(kind: str, tmp_path: Path) -> None:
    run = simulate(scenario(TIMING, CLUSTER, {"protocol": ROWS[kind].typical}))
    (remark,) = [line for line in export_log(run, tmp_path / "log.csv") if "no updates" in line]
    assert f"under {kind} learners have models of their own" in remark
    with pytest.raises(UsageError, match="versions count the updates of one model"):
        import_log([tmp_path / "log.csv"], run.scenario)


@pytest.mark.parametrize("name", ["log.csv", "log.parquet"])
@pytest.mark.parametrize("kind", ["async", "downpour", "fedbuff"])
def test_updates_alone_suffice_for_the_tape(kind: str, name: str, tmp_path: Path) -> None:
    run = simulate(scenario(TIMING, CLUSTER, {"protocol": ROWS[kind].typical, "record": "updates"}))
    found = sent_round(run, tmp_path, name)
    pd.testing.assert_frame_equal(found.updates, run.updates, check_exact=True)
    assert found.summary.staleness == run.summary.staleness
    assert found.simulated_seconds == run.simulated_seconds
    assert found.timeline is None
    assert found.summary.learner_time.compute is None
    assert found.learners["compute"].isna().all()
    assert found.summary.gradients.computed is None


def test_a_run_of_layers_of_different_ages_is_not_exported(tmp_path: Path) -> None:
    from tests.build import LEARNING

    changes = {"protocol": {"kind": "injected-staleness", "delay": [0, 1, 0, 1]}, "cluster": {"learners": 1}}
    run = simulate(scenario(LEARNING, changes, {"learning": None, "workload": {"payload": "1 kB"}, "protocol": {"delay": 2}}))
    assert export_log(run, tmp_path / "log.csv")
    summary = simulate(scenario(TIMING, {"record": "summary"}))
    with pytest.raises(UsageError, match=r"nothing to write: the run recorded none \(record=summary\); try record=timeline"):
        export_log(summary, tmp_path / "other.csv")
    with pytest.raises(UsageError, match="the file exists; give another one with --out, or --replace"):
        export_log(run, tmp_path / "log.csv")


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("mini_batch", [4, [4, 1, 2, 3]], ids=str)
def test_the_players_learn_the_same_from_the_measured_tape(mini_batch: Any, tmp_path: Path) -> None:
    from tests.build import LINEAR

    run = simulate(scenario(LINEAR, {"stop": {"gradients": 200}, "workload": {"mini_batch": mini_batch}}))
    found = sent_round(run, tmp_path, "log.parquet")
    assert run.evaluations is not None
    assert found.evaluations is not None
    pd.testing.assert_frame_equal(found.evaluations.drop(columns="bytes"), run.evaluations.drop(columns="bytes"))
    assert found.test_loss == run.test_loss
    assert found.evaluations["bytes"].isna().all()
    assert (found.summary.samples, found.summary.mini_batch) == (run.summary.samples, run.summary.mini_batch)


def test_a_log_may_have_a_size_of_mini_batches_for_each_learner(tmp_path: Path) -> None:
    sizes = [4, 1, 7, 2, 3, 4]
    run = simulate(scenario(TIMING, CLUSTER, {"workload": {"mini_batch": sizes}, "protocol": "async"}))
    file = tmp_path / "log.csv"
    export_log(run, file)
    found = import_log([file])
    assert found.scenario.workload.mini_batch == tuple(sizes)
    assert found.summary.samples == run.summary.samples
    assert found.learners["mini_batch"].tolist() == sizes
    other = scenario(TIMING, CLUSTER, {"workload": {"mini_batch": [4, 1, 7, 2, 5, 4]}, "protocol": "async"})
    with pytest.raises(UsageError, match="learner 4 has mini-batches of 3 samples, but the scenario test of 5; try"):
        import_log([file], other)


def test_what_costs_time_has_rows_of_its_own(tmp_path: Path) -> None:
    costs = {"step": "1 ms", "per_message": "100 us", "collective_start": "2 ms"}
    run = simulate(scenario(TIMING, CLUSTER, {"cluster": {"costs": costs}, "protocol": "all-reduce"}))
    found = sent_round(run, tmp_path, "log.csv")
    times = found.summary.learner_time
    assert times == run.summary.learner_time
    assert min(times.step, times.copies, times.launch) > 0.0
    pd.testing.assert_frame_equal(found.updates, run.updates, check_exact=True)


def test_learners_may_have_mini_batches_of_their_own(tmp_path: Path) -> None:
    run = simulate(scenario(TIMING, CLUSTER, {"workload": {"mini_batch": [1, 2, 3, 4, 5, 6]}}))
    found = sent_round(run, tmp_path, "log.parquet")
    assert found.summary.samples == run.summary.samples
    assert found.learners["mini_batch"].tolist() == [1, 2, 3, 4, 5, 6]
    alone = import_log([tmp_path / "log.parquet"])
    assert alone.summary.samples == run.summary.samples


def test_a_server_that_copies_messages_is_busier_than_its_log_tells(tmp_path: Path) -> None:
    run = simulate(scenario(TIMING, CLUSTER, {"cluster": {"costs": {"per_message": "1 ms"}}}))
    assert run.summary.servers[0].busy > 0.0
    assert not sent_round(run, tmp_path, "log.csv").summary.servers

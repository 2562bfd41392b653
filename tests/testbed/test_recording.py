"""A recorded run has a folder like any other: its tables agree, its page says that it was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simasgd.operations.reading import read_log
from simasgd.recording import record
from simasgd.report.page import write_study
from simasgd.results.run import Run
from simasgd.results.study import Study
from simasgd.testbed.engine.abstract import AbstractEngine
from simasgd.testbed.system.pacing import DrawnPacing, FreePacing
from tests.testbed.recorded import small


@pytest.mark.usefixtures("quickly_compiled")
def test_a_study_on_real_processes_comes_back_from_its_folder(engine: AbstractEngine, tmp_path: Path) -> None:
    variants = {"one": {"protocol": {"kind": "async"}}, "two": {"protocol": {"kind": "hardsync"}}}
    seen: list[tuple[str, float]] = []
    chosen = small({"kind": "async"}, {"variants": variants, "repeats": 2, "stop": {"gradients": 30}})
    study = record(chosen, engine, pacing=DrawnPacing, command="simasgd record x", progress=lambda *at: seen.append(at))
    assert {variant: [run.seed for run in runs] for variant, runs in study.runs.items()} == {"one": [0, 1], "two": [0, 1]}
    assert [fraction for _, fraction in seen] == sorted(fraction for _, fraction in seen)
    assert {"record", "compile", "replay", "done"} == {phase for phase, _ in seen}
    assert seen[-1] == ("done", 1.0)
    study.save(tmp_path)
    write_study(study, tmp_path)
    loaded = Study.load(tmp_path)
    for before, after in zip(study.runs["one"], loaded.runs["one"], strict=True):
        assert after.summary == before.summary
        assert after.summary.is_measured
    assert all("Measured, not simulated" in note for note in loaded.notes[:2])
    assert "easured" in (tmp_path / "index.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("quickly_compiled")
def test_a_run_names_its_system_and_its_weights_are_the_players(engine: AbstractEngine) -> None:
    chosen = small({"kind": "async"}, {"workload": {"payload": "10 kB"}})
    run = _record(chosen, engine)
    system = run.summary.recorded
    assert system is not None
    assert system.engine == "ray"
    assert system.processes == 1 + 3
    assert len(system.machines) == 1
    assert system.pace == "paced"
    assert chosen.learning is not None
    assert system.payload_bytes == 10_000
    assert system.padding_bytes == 10_000 - chosen.learning.model_bytes
    assert system.weights_difference is not None
    assert system.weights_difference <= 1e-5
    assert run.test_loss is not None
    assert run.timeline is None


def test_the_operations_are_a_log_of_what_was_counted(engine: AbstractEngine, tmp_path: Path) -> None:
    """Each second of a learner has one row, pulls and pushes have their bytes, and updates the versions of the tape."""
    chosen = small({"kind": "async"}, {"learning": None, "workload": {"payload": "2 kB"}, "record": "timeline"})
    run = _record(chosen, engine)
    run.save(tmp_path)
    log = read_log([tmp_path / "operations.parquet"])
    assert log.start is not None
    assert log.bytes is not None
    assert log.version is not None
    assert run.updates is not None
    assert log.learners == ("0", "1", "2")
    for learner in range(3):
        own = (log.learner == learner) & ~np.isin(np.arange(log.size), [*log.rows("update"), *log.rows("run")])
        assert log.seconds[own].sum() == pytest.approx(run.simulated_seconds, rel=1e-9)
    for operation in ("push", "pull"):
        assert set(log.bytes[log.rows(operation)]) == {2000.0}
    updates = log.rows("update")
    assert sorted(log.version[updates]) == list(range(1, len(run.updates) + 1))
    applied = run.learners["applied"].sum()
    computed = log.rows("compute")
    assert np.count_nonzero(~np.isnan(log.version[computed])) == applied
    assert len(computed) == run.learners["computed"].sum()
    assert run.timeline is not None


@pytest.mark.parametrize("record_of", ["summary", "updates"])
def test_the_operations_do_not_depend_on_what_else_is_recorded(engine: AbstractEngine, record_of: str) -> None:
    run = _record(small({"kind": "hardsync"}, {"learning": None, "workload": {"payload": "2 kB"}, "record": record_of}), engine)
    assert (run.updates is None) == (record_of == "summary")
    assert run.timeline is None
    assert run.operations is not None
    assert set(run.operations["operation"]) >= {"run", "compute", "push", "pull", "update"}


def test_a_free_run_takes_the_time_that_the_machine_needs(engine: AbstractEngine) -> None:
    """Its mini-batches do not wait for the hour that the scenario's law draws."""
    slow = {"cluster": {"compute": {"per_batch": "1 h"}}, "learning": None, "workload": {"payload": "2 kB"}}
    (run,) = record(small({"kind": "async"}, slow), engine, pacing=FreePacing).runs[""]
    assert run.simulated_seconds < 60.0
    assert run.summary.recorded is not None
    assert run.summary.recorded.pace == "free"
    assert "cluster.compute" in run.summary.note


def _record(chosen: Any, engine: AbstractEngine) -> Run:
    (run,) = record(chosen, engine, pacing=DrawnPacing).runs[""]
    return run

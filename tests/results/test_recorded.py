"""Runs that real processes recorded, in memory and in a folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simasgd.errors import UsageError
from simasgd.operations.reading import read_log
from simasgd.results.origin import RecordedMachine, RecordedSystem
from simasgd.results.run import Run
from simasgd.storage.files import OPERATIONS_TABLE
from tests.build import TIMING, scenario
from tests.results.recorded import NOTE, SYSTEM, record


@pytest.mark.parametrize("protocol", ["async", "hardsync", "gossip-pull"])
def test_a_recorded_run_comes_back_from_its_folder(protocol: str, tmp_path: Path) -> None:
    run = record(scenario(TIMING, {"protocol": {"kind": protocol}, "stop": {"gradients": 40}}))
    run.save(tmp_path / "run")
    loaded = Run.load(tmp_path / "run")
    assert loaded.summary == run.summary
    assert loaded.operations is not None
    assert run.operations is not None
    for name in run.operations:
        pd.testing.assert_series_equal(loaded.operations[name], run.operations[name], check_dtype=False)
    loaded.save(tmp_path / "again")  # with the operations, which are read from the first folder now
    copied = Path(tmp_path / "again" / OPERATIONS_TABLE).read_bytes()
    assert copied == (tmp_path / "run" / OPERATIONS_TABLE).read_bytes()
    assert OPERATIONS_TABLE in json.loads((tmp_path / "run/simasgd.json").read_text())["files"]
    log = read_log([tmp_path / "run" / OPERATIONS_TABLE])
    assert len(log.rows("compute")) + len(log.rows("abandon")) >= run.summary.gradients.computed


def test_a_recorded_run_is_measured_and_its_scenario_known() -> None:
    run = record(scenario(TIMING, {"cluster": {"network": {"bandwidth": "1 GB/s"}}, "stop": {"gradients": 40}}))
    summary = run.summary
    assert (summary.origin, summary.is_measured, summary.has_scenario) == ("measured", True, True)
    assert (summary.log, summary.recorded, summary.note) == (None, SYSTEM, NOTE)
    assert (summary.critical_path, summary.what_if, summary.links) == (None, None, ())
    assert summary.stopped_by == "gradients"
    assert summary.servers[0].busy >= 0.0
    assert np.isnan(run.learners["bandwidth"]).all()


def test_a_run_has_one_source_of_its_times(tmp_path: Path) -> None:
    record(scenario(TIMING, {"stop": {"gradients": 4}})).save(tmp_path)
    content = json.loads((tmp_path / "run.json").read_text())
    for changes in ({"recorded": None}, {"origin": "simulated"}):
        (tmp_path / "run.json").write_text(json.dumps(content | changes))
        with pytest.raises(UsageError, match="a measured run has either `log` or `recorded`, and a simulated run has neither"):
            Run.load(tmp_path)


def test_operations_of_another_form_are_refused_when_they_are_read(tmp_path: Path) -> None:
    record(scenario(TIMING, {"stop": {"gradients": 4}})).save(tmp_path)
    pd.DataFrame({"seconds": [1.0]}).to_parquet(tmp_path / OPERATIONS_TABLE)
    loaded = Run.load(tmp_path)
    with pytest.raises(UsageError, match=rf"{OPERATIONS_TABLE}: column operation is missing"):
        _ = loaded.operations


@pytest.mark.parametrize(
    ("asked", "ended", "by"),
    [
        ({"gradients": 40}, {"gradients": 40}, "gradients"),
        ({"gradients": 41}, {"gradients": 40}, "interrupt"),
        ({"gradients": None, "simulated_time": "50 ms"}, {"gradients": None, "simulated_time": "50 ms"}, "simulated_time"),
        ({"gradients": None, "simulated_time": "60 ms"}, {"gradients": None, "simulated_time": "50 ms"}, "interrupt"),
    ],
)
def test_a_recording_that_reached_no_limit_was_interrupted(asked: dict[str, object], ended: dict[str, object], by: str) -> None:
    base = {"cluster": {"compute": {"per_batch": "1 ms", "per_sample": 0}}}
    run = record(scenario(TIMING, base, {"stop": asked}), until=scenario(TIMING, base, {"stop": ended}))
    assert run.summary.stopped_by == by


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, NOTE),
        ({"pace": "free"}, "Mini-batches took the time that the machine needed."),
        ({"overruns": 0}, "Each mini-batch had a time drawn for it, and none took longer."),
        ({"overruns": 1}, "1 took longer, by at most 0.0032 s."),
        ({"clock_bound": 0.00021}, "The machines' clocks agree within 0.00021 s."),
        ({"padding_bytes": 0.0}, "A message of weights has 10,000 bytes. "),
        ({"weights_difference": None, "padding_bytes": 0.0}, "A message of weights has 10,000 bytes."),
        (
            {"machines": (RecordedMachine(cpu="A", cores=1, python="3.12.1"),) * 2},
            "on 2 machines (each A, 1 core, Python 3.12.1)",
        ),
        (
            {"machines": tuple(RecordedMachine(cpu=cpu, cores=8, python="3.12.1") for cpu in "ABA")},
            "on 3 machines (2 × A, 8 cores, Python 3.12.1; 1 × B, 8 cores, Python 3.12.1)",
        ),
    ],
)
def test_a_note_says_what_recorded_it(changes: dict[str, object], words: str) -> None:
    note = RecordedSystem.model_validate(SYSTEM.model_dump() | changes).note()
    assert words in note
    assert note.endswith(".")

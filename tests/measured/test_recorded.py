"""The operations of recorded runs: exported as logs, and fitted in place of logs."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from simasgd import simulate
from simasgd.command import cli
from simasgd.errors import SimasgdError, UsageError
from simasgd.measured.exporting import export_log
from simasgd.measured.sources import read_sources
from simasgd.operations.reading import read_log
from simasgd.results.run import Run
from simasgd.scenario.reading.yaml_layer import dump_yaml
from simasgd.storage.files import OPERATIONS_TABLE
from tests.build import TIMING, scenario
from tests.results.recorded import record

COMPUTE: dict[str, Any] = {
    "cluster": {"compute": {"distribution": "gamma", "cv": 0.3, "per_batch": "10 ms", "per_sample": "0 s"}},
    "stop": {"gradients": 200},
}


def simasgd(*arguments: str, folder: Path) -> str:
    """Run a command, and return what it prints."""
    with chdir(folder):
        done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False, prog_name="simasgd")
    assert done.exit_code == 0, done.output
    return done.stdout


def test_export_copies_the_operations_of_a_recorded_run(tmp_path: Path) -> None:
    record(scenario(TIMING, COMPUTE)).save(tmp_path / "seen")
    assert simasgd("export", "seen", "--to", "log", "--out", "log.parquet", folder=tmp_path) == "log: log.parquet\n"
    assert (tmp_path / "log.parquet").read_bytes() == (tmp_path / "seen" / OPERATIONS_TABLE).read_bytes()
    simasgd("export", "seen", "--to", "log", "--out", "log.csv", folder=tmp_path)
    logs = [read_log([tmp_path / name]) for name in ("log.csv", f"seen/{OPERATIONS_TABLE}")]
    assert logs[0].start is not None
    assert logs[1].start is not None
    assert logs[0].start.tolist() == logs[1].start.tolist()
    assert logs[0].operation.tolist() == logs[1].operation.tolist()


def test_a_recording_is_a_log_of_its_own_run(tmp_path: Path) -> None:
    """Imported as a log, it gives the staleness and the tape that were recorded."""
    chosen = scenario(TIMING, COMPUTE)
    run = record(chosen)
    run.save(tmp_path / "seen")
    (tmp_path / "mine.yaml").write_text(dump_yaml(chosen.resolved()))
    simasgd("import", f"seen/{OPERATIONS_TABLE}", "mine.yaml", "--out", "again", "-q", folder=tmp_path)
    again = Run.load(tmp_path / "again")
    assert again.summary.staleness == run.summary.staleness
    assert again.updates is not None
    assert run.updates is not None
    assert again.updates["learner"].tolist() == run.updates["learner"].tolist()


def test_the_fit_of_a_recorded_run_is_that_of_its_operations(tmp_path: Path) -> None:
    record(scenario(TIMING, COMPUTE)).save(tmp_path / "seen")
    folder, log = (json.loads(simasgd("fit", name, "--json", folder=tmp_path)) for name in ("seen", f"seen/{OPERATIONS_TABLE}"))
    assert folder.pop("files") == [f"seen/{OPERATIONS_TABLE}"]
    assert log.pop("files") == [OPERATIONS_TABLE]
    for found in (folder, log):
        del found["profile"]  # which names the file
    assert folder == log


def test_recorded_runs_are_one_cluster_one_after_another(tmp_path: Path) -> None:
    """Two runs of one and two learners: the mini-batches add up, and each run begins when the one before has ended."""
    runs = [record(scenario(TIMING, COMPUTE, {"cluster": {"learners": count}, "seed": count})) for count in (1, 2)]
    for run in runs:
        run.save(tmp_path / f"seen-{run.summary.learners}")
    log, names = read_sources([tmp_path / "seen-1", tmp_path / "seen-2"])
    assert names == [f"seen-1/{OPERATIONS_TABLE}", f"seen-2/{OPERATIONS_TABLE}"]
    assert log.learners == ("0", "1")
    each = [read_log([tmp_path / f"seen-{count}" / OPERATIONS_TABLE]) for count in (1, 2)]
    assert len(log.rows("compute")) == sum(len(one.rows("compute")) for one in each)
    whole = log.rows("run")
    assert log.start is not None
    assert log.start[whole].tolist() == [0.0, runs[0].simulated_seconds]
    fitted = json.loads(simasgd("fit", "seen-1", "seen-2", "--json", folder=tmp_path))
    assert fitted["compute"]["mini_batches"] == len(log.rows("compute"))
    assert fitted["compute"]["mean"]["value"] == pytest.approx(0.01, rel=0.05)


def test_the_fit_of_an_imported_run_is_that_of_its_log(tmp_path: Path) -> None:
    chosen = scenario(TIMING, COMPUTE, {"record": "timeline"})
    (tmp_path / "mine.yaml").write_text(dump_yaml(chosen.resolved()))
    export_log(simulate(chosen), tmp_path / "log.csv")
    simasgd("import", "log.csv", "mine.yaml", "--out", "seen", "-q", folder=tmp_path)
    folder, log = (json.loads(simasgd("fit", name, "--json", folder=tmp_path)) for name in ("seen", "log.csv"))
    assert folder == log
    (tmp_path / "log.csv").write_text((tmp_path / "log.csv").read_text() + "\n")
    for state in ("has changed", "is not there"):
        with chdir(tmp_path), pytest.raises(UsageError, match=rf"imported from log.csv, which {state}; give the log"):
            read_sources([Path("seen")])
        (tmp_path / "log.csv").unlink(missing_ok=True)


def test_folders_without_operations_are_one_message(tmp_path: Path) -> None:
    chosen = scenario(TIMING, {"stop": {"gradients": 8}})
    simulate(chosen).save(tmp_path / "simulated")
    record(chosen).save(tmp_path / "seen")
    (tmp_path / "empty").mkdir()
    cases = [
        (["simulated"], "simulated: the run was simulated; write it as a log first: simasgd export simulated --to log"),
        (["empty"], "empty: is not the folder of a run"),
        (["seen", "seen"], "the file is given twice"),
    ]
    for words, message in cases:
        with chdir(tmp_path), pytest.raises(SimasgdError, match=message):
            CliRunner().invoke(cli.app, ["fit", *words], catch_exceptions=False)
    (tmp_path / "seen" / OPERATIONS_TABLE).unlink()
    with pytest.raises(UsageError, match=f"{OPERATIONS_TABLE} is missing"):
        read_sources([tmp_path / "seen"])
    with pytest.raises(UsageError, match=f"the run has no {OPERATIONS_TABLE}, so there is nothing to write"):
        export_log(Run.load(tmp_path / "seen"), tmp_path / "log.csv")

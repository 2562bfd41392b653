"""`simasgd export`: what the other programs' files hold, and an export that is repeated."""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from simasgd import Study, load_runs
from simasgd.command import cli
from simasgd.errors import SimasgdError, UsageError
from simasgd.exporting import destinations
from simasgd.exporting.exported_runs import ExportSource, list_settings
from simasgd.results.run import Run
from tests.build import LEARNING, TIMING, scenario
from tests.clockwork import altered, run
from tests.queries.swept import write_small_sweep

ERRORS = [0.9, 0.25, 0.125]


def learned(seed: int, errors: list[float]) -> Run:
    """Return a run that has these test errors after 0, 1, 2 … epochs, of half a second each."""
    rows = [
        {
            "epoch": float(epoch),
            "samples": 1437 * epoch,
            "updates": 360 * epoch,
            "simulated_seconds": 0.5 * epoch,
            "test_loss": 2 * error,
            "test_error": error,
            "consensus_distance": None,
            "bytes": 1000.0 * epoch,
        }
        for epoch, error in enumerate(errors)
    ]
    table = pd.DataFrame(rows).astype({"consensus_distance": float})
    found = replace(run(seed=seed), scenario=scenario(LEARNING, {"seed": seed}), evaluations=table)
    return altered(found, evaluations=rows, test_error=errors[-1], test_loss=2 * errors[-1])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two variants, the first at two seeds, and a sweep of two points."""
    folder = tmp_path_factory.mktemp("home") / "reports"
    both = scenario(LEARNING, {"variants": {"slow": None, "fast": None}})
    runs = {"slow": [learned(0, ERRORS), learned(1, ERRORS)], "fast": [learned(0, [0.9, 0.5])]}
    Study(both, runs).save(folder / "both")
    write_small_sweep(folder / "swept", "cluster.learners=1,2")
    return folder


def export(*arguments: object) -> str:
    done = CliRunner().invoke(cli.app, ["export", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_csv_has_the_settings_the_scores_and_the_curves_of_each_run(home: Path, tmp_path: Path) -> None:
    said = export(home, "--to", "csv", "--out", tmp_path / "out")
    assert said == f"5 runs: {tmp_path / 'out'}\n"
    runs = pd.read_csv(tmp_path / "out" / "runs.csv", index_col="folder")
    known = load_runs(home).set_index("folder")
    assert sorted(runs.index) == sorted(known.index)
    for name in ("test_error", "simulated_seconds", "speedup", "seed", "mean_staleness"):
        pd.testing.assert_series_equal(runs[name].sort_index(), known[name].sort_index(), check_dtype=False)
    assert set(runs["variant"]) == {"slow", "fast", "learners=1", "learners=2"}
    assert runs.loc["both/fast", "learning.optimizer.learning_rate"] == 0.05
    curves = pd.read_csv(tmp_path / "out" / "curves.csv")
    slow = curves[curves["folder"] == "both/slow/repeats/1"]
    assert slow["test_error"].tolist() == ERRORS
    assert slow["simulated_seconds"].tolist() == [0.0, 0.5, 1.0]
    assert len(curves) == 3 + 3 + 2


def test_settings_are_numbers_in_si_units() -> None:
    found = list_settings(scenario(TIMING, {"cluster": {"network": {"latency": "5 us", "bandwidth": "unlimited"}}}))
    assert found["cluster.network.latency"] == 5e-6
    assert found["cluster.network.bandwidth"] == "unlimited"
    assert found["workload.payload"] == 10_000.0
    assert found["protocol.kind"] == "async"
    assert found["cluster.faults.crashes"] == "[]"
    assert "seed" not in found


def read_events(path: Path) -> Iterator[Any]:
    from tensorboardX.proto.event_pb2 import Event

    content = path.read_bytes()
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        yield Event.FromString(content[12 : 12 + length])
        content = content[16 + length :]


def test_tensorboard_shows_epochs_as_steps_and_simulated_time_as_time(home: Path, tmp_path: Path) -> None:
    export(home, "--to", "tensorboard", "--out", tmp_path / "out")
    files = sorted((tmp_path / "out").rglob("*tfevents*"))
    assert [file.parent.relative_to(tmp_path / "out").as_posix() for file in files] == [
        *("both/fast/seed-0", "both/slow/seed-0", "both/slow/seed-1"),
        *("swept/learners=1/seed-0", "swept/learners=2/seed-0"),
    ]
    events = list(read_events(files[1]))
    points = [
        (event.step, event.wall_time, value.simple_value)
        for event in events
        for value in event.summary.value
        if value.tag == "test_error"
    ]
    assert points == [(step, 0.5 * step, pytest.approx(error)) for step, error in enumerate(ERRORS)]
    plugins = [value.metadata.plugin_data.plugin_name for event in events for value in event.summary.value]
    assert plugins.count("hparams") == 3
    final = {value.tag: value.simple_value for event in events for value in event.summary.value if value.tag[:6] == "final/"}
    assert final["final/test_error"] == pytest.approx(0.125)


def list_files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("target", ["csv", "tensorboard"])
def test_repeating_an_export_replaces_it(target: str, home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(home, "--to", target, "--out", out)
    first = list_files(out)
    export(home, "--to", target, "--out", out)
    assert list_files(out) == first
    # Another folder's runs do not take the place of these unasked.
    with pytest.raises(UsageError, match=r"holds results of other parameters; give another place with --out, or --replace"):
        export(home / "both", "--to", target, "--out", out)
    export(home / "both" / "fast", "--to", target, "--out", out, "--replace")
    assert b"swept" not in b"".join(list_files(out).values())
    assert len(list_files(out)) <= len(first)


def test_what_cannot_be_exported_is_one_message(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destinations, "find_spec", lambda name: None)  # as where nothing but simasgd is installed
    for target, package in (
        ("tensorboard", "tensorboardX"),
        ("mlflow", "mlflow, sqlalchemy and alembic"),
        ("wandb", "wandb"),
    ):
        with pytest.raises(UsageError, match=rf"needs {package}, .*: (uv )?pip install 'simasgd\[{target}\]'"):
            export(home, "--to", target)
    for folder, fragment in ((tmp_path, "there are no runs in it or below it"), (tmp_path / "x", "there is no such folder")):
        with pytest.raises(SimasgdError, match=fragment):
            export(folder, "--to", "csv")
    assert list(tmp_path.iterdir()) == []


def test_points_are_named_by_their_values(home: Path) -> None:
    assert sorted(run.name for run in ExportSource.of(home / "swept").read()) == ["learners=1/seed-0", "learners=2/seed-0"]


needs_mlflow = pytest.mark.skipif(find_spec("mlflow") is None, reason="MLflow is not installed")


@needs_mlflow
def test_mlflow_has_each_run_once(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert export(home / "both", "--to", "mlflow").endswith("mlflow ui --backend-store-uri sqlite:///mlflow.db\n")
    fast = home / "both" / "fast" / "run.json"
    kept = fast.read_text()
    fast.write_text(json.dumps({**json.loads(kept), "test_error": 0.75}))
    export(home / "both", "--to", "mlflow")
    fast.write_text(kept)
    with sqlite3.connect("mlflow.db") as store:
        runs = dict(store.execute("select name, run_uuid from runs where lifecycle_stage = 'active'").fetchall())
        assert sorted(runs) == ["fast/seed-0", "slow/seed-0", "slow/seed-1"]
        curve = "select step, value from metrics where run_uuid = ? and key = 'test_error' order by step"
        assert store.execute(curve, [runs["slow/seed-1"]]).fetchall() == list(enumerate(ERRORS))
        final = "select value from metrics where run_uuid = ? and key = 'final/test_error'"
        assert store.execute(final, [runs["fast/seed-0"]]).fetchall() == [(0.75,)]
        rate = "select value from params where run_uuid = ? and key = 'learning.optimizer.learning_rate'"
        assert store.execute(rate, [runs["slow/seed-0"]]).fetchall() == [("0.05",)]
    with pytest.raises(UsageError, match="holds runs of"):
        export(copytree(home / "both", tmp_path / "both"), "--to", "mlflow")


def read_log(file: Path) -> Iterator[bytes]:
    """Yield the records of a log of at most one block, in LevelDB's format."""
    content = file.read_bytes()[7:]
    while content:
        length, kind = struct.unpack("<HB", content[4:7])
        assert kind == 1  # a whole record
        yield content[7 : 7 + length]
        content = content[7 + length :]


@pytest.mark.skipif(find_spec("wandb") is None, reason="Weights & Biases is not installed")
def test_wandb_has_each_run_once(home: Path, tmp_path: Path) -> None:
    from wandb.proto.wandb_internal_pb2 import Record

    for _ in range(2):
        export(home / "both", "--to", "wandb", "--out", tmp_path / "out")
    files = sorted((tmp_path / "out").rglob("*.wandb"))
    assert len(files) == 3
    errors = []
    for file in files:
        items = [item for data in read_log(file) for item in Record.FromString(data).history.item]
        errors.append([json.loads(item.value_json) for item in items if "test_error" in (item.key, *item.nested_key)])
    assert sorted(errors) == [[0.9, 0.25, 0.125], [0.9, 0.25, 0.125], [0.9, 0.5]]

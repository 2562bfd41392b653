"""Traces that are too long for a scenario's text: their file beside it, its digest, and what reads it."""

from __future__ import annotations

import pickle
from array import array
from pathlib import Path

import pandas as pd
import pytest

from simasgd import Run, Scenario, ScenarioError, Study, simulate, study
from simasgd.results.contents import list_paths
from simasgd.scenario.alike import clock_of
from simasgd.scenario.cluster.measured import MOST_EMBEDDED, StoredTimes
from simasgd.storage.opening import open_folder
from simasgd.sweeps.plan import plan_sweep
from simasgd.sweeps.pools.points import PointFolders
from simasgd.sweeps.sweep import list_paths as list_sweep_paths

TEXT = """\
name: long
cluster:
  learners: 2
  profile: ideal
  compute: {distribution: trace, file: times.csv}
workload: {mini_batch: 4, payload: 1 kB, samples_per_epoch: 100}
protocol: async
stop: {gradients: 30}
variants:
  repeated: {}
  boot: {cluster: {compute: {at_end: bootstrap}}}
  other: {cluster: {compute: {file: other.txt}}}
  constant: {cluster: {compute: {distribution: constant, per_sample: 1 ms}}}
"""
MANY = MOST_EMBEDDED // 2 + 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "here"
    home.mkdir()
    rows = "".join(f"{1 + i % 7},{2 + i % 5}\n" for i in range(MANY))
    (home / "times.csv").write_text(f"a (ms),b (ms)\n{rows}", encoding="utf-8")
    (home / "other.txt").write_text("0.001\n" * (MOST_EMBEDDED + 1), encoding="utf-8")
    (home / "s.yaml").write_text(TEXT, encoding="utf-8")
    return home


def load(folder: Path, *overrides: str) -> Scenario:
    return Scenario.load(folder / "s.yaml", *overrides)


def test_a_resolved_scenario_names_the_file_and_its_digest(folder: Path) -> None:
    chosen = load(folder, "variants=null")
    times = chosen.cluster.stored_times[0]
    assert chosen.resolved()["cluster"]["compute"]["measured"] == {"file": times.file, "sha256": times.digest}
    assert chosen.cluster.compute.mean_measured == times.moments[0]
    assert pickle.loads(pickle.dumps(chosen)) == chosen


def test_the_folder_of_a_run_repeats_the_run(folder: Path, tmp_path: Path) -> None:
    chosen = load(folder, "variants=null")
    run = simulate(chosen)
    run.save(tmp_path / "run")
    for name in ("times.csv", "other.txt", "s.yaml"):
        (folder / name).unlink()
    (tmp_path / "run").rename(tmp_path / "moved")
    again = Scenario.load(tmp_path / "moved" / "scenario.yaml")
    assert again == chosen
    assert again.hash() == chosen.hash()
    assert clock_of(again) == clock_of(chosen)
    assert simulate(again).learners.equals(run.learners)
    assert Run.load(tmp_path / "moved").scenario == chosen
    files = {path.name for path in (tmp_path / "moved").iterdir()} - {"simasgd.json", ".simasgd"}
    assert files <= set(list_paths(chosen))


def test_all_variants_have_their_files_beside_the_study(folder: Path, tmp_path: Path) -> None:
    results = study(load(folder, "stop.gradients=6"))
    results.save(tmp_path / "out")
    assert len(list((tmp_path / "out").glob("times-*.parquet"))) == 2
    assert len(list((tmp_path / "out" / "other").glob("times-*.parquet"))) == 1
    assert not list((tmp_path / "out" / "constant").glob("times-*.parquet"))
    again = Study.load(tmp_path / "out")
    assert again.scenario == results.scenario
    assert again.runs["boot"][0].scenario == results.runs["boot"][0].scenario


def test_a_point_of_a_sweep_has_them_too(folder: Path, tmp_path: Path) -> None:
    plan = plan_sweep(folder / "s.yaml", ["variants=null", "learners=1,2", "stop.gradients=4"])
    sweep = tmp_path / "sweep"
    with open_folder(sweep, plan.contents, list_sweep_paths(plan)):
        points = PointFolders(sweep)
        points.prepare()
        name, scenario = plan.points[0].folder, plan.points[0].scenario
        points.save(name, simulate(scenario))
        assert points.summary(name, scenario) is not None
        times = sweep / "points" / name / scenario.cluster.stored_times[0].file
        times.unlink()
        assert points.summary(name, scenario) is None  # so it is run again
        points.save(name, simulate(scenario))
        assert Run.load(times.parent).scenario == scenario
    assert scenario.cluster.stored_times[0].file in list_sweep_paths(plan)


def test_a_file_that_was_changed_is_refused(folder: Path, tmp_path: Path) -> None:
    simulate(load(folder, "variants=null")).save(tmp_path / "run")
    file = next((tmp_path / "run").glob("times-*.parquet"))
    table = pd.read_parquet(file)
    table.iloc[3, 1] += 1e-12
    table.to_parquet(file)
    with pytest.raises(ScenarioError, match=r"cluster\.compute\.measured: .*was changed: the SHA-256 of its times is"):
        Scenario.load(tmp_path / "run" / "scenario.yaml")
    file.unlink()
    with pytest.raises(ScenarioError, match="cannot be read: No such file"):
        Scenario.load(tmp_path / "run" / "scenario.yaml")


def test_series_of_unequal_length_come_back(tmp_path: Path) -> None:
    from simasgd.scenario.tables.parquet import read_stored, write_stored

    times = StoredTimes([array("d", [1.0, 0.0, 1 / 3]), array("d", [2.5])])
    write_stored(times, tmp_path)
    again = read_stored(tmp_path / times.file, times.digest)
    assert again == times
    assert [list(one) for one in again.series] == [[1.0, 0.0, 1 / 3], [2.5]]
    assert StoredTimes([array("d", [1.0, 0.0]), array("d", [1 / 3, 2.5])]) != times

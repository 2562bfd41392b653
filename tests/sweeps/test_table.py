"""The results of a sweep in memory and on disk: typed columns, roles, the target, and an estimate of the time."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from simasgd import Run, ScenarioError, Study, Sweep, UsageError
from simasgd.command.running import report
from simasgd.report.page import write_sweep
from simasgd.scenario.reading.yaml_layer import dump_yaml
from simasgd.sweeps.estimate import estimate_sweep
from simasgd.sweeps.plan import plan_sweep
from simasgd.sweeps.roles import KeyRole, find_role
from simasgd.sweeps.targets import Target, find_target
from tests.build import TIMING, scenario
from tests.clockwork import run as clock_run
from tests.sweeps.running import run_sweep

AXES = ["cluster.learners=2,16,4", "network.latency=25 us,5 ms", "network.bandwidth=1 MB/s,unlimited"]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "s.yaml"
    path.write_text(dump_yaml(scenario(TIMING, {"stop": {"gradients": 8}}).resolved()))
    return path


@pytest.fixture(scope="module")
def folder(file: Path) -> Path:
    run_sweep(plan_sweep(file, AXES), file.parent / "out", workers=1)
    return file.parent / "out"


def test_columns_have_the_type_of_their_key(folder: Path) -> None:
    found = Sweep.load(folder)
    points = found.points
    assert points["cluster.learners"].dtype == np.int64
    assert sorted(points["cluster.learners"].unique()) == [2, 4, 16]
    assert sorted(points["cluster.network.latency"].unique()) == [25e-6, 5e-3], "in seconds"
    assert sorted(points["cluster.network.bandwidth"].unique()) == [1e6, math.inf], "in bytes per second"
    assert points.equals(pd.read_parquet(folder / "points.parquet"))
    listed = json.loads((folder / "sweep.json").read_text())["points"]
    for row, (_, point) in zip(listed, points.iterrows(), strict=True):
        run = Run.load(folder / point["folder"])
        assert row["cluster.network.bandwidth"] == (None if math.isinf(point["cluster.network.bandwidth"]) else 1e6)
        assert row["learner_hours"] == run.learner_hours
        assert row["samples_per_simulated_second"] == run.samples_per_simulated_second
        assert run.scenario.cluster.network.bandwidth == point["cluster.network.bandwidth"]
        assert run.scenario.cluster.learners == point["cluster.learners"] == point["learners"]


def test_the_verdict_is_in_sweep_json_and_in_python(folder: Path) -> None:
    before = Sweep.load(folder)
    assert (before.verdict, before.best) == ("", ())
    page = write_sweep(before, folder).read_text(encoding="utf-8")
    after = Sweep.load(folder)
    content = json.loads((folder / "sweep.json").read_text())
    assert content["verdict"] == after.verdict
    assert after.verdict.startswith("Use ")
    heading = page.partition("<h1>")[2].partition("</h1>")[0].replace("\u00a0", " ")
    assert after.verdict.startswith(heading)
    assert len(after.best) == 4, "one for each part of the world"
    for entry in after.best:
        rows = before.points
        for key, value in {**entry["world"], **entry["setting"]}.items():
            rows = rows[rows[key] == (math.inf if value is None else value)]
        assert entry["simulated_seconds"]["mean"] == rows["simulated_seconds"].mean()


def test_the_page_of_a_point_is_drawn_when_it_is_asked_for(folder: Path) -> None:
    points = [str(folder / name) for name in Sweep.load(folder).points["folder"][:2]]
    done = CliRunner().invoke(report, points)
    assert done.output.splitlines() == [f"report: {point}/index.html" for point in points]
    assert all("<h1>" in (Path(point) / "index.html").read_text(encoding="utf-8") for point in points)


def test_a_study_is_not_a_sweep(folder: Path) -> None:
    for load in (Study.load, Run.load):
        with pytest.raises(UsageError, match=r"is the folder of a sweep; simasgd\.Sweep\.load reads it"):
            load(folder)
    with pytest.raises(UsageError, match=r"is not the folder of a sweep \(it has no sweep\.json\)"):
        Sweep.load(folder.parent)


def test_two_spellings_of_one_value_are_refused(file: Path) -> None:
    with pytest.raises(ScenarioError, match=r"cluster\.network\.latency: 1 ms and 0\.001 s are the same value"):
        plan_sweep(file, ["latency=1 ms,0.001 s"])


@pytest.mark.parametrize(
    ("key", "role"),
    [
        ("cluster.learners", KeyRole.CHOICE),
        ("cluster.network.latency", KeyRole.WORLD),
        ("cluster.server.bandwidth", KeyRole.WORLD),
        ("cluster.server.node", KeyRole.CHOICE),
        ("cluster.stragglers.slowdown", KeyRole.WORLD),
        ("cluster.faults.crashes.mtbf", KeyRole.WORLD),
        ("cluster.profile", KeyRole.WORLD),
        ("cluster.architecture.shards", KeyRole.CHOICE),
        ("cluster.seed", KeyRole.CHANCE),
        ("learning.seed", KeyRole.CHANCE),
        ("learning.data", KeyRole.WORLD),
        ("learning.optimizer.learning_rate", KeyRole.CHOICE),
        ("workload.mini_batch", KeyRole.CHOICE),
        ("workload.payload", KeyRole.WORLD),
        ("protocol", KeyRole.CHOICE),
        ("protocol.n", KeyRole.CHOICE),
        ("stop.epochs", KeyRole.CHOICE),
        ("variant", KeyRole.CHOICE),
    ],
)
def test_choices_and_the_world(key: str, role: KeyRole) -> None:
    assert find_role(key) is role


def learned(*errors: float) -> Run:
    """Return a run whose evaluations, one a second, have these errors."""
    rows = [
        {"epoch": float(i), "samples": i, "updates": i, "simulated_seconds": float(i), "test_loss": 1.0, "test_error": error,
         "consensus_distance": None, "bytes": 0.0}
        for i, error in enumerate(errors)
    ]  # fmt: skip
    return clock_run(evaluations=rows, test_error=errors[-1])


def test_the_target_is_the_second_best_level_rounded_up() -> None:
    summaries = [
        [one.summary for one in setting]
        for setting in (
            [learned(0.9, 0.03, 0.2), learned(0.9, 0.05)],  # level 0.05: what both seeds reach
            [learned(0.9, 0.071)],
            [learned(0.9, 0.3)],
        )
    ]
    assert find_target(summaries, None, {None}) == Target("test_error", 0.08, given=False)
    assert find_target(summaries, 0.2, {None}) == Target("test_error", 0.2, given=True)
    assert find_target(summaries, None, {0.3}) == Target("test_error", 0.3, given=True)
    assert find_target([], None, {None}) is None
    target = Target("test_error", 0.05, given=True)
    assert target.find_seconds(summaries[0][0]) == 1.0
    assert math.isnan(target.find_seconds(summaries[2][0]))


def test_the_time_is_estimated_from_the_points_that_are_there(folder: Path, file: Path) -> None:
    homes = Sweep.load(folder).points["folder"]
    walls = [json.loads((folder / name / "run.json").read_text())["wall"]["total"] for name in homes]
    mean = sum(walls) / len(walls)
    more = estimate_sweep(plan_sweep(file, [*AXES, "seed=0,1,2"]), [file.parent / "absent", folder], workers=2)
    assert (more.there, more.missing, more.workers) == (12, 24, 2)
    assert more.seconds == pytest.approx(12 * mean)
    assert "as measured on the 12 that are there" in more.describe()
    assert "all points are there" in estimate_sweep(plan_sweep(file, AXES), [folder], workers=2).describe()
    assert "no point has run yet" in estimate_sweep(plan_sweep(file, AXES), [], workers=2).describe()

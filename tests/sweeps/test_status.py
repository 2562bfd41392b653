"""How far a sweep is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from simasgd.command import cli
from simasgd.errors import UsageError
from simasgd.sweeps.plan import plan_sweep
from simasgd.sweeps.status import SweepStatus, read_status
from tests.build import TIMING
from tests.sweeps.running import run_sweep
from tests.sweeps.test_sweep import scenario_file


def test_a_sweep_is_followed_from_its_first_point_to_its_last(tmp_path: Path) -> None:
    """Another process may ask while the sweep runs; this one does so in the middle of its own."""
    seen: list[SweepStatus] = []
    plan = plan_sweep(scenario_file(tmp_path, TIMING), ["learners=2,3,4"], "simasgd sweep mine")
    run_sweep(plan, tmp_path / "out", workers=1, progress=lambda *_: seen.append(read_status(tmp_path / "out")))
    assert [status.points for status in seen] == [3, 3, 3]
    assert [status.done for status in seen] == sorted(status.done for status in seen)
    assert seen[-1].done == 3
    assert all(status.holder.startswith(f"process {os.getpid()} on ") for status in seen)
    after = read_status(tmp_path / "out")
    assert (after.done, after.left, after.holder) == (3, 0, "")
    assert list(after.sentences()) == ["test: 3 of 3 points are done"]
    shutil.rmtree(tmp_path / "out" / "points" / plan.points[1].folder)
    said = CliRunner().invoke(cli.app, ["status", str(tmp_path / "out")]).output.splitlines()
    again = f"nobody works on it; this continues it: simasgd sweep mine --out {tmp_path / 'out'}"
    assert said == ["test: 2 of 3 points are done", again]


def test_the_pace_and_the_time_left_are_those_of_the_points_done(tmp_path: Path) -> None:
    """Three points were finished 20 s apart, and one more is left."""
    plan = plan_sweep(scenario_file(tmp_path, TIMING), ["learners=2,3,4,5"])
    run_sweep(plan, tmp_path / "out", workers=1)
    homes = [tmp_path / "out/points" / point.folder for point in plan.points]
    for number, home in enumerate(homes):
        os.utime(home / "run.json", (1_000.0 + 20 * number,) * 2)
    shutil.rmtree(homes[3])
    found = read_status(tmp_path / "out")
    assert found.pace == pytest.approx(1 / 20)
    running = SweepStatus(**{**vars(found), "holder": "process 1 on here"})
    assert list(running.sentences()) == [
        "test: 3 of 4 points are done",
        "process 1 on here works on it, at 3 points a minute",
        "about 20 s left",
    ]


def test_points_that_are_finished_together_are_not_the_pace(tmp_path: Path) -> None:
    """Two points of one loop, and 30 s later the two of the next: four points a minute."""
    plan = plan_sweep(scenario_file(tmp_path, TIMING), ["learners=2,3,4,5"])
    run_sweep(plan, tmp_path / "out", workers=1)
    homes = [tmp_path / "out/points" / point.folder for point in plan.points]
    for home, at in zip(homes, (1000.0, 1000.1, 1030.0, 1030.1), strict=True):
        os.utime(home / "run.json", (at, at))
    assert read_status(tmp_path / "out").pace == pytest.approx(2 / 30, rel=0.01)
    for home in homes[2:]:
        shutil.rmtree(home)
    assert read_status(tmp_path / "out").pace is None


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not the folder of a sweep"):
        read_status(tmp_path)

"""Sweeps over other axes into one folder, and points that failed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from simasgd import UsageError
from simasgd.command import cli
from simasgd.storage.opening import open_folder
from simasgd.sweeps.joining import join
from simasgd.sweeps.plan import plan_sweep
from simasgd.sweeps.pools.here import OwnProcess
from simasgd.sweeps.status import SweepStatus, read_status
from simasgd.sweeps.sweep import list_paths, run_points
from simasgd.sweeps.table import Sweep
from tests.build import LEARNING, TIMING
from tests.sweeps.test_sweep import scenario_file


def sweep(path: Path, folder: Path, *axes: str, retrying: bool = False) -> list[str]:
    """Compute a sweep in this process, and return what was said of each point."""
    plan = join(plan_sweep(path, axes, " ".join(["simasgd sweep s", *axes])), folder)
    seen: list[str] = []
    with open_folder(folder, plan.contents, list_paths(plan)) as place:
        run_points(plan, place, pool=OwnProcess(), progress=lambda what, *_: seen.append(what), retrying=retrying)
        place.finish()
    return seen


def test_other_axes_of_the_same_scenario_keep_and_show_all_points(tmp_path: Path) -> None:
    path, out = scenario_file(tmp_path, TIMING, {"stop": {"gradients": 8}}), tmp_path / "out"
    assert sweep(path, out, "learners=2,4", "seed=0,1") == ["done"] * 4
    softsync = "{kind: n-softsync, n: 2}"
    assert sweep(path, out, "latency=0,1 ms", f"protocol=async,{softsync}", "seed=0") == ["kept"] * 4 + ["done"] * 3
    found = Sweep.load(out)
    keys = ["cluster.learners", "cluster.network.latency", "protocol"]
    assert sorted(axis.key for axis in found.axes) == keys
    assert sorted(found.points[[*keys, "seed"]].itertuples(index=False, name=None)) == [
        (2, 0.0, "async", 0),
        (2, 0.0, "async", 1),
        (4, 0.0, "async", 0),
        (4, 0.0, "async", 1),
        (4, 0.0, softsync, 0),
        (4, 0.001, "async", 0),
        (4, 0.001, softsync, 0),
    ]
    assert found.command.count(" && ") == 1
    assert sweep(path, out, "learners=2,4", "seed=0,1") == ["kept"] * 7
    assert sweep(path, out, "learners:mini_batch=2:8,4:4", "seed=0") == ["kept"] * 7 + ["done"]
    assert Sweep.load(out).table()["seeds"].sum() == 8


def test_a_value_that_is_written_in_another_unit_is_the_same_point(tmp_path: Path) -> None:
    """25 us and 0.025 ms differ in the last digit of the number that is simulated."""
    path, out = scenario_file(tmp_path, TIMING, {"stop": {"gradients": 8}}), tmp_path / "out"
    sweep(path, out, "latency=25 us,50 us")
    assert sweep(path, out, "latency=0.025 ms,1 ms") == ["kept"] + ["done"] * 2
    found = Sweep.load(out)
    assert found.axes[0].values == ("0.025 ms", "50 us", "1 ms")
    assert found.table()["seeds"].tolist() == [1, 1, 1]


def test_an_earlier_point_of_another_scenario_or_version_is_not_joined(tmp_path: Path) -> None:
    path, out = scenario_file(tmp_path, TIMING, {"stop": {"gradients": 8}}), tmp_path / "out"
    sweep(path, out, "learners=2,4")
    with pytest.raises(UsageError, match="holds results of other parameters"):
        sweep(path, out, "latency=0,1 ms", "mini_batch=8")
    for home in (out / "points").iterdir():
        home.rename(home.with_name(home.name[::-1]))  # as if the code had been another
    assert sweep(path, out, "latency=1 ms,2 ms") == ["done"] * 2
    assert len(Sweep.load(out).points) == 2


def test_a_point_that_failed_is_a_row_with_its_reason_until_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data are not there at first."""
    changes = {"learning": {"data": "mnist"}, "stop": {"gradients": 1}, "cluster": {"learners": 1}}
    path, out = scenario_file(tmp_path, LEARNING, changes), tmp_path / "out"
    monkeypatch.setenv("SIMASGD_DATA", str(tmp_path))
    assert sweep(path, out, "seed=0,1") == ["failed"] * 2
    reasons = Sweep.load(out).points["error"]
    assert all("mnist" in reason for reason in reasons)
    status = read_status(out)
    assert (status.done, status.failed, status.left) == (0, 2, 0)
    assert "2 failed, and their failure.json says why; this tries them again: " in "\n".join(status.sentences())
    joined = SweepStatus(**{**vars(status), "command": "a && b", "done": 1, "points": 4})
    assert list(joined.sentences())[1:] == [
        "2 failed, and their failure.json says why; this tries them again: a --retry-failed; b --retry-failed",
        "nobody works on it; this continues it: a; b",
    ]
    monkeypatch.setattr(
        "simasgd.sweeps.pools.work._compute", lambda group, folders: pytest.fail("a failed point was tried again")
    )
    assert sweep(path, out, "seed=0,1") == ["kept"] * 2
    assert Sweep.load(out).points["error"].tolist() == reasons.tolist()
    monkeypatch.undo()
    monkeypatch.setenv("SIMASGD_DATA", str(tmp_path))
    shutil.rmtree(next((out / "points").iterdir()))
    assert sorted(sweep(path, out, "seed=0,1")) == ["failed", "kept"]
    assert sweep(path, out, "seed=0,1", retrying=True) == ["failed"] * 2


def test_the_command_tries_failed_points_again_when_it_is_asked_to(tmp_path: Path) -> None:
    path, out = scenario_file(tmp_path, TIMING, {"stop": {"gradients": 8}}), tmp_path / "out"
    sweep(path, out, "learners=2,4")
    home = next((out / "points").iterdir())
    shutil.rmtree(home)
    home.mkdir()
    (home / "failure.json").write_text('{"error": "RunFailed: no memory"}\n')
    words = ["sweep", str(path), "learners=2,4", "--workers", "1", "--out", str(out)]
    first = CliRunner().invoke(cli.app, words)
    assert first.exit_code == 1
    assert f"failed: points/{home.name} (seed 0): RunFailed: no memory\n" in first.output
    assert "run the same command with --retry-failed to try them again\n" in first.output
    assert "RunFailed: no memory" in Sweep.load(out).verdict
    assert CliRunner().invoke(cli.app, [*words, "--retry-failed"]).exit_code == 0
    assert not (home / "failure.json").exists()
    assert set(Sweep.load(out).points["outcome"]) == {"finished"}


@pytest.mark.usefixtures("quickly_compiled")
def test_protocols_that_differ_in_their_modulation_are_different_points(tmp_path: Path) -> None:
    path, out = scenario_file(tmp_path, LEARNING, {"stop": {"gradients": 4}}), tmp_path / "out"
    protocols = ["async", "async+inverse-staleness"]
    sweep(path, out, f"protocol={','.join(protocols)}")
    sweep(path, out, "learners=2,4")
    found = Sweep.load(out).points
    assert sorted(zip(found["protocol"], found["cluster.learners"], strict=True)) == [
        ("async", 2),
        ("async", 4),
        ("async+inverse-staleness", 4),
    ]

"""Points of a sweep that were damaged are run again; files beside them stay."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from simasgd import simulate
from simasgd.errors import UsageError
from simasgd.results.unfinished import UnfinishedWork
from simasgd.storage.files import WEIGHTS
from simasgd.storage.work_folder import WORK
from simasgd.sweeps.plan import plan_sweep
from simasgd.sweeps.pools.points import PointFolders
from tests.build import LINEAR, TIMING, scenario
from tests.sweeps.running import run_sweep


def damage(name: str) -> Callable[[Path], object]:
    changes: dict[str, Callable[[Path], object]] = {
        "no run.json": lambda point: (point / "run.json").unlink(),
        "no table": lambda point: (point / "learners.parquet").unlink(),
        "empty": lambda point: (point / "run.json").write_text("{}"),
        "truncated": lambda point: (point / "run.json").write_bytes((point / "run.json").read_bytes()[:100]),
        "a list": lambda point: (point / "run.json").write_text("[]"),
        "no staleness": lambda point: edit(point, staleness=None),
        "text for a number": lambda point: edit(point, simulated_seconds="x"),
        "of another scenario": lambda point: edit(point, scenario_hash="0" * 64),
        "a broken table": lambda point: (point / "learners.parquet").write_text("junk that is long enough"),
        "another scenario.yaml": lambda point: (point / "scenario.yaml").write_text("name: other"),
        "a link": lambda point: ((point / "run.json").unlink(), (point / "run.json").symlink_to("notes.md")),
    }
    return changes[name]


def edit(point: Path, **changes: object) -> None:
    (point / "run.json").write_text(json.dumps({**json.loads((point / "run.json").read_text()), **changes}))


@pytest.mark.usefixtures("quickly_compiled")
def test_a_point_is_whole_only_with_the_weights_that_it_keeps(tmp_path: Path) -> None:
    """A run that diverged has none, and is whole without; unfinished work is checked alike."""
    points, work = PointFolders(tmp_path / "sweep"), UnfinishedWork(tmp_path / "work", 60.0)
    (tmp_path / "sweep" / WORK).mkdir(parents=True)
    points.prepare()
    keeps = scenario(LINEAR, {"record": {"weights": True}, "stop": {"gradients": 40}})
    runs = simulate(keeps), simulate(scenario(keeps.resolved(), {"learning": {"optimizer": {"learning_rate": 1e30}}}))
    for name, run in zip(("well", "diverged"), runs, strict=True):
        points.save(name, run)
        work.put([run])
        assert points.summary(name, run.scenario) == run.summary
        assert work.find([run.scenario]) is not None
    for path in tmp_path.rglob(WEIGHTS):
        path.unlink()
    assert (points.summary("well", keeps), work.find([keeps])) == (None, None)
    points.save("well", runs[0])
    assert points.summary("well", keeps) == runs[0].summary
    assert points.summary("diverged", runs[1].scenario) == runs[1].summary
    assert work.find([runs[1].scenario]) is not None


def test_damaged_points_are_made_anew_and_what_is_beside_them_stays(tmp_path: Path) -> None:
    from simasgd.scenario.reading.yaml_layer import dump_yaml

    (tmp_path / "s.yaml").write_text(dump_yaml(scenario(TIMING, {"stop": {"gradients": 4}}).resolved()))
    names = [
        "no run.json",
        "no table",
        "empty",
        "truncated",
        "a list",
        "no staleness",
        "text for a number",
        "of another scenario",
        "a broken table",
        "another scenario.yaml",
    ]
    plan, out = plan_sweep(tmp_path / "s.yaml", [f"seed=range(0,{len(names) + 3})"]), tmp_path / "out"
    whole = run_sweep(plan, out, workers=1).points
    points = [out / folder for folder in whole["folder"]]
    for point, name in zip(points, [*names, "a link"], strict=False):
        damage(name)(point)
        (point / "notes.md").write_text("mine")
    linked, blocked = points[-2:]
    linked.rename(tmp_path / "elsewhere")
    linked.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/run.json").unlink()
    (blocked / "run.json").unlink()
    (blocked / "run.json").mkdir()
    (out / "points/.tmp-mine").write_text("mine")
    (out / "points/mine").mkdir()
    again = run_sweep(plan, out, workers=1).points
    assert all("move it away" in error for error in again["error"][-2:])
    assert again[:-2].equals(whole[:-2])
    assert [(point / "notes.md").read_text() for point in points[:-2]] == ["mine"] * (len(points) - 2)
    assert linked.is_symlink()
    assert "run.json" not in os.listdir(tmp_path / "elsewhere")
    assert {".tmp-mine", "mine"} <= set(os.listdir(out / "points"))
    (out / "points").rename(tmp_path / "points")
    for what in (lambda path: path.write_text("mine"), lambda path: path.symlink_to(tmp_path / "points")):
        what(out / "points")
        with pytest.raises(UsageError, match="points is not a folder; move it away"):
            run_sweep(plan, out, workers=1)
        (out / "points").unlink()

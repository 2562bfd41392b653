"""Sweeps on Dask, Ray and Slurm's jobs: the same points as in one process, whatever is killed."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, final

import pandas as pd
import pytest

from simasgd.errors import UsageError
from simasgd.storage.opening import open_folder
from simasgd.sweeps.plan import plan_sweep
from simasgd.sweeps.pools.abstract import AbstractPool, WorkerLost
from simasgd.sweeps.pools.choosing import Engine
from simasgd.sweeps.pools.work import Delivery, PoolTask, carry_out
from simasgd.sweeps.sweep import list_paths, run_points
from simasgd.sweeps.table import Sweep
from tests.build import AT_LENGTH, TIMING
from tests.sweeps.engine_processes import (
    CLUSTERS,
    NODE,
    answers,
    find_free_port,
    finish,
    kill_node,
    processes_of,
    ray_node,
    start,
    wait_until,
    workers_at,
    workers_of,
)
from tests.sweeps.test_sweep import scenario_file

AXES = ["cluster.learners=2,3", "seed=range(0,2)"]
MANY = ["cluster.learners=2,3,4,5", "seed=range(0,6)"]


@final
class OwnPool(AbstractPool):
    """Tasks in this process. `spoil` changes each task, or raises WorkerLost."""

    def __init__(self, spoil: Callable[[PoolTask], PoolTask]) -> None:
        self._spoil = spoil
        self._tasks: list[PoolTask] = []
        self.most = 0

    @property
    def capacity(self) -> int:
        return 2

    def count_groups(self, missing: int) -> int:
        return 2

    @contextmanager
    def running(self, tasks: int) -> Iterator[None]:
        yield

    def submit(self, tasks: Collection[PoolTask]) -> list[Any]:
        self._tasks += tasks
        self.most = max(self.most, len(tasks))
        return list(range(len(self._tasks) - len(tasks), len(self._tasks)))

    def wait(self, handles: Collection[Any]) -> Collection[Any]:
        return [next(iter(handles))]

    def result(self, handle: Any) -> list[Delivery]:
        return carry_out(self._spoil(self._tasks[handle]))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return scenario_file(tmp_path, TIMING)


def compute(path: Path, folder: Path, pool: AbstractPool, axes: list[str] = AXES) -> Sweep:
    plan = plan_sweep(path, axes)
    with open_folder(folder, plan.contents, list_paths(plan)) as place:
        table = run_points(plan, place, pool=pool, progress=lambda *_: None)
        place.finish()
    return table


def files_of(folder: Path) -> dict[str, Any]:
    """Return the content of all files of all points; of run.json without the wall times."""
    found: dict[str, Any] = {}
    for file in sorted(folder.glob("points/*/*")):
        name = str(file.relative_to(folder))
        found[name] = file.read_bytes()
        if file.name == "run.json":
            found[name] = {key: value for key, value in json.loads(file.read_text()).items() if key != "wall"}
    assert found
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the files of all points, computed in this process."""
    home = tmp_path_factory.mktemp("whole")
    compute(scenario_file(home, TIMING), home / "out", OwnPool(lambda task: task))
    return files_of(home / "out")


def test_points_come_back_from_workers_that_do_not_see_the_folder(path: Path, tmp_path: Path, whole: dict[str, Any]) -> None:
    pool = OwnPool(lambda task: task._replace(sweep=str(tmp_path / "elsewhere")))
    table = compute(path, tmp_path / "out", pool)
    assert set(table.points["error"]) == {""}
    assert files_of(tmp_path / "out") == whole
    assert not (tmp_path / "elsewhere").exists()
    assert pool.most == 2


def test_a_folder_of_the_same_path_on_another_machine_is_not_the_sweeps(path: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    (there / ".simasgd-unfinished/points").mkdir(parents=True)
    compute(path, tmp_path / "out", OwnPool(lambda task: task._replace(sweep=str(there))))
    assert [file for file in there.rglob("*") if file.is_file()] == []


def test_a_task_whose_process_dies_is_tried_three_times(path: Path, tmp_path: Path) -> None:
    """The first task always dies, the second one once; a task has two points here."""
    tried: dict[str, int] = {}
    plan = plan_sweep(path, AXES)
    doomed, unlucky = plan.points[0].folder, plan.points[2].folder

    def spoil(task: PoolTask) -> PoolTask:
        names = {name for group in task.groups for name in group}
        for name, times in ((doomed, 9), (unlucky, 1)):
            if name in names and tried.setdefault(name, 0) < times:
                tried[name] += 1
                raise WorkerLost("killed")
        return task

    table = compute(path, tmp_path / "out", OwnPool(spoil))
    assert tried == {doomed: 3, unlucky: 1}
    failed = table.points[table.points["error"] != ""]
    assert failed["error"].tolist() == ["its worker process died 3 times (killed)"] * 2
    assert set(failed["outcome"]) == {"failed"}
    assert len(table.points) == 4


@pytest.mark.parametrize(
    ("engine", "fragment"),
    [
        (Engine(name="dusk"), "there is no engine 'dusk'; did you mean 'dask'?"),
        (Engine(name="cloud"), "there is no engine 'cloud'; expected loky, ray, dask or slurm"),
        (Engine(address="host:1"), "the engine loky runs on this machine only"),
        (Engine(name="slurm", address="host:1"), "'local' runs jobs on this machine"),
        (Engine(name="ray", jobs={"timeout_min": 1}), "belong to the engine slurm, and the engine is ray"),
    ],
    ids=lambda value: value.name if isinstance(value, Engine) else "",
)
def test_an_engine_that_cannot_be_used_is_refused(engine: Engine, fragment: str) -> None:
    with pytest.raises(UsageError) as raised:
        engine.require()
    assert fragment in str(raised.value)


@pytest.mark.kills
@pytest.mark.parametrize("engine", [pytest.param(name, marks=() if name == "slurm" else AT_LENGTH) for name in CLUSTERS])
def test_an_engine_gives_the_same_points_and_leaves_no_process(
    engine: str, path: Path, tmp_path: Path, whole: dict[str, Any]
) -> None:
    finish(start(engine, path, tmp_path / "out", AXES))
    assert files_of(tmp_path / "out") == whole
    wait_until(lambda: not processes_of(tmp_path / "out"))


@AT_LENGTH
@pytest.mark.kills
@pytest.mark.skipif(sys.platform == "win32", reason="kills processes by signal")
@pytest.mark.parametrize("victim", ["worker", "driver"])
@pytest.mark.parametrize("engine", CLUSTERS)
def test_a_killed_process_costs_nothing(engine: str, victim: str, tmp_path: Path) -> None:
    """It is killed once a point is there, and longer points have been begun."""
    path, folder = scenario_file(tmp_path, TIMING, {"stop": {"gradients": 30_000}}), tmp_path / "out"
    expected = scenario_file(tmp_path, TIMING, {"stop": {"gradients": 30_000}})
    compute(expected, tmp_path / "whole", OwnPool(lambda task: task), MANY)
    driver = start(engine, path, folder, MANY)
    wait_until(lambda: list(folder.glob("points/*/run.json")), driver)
    if victim == "worker":
        wait_until(lambda: workers_of(engine, folder), driver)
        os.kill(workers_of(engine, folder)[0], signal.SIGKILL)
    else:
        driver.kill()
        driver.communicate()
        wait_until(lambda: not processes_of(folder))
        assert len(list(folder.glob("points/*/run.json"))) < 24 or engine == "slurm"  # whose jobs go on without their driver
        driver = start(engine, path, folder, MANY)
    finish(driver)
    assert files_of(folder) == files_of(tmp_path / "whole")
    pd.testing.assert_frame_equal(Sweep.load(folder).points, Sweep.load(tmp_path / "whole").points)
    wait_until(lambda: not processes_of(folder))


@AT_LENGTH
@pytest.mark.kills
@pytest.mark.skipif(sys.platform == "win32" or find_spec("ray") is None, reason="needs Ray, and kills processes by signal")
def test_a_killed_node_of_ray_costs_nothing(tmp_path: Path) -> None:
    """A second node joins over the loopback, and all its processes are killed at once after it has computed a point."""
    path, folder = scenario_file(tmp_path, TIMING, {"stop": {"gradients": 30_000}}), tmp_path / "out"
    compute(path, tmp_path / "whole", OwnPool(lambda task: task), MANY)
    port, head, second = find_free_port(), tmp_path / "head", tmp_path / "second"
    with ray_node(head, "--head", f"--port={port}", "--include-dashboard=false"):
        wait_until(lambda: answers(port))
        with ray_node(second, f"--address=127.0.0.1:{port}", "--node-ip-address=127.0.0.2"):
            driver = start("ray", path, folder, MANY, ["--address", f"127.0.0.1:{port}"])
            wait_until(lambda: list(folder.glob("points/*/run.json")) and workers_at(second), driver)
            kill_node(second)
            assert len(list(folder.glob("points/*/run.json"))) < 24
            finish(driver)
    assert files_of(folder) == files_of(tmp_path / "whole")
    wait_until(lambda: not [*processes_of(head, NODE), *processes_of(second, NODE), *processes_of(folder)])

"""Memory decides how many points are computed at once."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, final

import pytest

from simasgd.memory import free_bytes
from simasgd.storage.opening import open_folder
from simasgd.sweeps.plan import plan_sweep
from simasgd.sweeps.pools import memory
from simasgd.sweeps.pools.memory import TaskLimit, estimate_bytes, measure_peak
from simasgd.sweeps.pools.work import Delivery, PoolTask, carry_out
from simasgd.sweeps.sweep import list_paths, run_points
from tests.build import LEARNING, TIMING, scenario
from tests.sweeps.test_engines import OwnPool
from tests.sweeps.test_sweep import scenario_file


def test_a_process_has_had_at_least_what_it_has() -> None:
    block = bytearray(50_000_000)
    before = measure_peak()
    assert before > len(block)
    assert free_bytes() > 0


def test_the_estimate_grows_with_the_data_the_weights_and_the_tape() -> None:
    plain = estimate_bytes(scenario(TIMING, {"stop": {"gradients": 1000}}))
    assert estimate_bytes(scenario(TIMING, {"stop": {"gradients": 2000}})) - plain == 300 * 1000
    assert estimate_bytes(scenario(TIMING, {"stop": {"gradients": 2000}, "record": "summary"})) < plain
    small, large = (
        scenario(LEARNING, {"stop": {"gradients": 10}, "learning": {"data": data}}) for data in ("digits", "cifar10")
    )
    assert small.learning is not None
    assert large.learning is not None
    per_learner = 4 * (large.learning.num_parameters - small.learning.num_parameters) * (large.cluster.learners + 4)
    samples = 2 * 4 * (60_000 * 3072 - 1797 * 64)
    assert estimate_bytes(large) - estimate_bytes(small) == pytest.approx(samples + per_learner)


@final
class Crowded(OwnPool):
    """Three processes on this machine, each of which has had so much memory."""

    def __init__(self, peak: int) -> None:
        super().__init__(lambda task: task)
        self._peak = peak
        self.at_once: list[int] = []

    @property
    def capacity(self) -> int:
        return 3

    @property
    def is_here(self) -> bool:
        return True

    def count_groups(self, missing: int) -> int:
        return 1

    def submit(self, tasks: Collection[PoolTask]) -> list[Any]:
        self.at_once.append(len(tasks))
        return super().submit(tasks)

    def wait(self, handles: Collection[Any]) -> Collection[Any]:
        return list(handles)

    def result(self, handle: Any) -> list[Delivery]:
        return [delivery._replace(peak=self._peak) for delivery in carry_out(self._tasks[handle])]


@pytest.mark.parametrize(
    ("free", "peak", "at_once", "lines"),
    [
        (10e9, 200_000_000, [3, 3], ["6 points to compute, 3 at once"]),
        (320e6, 130_000_000, [2, 2, 2], [
            "6 points to compute, 2 at once: a process takes 140 MB of memory (estimated), and 320 MB were free",
        ]),
        (10e9, 4_000_000_000, [3, 2, 1], [
            "6 points to compute, 3 at once",
            "2 at once now: a process takes 4 GB of memory (measured), and 10 GB were free",
        ]),
        (1e6, 1, [1, 3, 2], [
            "6 points to compute, 1 at once: a process takes 140 MB of memory (estimated), and 1 MB were free",
        ]),
    ],
)  # fmt: skip
def test_no_more_points_are_computed_at_once_than_fit(
    free: float, peak: int, at_once: list[int], lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda: free)
    plan = plan_sweep(scenario_file(tmp_path, TIMING, {"stop": {"gradients": 4}}), ["learners=1,2,3,4,5,6"])
    pool, told = Crowded(peak), []
    with open_folder(tmp_path / "out", plan.contents, list_paths(plan)) as place:
        run_points(plan, place, pool=pool, progress=lambda *_: None, tell=told.append)
        place.finish()
    assert [many for many in pool.at_once if many] == at_once
    assert told == lines
    assert TaskLimit([[plan.points[0].scenario]]).find_most([0]) == max(1, int(0.9 * free / (140e6 + 300 * 4)))


def test_a_small_point_does_not_hide_the_memory_of_large_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process takes 1.5 of what was estimated; so will a larger one, and an equal one takes what was measured."""
    monkeypatch.setattr(memory, "free_bytes", lambda: 60e9)
    monkeypatch.setattr(memory, "estimate_bytes", lambda given: float(given.stop.gradients))
    sizes = [1_000_000_000, 1_000_000_000, 12_000_000_000]
    room = TaskLimit([scenario(TIMING, {"stop": {"gradients": size}})] for size in sizes)
    assert [room.find_most([task]) for task in range(3)] == [54, 54, 4]
    room.note(0, 0)  # of a system that does not tell it
    assert [room.find_most([task]) for task in range(3)] == [54, 54, 4]
    room.note(0, 1_500_000_000)
    assert [room.find_most(tasks) for tasks in ([1], [2], [1, 2])] == [36, 3, 3]
    assert room.describe([1, 2]) == "a process takes 18 GB of memory (estimated), and 60 GB were free"
    room.note(2, 6_000_000_000)
    assert [room.find_most([task]) for task in range(3)] == [9, 9, 9], "a process may keep what it has had"
    small = TaskLimit([scenario(TIMING, {"stop": {"gradients": size}})] for size in sizes)
    small.note(0, 500_000_000)
    assert [small.find_most([task]) for task in range(3)] == [108, 108, 4], "libraries that were not needed are no hint"

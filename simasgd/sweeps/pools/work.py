"""The work of a process of a pool: simulate groups of points, and save or send them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from simasgd.results.run import Run
from simasgd.scenario.schema import Scenario
from simasgd.sweeps.pools.memory import measure_peak
from simasgd.sweeps.pools.points import PointFolders

if TYPE_CHECKING:  # the libraries of the clock are imported when a point is computed
    from simasgd.ahead.latest import LatestTiming

PointGroup = Mapping[str, Scenario]
"""Points that are learned in one loop, by the names of their folders."""


class PoolTask(NamedTuple):
    """Groups of points that one process computes, one after another.

    `sweep` is the path of the sweep's folder, and `mark` the name of a folder in it that the driver has just made. A
    process that sees this one shares the sweep's folder with the driver. The process computes the `following` scenarios
    next, if it is known that it will.
    """

    groups: Sequence[PointGroup]
    sweep: str
    mark: str
    following: Sequence[Scenario] = ()


class Delivery(NamedTuple):
    """A point that is over: its name, an error message ("": none), and its files if the worker could not save them.

    `peak` is the most memory that the process has had (bytes; 0: not known).
    """

    name: str
    error: str = ""
    files: Mapping[str, bytes] | None = None
    peak: int = 0


def carry_out(task: PoolTask) -> list[Delivery]:
    """Compute the points of a task, and save them in the sweep's folder or return their files."""
    folders = PointFolders(Path(task.sweep))
    is_shared = folders.has_mark(task.mark)
    found: list[Delivery] = []
    for number, group in enumerate(task.groups):
        following = [*map(first_of, task.groups[number + 1 :]), *task.following]
        found += _compute(group, folders if is_shared else None, following)
    if not task.following:
        end_helpers()
    peak = measure_peak()
    return [delivery._replace(peak=peak) for delivery in found]


def first_of(group: PointGroup) -> Scenario:
    """Return the scenario whose clock is that of a group."""
    return next(iter(group.values()))


def end_helpers() -> None:
    """End the process that simulates the next clock for this one, if there is one."""
    if _keep_latest.cache_info().currsize:
        _keep_latest().close()


def _compute(group: PointGroup, folders: PointFolders | None, following: Sequence[Scenario]) -> list[Delivery]:
    """Compute runs that share a loop. Points that another worker has saved meanwhile are kept."""
    from simasgd.simulator import simulate_together

    missing = [name for name, scenario in group.items() if folders is None or folders.summary(name, scenario) is None]
    if not missing:
        return [Delivery(name) for name in group]
    try:
        runs = simulate_together(list(group.values()), _keep_latest(), following=following)
    except Exception as error:  # noqa: BLE001  # a failed point is a row of the table; the others continue
        problem = f"{type(error).__name__}: {error}"
        return [Delivery(name, problem if name in missing else "") for name in group]
    found = zip(group, runs, strict=True)
    if folders is None:
        return [Delivery(name, files=_pack(run)) for name, run in found]
    return [Delivery(name, folders.deliver(name, run.scenario, partial(folders.save, name, run))) for name, run in found]


@cache
def _keep_latest() -> LatestTiming:
    """Return what keeps the tape of this process's last points: the next ones often share it."""
    from simasgd.ahead.latest import LatestTiming

    return LatestTiming()


def _pack(run: Run) -> Mapping[str, bytes]:
    """Return the files of a run."""
    with TemporaryDirectory(prefix="simasgd-") as folder:
        run.write_into(Path(folder))
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}

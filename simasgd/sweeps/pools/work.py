"""The work of a process of a pool: simulate groups of points, and save or send them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from simasgd.results.run import Run
from simasgd.scenario.schema import Scenario
from simasgd.sweeps.pools.points import PointFolders

Group = Mapping[str, Scenario]
"""Points that are learned in one loop, by the names of their folders."""


class Task(NamedTuple):
    """Groups of points that one process computes, one after another.

    `sweep` is the path of the sweep's folder, and `mark` the name of a folder in it that the driver has just made. A
    process that sees this one shares the sweep's folder with the driver.
    """

    groups: Sequence[Group]
    sweep: str
    mark: str


class Delivery(NamedTuple):
    """A point that is over: its name, an error message ("": none), and its files if the worker could not save them."""

    name: str
    error: str = ""
    files: Mapping[str, bytes] | None = None


def carry_out(task: Task) -> list[Delivery]:
    """Compute the points of a task, and save them in the sweep's folder or return their files."""
    folders = PointFolders(Path(task.sweep))
    is_shared = folders.has_mark(task.mark)
    return [delivery for group in task.groups for delivery in _compute(group, folders if is_shared else None)]


def _compute(group: Group, folders: PointFolders | None) -> list[Delivery]:
    """Compute runs that share a loop. Points that another worker has saved meanwhile are kept."""
    from simasgd.simulator import simulate_together

    missing = [name for name, scenario in group.items() if folders is None or folders.summary(name, scenario) is None]
    if not missing:
        return [Delivery(name) for name in group]
    try:
        runs = simulate_together(list(group.values()))
    except Exception as error:  # noqa: BLE001  # a failed point is a row of the table; the others continue
        problem = f"{type(error).__name__}: {error}"
        return [Delivery(name, problem if name in missing else "") for name in group]
    found = zip(group, runs, strict=True)
    if folders is None:
        return [Delivery(name, files=_pack(run)) for name, run in found]
    return [Delivery(name, folders.deliver(name, run.scenario, partial(folders.save, name, run))) for name, run in found]


def _pack(run: Run) -> Mapping[str, bytes]:
    """Return the files of a run."""
    with TemporaryDirectory(prefix="simasgd-") as folder:
        run.write_into(Path(folder))
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}

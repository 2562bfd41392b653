"""Sweeps: many runs of one scenario.

Every point has a folder named by its content, written whole or not at all. So the same command
resumes an interrupted sweep.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import pandas as pd

from simasgd.errors import RunFailed, UsageError
from simasgd.results.contents import read_scenario, stored_times, write_scenario
from simasgd.results.json_files import read_json, write_json
from simasgd.results.outcome import Outcome
from simasgd.results.stored import SweepJson
from simasgd.results.summary import Summary
from simasgd.results.tables import SWEEP_POINTS, Words, read_table, write_table
from simasgd.scenario.alike import together
from simasgd.scenario.schema import Scenario
from simasgd.storage.files import PAGE, POINTS_TABLE, SCENARIO, SWEEP
from simasgd.storage.folder import ResultsFolder
from simasgd.storage.opening import open_folder
from simasgd.storage.work_folder import POINTS
from simasgd.sweeps import computing
from simasgd.sweeps.axes import Axis
from simasgd.sweeps.plan import Sweep
from simasgd.sweeps.pools.abstract import AbstractPool
from simasgd.sweeps.pools.local import LocalPool
from simasgd.sweeps.pools.points import PointFolders

_OF_TIME = ("simulated_seconds", "gradients_per_simulated_second")
_NUMBERS = ("test_error", "test_loss", "samples", *_OF_TIME, "mean_staleness")
COLUMNS = ("variant", "seed", "outcome", "reason", *_NUMBERS, "diverged", "folder", "error")
"""The columns of a sweep's table except its axes."""


@final
@dataclass(frozen=True, eq=False)
class SweepTable:
    """The results of a sweep.

    `points` has one row per point: a column per axis (the value as written), and `COLUMNS`.

    variant      the variant's name; "" if there is none
    outcome      one of simasgd.results.outcome
    reason       where and why the run did not finish; "" if it finished or the outcome says
                 everything
    test_error, test_loss, mean_staleness, samples (applied)
                 NaN where there is no such number
    simulated_seconds, gradients_per_simulated_second
                 NaN also where the run hung or applied nothing
    diverged     whether the weights became infinite or NaN
    folder       the point's folder, below the sweep's
    error        why there are no results; "" if there are
    """

    scenario: Scenario
    axes: tuple[Axis, ...]
    points: pd.DataFrame
    command: str


def list_paths(sweep: Sweep) -> tuple[str, ...]:
    """List the paths that a sweep writes, as `simasgd.storage.opening.open_folder` expects them."""
    return (SWEEP, POINTS_TABLE, SCENARIO, PAGE, *stored_times(sweep.scenario), f"{POINTS}/")


def run_sweep(
    sweep: Sweep, folder: Path, *, workers: int, progress: Callable[[str, int, int], None] = lambda *_: None
) -> SweepTable:
    """Run the points that `folder` does not hold yet, in `workers` processes.

    A failed point leaves its error in the table. The folder may be empty, or hold an earlier sweep
    whose points are all in this one; otherwise UsageError is raised. `progress` is called for every
    point with "kept", "done" or "failed", the number of finished points, and of all points.
    """
    with open_folder(folder, sweep.contents, list_paths(sweep)) as place:
        table = run_points(sweep, place, pool=LocalPool(workers), progress=progress)
        place.finish()
    return table


def run_points(
    sweep: Sweep, place: ResultsFolder, *, pool: AbstractPool, progress: Callable[[str, int, int], None]
) -> SweepTable:
    """Run the missing points, as `run_sweep` does, in the processes of a pool and an open folder, which stays unfinished."""
    folders = PointFolders(place.path)
    homes = {point.folder: point.scenario for point in sweep.points}
    try:
        folders.prepare()
        found = {name: folders.summary(name, scenario) for name, scenario in homes.items()}
    except OSError as error:
        raise RunFailed(f"the sweep could not be written to {place.shown}: {error.strerror}") from error
    summaries = {name: summary for name, summary in found.items() if summary is not None}
    table = SweepTable(sweep.scenario, sweep.axes, _tabulate(sweep, summaries, {}), sweep.command)
    with place.adding() as fresh:
        _write(table, fresh)
    kept = set(summaries)
    finished = 0
    for _ in kept:
        finished += 1
        progress("kept", finished, len(homes))
    names = list(homes)
    # If any run of a shared loop is missing, the whole loop runs again, so that its numbers are the
    # same bit for bit.
    groups = [[names[i] for i in group] for group in together(list(homes.values()))]
    missing = [{name: homes[name] for name in group} for group in groups if not kept.issuperset(group)]
    failures: dict[str, str] = {}
    for name, failure in computing.run_groups(missing, place.path, pool):
        if name in kept:
            continue
        finished += 1
        summary = None if failure else folders.summary(name, homes[name])
        if summary is None:
            failures[name] = failure or "its files were deleted during the sweep"
        else:
            summaries[name] = summary
        progress("failed" if name in failures else "done", finished, len(homes))
    table = replace(table, points=_tabulate(sweep, summaries, failures))
    with place.adding() as fresh:
        _write(table, fresh)
    return table


def load_table(folder: Path) -> SweepTable:
    """Read the table of a sweep's folder. Raises simasgd.UsageError if there is none."""
    if not (folder / SWEEP).is_file():
        raise UsageError(f"{folder}: is not the folder of a sweep (it has no {SWEEP})")
    content = read_json(folder / SWEEP, SweepJson)
    axes = tuple(
        Axis(axis.key, axis.values, None if axis.numbers is None else tuple(map(_restore_unlimited, axis.numbers)))
        for axis in content.axes
    )
    path = folder / POINTS_TABLE
    points = read_table(path, {**{axis.key: Words("a value of the swept key", axis.values) for axis in axes}, **SWEEP_POINTS})
    if points is None or points.empty:
        raise UsageError(f"{path}: is missing or empty; the same sweep command writes it again and keeps the points")
    return SweepTable(read_scenario(folder), axes, points, content.command)


def _restore_unlimited(number: float | None) -> float:
    return math.inf if number is None else number


def is_sweep(folder: Path) -> bool:
    """Tell whether a folder holds a sweep, finished or interrupted."""
    return (folder / SWEEP).is_file()


def _tabulate(sweep: Sweep, summaries: Mapping[str, Summary], failures: Mapping[str, str]) -> pd.DataFrame:
    rows = []
    for point in sweep.points:
        name = point.folder
        summary = summaries.get(name)
        error = "" if summary else failures.get(name, str(Outcome.MISSING))
        rows.append(
            {
                **{axis.key: value for axis, value in zip(sweep.axes, point.values, strict=True)},
                "variant": point.variant,
                "seed": point.scenario.seed,
                **(_empty_columns(error) if summary is None else _read_columns(summary)),
                "folder": f"{POINTS}/{name}",
                "error": error,
            }
        )
    return pd.DataFrame(rows)


def _empty_columns(error: str) -> dict[str, Any]:
    """Return the columns of a point that has no run.json."""
    outcome = Outcome.MISSING if error == Outcome.MISSING else Outcome.FAILED
    return {"outcome": str(outcome), "reason": "", **dict.fromkeys(_NUMBERS, math.nan), "diverged": False}


def _read_columns(summary: Summary) -> dict[str, Any]:
    """Return the columns of a point that has a run.json.

    NaN stands for a missing number, or a time that cannot be compared.
    """
    found = {name: getattr(summary, name) for name in _NUMBERS if name != "mean_staleness"}
    found["mean_staleness"] = summary.staleness.mean
    if not summary.has_time:
        found |= dict.fromkeys(_OF_TIME)
    return {
        "outcome": str(summary.outcome),
        "reason": summary.reason,
        **{name: math.nan if found[name] is None else float(found[name]) for name in _NUMBERS},
        "diverged": summary.diverged is not None,
    }


def _write(table: SweepTable, folder: Path) -> None:
    """Write the table's files into a folder that nobody else writes to."""
    content = {
        "name": table.scenario.name,
        "command": table.command,
        "axes": [{"key": axis.key, "values": axis.values, "numbers": axis.numbers} for axis in table.axes],
        "outcomes": {str(outcome): many for outcome in Outcome if (many := int((table.points["outcome"] == outcome).sum()))},
        "points": table.points.to_dict("records"),
    }
    write_json(folder / SWEEP, content)
    write_table(folder / POINTS_TABLE, table.points)
    write_scenario(table.scenario, folder)

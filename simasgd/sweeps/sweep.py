"""Sweeps: many runs of one scenario.

Every point has a folder named by its content, written whole or not at all. So the same command
resumes an interrupted sweep.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from simasgd.errors import RunFailed
from simasgd.learning.devices import capacity_for
from simasgd.results.contents import stored_times
from simasgd.results.outcome import Outcome
from simasgd.results.summary import Summary
from simasgd.scenario.alike import together
from simasgd.scenario.schema import Scenario
from simasgd.storage.files import PAGE, POINTS_TABLE, SCENARIO, SWEEP
from simasgd.storage.folder import ResultsFolder
from simasgd.storage.work_folder import POINTS
from simasgd.sweeps import computing
from simasgd.sweeps.budget import Spending
from simasgd.sweeps.plan import SweepPlan
from simasgd.sweeps.pools.abstract import AbstractPool
from simasgd.sweeps.pools.points import PointFolders
from simasgd.sweeps.pools.work import PointGroup
from simasgd.sweeps.table import Sweep, empty_columns, read_columns
from simasgd.sweeps.targets import Target, find_target
from simasgd.timing import timing_name


def list_paths(plan: SweepPlan) -> tuple[str, ...]:
    """List the paths that a sweep writes, as `simasgd.storage.opening.open_folder` expects them."""
    return (SWEEP, POINTS_TABLE, SCENARIO, PAGE, *stored_times(plan.scenario), f"{POINTS}/")


def run_points(
    plan: SweepPlan,
    place: ResultsFolder,
    *,
    pool: AbstractPool,
    progress: Callable[[str, int, int], None],
    tell: Callable[[str], None] = lambda _: None,
    retrying: bool = False,
    known: Mapping[str, Summary | str] = MappingProxyType({}),
    sharing: bool = True,
) -> Sweep:
    """Run the points that an open folder does not hold yet, in the processes of a pool. The folder stays unfinished.

    A failed point leaves its error in the table. Points that failed earlier stay so unless they are tried again
    (`retrying`). `progress` is called for every point with "kept", "done" or "failed", the number of finished points, and
    of all points. `tell` is called with what the user should know meanwhile, a line at a time. Points whose summary, or
    failure, is `known` by their folders are not looked at again, and share no loop with others. With `sharing`, runs of one
    tape go through one loop where that pays.
    """
    spending = Spending(plan.budget)
    folders = PointFolders(place.path)
    homes = {point.folder: point.scenario for point in plan.points}
    summaries, failures = _read_earlier(folders, homes, known, place, retrying=retrying)
    with place.adding() as fresh:
        _collect(plan, summaries, failures, place.path).write_into(fresh)
    kept = {*summaries, *failures}
    finished = 0
    for _ in kept:
        finished += 1
        progress("kept", finished, len(homes))
    missing = _group_missing(plan, {name: homes[name] for name in homes if name not in known}, kept, sharing=sharing)
    if not spending.is_limited:
        missing = _by_tape(missing)
    for name, failure in computing.run_groups(spending.choose(missing, kept), place.path, pool, spending.is_over, tell):
        if name in kept:
            continue
        finished += 1
        summary = None if failure else folders.summary(name, homes[name])
        if summary is None:
            failures[name] = failure or "its files were deleted during the sweep"
            _keep(folders, name, failure)
        else:
            summaries[name] = summary
        progress("failed" if name in failures else "done", finished, len(homes))
    if finished < len(homes):
        tell(f"{spending.describe()} is spent: {finished} of {len(homes)} points are there; the same command goes on")
    sweep = _collect(plan, summaries, failures, place.path)
    with place.adding() as fresh:
        sweep.write_into(fresh)
    return sweep


def _read_earlier(
    folders: PointFolders,
    homes: Mapping[str, Scenario],
    known: Mapping[str, Summary | str],
    place: ResultsFolder,
    *,
    retrying: bool,
) -> tuple[dict[str, Summary], dict[str, str]]:
    """Return the summaries and the failures of the points that an earlier command ran, and of the known ones.

    With `retrying`, failures in the folder are deleted, so their points count as not run.
    """
    try:
        folders.prepare()
        found = {name: folders.summary(name, scenario) for name, scenario in homes.items() if name not in known}
        failures = {name: error for name, summary in found.items() if summary is None and (error := folders.failure(name))}
        if retrying:
            for name in failures:
                folders.forget_failure(name)
            failures = {}
    except OSError as error:
        raise RunFailed(f"the sweep could not be written to {place.shown}: {error.strerror}") from error
    failures |= {name: failure for name, failure in known.items() if isinstance(failure, str)}
    summaries = {name: one for name, one in (*known.items(), *found.items()) if isinstance(one, Summary)}
    return summaries, failures


def _group_missing(plan: SweepPlan, homes: Mapping[str, Scenario], kept: Set[str], *, sharing: bool) -> list[PointGroup]:
    """Return the groups of points that are not all kept; with `sharing`, a group goes through one loop.

    All seeds of a setting are together, in case a budget cuts the sweep. If any point of a shared loop is missing, the
    whole loop runs again, so that its numbers are the same bit for bit.
    """
    rank = {setting: number for number, setting in enumerate(dict.fromkeys(map(plan.find_setting, plan.points)))}
    ranks = {point.folder: rank[plan.find_setting(point)] for point in reversed(plan.points)}
    names = sorted(homes, key=lambda name: ranks[name])
    scenarios = [homes[name] for name in names]
    places = together(scenarios, capacity_for(scenarios)) if sharing else [[i] for i in range(len(names))]
    groups = [[names[i] for i in group] for group in places]
    return [{name: homes[name] for name in group} for group in groups if not kept >= set(group)]


def _by_tape(groups: Sequence[PointGroup]) -> list[PointGroup]:
    """Sort groups so that those of one tape follow each other; a process keeps its last tape."""
    first_of: dict[str, int] = {}
    found = []
    for number, group in enumerate(groups):
        scenario = next(iter(group.values()))
        name = timing_name(scenario) if scenario.learning is not None else str(number)
        found.append((first_of.setdefault(name, number), number))
    return [groups[number] for _, number in sorted(found)]


def _keep(folders: PointFolders, name: str, failure: str) -> None:
    """Keep the reason of a failure, so that the same command does not try the point again."""
    if failure:
        try:
            folders.keep_failure(name, failure)
        except OSError:
            return  # a disk that is full, perhaps; then the same command does try it again


def _collect(plan: SweepPlan, summaries: Mapping[str, Summary], failures: Mapping[str, str], folder: Path) -> Sweep:
    """Return the results so far; a point without a summary and a failure has not run yet."""
    settings: dict[tuple[str, ...], list[Summary]] = defaultdict(list)
    for point in plan.points:
        if (summary := summaries.get(point.folder)) is not None:
            settings[plan.find_setting(point)].append(summary)
    target = find_target(list(settings.values()), plan.target, {point.scenario.stop.test_error for point in plan.points})
    return Sweep(plan.scenario, plan.axes, _tabulate(plan, summaries, failures, target), plan.command, target, folder=folder)


def _tabulate(
    plan: SweepPlan, summaries: Mapping[str, Summary], failures: Mapping[str, str], target: Target | None
) -> pd.DataFrame:
    rows = []
    columns = [axis.columns() for axis in plan.axes]
    for point in plan.points:
        name = point.folder
        summary = summaries.get(name)
        error = "" if summary else failures.get(name, str(Outcome.MISSING))
        rows.append(
            {
                **{
                    key: cells[value]
                    for value, found in zip(point.values, columns, strict=True)
                    for key, cells in found.items()
                },
                "variant": point.variant,
                "seed": point.scenario.seed,
                **(empty_columns(error) if summary is None else read_columns(summary, target)),
                "folder": f"{POINTS}/{name}",
                "error": error,
            }
        )
    return pd.DataFrame(rows)

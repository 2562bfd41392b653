"""A sweep's folder, made in this process: starting another takes longer than a few small points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simasgd import Sweep, simulate
from simasgd.results.contents import dump_scenario
from simasgd.storage.work_folder import POINTS
from simasgd.sweeps import sweep
from simasgd.sweeps.plan import plan_sweep
from tests.build import TIMING, scenario


def write_small_sweep(folder: Path, *arguments: str, **changes: Any) -> Sweep:
    """Write a sweep of the timing scenario into a folder, and return its table."""
    file = folder.with_name("swept.yaml")
    file.write_text(dump_scenario(scenario(TIMING, {"record": "summary"}, changes)), encoding="utf-8")
    plan = plan_sweep(file, list(arguments))
    runs = {point.folder: simulate(point.scenario) for point in plan.points}
    for name, run in runs.items():
        run.write_into(folder / POINTS / name)
    table = sweep._collect(plan, {name: run.summary for name, run in runs.items()}, {}, folder)
    table.write_into(folder)
    return table

"""A whole sweep without a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from simasgd.storage.opening import open_folder
from simasgd.sweeps.joining import join
from simasgd.sweeps.plan import SweepPlan
from simasgd.sweeps.pools.here import OwnProcess
from simasgd.sweeps.pools.local import LocalPool
from simasgd.sweeps.sweep import list_paths, run_points
from simasgd.sweeps.table import Sweep


def run_sweep(
    plan: SweepPlan, folder: Path, *, workers: int, progress: Callable[[str, int, int], None] = lambda *_: None
) -> Sweep:
    """Run the points that `folder` does not hold yet, as the command does: in `workers` processes, or in this one if 1."""
    pool = OwnProcess() if workers == 1 else LocalPool(workers)
    plan = join(plan, folder)
    with open_folder(folder, plan.contents, list_paths(plan)) as place:
        sweep = run_points(plan, place, pool=pool, progress=progress)
        place.finish()
    return sweep

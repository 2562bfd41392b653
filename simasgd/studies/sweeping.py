"""From a scenario to a sweep: what `simasgd sweep` does, for Python."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from simasgd.learning.data.files import require_files_for
from simasgd.learning.devices import require_devices_for
from simasgd.scenario.schema import Scenario, ScenarioSource
from simasgd.stages.progress import Progress, reporting
from simasgd.storage.opening import open_folder
from simasgd.studies.command_lines import listed, spell_command
from simasgd.sweeps.joining import join
from simasgd.sweeps.plan import plan_sweep
from simasgd.sweeps.pools.choosing import Engine
from simasgd.sweeps.spelling import spell_axis
from simasgd.sweeps.sweep import list_paths, run_points
from simasgd.sweeps.table import Sweep


def sweep(
    scenario: ScenarioSource,
    *axes: str | Mapping[str, Any],
    only: str | None = None,
    target: str | float | None = None,
    variants: Sequence[str] = (),
    workers: int | None = None,
    engine: str = "loky",
    address: str | None = None,
    folder: str | Path | None = None,
    replace: bool = False,
    retry_failed: bool = False,
    progress: Progress = False,
) -> Sweep:
    """Run a scenario at every combination of values, in several processes.

    `scenario` is what `Scenario.load` takes. An axis is text as on the command line,
    `"learners=2,4,8"`, or a mapping of keys to values, `{"learners": [2, 4, 8]}`. Text with one value
    changes it for all points. Keys that vary together are one axis, with their values in pairs:
    `{"learners:mini_batch": [(1, 64), (2, 32)]}`. Variants and repeats of the scenario are points, too.

    only       a condition over the swept keys, such as `"learners * mini_batch == 128"`
    target     the test error, or loss, to which times are measured: the first to reach it is best
    variants   the names of the variants to take; all if there is none
    workers    the number of processes; one for each core if None
    engine, address
               where they run, as `--engine` and `--address` of the command
    folder     where results are kept: the same call goes on after an interruption, and a larger one
               computes only points that are missing. A sweep of the same scenario over other axes keeps the
               points that are there, and has them, too. Without it they are deleted with the sweep.
    replace    whether results of other parameters in the folder are replaced
    retry_failed
               whether points that failed earlier are tried again
    progress   as in `study`; the phase is `points`

    A point that fails is a row of the table with its error. The budget of a `sweep` section holds for
    one call. Points that have not run are rows, too, and the printed sweep says how many. The same call with a
    `folder` goes on.

    Raises simasgd.ScenarioError before anything is computed, simasgd.DataMissing, and simasgd.UsageError if the folder, the
    engine or JAX cannot be used.
    """
    source = scenario.as_given() if isinstance(scenario, Scenario) else scenario
    arguments = [word for axis in axes for word in _spell(axis)]
    chosen = Engine(name=engine, workers=workers, address=address)
    chosen.require()
    wanted = None if target is None else str(target)
    options = {"--variant": variants, "--only": listed(only), "--target": listed(wanted), "--out": listed(folder)}
    command = spell_command("sweep", source, arguments, options)
    plan = plan_sweep(source, arguments, command, wanted, variants, only)
    chosen.require_budget(plan.budget)
    scenarios = [point.scenario for point in plan.points]
    require_files_for(scenarios)
    require_devices_for(scenarios)
    home = Path(mkdtemp(prefix="simasgd-sweep-") if folder is None else folder)
    plan = plan if replace else join(plan, home)
    try:
        with (
            reporting(progress, plan.scenario.name) as report,
            open_folder(home, plan.contents, list_paths(plan), replacing=replace) as place,
        ):
            from simasgd.report.page import write_sweep

            pool = chosen.make_pool(place.path.absolute(), learns=any(one.learning is not None for one in scenarios))
            table = run_points(
                plan, place, pool=pool, progress=lambda _, done, total: report("points", done / total), retrying=retry_failed
            )
            with place.adding() as fresh:
                write_sweep(table, fresh)
            place.finish()
        found = Sweep.load(home)
    except BaseException:
        if folder is None:
            shutil.rmtree(home, ignore_errors=True)
        raise
    if folder is None:
        weakref.finalize(found, shutil.rmtree, home, ignore_errors=True)
    return found


def _spell(axis: str | Mapping[str, Any]) -> list[str]:
    return [axis] if isinstance(axis, str) else [spell_axis(key, values) for key, values in axis.items()]

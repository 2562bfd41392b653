"""The command `sweep`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import rich_click as click

from simasgd.command.engine_options import engine_options
from simasgd.command.options import (
    check_data,
    check_devices,
    check_text,
    out_option,
    replace_option,
    scenario_argument,
    spell_command,
    spell_out,
    spell_variants,
    variant_option,
)
from simasgd.command.output.telling import Telling, telling_options
from simasgd.command.results_place import ResultsPlace, add_page
from simasgd.printable import printable
from simasgd.scenario.vocabulary.names import STANDARD_INPUT
from simasgd.signals import GOES_ON, outlook
from simasgd.storage.files import PAGE


@click.command()
@scenario_argument
@click.argument("axes", metavar="[KEY=V1,V2,…]…", nargs=-1, callback=check_text)
@variant_option
@click.option("--target", metavar="ERROR", help="Find who is the first at this test error (5% or 0.05) or loss.")
@click.option("--only", metavar="CONDITION", help="Leave out other combinations, for example 'learners * mini_batch == 128'.")
@out_option
@replace_option
@engine_options
@click.option("--retry-failed", "retrying", is_flag=True, help="Try points that failed earlier again.")
@click.option("--dry-run", is_flag=True, help="Check and list the points, and estimate the time, without running them.")
@telling_options
def sweep(
    scenario: str,
    axes: tuple[str, ...],
    variants: tuple[str, ...],
    target: str | None,
    only: str | None,
    out: Path | None,
    replacing: bool,
    engine: Any,
    retrying: bool,
    dry_run: bool,
    telling: Telling,
) -> None:
    """Run a scenario at every combination of the given values, and write one report.

    Values are written 1,2,4 or range(0,3) or linspace(1 ms,5 ms,5) or logspace(1 us,1 ms,4). Keys that vary
    together are one axis: learners:mini_batch=1:64,2:32,4:16.

    A scenario's `sweep` section has axes of its own. A key that is given here takes the place of all that the section says
    of it, and --only of its conditions.

    The report says which setting is best, and what each axis does. Seeds are repetitions.

    The results go to reports/NAME-sweep/. If that folder holds points of another scenario, they go to
    reports/NAME-sweep-HASH/.

    After an interruption the same command resumes the sweep. It does not try points again that failed: --retry-failed
    does. A sweep with other points of the same scenario keeps the finished ones, and its report shows all.
    """
    from simasgd.sweeps.plan import plan_sweep

    chosen = () if scenario == STANDARD_INPUT else spell_variants(variants)
    given = (("--target", target), ("--only", only))
    options = (*chosen, *(word for name, value in given if value is not None for word in (name, value)), *spell_out(out))
    plan = plan_sweep(scenario, axes, spell_command("sweep", scenario, axes, options), target, variants, only)
    engine.require_budget(plan.budget)
    check_data(plan.scenario, *(point.scenario for point in plan.points))
    destination = ResultsPlace("sweep", f"{plan.scenario.name}-sweep", out, replacing)
    if dry_run:
        list_points(plan, destination, engine.processes)
        return
    check_devices(*(point.scenario for point in plan.points))

    from simasgd.sweeps.joining import join
    from simasgd.sweeps.sweep import list_paths, run_points

    usual, *aside = destination.find_earlier(plan.contents)
    if not replacing and not any(path.is_dir() for path in aside):
        plan = join(plan, usual)
    with destination.open(plan.contents, list_paths(plan), plan.command) as place, outlook(lambda: GOES_ON):
        from simasgd.command.output.progress import points
        from simasgd.report.page import write_sweep
        from simasgd.report.terminal.sweep import conclude_sweep
        from simasgd.results.outcome import Outcome

        total = len({point.folder for point in plan.points})
        with points(plan.scenario.name, total, quiet=telling.quiet) as (progress, tell):
            pool = engine.make_pool(
                place.path.absolute(), learns=any(point.scenario.learning is not None for point in plan.points)
            )
            table = run_points(plan, place, pool=pool, progress=progress, tell=tell, retrying=retrying)
        add_page(place, lambda folder: write_sweep(table, folder))
        place.finish()
    failed = table.points[table.points["outcome"] == str(Outcome.FAILED)]
    for _, row in failed.iterrows():
        click.echo(printable(f"failed: {row['folder']} (seed {row['seed']}): {row['error']}"), err=True)
    if len(failed):
        click.echo("run the same command with --retry-failed to try them again", err=True)
    telling.end(conclude_sweep(table), place.shown / PAGE)
    if len(failed):
        sys.exit(1)


def list_points(plan: Any, destination: ResultsPlace, workers: int) -> None:
    """Print the points, and how long those take that are not there yet."""
    from simasgd.sweeps.estimate import estimate_sweep

    for point in plan.points:
        values = [f"{axis.key}={value}" for axis, value in zip(plan.axes, point.values, strict=True)]
        variant = [f"variant={point.variant}"] if point.variant else []
        click.echo(printable(" ".join([*values, *variant, f"seed={point.scenario.seed}"])))
    click.echo(f"{len(plan.points)} point{'' if len(plan.points) == 1 else 's'}")
    if len(plan.points) == 1 and not plan.axes:
        click.echo("nothing varies: give values, for example learners=1,2,4, or a section sweep in the scenario")
    if plan.budget.describe():
        click.echo(f"a budget of {plan.budget.describe()} bounds what one command computes")
    click.echo(estimate_sweep(plan, destination.find_earlier(plan.contents), workers).describe())

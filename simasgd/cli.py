"""The command line. Each command is a few lines, and imports what it needs itself, so that `--help` and `check` are quick."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import rich_click as click

import simasgd
from simasgd.errors import SimasgdError, UsageError

_REPORTS = Path("reports")
_scenario = click.argument("scenario", metavar="NAME|FILE")
_overrides = click.argument("overrides", metavar="[KEY=VALUE]…", nargs=-1)
_out = click.option("--out", type=click.Path(path_type=Path), help="Folder of the results.")
_quiet = click.option("--quiet", "-q", is_flag=True, help="No progress.")
_checkpoint = click.option(
    "--checkpoint",
    "checkpoint_seconds",
    type=click.FloatRange(0.0),
    default=60.0,
    metavar="SECONDS",
    show_default=True,
    help="How often a long run saves how far it has come.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(simasgd.__version__, prog_name="simasgd")
def app() -> None:
    """Simulate clusters that train with asynchronous SGD: SimPy decides when, JAX decides what.

    Start with: simasgd run quickstart
    """


@app.command()
@_scenario
@_overrides
@_out
@_checkpoint
@_quiet
def run(scenario: str, overrides: tuple[str, ...], out: Path | None, checkpoint_seconds: float, quiet: bool) -> None:
    """Run a scenario and write its report.

    A key may be shortened to any unambiguous ending: learners=8 is cluster.learners=8. Results go to reports/NAME/ unless
    --out names another folder. The same command goes on where an interrupted one stopped.
    """
    chosen = _load(scenario, overrides)
    folder = out if out is not None else _REPORTS / chosen.name
    _run_into(folder, chosen, _command("run", scenario, overrides), checkpoint_seconds, quiet)


@app.command()
@_scenario
@click.argument("arguments", metavar="[PROTOCOL]… [KEY=VALUE]…", nargs=-1)
@click.option("--target", metavar="ERROR", help="Compare the times to this test error: 5%, 0.05; or to a test loss.")
@_out
@_checkpoint
@_quiet
def compare(
    scenario: str,
    arguments: tuple[str, ...],
    target: str | None,
    out: Path | None,
    checkpoint_seconds: float,
    quiet: bool,
) -> None:
    """Run a scenario under several protocols and say who wins where.

    A PROTOCOL is KIND[:KEY=VALUE,…][+MODULATION], such as hardsync, n-softsync:n=4 or async+inverse-staleness; without any
    the scenario's own variants are compared. KEY=VALUE holds for all: repeats=5 shows the spread over seeds. Results go to
    reports/NAME-compare/ unless --out names another folder.
    """
    from simasgd.scenario.compare import compared, target_of

    chosen = compared(scenario, arguments)
    value = None if target is None else target_of(target, chosen)
    _check_data(chosen)

    from simasgd.report.comparison_json import save_comparison

    folder = out if out is not None else _REPORTS / f"{chosen.name}-compare"
    asked = () if target is None else ("--target", target)
    command = _command("compare", scenario, (*arguments, *asked))
    _run_into(folder, chosen, command, checkpoint_seconds, quiet, target=value, save=save_comparison)


@app.command()
@_scenario
@click.argument("axes", metavar="[KEY=V1,V2,…]…", nargs=-1)
@_out
@click.option("--workers", type=click.IntRange(1), help="Processes; as many as this machine has cores if absent.")
@click.option("--dry-run", is_flag=True, help="Check and list the points, run nothing.")
@_quiet
def sweep(scenario: str, axes: tuple[str, ...], out: Path | None, workers: int | None, dry_run: bool, quiet: bool) -> None:
    """Run a scenario at every combination of the values given, and write one report.

    Values: 1,2,4 or range(0,3) or linspace(1 ms,5 ms,5) or logspace(1 us,1 ms,4). The same command goes on where an
    interrupted one stopped. Results go to reports/NAME-sweep/ unless --out names another folder.
    """
    from simasgd.results import SWEEP, refuse_foreign
    from simasgd.sweep import plan_sweep

    plan = plan_sweep(scenario, axes, _command("sweep", scenario, axes))
    _check_data(plan.scenario, *(point.scenario for point in plan.points))
    if dry_run:
        for point in plan.points:
            values = [f"{axis.key}={value}" for axis, value in zip(plan.axes, point.values, strict=True)]
            click.echo(
                " ".join([*values, *([f"variant={point.variant}"] if point.variant else []), f"seed={point.scenario.seed}"])
            )
        click.echo(f"{len(plan.points)} points")
        return
    folder = out if out is not None else _REPORTS / f"{plan.scenario.name}-sweep"
    refuse_foreign(folder, marks=(SWEEP,))

    from joblib import cpu_count

    from simasgd.progress import points
    from simasgd.report.page import write_sweep
    from simasgd.sweep import run_sweep

    with points(plan.scenario.name, quiet=quiet) as progress:
        table = run_sweep(plan, folder, workers=workers or cpu_count(), progress=progress)
    write_sweep(table, folder)
    failed = table.points[table.points["error"] != ""]
    for _, row in failed.iterrows():
        click.echo(f"failed: {row['folder']} (seed {row['seed']}): {row['error']}", err=True)
    click.echo(f"{len(table.points) - len(failed)} of {len(table.points)} points")
    click.echo(f"report: {folder / 'index.html'}")
    if len(failed):
        sys.exit(1)


@app.command()
@_scenario
@_overrides
def check(scenario: str, overrides: tuple[str, ...]) -> None:
    """Check a scenario without running it."""
    from simasgd.scenario.lock_step import will_probably_lock_step

    chosen = _load(scenario, overrides)
    runs = sum(variant.repeats for variant in (chosen.variants or {"": chosen}).values())
    click.echo(f"{scenario}: fine ({runs} run{'s' if runs != 1 else ''})")
    in_step = [name for name, variant in (chosen.variants or {"": chosen}).items() if will_probably_lock_step(variant)]
    if in_step:
        click.echo(
            f"note: {', '.join(in_step) + ': ' if any(in_step) else ''}learners that start together and compute for constant "
            "times may stay in step on links that share fairly; cluster.start=spread, or a compute.cv, shows what that does"
        )


@app.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_(as_json: bool) -> None:
    """List the scenarios and node profiles that come with simasgd, and the protocols there are."""
    from simasgd.scenario import catalogue, text

    found = {
        kind: {name: str(text.read(path).tree.get("title", "")) for name, path in named.items()}
        for kind, named in (("scenarios", catalogue.scenarios()), ("profiles", catalogue.profiles()))
    }
    found["protocols"] = catalogue.protocols()
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    for kind, titles in found.items():
        click.echo(f"{kind}:")
        for name, title in titles.items():
            click.echo(f"  {name:24} {title}")


@app.command()
@_scenario
@_overrides
@click.option("--plan", "as_plan", is_flag=True, help="Print how its learning would be computed, and the memory it takes.")
def show(scenario: str, overrides: tuple[str, ...], as_plan: bool) -> None:
    """Print a scenario as resolved: every value that holds, defaults included."""
    from simasgd.scenario import text
    from simasgd.scenario.schema import Scenario

    chosen = Scenario.load(scenario, *overrides)
    if as_plan:
        from simasgd.simulator import plans

        click.echo(plans(chosen))
    else:
        click.echo(text.dump(chosen.resolved()), nl=False)


@app.command()
def schema() -> None:
    """Print the JSON schema of scenarios, for editors: simasgd schema > scenario.schema.json"""
    from simasgd.scenario.json_schema import scenario_schema

    click.echo(json.dumps(scenario_schema(), indent=1, ensure_ascii=False))


@app.command()
@click.argument("folder", type=click.Path(path_type=Path))
def report(folder: Path) -> None:
    """Write the page of a run's or a sweep's folder anew."""
    from simasgd.report.page import write_study, write_sweep
    from simasgd.results import Study
    from simasgd.sweep import is_sweep, load_table

    try:
        page = write_sweep(load_table(folder), folder) if is_sweep(folder) else write_study(Study.load(folder), folder)
    except KeyError as error:
        raise UsageError(f"{folder}: {error} is missing in its files; was it written by another version?") from None
    click.echo(f"report: {page}")


@app.command()
def data() -> None:
    """Say which data sets are here, and where to get the others."""
    from simasgd import datafiles
    from simasgd.errors import DataMissing

    click.echo(f"{'digits':19} here (embedded)")
    for name in ("characters", "linear-regression", "logistic-regression", "noise"):
        click.echo(f"{name:19} here (made when needed)")
    for name, files in datafiles.FILES.items():
        try:
            paths = datafiles.locate(name)
        except DataMissing as missing:
            click.echo(f"{name:19} missing: {missing}")
            click.echo(f"{'':19} from {files.home}: {', '.join((*files.train, *files.test))}")
            click.echo(f"{'':19} into ${datafiles.VARIABLE}/{files.folder}/ {files.form}")
        else:
            click.echo(f"{name:19} here: {paths[0].parent}")


def _save(result: Any, folder: Path) -> None:
    result.save(folder)


def main() -> None:
    """The program: errors that are the user's to read are one message, without a traceback."""
    try:
        app()
    except SimasgdError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)


def _run_into(
    folder: Path,
    chosen: Any,
    command: str,
    checkpoint_seconds: float,
    quiet: bool,
    *,
    target: float | None = None,
    save: Callable[[Any, Path], None] = _save,
) -> None:
    """Run all of a scenario, `save` its results into a folder and write the report."""
    from shutil import rmtree

    from simasgd.results import refuse_foreign, replacing, unfinished_beside

    refuse_foreign(folder)

    from simasgd.progress import phases
    from simasgd.report.page import write_study
    from simasgd.simulator import study

    unfinished = unfinished_beside(folder)
    if unfinished.exists() and not quiet:
        click.echo(f"an interrupted run left {unfinished}; what belongs to this one is gone on with", err=True)
    with phases(chosen.name, quiet=quiet) as progress:
        result = study(chosen, command=command, progress=progress, unfinished=unfinished, checkpoint_seconds=checkpoint_seconds)
        result = replace(result, target=target)
        with replacing(folder) as fresh:
            save(result, fresh)
        rmtree(unfinished, ignore_errors=True)
        progress("report", 1.0)
        write_study(result, folder)
    click.echo(_summary(result))
    for note in result.notes:
        click.echo(f"note: {note}")
    click.echo(f"report: {folder / 'index.html'}")


def _load(scenario: str, overrides: tuple[str, ...]) -> Any:
    from simasgd.scenario.schema import Scenario

    chosen = Scenario.load(scenario, *overrides)
    _check_data(chosen)
    return chosen


def _check_data(*scenarios: Any) -> None:
    """Complain about missing files before anything is computed."""
    from simasgd.datafiles import locate

    needed = {
        variant.learning.data.kind
        for scenario in scenarios
        for variant in (scenario.variants or {"": scenario}).values()
        if variant.learning is not None
    }
    for name in sorted(needed):
        locate(name)


def _command(verb: str, scenario: str, arguments: tuple[str, ...]) -> str:
    return shlex.join(["simasgd", verb, scenario, *arguments])


def _summary(result: Any) -> str:
    """A line per variant."""
    lines = []
    for row in result.table().to_dict("records"):
        learned = ""
        if row["test_error"] is not None and row["test_error"] == row["test_error"]:
            learned = f"  test error {row['test_error']:.2%}"
        elif row["test_loss"] is not None and row["test_loss"] == row["test_loss"]:
            learned = f"  test loss {row['test_loss']:.3g}"
        diverged = f"  diverged ({row['diverged']} of {len(row['seeds'])})" if row["diverged"] else ""
        name = row["variant"] or result.scenario.name
        lines.append(f"{name:24} {row['simulated_seconds']:.6g} simulated s{learned}{diverged}")
    return "\n".join(lines)

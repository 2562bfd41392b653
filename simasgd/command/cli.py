"""The command line. Each command is a few lines, and imports what it needs itself, so that `--help` and `check` are quick."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import rich_click as click

import simasgd
from simasgd.command.console import printing
from simasgd.errors import RunFailed, SimasgdError
from simasgd.printable import is_text, printable
from simasgd.signals import GOES_ON, STARTS_ANEW, outlook, unbroken, watched


def _text(context: click.Context, parameter: click.Parameter, words: tuple[str, ...]) -> tuple[str, ...]:
    """Complain about arguments that are no text, whose bytes Python keeps as lone surrogates."""
    for word in words:
        if not is_text(word):
            raise click.BadParameter(f"{word.encode(errors='backslashreplace').decode()!r} is not text in this encoding")
    return words


_REPORTS = Path("reports")
_scenario = click.argument("scenario", metavar="NAME|FILE")
_overrides = click.argument("overrides", metavar="[KEY=VALUE]…", nargs=-1, callback=_text)
_out = click.option("--out", type=click.Path(path_type=Path), help="Folder of the results.")
_replace = click.option("--replace", "replacing", is_flag=True, help="Replace earlier results of other parameters.")
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
@_replace
@_checkpoint
@_quiet
def run(
    scenario: str, overrides: tuple[str, ...], out: Path | None, replacing: bool, checkpoint_seconds: float, quiet: bool
) -> None:
    """Run a scenario and write its report.

    A key may be shortened to any unambiguous ending: learners=8 is cluster.learners=8. Results go to reports/NAME/, or to
    reports/NAME-HASH/ if that holds results of other parameters, unless --out names another folder. The same command resumes
    an interrupted one.
    """
    chosen = _load(scenario, overrides)
    command = _command("run", scenario, overrides)
    _run_into(_Place("run", chosen.name, out, replacing), chosen, command, checkpoint_seconds, quiet)


@app.command()
@_scenario
@click.argument("arguments", metavar="[PROTOCOL]… [KEY=VALUE]…", nargs=-1, callback=_text)
@click.option("--target", metavar="ERROR", help="Compare the times to this test error: 5%, 0.05; or to a test loss.")
@_out
@_replace
@_checkpoint
@_quiet
def compare(
    scenario: str,
    arguments: tuple[str, ...],
    target: str | None,
    out: Path | None,
    replacing: bool,
    checkpoint_seconds: float,
    quiet: bool,
) -> None:
    """Run a scenario under several protocols and say who wins where.

    A PROTOCOL is KIND[:KEY=VALUE,…][+MODULATION], such as hardsync, n-softsync:n=4 or async+inverse-staleness; without any
    the scenario's own variants are compared. KEY=VALUE holds for all: repeats=5 shows the spread over seeds. Results go to
    reports/NAME-compare/ unless --out names another folder.
    """
    from simasgd.scenario.protocol_variants import build_comparison, parse_target

    chosen = build_comparison(scenario, arguments)
    value = None if target is None else parse_target(target, chosen)
    _check_data(chosen)

    from simasgd.report.comparison.comparison_json import write_comparison

    asked = () if target is None else ("--target", target)
    command = _command("compare", scenario, (*arguments, *asked))
    place = _Place("compare", f"{chosen.name}-compare", out, replacing)
    _run_into(place, chosen, command, checkpoint_seconds, quiet, target=value, write=write_comparison)


@app.command()
@_scenario
@click.argument("axes", metavar="[KEY=V1,V2,…]…", nargs=-1, callback=_text)
@_out
@_replace
@click.option("--workers", type=click.IntRange(1), help="Processes; as many as this machine has cores if absent.")
@click.option("--dry-run", is_flag=True, help="Check and list the points, run nothing.")
@_quiet
def sweep(
    scenario: str,
    axes: tuple[str, ...],
    out: Path | None,
    replacing: bool,
    workers: int | None,
    dry_run: bool,
    quiet: bool,
) -> None:
    """Run a scenario at every combination of the values given, and write one report.

    Values: 1,2,4 or range(0,3) or linspace(1 ms,5 ms,5) or logspace(1 us,1 ms,4). The same command resumes an interrupted
    one, and one with more points keeps those that are there. Results go to reports/NAME-sweep/, or to
    reports/NAME-sweep-HASH/ if that holds points that this sweep has not, unless --out names another folder.
    """
    from simasgd.learning.devices import VARIABLES, require_devices
    from simasgd.sweeps.sweep import plan_sweep

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
    learns = any(point.scenario.learning is not None for point in plan.points)
    if learns and any(os.environ.get(name) for name in VARIABLES):
        require_devices()

    from joblib import cpu_count

    from simasgd.command.progress import points
    from simasgd.report.page import write_sweep
    from simasgd.report.terminal import summarise_sweep
    from simasgd.sweeps.sweep import SWEEP_PATHS, run_points

    at = _Place("sweep", f"{plan.scenario.name}-sweep", out, replacing)
    with at.opened(plan.contents, SWEEP_PATHS) as place, outlook(lambda: GOES_ON):
        with points(plan.scenario.name, quiet=quiet) as progress:
            table = run_points(plan, place, workers=workers or cpu_count(), progress=progress)
        _add_page(place, lambda folder: write_sweep(table, folder))
        place.finish()
    failed = table.points[table.points["error"] != ""]
    for _, row in failed.iterrows():
        click.echo(printable(f"failed: {row['folder']} (seed {row['seed']}): {row['error']}"), err=True)
    click.echo("\n".join(summarise_sweep(table)))
    click.echo(printable(f"report: {place.shown / 'index.html'}"))
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
    from simasgd.scenario.reading import catalogue, yaml_layer

    found = {
        kind: {name: str(yaml_layer.read_layer(path).tree.get("title", "")) for name, path in named.items()}
        for kind, named in (("scenarios", catalogue.list_scenarios()), ("profiles", catalogue.list_profiles()))
    }
    found["protocols"] = catalogue.list_protocols()
    if as_json:
        click.echo(json.dumps(found, indent=1))
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
    from simasgd.scenario.reading import yaml_layer
    from simasgd.scenario.schema import Scenario

    chosen = Scenario.load(scenario, *overrides)
    if as_plan:
        from simasgd.simulator import plans

        click.echo(plans(chosen))
    else:
        click.echo(yaml_layer.dump_yaml(chosen.resolved()), nl=False)


@app.command()
def schema() -> None:
    """Print the JSON schema of scenarios, for editors: simasgd schema > scenario.schema.json"""
    from simasgd.scenario.editor_schema import build_scenario_schema

    click.echo(json.dumps(build_scenario_schema(), indent=1))


@app.command()
@click.argument("folder", type=click.Path(path_type=Path))
def report(folder: Path) -> None:
    """Write the page of a run's or a sweep's folder anew."""
    from simasgd.report.page import write_study, write_sweep
    from simasgd.results.study import Study
    from simasgd.storage.opening import reopen_folder
    from simasgd.sweeps.sweep import is_sweep, load_table

    with reopen_folder(folder) as (place, below):
        if is_sweep(folder):
            table = load_table(folder)
            _add_page(place, lambda fresh: write_sweep(table, fresh / below))
        else:
            result = Study.load(folder)
            _add_page(place, lambda fresh: write_study(result, fresh / below))
    click.echo(printable(f"report: {folder / 'index.html'}"))


@app.command()
def data() -> None:
    """Say which data sets are here, and where to get the others."""
    from simasgd.errors import DataMissing
    from simasgd.learning.data import files as datafiles

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


def _write(result: Any, folder: Path) -> None:
    result.write_into(folder)


def main() -> None:
    """The program: errors that are the user's to read are one message, without a traceback."""
    with watched(), printing():
        try:
            app()
        except SimasgdError as error:
            click.echo(str(error), err=True)
            sys.exit(error.exit_code)


@final
@dataclass(frozen=True)
class _Place:
    """Where a command's results go: to `out` if that was given, else below reports/ to `name`, or beside it."""

    kind: str
    name: str
    out: Path | None
    replacing: bool

    def opened(self, contents: Any, expected: Collection[str]) -> AbstractContextManager[Any]:
        from simasgd.storage.opening import open_default_folder, open_folder

        if self.out is not None:
            return open_folder(self.out, contents, expected, replacing=self.replacing)
        return open_default_folder(
            _REPORTS / self.name,
            contents,
            expected,
            replacing=self.replacing,
            tell=lambda line: click.echo(printable(line), err=True),
        )


def _run_into(
    at: _Place,
    chosen: Any,
    command: str,
    checkpoint_seconds: float,
    quiet: bool,
    *,
    target: float | None = None,
    write: Callable[[Any, Path], None] = _write,
) -> None:
    """Run all of a scenario, `write` its results into a folder and add the report."""
    from simasgd.results.contents import contents_of, paths_of
    from simasgd.results.study import Study

    with at.opened(contents_of(at.kind, chosen, target), paths_of(chosen)) as place:
        from simasgd.command.progress import phases
        from simasgd.report.page import write_study
        from simasgd.report.terminal import summarise_study
        from simasgd.simulator import study

        if place.has_unfinished_work and not quiet:
            click.echo(printable(f"resuming the unfinished work in {place.shown / place.unfinished.name}"), err=True)
        with (
            outlook(lambda: GOES_ON if place.has_unfinished_work or place.lacks_only_a_page else STARTS_ANEW),
            phases(chosen.name, quiet=quiet) as progress,
        ):
            if place.lacks_only_a_page:
                result = Study.load(place.path)
            else:
                unfinished = place.unfinished
                result = study(
                    chosen, command=command, progress=progress, unfinished=unfinished, checkpoint_seconds=checkpoint_seconds
                )
                result = replace(result, target=target)
                with unbroken(), place.replacing() as fresh:
                    write(result, fresh)
            progress("report", 1.0)
            _add_page(place, lambda folder: write_study(result, folder))
        place.finish()
    click.echo("\n".join(summarise_study(result)))
    for note in result.notes:
        click.echo(f"note: {printable(note)}")
    click.echo(printable(f"report: {place.shown / 'index.html'}"))


def _add_page(place: Any, draw: Callable[[Path], object]) -> None:
    """Draw a page and add it to the results. Raises RunFailed, and the results stay without it, whatever fails in drawing."""
    with place.adding() as fresh:
        try:
            draw(fresh)
        except (OSError, SimasgdError):
            raise
        except Exception as error:
            said = " ".join(f"{type(error).__name__}: {error}".split())
            raise RunFailed(
                f"{place.shown}: the results are there, but their page could not be drawn ({said}); "
                "the same command tries that again, and computes nothing anew"
            ) from error


def _load(scenario: str, overrides: tuple[str, ...]) -> Any:
    from simasgd.scenario.schema import Scenario

    chosen = Scenario.load(scenario, *overrides)
    _check_data(chosen)
    return chosen


def _check_data(*scenarios: Any) -> None:
    """Complain about missing files before anything is computed."""
    from simasgd.learning.data.files import locate

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

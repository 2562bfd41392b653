"""The command `export`: runs in the forms of other programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import rich_click as click

from simasgd.command.output.telling import Telling, telling_options
from simasgd.printable import printable
from simasgd.signals import GOES_ON, STARTS_ANEW, outlook

_LOG = "log"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "target",
    type=click.Choice([_LOG, "csv", "tensorboard", "mlflow", "wandb"]),
    required=True,
    help="The form to write.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PLACE",
    help="The file or folder to write.  [default: NAME-log.csv, mlflow.db, or a folder such as NAME-csv]",
)
@click.option("--replace", "replacing", is_flag=True, help="Replace earlier exports of other runs, too.")
@telling_options
def export(folder: Path, target: str, out: Path | None, replacing: bool, telling: Telling) -> None:
    """Write finished runs in the form of another program.

    FOLDER is that of a run, a comparison or a sweep, or one with many of them, such as reports/. All runs in it and below
    it are written, separated by study, variant and seed: settings, final scores and curves. Repeating an export replaces it.

    csv: a folder with runs.csv, a row for each run, and curves.csv, a row for each evaluation.

    tensorboard: event files. mlflow: an experiment in an SQLite file. wandb: offline runs, for `wandb sync`.

    log: the operations and updates of one run as the log of a real system, which `simasgd import`, `simasgd validate` and
    `simasgd fit` read.
    """
    if target == _LOG:
        _export_log(folder, out, replacing, telling)
        return
    from simasgd.exporting.destinations import export_runs

    with outlook(lambda: GOES_ON if target == "mlflow" else STARTS_ANEW), _counting(target, quiet=telling.quiet) as tell:
        found = export_runs(folder, target, out, replace=replacing, tell=tell)
    if telling.as_json:
        telling.print_json({"runs": found.runs, "place": str(found.place), "show": found.show or None})
    elif telling.quiet:
        click.echo(printable(str(found.place)))
    else:
        click.echo(printable(f"{found.runs:,} run{'s' if found.runs != 1 else ''}: {found.place}"))
        if found.show:
            click.echo(printable(f"show them with: {found.show}"))


def _export_log(folder: Path, out: Path | None, replacing: bool, telling: Telling) -> None:
    from simasgd.measured.exporting import export_log
    from simasgd.results.run import Run

    run = Run.load(folder)
    file = out or Path(f"{run.scenario.name}-log.csv")
    remarks = list(export_log(run, file, replace=replacing))
    telling.name_files([f"note: {remark}" for remark in remarks], {_LOG: file}, {"notes": remarks})


@contextmanager
def _counting(target: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that shows how many runs are written, on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(target, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)

"""The commands that look at results: past runs, and how far a sweep is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import rich_click as click

from simasgd.command.output.telling import Telling, draw_table, find_width, telling_options
from simasgd.errors import UsageError
from simasgd.printable import printable
from simasgd.storage.files import PAGE

_SHOWN = ("folder", "protocol", "learners", "mini_batch", "seed", "outcome", "test_error", "simulated_seconds", "speedup")
_FORMATS = {"test_error": "{:.2%}", "simulated_seconds": "{:.3g} s", "speedup": "{:.3g}×", "mean_staleness": "{:.3g}"}
_TEXTS = ("folder", "name", "protocol", "origin", "outcome", "reason", "version", "written")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("reports"))
@click.option("--where", metavar="CONDITION", help="List only these, for example 'protocol == \"async\" and learners > 8'.")
@click.option("--columns", metavar="NAME,…", help="Show these columns.  [default: those that most look for]")
@click.option("--sort", metavar="COLUMN", help="Sort by this column, the least first.  [default: the newest first]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all columns if none are chosen.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, with all columns if none are chosen.")
@click.option("--limit", type=click.IntRange(1), help="Show at most this number of runs.  [default: 50 in a table, else all]")
def runs(
    folder: Path, where: str | None, columns: str | None, sort: str | None, as_json: bool, as_csv: bool, limit: int | None
) -> None:
    """List the runs in FOLDER and below it: single ones, variants, repeats, and points of sweeps.

    A condition is an expression over the columns, which docs/reference/results.md explains. From Python,
    `simasgd.load_runs(FOLDER)` returns the same table.
    """
    if as_json and as_csv:
        raise UsageError("--json and --csv are given; choose one of the two")

    from simasgd.indexing.names import has_index
    from simasgd.queries.run_table import choose_columns, load_runs, select

    every = load_runs(folder)
    found = every if where is None else select(every, where)
    if sort is not None:
        choose_columns(found, [sort], "--sort")
        found = found.sort_values(sort, kind="stable", ignore_index=True)
    is_data = as_json or as_csv
    if columns is not None or not is_data:
        found = choose_columns(found, list(_SHOWN) if columns is None else [name.strip() for name in columns.split(",")])
    shown = found.head(limit if limit is not None else len(found) if is_data else 50)
    if as_json:
        click.echo(json.dumps(_to_records(shown), indent=1, allow_nan=False))
    elif as_csv:
        click.echo(shown.to_csv(index=False), nl=False)
    elif shown.empty:
        click.echo(f"no runs in {printable(str(folder))}" + ("" if where is None else " for which that is true"))
    else:
        click.echo(draw_table(_make_table(shown), find_width()))
        if len(shown) < len(found):
            click.echo(f"{len(shown)} of {len(found):,} runs; --limit shows more")
        if has_index(folder):
            click.echo(printable(f"index: {folder / PAGE}"))
    for path in every.attrs["unreadable"]:
        click.echo(printable(f"not a run that simasgd wrote: {path}"), err=True)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("reports"))
@telling_options
def index(folder: Path, telling: Telling) -> None:
    """Write the index of FOLDER: a page with all studies and runs in it and below it, to search and to sort.

    Commands that write results below a folder with an index add them to it, and below reports/ they make one. This command
    reads the whole folder again, for example after results were copied or deleted.
    """
    from simasgd.indexing.updating import write_index

    unreadable = write_index(folder)
    for path in unreadable:
        click.echo(printable(f"not a file of this version of simasgd: {path}"), err=True)
    telling.name_files((), {"index": folder / PAGE}, {"unreadable": list(map(str, unreadable))})


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def status(folder: Path) -> None:
    """Say how far the results in FOLDER are, while a command works on them or after it was interrupted.

    Of a sweep and of a search for advice it says how many points are done. It prints the command that goes on.
    """
    from simasgd.storage.state import read_state
    from simasgd.sweeps.status import read_status
    from simasgd.sweeps.table import is_sweep

    for sentence in (read_status if is_sweep(folder) else read_state)(folder).sentences():
        click.echo(printable(sentence))


def _to_records(shown: Any) -> list[dict[str, Any]]:
    """Return a mapping for each row, with None for a missing value and times in the ISO format."""
    times = {"written": shown["written"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")} if "written" in shown else {}
    found = shown.assign(**times)
    records: list[dict[str, Any]] = found.astype(object).where(found.notna(), None).to_dict("records")
    return records


def _make_table(shown: Any) -> Any:
    """Make a table for the terminal; the columns further right are the first to be left out."""
    from simasgd.report.terminal.text_table import TextColumn, TextTable

    columns = []
    for place, name in enumerate(shown):
        cells = tuple(_format(str(name), value) for value in shown[name])
        columns.append(TextColumn(str(name).replace("_", " "), cells, -place, numeric=name not in _TEXTS))
    return TextTable(tuple(columns))


def _format(name: str, value: Any) -> str:
    """Return a value for readers; "" if it is missing."""
    if value is None or value != value or str(value) in ("<NA>", "NaT"):
        return ""
    if name in _FORMATS:
        return _FORMATS[name].format(value)
    return f"{value:.3g}" if isinstance(value, float) else printable(str(value))

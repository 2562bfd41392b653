"""The results folder of a command: what is written into it, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, final

import rich_click as click

from simasgd.command.options import check_devices, learns
from simasgd.command.output.telling import Telling
from simasgd.errors import RunFailed, SimasgdError, UsageError
from simasgd.printable import printable
from simasgd.signals import GOES_ON, STARTS_ANEW, outlook, unbroken
from simasgd.storage.files import PAGE, REPORTS


def _write(result: Any, folder: Path) -> None:
    from simasgd.report.verdict.study_files import write_results

    write_results(result, folder)


@final
@dataclass(frozen=True)
class ResultsPlace:
    """The folder for a command's results.

    It is `out` if that was given, else `name` below reports/, or a folder beside that. `kind` is
    the command: run, compare, sweep, record, import or validate.
    """

    kind: str
    name: str
    out: Path | None
    replacing: bool

    @contextmanager
    def open(self, contents: Any, expected: Collection[str], command: str) -> Iterator[Any]:
        """Open the folder for results of `contents`, which may write the `expected` paths; list the results in the index.

        `command` is the command line that repeats, or goes on.
        """
        with self._open(contents, expected, command) as place:
            yield place
        add_to_index([place.path])

    def _open(self, contents: Any, expected: Collection[str], command: str) -> AbstractContextManager[Any]:
        from simasgd.storage.opening import open_default_folder, open_folder

        if self.out is not None:
            return open_folder(self.out, contents, expected, replacing=self.replacing, command=command)
        return open_default_folder(
            REPORTS / self.name,
            contents,
            expected,
            replacing=self.replacing,
            tell=lambda line: click.echo(printable(line), err=True),
            command=command,
        )

    def find_earlier(self, contents: Any) -> list[Path]:
        """Return the folders that may hold earlier results of the same kind; the first is the usual one."""
        if self.out is not None:
            return [self.out]
        from simasgd.storage.opening import name_aside

        usual = REPORTS / self.name
        return [usual, name_aside(usual, contents)]


def run_into(
    destination: ResultsPlace,
    chosen: Any,
    command: str,
    checkpoint_seconds: float,
    telling: Telling,
    *,
    target: float | None = None,
    write: Callable[[Any, Path], None] = _write,
    measured: Mapping[str, Any] = MappingProxyType({}),
    compute: Callable[..., Any] | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Run a scenario with all variants and seeds, `write` the results, and add a report.

    `compute` takes the place of `simasgd.study`. The `measured` runs, by the names of their variants, stand beside the
    simulated ones. The `notes` are about the command, and join those about the runs.
    """
    check_devices(chosen)

    from simasgd.results.contents import describe_contents, list_paths

    with_all = chosen.with_others({name: run.scenario for name, run in measured.items()}) if measured else chosen
    asked = [run.summary.model_dump_json() for run in measured.values()]
    contents = describe_contents(destination.kind, with_all, target, asked)
    with destination.open(contents, list_paths(with_all), command) as place:
        from simasgd.command.output.progress import phases
        from simasgd.results.study import Study
        from simasgd.studies.several import study

        if place.has_unfinished_work and not telling.quiet:
            click.echo(printable(f"resuming the unfinished work in {place.shown / place.unfinished.name}"), err=True)
        with (
            outlook(lambda: GOES_ON if place.has_unfinished_work or place.lacks_only_a_page else STARTS_ANEW),
            phases(chosen.name, quiet=telling.quiet, learns=learns(chosen)) as progress,
        ):
            if place.lacks_only_a_page:
                result = Study.load(place.path)
            else:
                unfinished = place.unfinished
                result = (study if compute is None else compute)(
                    chosen, command=command, progress=progress, unfinished=unfinished, checkpoint_seconds=checkpoint_seconds
                )
                runs = {**result.runs, **{name: [run] for name, run in measured.items()}}
                remarks = [*notes, *result.notes, *(f"{name}: {run.summary.note}" for name, run in measured.items())]
                result = replace(result, scenario=with_all, runs=runs, notes=remarks, target=target)
                with unbroken(), place.replacing() as fresh:
                    write(result, fresh)
            progress("report", 1.0)
            # Only now: beside the clocks of a run the libraries that draw would take as much memory as 10,000 learners.
            from simasgd.report.page import write_study

            add_page(place, lambda folder: write_study(result, folder))
        place.finish()

    from simasgd.report.terminal.study import conclude_study

    telling.end(conclude_study(result), place.shown / PAGE)


def add_to_index(studies: Sequence[Path]) -> None:
    """Bring the index up to date that lists these results: the nearest above them, or that of reports/ if they are in it.

    A problem with the index is a note, since the results are whole.
    """
    from simasgd.indexing.updating import find_index, update_index

    homes = {study: find_index(study, REPORTS.resolve()) for study in studies}
    for home in sorted({home for home in homes.values() if home is not None}):
        try:
            update_index(home, [study for study in studies if homes[study] == home])
        except UsageError as error:
            click.echo(printable(f"note: {error}"), err=True)


def load_measured(folders: Sequence[Path], chosen: Any) -> dict[str, Any]:
    """Load measured runs, and name them as variants beside those of the scenario.

    Raises UsageError if a folder holds no measured run, or the scenario has no variants.
    """
    from simasgd.results.run import Run

    found: dict[str, Any] = {}
    for folder in folders:
        run = Run.load(folder)
        if not run.summary.is_measured:
            raise UsageError(f"{folder}: the run was simulated; --measured takes a run that was imported or recorded")
        name = "measured" if not found else f"measured-{len(found) + 1}"
        while name in chosen.variants:
            name = f"{name}-log"
        found[name] = run
    return found


def add_page(place: Any, draw: Callable[[Path], object]) -> None:
    """Draw a page and add it to the results.

    Raises RunFailed if drawing fails; then the results stay without a page.
    """
    with place.adding() as fresh:
        try:
            draw(fresh)
        except (OSError, SimasgdError):
            raise
        except Exception as error:
            problem = " ".join(f"{type(error).__name__}: {error}".split())
            raise RunFailed(
                f"{place.shown}: the results are written, but their page could not be drawn ({problem}); "
                "the same command tries again, without computing anything anew"
            ) from error

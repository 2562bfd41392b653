"""The command that runs a scenario on real processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich_click as click

from simasgd.command.options import (
    load_scenario,
    out_option,
    overrides_argument,
    replace_option,
    scenario_argument,
    spell_command,
    spell_out,
    spell_variants,
    variant_option,
)
from simasgd.command.output.telling import Telling, telling_options
from simasgd.command.results_place import ResultsPlace, add_page
from simasgd.errors import SimasgdError, UsageError
from simasgd.printable import printable
from simasgd.signals import STARTS_ANEW, done_last, outlook, unbroken


@click.command()
@scenario_argument
@overrides_argument
@variant_option
@click.option("--engine", "name", default="ray", show_default=True, help="The software that runs the processes.")
@click.option("--address", metavar="HOST:PORT", help="Use the Ray cluster at this address.  [default: this machine]")
@click.option(
    "--pace",
    type=click.Choice(["paced", "free"]),
    default="paced",
    show_default=True,
    help="Mini-batches take the times that the scenario's law draws, or what the machine needs.",
)
@out_option
@replace_option
@telling_options
def record(
    scenario: str,
    overrides: tuple[str, ...],
    variants: tuple[str, ...],
    name: str,
    address: str | None,
    pace: str,
    out: Path | None,
    replacing: bool,
    telling: Telling,
) -> None:
    """Run a scenario on real processes, and write its report.

    The server and every learner are processes. They follow the scenario's protocol, and send real weights and
    gradients. docs/test-bed.md says what is recorded. KEY=VALUE changes a value of the scenario.

    The results go to reports/NAME-record/. `simasgd report`, `fit`, `compare --measured` and `validate` take them. The
    same command records again, and replaces them. A recording that is interrupted is kept, unless there is a whole one.
    """
    chosen = load_scenario(scenario, overrides, variants)
    given = (("--engine", name, "ray"), ("--address", address, None), ("--pace", pace, "paced"))
    options = (*(word for key, value, usual in given if value and value != usual for word in (key, value)), *spell_out(out))
    command = spell_command("record", scenario, (*overrides, *spell_variants(variants)), options)

    from simasgd.testbed.engine.starting import require_engine, start_engine
    from simasgd.testbed.support import require_support

    require_support(chosen)
    require_engine(name)

    from simasgd.command.output.progress import phases
    from simasgd.recording import is_whole
    from simasgd.recording import record as record_study
    from simasgd.report.terminal.study import conclude_study
    from simasgd.results.contents import describe_contents, list_paths
    from simasgd.results.study import Study
    from simasgd.storage.files import PAGE, STUDY, is_file
    from simasgd.testbed.ending import EndRequest
    from simasgd.testbed.system.pacing import PACINGS

    contents = describe_contents("record", chosen, None, [name, pace])
    with ResultsPlace("record", f"{chosen.name}-record", out, replacing).open(contents, list_paths(chosen), command) as place:
        earlier = _load_earlier(place.path) if is_file(place.path / STUDY) else None
        has_whole = earlier is not None and is_whole(earlier, chosen)
        ending, kept = EndRequest(), f"what was recorded until then is in {printable(str(place.shown))}"
        lost = f"{printable(str(place.shown))} keeps its earlier recording" if has_whole else STARTS_ANEW
        with (
            done_last(ending.ask),
            outlook(lambda: kept if ending.is_kept else lost),
            phases(chosen.name, quiet=telling.quiet) as progress,
        ):

            def record_all(keep: Callable[[Study], None]) -> Study:
                progress(f"start {name}", 0.0)
                with start_engine(name, address) as engine:
                    settings: dict[str, Any] = {"pacing": PACINGS[pace], "command": command, "progress": progress}
                    return record_study(chosen, engine, **settings, keep=keep, ending=ending)

            if has_whole and place.lacks_only_a_page:
                result: Any = earlier
                _add_page(place, result)
            else:
                result = _record_what_can_be(place, record_all, ending, has_whole=has_whole)
                progress("report", 1.0)
                _write(place, result)
            ending.finish(is_kept=True)
    telling.end(conclude_study(result), place.shown / PAGE)


def _record_what_can_be(place: Any, record_all: Callable[[Callable[[Any], None]], Any], ending: Any, *, has_whole: bool) -> Any:
    """Return the study of all runs, or of those until the user ended the recording.

    If a run fails, the runs before it are written, and its error is raised. A part does not replace a whole recording.
    """
    from simasgd.recording import EndedEarly

    so_far: list[Any] = []
    try:
        return record_all(so_far.append)
    except EndedEarly as early:
        if early.study is None or has_whole:
            ending.finish(is_kept=False)
            raise
        return early.study
    except SimasgdError:
        if so_far and not has_whole:
            _write(place, so_far[-1])
            click.echo(printable(f"the runs before the one that failed are in {place.shown}"), err=True)
        raise


def _load_earlier(folder: Path) -> Any:
    """Load an earlier recording; None if its files are damaged, because then there is nothing to keep."""
    from simasgd.results.study import Study

    try:
        return Study.load(folder)
    except UsageError:
        return None


def _write(place: Any, study: Any) -> None:
    """Write a study and its page into the results' folder."""
    from simasgd.report.verdict.study_files import write_results

    with unbroken(), place.replacing() as fresh:
        write_results(study, fresh)
    _add_page(place, study)


def _add_page(place: Any, study: Any) -> None:
    from simasgd.report.page import write_study

    add_page(place, lambda folder: write_study(study, folder))
    place.finish()

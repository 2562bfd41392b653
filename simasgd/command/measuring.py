"""The commands about real systems: import of logs, and validation against them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from simasgd.command.options import (
    check_data,
    check_text,
    out_option,
    replace_option,
    spell_command,
    spell_out,
)
from simasgd.command.output.telling import Telling, telling_options
from simasgd.command.results_place import ResultsPlace, add_page
from simasgd.errors import UsageError
from simasgd.printable import printable
from simasgd.scenario.vocabulary.names import STANDARD_INPUT
from simasgd.signals import STARTS_ANEW, outlook, unbroken
from simasgd.storage.files import PAGE, SCENARIO

_LOGS = (".csv", ".csv.gz", ".parquet", ".pq", ".txt", ".tsv")


@click.command(name="import")
@click.argument("log")
@click.argument("words", metavar="[LOG]… [SCENARIO] [KEY=VALUE]…", nargs=-1, callback=check_text)
@click.option("--like", metavar="NAME|FILE", help="Describe the system by this scenario, and learn nothing.")
@click.option("--name", help="Name of the run.  [default: the scenario's or the log's]")
@out_option
@replace_option
@telling_options
def import_(
    log: str, words: tuple[str, ...], like: str | None, name: str | None, out: Path | None, replacing: bool, telling: Telling
) -> None:
    """Make a run of a real system's log, and write its report.

    LOG is CSV or Parquet with a row for each operation; docs/logs.md lists the columns. Its updates say whose gradient
    they apply, and on which version of the weights it was computed.

    SCENARIO describes the system: its protocol, its workload, and perhaps what it learns. Then the learning is
    replayed with the measured staleness. KEY=VALUE changes a value of the scenario.

    The results go to reports/NAME/. `simasgd report`, `simasgd compare --measured` and `simasgd validate` take them.
    """
    files, scenario, overrides = _sort_words(log, words)
    if like is not None and scenario is not None:
        raise UsageError(f"the scenario {scenario} and --like {like} both describe the system; give one")
    described = None
    if scenario is not None or like is not None:
        described = _load_single(scenario or str(like), overrides, learns=like is None)
    options = (*(("--like", like) if like else ()), *(("--name", name) if name else ()), *spell_out(out))
    command = spell_command("import", log, _name_input((*words, *options)))

    from simasgd.command.output.progress import phases
    from simasgd.measured.contents import IMPORT_PATHS, describe_import, name_import
    from simasgd.measured.importing import import_log
    from simasgd.report.page import write_study
    from simasgd.report.terminal.study import conclude_study
    from simasgd.report.verdict.study_files import write_results
    from simasgd.results.study import Study

    title = name_import(files, described, name)
    contents = describe_import(files, described, name, overrides)
    with ResultsPlace("import", title, out, replacing).open(contents, IMPORT_PATHS, command) as place:
        with outlook(lambda: STARTS_ANEW), phases(title, quiet=telling.quiet) as progress:
            run = import_log(files, described, name=title, overrides=overrides, progress=progress)
            result = Study(run.scenario, {"": [run]}, command, (run.summary.note,))
            with unbroken(), place.replacing() as fresh:
                write_results(result, fresh)
            progress("report", 1.0)
            add_page(place, lambda folder: write_study(result, folder))
        place.finish()
    telling.end(conclude_study(result), place.shown / PAGE)


@click.command()
@click.argument("measured")
@click.argument("words", metavar="[LOG]… [SCENARIO] [KEY=VALUE]…", nargs=-1, callback=check_text)
@out_option
@replace_option
@telling_options
def validate(measured: str, words: tuple[str, ...], out: Path | None, replacing: bool, telling: Telling) -> None:
    """Compare a measured system with its simulation.

    MEASURED is a log, or the folder of an imported or recorded run. SCENARIO describes the system, and is simulated; the
    folder of a measured run may name it. KEY=VALUE changes a value of the scenario.

    The page and validate.json show throughput, the phases of a learner's cycle, staleness and the cost of barriers,
    with the errors of the simulation. The warm-up is left out. A bad prediction is a result: the exit status is 0.

    The results go to reports/NAME-validate/.
    """
    files, name, overrides = _sort_words(measured, words)

    from simasgd.command.output.progress import phases
    from simasgd.report.facts.formats import use_plain_spaces
    from simasgd.report.page import write_validation
    from simasgd.report.terminal.conclusion import Conclusion
    from simasgd.results.json_files import write_json
    from simasgd.scenario.reading.yaml_layer import dump_yaml
    from simasgd.storage.files import VALIDATION
    from simasgd.validation.contents import VALIDATION_PATHS, describe_contents
    from simasgd.validation.validating import load_measured
    from simasgd.validation.validating import validate as compare_with_simulation

    system = load_measured(files, _choose_scenario(files[0], name, overrides))
    scenario = system.scenario
    command = spell_command("validate", measured, _name_input(words), spell_out(out))
    contents = describe_contents(system.files, scenario)
    destination = ResultsPlace("validate", f"{scenario.name}-validate", out, replacing)
    with destination.open(contents, VALIDATION_PATHS, command) as place:
        with outlook(lambda: STARTS_ANEW), phases(scenario.name, quiet=telling.quiet, learns=False) as progress:
            found = compare_with_simulation(system, command, progress)
            with unbroken(), place.replacing() as fresh:
                write_json(fresh / VALIDATION, found.model_dump(mode="json"))
                (fresh / SCENARIO).write_text(dump_yaml(scenario.resolved()), encoding="utf-8")
            progress("report", 1.0)
            add_page(place, lambda folder: write_validation(found, scenario, folder))
        place.finish()
    verdict, notes = use_plain_spaces(found.verdict), tuple(f"{remark}." for remark in found.remarks)
    content = found.model_dump(mode="json")
    telling.end(
        Conclusion(table=None, verdict=(printable(verdict),), notes=tuple(map(printable, notes)), content=content),
        place.shown / PAGE,
    )


def _sort_words(log: str, words: tuple[str, ...]) -> tuple[list[Path], str | None, tuple[str, ...]]:
    """Return the files of the log, the scenario if one is named, and the overrides."""
    overrides = tuple(word for word in words if "=" in word and not Path(word).is_file())
    others = [word for word in words if word not in overrides]
    files = [Path(log), *(Path(word) for word in others if word.lower().endswith(_LOGS))]
    scenarios = [word for word in others if not word.lower().endswith(_LOGS)]
    if len(scenarios) > 1:
        raise UsageError(f"{scenarios[0]} and {scenarios[1]} both name a scenario; give one")
    return files, scenarios[0] if scenarios else None, overrides


def _name_input(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a command that repeats one: the results' folder has the scenario of standard input."""
    return tuple(SCENARIO if word == STANDARD_INPUT else word for word in words)


def _choose_scenario(measured: Path, name: str | None, overrides: tuple[str, ...]) -> Any:
    """Return the scenario that is named, or the one in a measured run's folder; None if there is none."""
    from simasgd.results.run import Run
    from simasgd.scenario.schema import Scenario

    if name is not None:
        return Scenario.load(name, *overrides)
    if measured.is_dir() and overrides:
        summary = Run.load(measured).summary
        if summary.is_measured and summary.has_scenario:
            return Scenario.load(measured / SCENARIO, *overrides)
    if overrides and not measured.is_dir():
        raise UsageError(f"{overrides[0]}: there is no scenario to change; name one")
    return None


def _load_single(name: str, overrides: tuple[str, ...], *, learns: bool) -> Any:
    """Load a scenario, without its learning if it does not learn, and check that its data is there."""
    from simasgd.scenario.schema import Scenario

    scenario = Scenario.load(name, *overrides)
    if not learns and scenario.learning is not None:
        filled = {"payload": scenario.payload, "samples_per_epoch": scenario.samples_per_epoch}
        workload = scenario.workload.model_copy(update=filled)
        scenario = scenario.model_copy(update={"learning": None, "workload": workload, "variants": {}})
    check_data(scenario.model_copy(update={"variants": {}}))
    return scenario

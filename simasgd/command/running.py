"""The commands that write results of one scenario: run and compare; and report, which draws a page."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from simasgd.command.options import (
    check_data,
    check_text,
    checkpoint_option,
    load_with_notes,
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
from simasgd.command.results_place import ResultsPlace, add_page, add_to_index, load_measured, run_into
from simasgd.scenario.vocabulary.names import STANDARD_INPUT
from simasgd.storage.files import PAGE


@click.command()
@scenario_argument
@overrides_argument
@variant_option
@out_option
@replace_option
@checkpoint_option
@click.option(
    "--continue",
    "epochs",
    type=click.FloatRange(0.0, 1e9, min_open=True),
    metavar="N",
    help="Go on with the finished run for N more epochs, from the weights that it kept (record.weights=true).",
)
@telling_options
def run(
    scenario: str,
    overrides: tuple[str, ...],
    variants: tuple[str, ...],
    out: Path | None,
    replacing: bool,
    checkpoint_seconds: float,
    telling: Telling,
    epochs: float | None,
) -> None:
    """Run a scenario and write its report.

    KEY=VALUE changes a value of the scenario. A key may be shortened to any unambiguous ending:
    learners=8 means cluster.learners=8. `simasgd explain KEY` describes a key. FILE may be `-`,
    standard input.

    The results go to reports/NAME/, those of --variant V to reports/NAME-V/. If that folder holds
    results of other parameters, they go to reports/NAME-HASH/.

    After an interruption the same command resumes the run.

    --continue takes the finished run of the same scenario, or of the folder that stands in place of NAME. The whole
    run, both parts together, goes to reports/NAME-continued/.
    """
    if epochs is not None:
        from simasgd.command.continuing import continue_run

        continue_run(scenario, overrides, variants, epochs, out, replacing, checkpoint_seconds, telling)
        return
    chosen, notes = load_with_notes(scenario, overrides, variants)
    command = spell_command("run", scenario, (*overrides, *spell_variants(variants)), spell_out(out))
    run_into(ResultsPlace("run", chosen.name, out, replacing), chosen, command, checkpoint_seconds, telling, notes=notes)


@click.command()
@scenario_argument
@click.argument("arguments", metavar="[PROTOCOL]… [KEY=VALUE]…", nargs=-1, callback=check_text)
@variant_option
@click.option("--target", metavar="ERROR", help="Compare the times to reach this test error (5% or 0.05) or test loss.")
@click.option(
    "--measured",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FOLDER",
    help="Compare with this measured run, too; may be given again.",
)
@out_option
@replace_option
@checkpoint_option
@telling_options
def compare(
    scenario: str,
    arguments: tuple[str, ...],
    variants: tuple[str, ...],
    target: str | None,
    measured: tuple[Path, ...],
    out: Path | None,
    replacing: bool,
    checkpoint_seconds: float,
    telling: Telling,
) -> None:
    """Run a scenario under several protocols and compare them.

    A PROTOCOL is written KIND[:KEY=VALUE,…][+MODULATION], for example hardsync, n-softsync:n=4 or
    async+inverse-staleness. Without a PROTOCOL the scenario's own variants are compared, or some of them: --variant a
    --variant b.

    KEY=VALUE changes a value for all protocols. For example, repeats=5 runs each with five seeds.

    --measured adds a run that `simasgd import` made of a real system's log.

    The results go to reports/NAME-compare/.
    """
    from simasgd.scenario.protocol_variants import build_comparison, parse_target

    chosen, notes = build_comparison(scenario, arguments, len(measured), variants)
    value = None if target is None else parse_target(target, chosen)
    check_data(chosen)

    from simasgd.report.comparison.comparison_json import write_comparison

    options = (
        *(() if scenario == STANDARD_INPUT else spell_variants(variants)),
        *(() if target is None else ("--target", target)),
        *(word for path in measured for word in ("--measured", str(path))),
        *spell_out(out),
    )
    command = spell_command("compare", scenario, arguments, options)
    destination = ResultsPlace("compare", f"{chosen.name}-compare", out, replacing)
    run_into(
        destination,
        chosen,
        command,
        checkpoint_seconds,
        telling,
        target=value,
        write=write_comparison,
        measured=load_measured(measured, chosen),
        notes=notes,
    )


@click.command()
@click.argument("folders", type=click.Path(path_type=Path), metavar="FOLDER…", nargs=-1, required=True)
@telling_options
def report(folders: tuple[Path, ...], telling: Telling) -> None:
    """Draw the page of a results folder again.

    FOLDER is the folder of a run, a comparison, a sweep, advice or a validation, or of one variant or point.
    """
    studies = []
    for folder in folders:
        studies.append(_draw_page(folder))
        if not telling.as_json:
            telling.name_files((), {"report": folder / PAGE}, {})
    if telling.as_json:
        telling.print_json({"reports": [str(folder / PAGE) for folder in folders]})
    add_to_index(studies)


def _draw_page(folder: Path) -> Path:
    """Draw a page, and return the folder of the results that it belongs to."""
    from simasgd.storage.opening import reopen_folder

    with reopen_folder(folder) as (place, below):
        from simasgd.report.page import write_advice, write_study, write_sweep, write_validation
        from simasgd.results.study import Study
        from simasgd.studies.advising import Advice, is_advice
        from simasgd.sweeps.table import Sweep, is_sweep
        from simasgd.validation.contents import is_validation, load_validation

        if is_validation(folder):
            found, scenario = load_validation(folder)
            add_page(place, lambda fresh: write_validation(found, scenario, fresh / below))
        elif is_advice(folder):
            advice = Advice.load(folder)
            add_page(place, lambda fresh: write_advice(advice.findings, advice.scenario, fresh / below))
        elif is_sweep(folder):
            table = Sweep.load(folder)
            add_page(place, lambda fresh: write_sweep(table, fresh / below))
        else:
            result = Study.load(folder)
            add_page(place, lambda fresh: write_study(result, fresh / below))
    return place.path

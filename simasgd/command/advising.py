"""The command `advise`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from simasgd.command.engine_options import engine_options
from simasgd.command.options import (
    check_data,
    check_devices,
    check_text,
    out_option,
    overrides_argument,
    replace_option,
    scenario_argument,
    spell_command,
    spell_out,
)
from simasgd.command.output.telling import Telling, telling_options
from simasgd.command.results_place import ResultsPlace, add_page
from simasgd.printable import printable
from simasgd.signals import GOES_ON, outlook
from simasgd.storage.files import PAGE


@click.command()
@scenario_argument
@overrides_argument
@click.option("--target", required=True, metavar="ERROR", help="The test error (5% or 0.05) or test loss to reach.")
@click.option(
    "--vary",
    multiple=True,
    metavar="KEY=VALUES,…",
    callback=check_text,
    help="What may be chosen, for example learners=1..64,mini_batch=4..128,protocol=hardsync,async; may be given again.",
)
@click.option("--budget", metavar="AMOUNT", help="Learn no more than this: '200 epochs' of all runs together, or '10 min'.")
@out_option
@replace_option
@engine_options
@click.option("--retry-failed", "retrying", is_flag=True, help="Try runs that failed earlier again.")
@click.option("--dry-run", is_flag=True, help="Check and list the combinations, without running any.")
@telling_options
def advise(
    scenario: str,
    overrides: tuple[str, ...],
    target: str,
    vary: tuple[str, ...],
    budget: str | None,
    out: Path | None,
    replacing: bool,
    engine: Any,
    retrying: bool,
    dry_run: bool,
    telling: Telling,
) -> None:
    """Say which protocol, how many learners, which mini-batch and rate reach a target soonest, and which cheapest.

    The search times all candidates, and learns only where it matters. It says how sure the answer is, and what would
    change it.

    --vary names what may be chosen. A range 1..64 stands for 1, 2, 4 and so on. Protocols are written as for compare:
    protocol=hardsync,n-softsync:n=4,async+inverse-staleness. By default the search varies the learners, half and
    twice the mini-batch, and a protocol of each family. A scenario's own variants take the place of these.

    stop.epochs is the most that a candidate may take, and repeats the most seeds (5 if it is 1).

    The results go to reports/NAME-advice/. After an interruption the same command resumes the search.
    It does not try runs again that failed: --retry-failed does.
    """
    from simasgd.advising.inquiry import list_advice_paths, plan_inquiry

    budgeted = () if budget is None else ("--budget", budget)
    options = ("--target", target, *(word for one in vary for word in ("--vary", one)), *budgeted, *spell_out(out))
    command = spell_command("advise", scenario, overrides, options)
    inquiry = plan_inquiry(scenario, overrides, target, vary, budget, command)
    candidates = [one.scenario for one in inquiry.configurations]
    check_data(*candidates)
    if dry_run:
        for sentence in inquiry.sentences():
            click.echo(printable(sentence))
        return
    check_devices(*candidates)

    destination = ResultsPlace("advise", f"{inquiry.base.name}-advice", out, replacing)
    with destination.open(inquiry.contents, list_advice_paths(inquiry), command) as place, outlook(lambda: GOES_ON):
        from simasgd.command.output.progress import stages
        from simasgd.report.page import write_advice
        from simasgd.report.terminal.advice import conclude_advice
        from simasgd.studies.advising import search_in

        pool = engine.make_pool_of_search(place.path.absolute())
        with stages(inquiry.base.name, quiet=telling.quiet) as progress:
            advice = search_in(inquiry, place, pool, progress, retrying=retrying)
        add_page(place, lambda folder: write_advice(advice.findings, advice.scenario, folder))
        place.finish()
    telling.end(conclude_advice(advice.findings), place.shown / PAGE)

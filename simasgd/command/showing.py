"""The commands that look at scenarios and data: check, schema and data."""

from __future__ import annotations

import json

import rich_click as click

from simasgd.command.options import load_with_notes, overrides_argument, scenario_argument, variant_option
from simasgd.printable import printable
from simasgd.scenario.vocabulary.names import STANDARD_INPUT


@click.command()
@scenario_argument
@overrides_argument
@variant_option
def check(scenario: str, overrides: tuple[str, ...], variants: tuple[str, ...]) -> None:
    """Check a scenario without running it.

    KEY=VALUE changes a value of the scenario, as in `simasgd run`.
    """
    from simasgd.scenario.common_start import will_probably_lock_step
    from simasgd.scenario.costs_paid import find_unpaid

    chosen, notes = load_with_notes(scenario, overrides, variants)
    name, runs = "standard input" if scenario == STANDARD_INPUT else scenario, chosen.num_runs
    plan = None
    if chosen.sweep is not None:
        from simasgd.sweeps.plan import plan_sweep

        plan = plan_sweep(chosen.resolved() if scenario == STANDARD_INPUT else scenario, overrides, variants=variants)
    click.echo(f"{name}: fine ({runs} run{'s' if runs != 1 else ''})")
    for note in notes:
        click.echo(f"note: {printable(note)}")
    in_step = [name for name, variant in chosen.by_variant.items() if will_probably_lock_step(variant)]
    if in_step:
        click.echo(
            f"note: {', '.join(in_step) + ': ' if any(in_step) else ''}learners that start together and compute for constant "
            "times may stay in step on links that share fairly; try cluster.start=spread, or a compute.cv, to see the effect"
        )
    for name, variant in chosen.by_variant.items():
        for clause in find_unpaid(variant):
            click.echo(f"note: {name + ': ' if name else ''}{clause}")
    if plan is not None:
        from simasgd.command.results_place import ResultsPlace
        from simasgd.command.sweeping import list_points
        from simasgd.sweeps.pools.choosing import Engine

        click.echo("its sweep:")
        list_points(plan, ResultsPlace("sweep", f"{plan.scenario.name}-sweep", None, replacing=False), Engine().processes)


@click.command()
def schema() -> None:
    """Print the JSON schema of scenarios, for editors.

    Example: simasgd schema > scenario.schema.json
    """
    from simasgd.scenario.editor_schema import build_scenario_schema

    click.echo(json.dumps(build_scenario_schema(), indent=1))


@click.command()
def data() -> None:
    """List the data sets: which are available, and where to get the others."""
    from simasgd.errors import DataMissing
    from simasgd.learning.data import files as datafiles

    click.echo(f"{'digits':19} available (embedded)")
    for name in ("characters", "linear-regression", "logistic-regression", "noise"):
        click.echo(f"{name:19} available (made when needed)")
    for name, source in datafiles.FILES.items():
        try:
            found = datafiles.locate(name)
        except DataMissing as missing:
            click.echo(f"{name:19} missing: {missing}")
            first, *others = source.forms
            click.echo(f"{'':19} get from {source.home}: {', '.join(first.parts)}")
            click.echo(f"{'':19} put them into ${datafiles.VARIABLE}/{first.folder}/ {first.kind}")
            for form in others:
                place = "/".join(part for part in (f"${datafiles.VARIABLE}", form.folder) if part != ".")
                click.echo(f"{'':19} or {form.title}: {place}/ with {', '.join(form.parts)}")
        else:
            assert found is not None
            click.echo(f"{name:19} available: {found.form.title} in {found.train[0].parent}")

"""The commands that print something and write nothing: check, list, show, schema and data."""

from __future__ import annotations

import json

import rich_click as click

from simasgd.command.options import load_scenario, overrides_argument, scenario_argument


@click.command()
@scenario_argument
@overrides_argument
def check(scenario: str, overrides: tuple[str, ...]) -> None:
    """Check a scenario without running it.

    KEY=VALUE changes a value of the scenario, as in `simasgd run`.
    """
    from simasgd.scenario.costs_paid import find_unpaid
    from simasgd.scenario.lock_step import will_probably_lock_step

    chosen = load_scenario(scenario, overrides)
    runs = sum(variant.repeats for variant in (chosen.variants or {"": chosen}).values())
    click.echo(f"{scenario}: fine ({runs} run{'s' if runs != 1 else ''})")
    in_step = [name for name, variant in (chosen.variants or {"": chosen}).items() if will_probably_lock_step(variant)]
    if in_step:
        click.echo(
            f"note: {', '.join(in_step) + ': ' if any(in_step) else ''}learners that start together and compute for constant "
            "times may stay in step on links that share fairly; try cluster.start=spread, or a compute.cv, to see the effect"
        )
    for name, variant in (chosen.variants or {"": chosen}).items():
        for clause in find_unpaid(variant):
            click.echo(f"note: {name + ': ' if name else ''}{clause}")


@click.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List the protocols, and the scenarios and node profiles that come with simasgd."""
    from simasgd.scenario.reading import catalogue, yaml_layer

    listed = {
        kind: {name: str(yaml_layer.read_layer(path).tree.get("title", "")) for name, path in named.items()}
        for kind, named in (("scenarios", catalogue.list_scenarios()), ("profiles", catalogue.list_profiles()))
    }
    listed["protocols"] = catalogue.list_protocols()
    if as_json:
        click.echo(json.dumps(listed, indent=1))
        return
    for kind, titles in listed.items():
        click.echo(f"{kind}:")
        for name, title in titles.items():
            click.echo(f"  {name:24} {title}")


@click.command()
@scenario_argument
@overrides_argument
@click.option("--plan", "as_plan", is_flag=True, help="Print how the learning would be computed, and its memory.")
def show(scenario: str, overrides: tuple[str, ...], as_plan: bool) -> None:
    """Print a scenario with all its values, including those of its profile and the defaults."""
    from simasgd.scenario.reading import yaml_layer
    from simasgd.scenario.schema import Scenario

    chosen = Scenario.load(scenario, *overrides)
    if as_plan:
        from simasgd.simulator import describe_plans

        click.echo(describe_plans(chosen))
    else:
        click.echo(yaml_layer.dump_yaml(chosen.resolved()), nl=False)


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

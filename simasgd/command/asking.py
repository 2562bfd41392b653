"""The commands that answer questions: list, show and explain."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import rich_click as click

from simasgd.command.options import check_text, overrides_argument, variant_option
from simasgd.printable import printable

if TYPE_CHECKING:
    from simasgd.asking.answers import Answer

_MOST_COLUMNS = 100
_LEAST_COLUMNS = 40
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command(name="list")
@click.argument("groups", metavar="[GROUP]…", nargs=-1, callback=check_text)
@json_option
def list_(groups: tuple[str, ...], as_json: bool) -> None:
    """List what a scenario may name: scenarios, profiles, protocols, models and more.

    GROUP is the first word of a group, for example protocols or data. `simasgd show NAME` describes
    a name.
    """
    from simasgd.asking.listing import choose_groups
    from simasgd.asking.terminal import write_table

    listed = choose_groups(groups)
    if as_json:
        click.echo(json.dumps(listed, indent=1))
        return
    for group, names in listed.items():
        click.echo(f"{group}:")
        for line in write_table(names.items(), _width()):
            click.echo(printable(line))


@click.command()
@click.argument("name", metavar="NAME|FILE")
@overrides_argument
@variant_option
@click.option("--plan", "as_plan", is_flag=True, help="Print how the learning would be computed, and its memory.")
@json_option
def show(name: str, overrides: tuple[str, ...], variants: tuple[str, ...], as_plan: bool, as_json: bool) -> None:
    """Show a scenario with all its values, or describe what else NAME is.

    Of a scenario, the values of its profile and the defaults are printed, too; KEY=VALUE changes a
    value. NAME may also be a profile, whose numbers are printed with their sources, a protocol, a
    model, a data set, an optimizer, or any other kind. `simasgd list` lists the names.

    A name that is a scenario's stands for the scenario. Write KEY=KIND for the other meaning:
    simasgd show protocol=backup-workers.
    """
    from simasgd.scenario.reading import profiles, sources, yaml_layer

    is_plain = not (overrides or variants or as_plan)
    if is_plain and not sources.is_scenario(name):
        from simasgd.asking.answers import answer

        _print_answer(answer(name, keys_first=False), as_json)
        return
    layer = sources.read_source(name)
    if is_plain and profiles.is_profile(layer):
        from simasgd.asking.answers import Answer
        from simasgd.asking.profile_facts import describe_profile

        _print_answer(Answer(name, (), (describe_profile(name, layer),)), as_json)
        return

    from simasgd.scenario.schema import Scenario

    chosen = Scenario.from_layer(layer, overrides, variants)
    if as_plan:
        from simasgd.simulator import describe_plans

        click.echo(describe_plans(chosen))
        return
    resolved = chosen.resolved()
    click.echo(json.dumps(resolved, indent=1) if as_json else yaml_layer.dump_yaml(resolved), nl=as_json)
    if is_plain:
        _tell_other_meanings(name)


@click.command()
@click.argument("word", metavar="KEY", callback=lambda context, parameter, word: check_text(context, parameter, (word,))[0])
@json_option
def explain(word: str, as_json: bool) -> None:
    """Explain a key of a scenario: its values, unit, default and meaning, with an example.

    KEY may be any ending of a key, such as learners for cluster.learners. It may also be a word of
    the field, such as lr or workers, a word of results, such as staleness or speed-up, or any name
    that `simasgd show` describes.
    """
    from simasgd.asking.answers import answer

    _print_answer(answer(word, keys_first=True), as_json)


def _print_answer(answer: Answer, as_json: bool) -> None:
    if as_json:
        from simasgd.asking.as_json import describe_answer

        click.echo(json.dumps(describe_answer(answer), indent=1, allow_nan=False))
        return
    from simasgd.asking.terminal import write_answer

    for line in write_answer(answer, _width()):
        click.echo(printable(line))


def _tell_other_meanings(name: str) -> None:
    """Say on standard error that the name of a scenario is the name of something else, too."""
    from simasgd.asking.answers import list_other_meanings

    for other in list_other_meanings(name):
        click.echo(f"note: {name} names something else, too: simasgd show {other}", err=True)


def _width() -> int:
    columns = shutil.get_terminal_size((_MOST_COLUMNS, 24)).columns
    return max(_LEAST_COLUMNS, min(columns, _MOST_COLUMNS))

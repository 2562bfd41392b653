"""Arguments and options that several commands share, and what they stand for."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rich_click as click

from simasgd.printable import is_text
from simasgd.scenario.vocabulary.names import STANDARD_INPUT
from simasgd.storage.files import SCENARIO

_VARY = ("compare", "sweep")  # commands whose arguments are more than changes of the scenario


def check_text(context: click.Context, parameter: click.Parameter, words: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse arguments that are not text, whose bytes Python keeps as lone surrogates."""
    for word in words:
        if not is_text(word):
            raise click.BadParameter(f"{word.encode(errors='backslashreplace').decode()!r} is not text in this encoding")
    return words


scenario_argument = click.argument("scenario", metavar="NAME|FILE")
overrides_argument = click.argument("overrides", metavar="[KEY=VALUE]…", nargs=-1, callback=check_text)
variant_option = click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME",
    callback=check_text,
    help="Take this variant of the scenario only; may be given again.",
)
out_option = click.option(
    "--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Write the results to this folder instead."
)
replace_option = click.option(
    "--replace", "replacing", is_flag=True, help="Replace results of other parameters that are in the folder."
)
checkpoint_option = click.option(
    "--checkpoint",
    "checkpoint_seconds",
    type=click.FloatRange(0.0),
    default=60.0,
    metavar="SECONDS",
    show_default=True,
    help="Save the state of a long run this often.",
)


def load_scenario(scenario: str, overrides: tuple[str, ...], variants: tuple[str, ...] = ()) -> Any:
    """Load a scenario, or some of its variants, and check that its data is there."""
    return load_with_notes(scenario, overrides, variants)[0]


def load_with_notes(scenario: str, overrides: tuple[str, ...], variants: tuple[str, ...] = ()) -> tuple[Any, tuple[str, ...]]:
    """Load a scenario, as `load_scenario` does, with notes about overrides that replace values of its variants."""
    from simasgd.scenario.reading.load import build_scenario
    from simasgd.scenario.reading.sources import read_source
    from simasgd.scenario.schema import Scenario

    built = build_scenario(Scenario, read_source(scenario), overrides, variants)
    chosen = built.scenario.choose(variants)
    check_data(chosen)
    return chosen, built.overruled


def check_data(*scenarios: Any) -> None:
    """Raise DataMissing if files of the scenarios' data are missing."""
    from simasgd.learning.data.files import require_files_for

    require_files_for(scenarios)


def learns(*scenarios: Any) -> bool:
    """Return whether any variant of the scenarios learns."""
    return any(one.learning is not None for scenario in scenarios for one in scenario.by_variant.values())


def check_devices(*scenarios: Any) -> None:
    """Raise UsageError if scenarios learn and a variable of the environment keeps JAX from it."""
    from simasgd.learning.devices import require_devices_for

    require_devices_for(scenarios)


def spell_variants(variants: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a command line that choose variants."""
    return tuple(word for variant in variants for word in ("--variant", variant))


def spell_out(out: Path | None) -> tuple[str, ...]:
    """Return the words of a command line that choose the folder of the results."""
    return () if out is None else ("--out", str(out))


def spell_with(words: Sequence[str], override: str) -> str:
    """Return a command line with an override, in place of others of its key and of --out, whose folder has other results."""
    from simasgd.scenario.reading.keys import resolve_key
    from simasgd.scenario.schema import Scenario

    def full_key(word: str) -> str:
        try:
            return resolve_key(Scenario, word.partition("=")[0].strip())
        except ValueError:
            return ""  # an option, or its value

    out = words.index("--out") if "--out" in words else len(words)
    kept = [word for i, word in enumerate(words) if i not in (out, out + 1) and full_key(word) != full_key(override)]
    return shlex.join([*kept, override])


def spell_command(verb: str, scenario: str, arguments: tuple[str, ...], options: tuple[str, ...] = ()) -> str:
    """Return the command line that repeats a command.

    A scenario from standard input is in the folder of the results, resolved, as scenario.yaml: it
    has the variants and overrides of a run.
    """
    if scenario != STANDARD_INPUT:
        return shlex.join(["simasgd", verb, scenario, *arguments, *options])
    again = arguments if verb in _VARY else ()
    return shlex.join(["simasgd", verb, SCENARIO, *again, *options])

"""`simasgd run --continue N`: from the folder of a finished run to a run of more epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simasgd.command.options import load_scenario, spell_command, spell_variants
from simasgd.command.output.telling import Telling
from simasgd.command.results_place import ResultsPlace, run_into
from simasgd.errors import UsageError


def continue_run(
    name: str,
    overrides: tuple[str, ...],
    variants: tuple[str, ...],
    epochs: float,
    out: Path | None,
    replacing: bool,
    checkpoint_seconds: float,
    telling: Telling,
) -> None:
    """Go on with the run of a scenario, or of a folder, for so many epochs more, and write the whole as a run of its own.

    Raises UsageError if there is no such run, or it kept no weights.
    """
    folder = _find_folder(name, overrides, variants)

    from simasgd.results.study import Study
    from simasgd.stages.parts import continued_scenario, require_end
    from simasgd.studies.several import extend

    first = Study.load(folder)
    for run in (run for runs in first.runs.values() for run in runs):
        if run.scenario.learning is not None and run.weights is None and not run.diverged:
            keep = f"{first.command or f'simasgd run {name}'} record.weights=true"
            raise UsageError(f"{folder}: the run kept no weights, so it cannot go on; keep them: {keep}")
        require_end(run)
    chosen = continued_scenario(first.scenario, epochs)
    command = spell_command("run", name, (*overrides, *spell_variants(variants), "--continue", f"{epochs:g}"))

    def compute(scenario: Any, **given: Any) -> Any:
        del scenario  # it is the one that `extend` makes of the first part's
        return extend(first, epochs, **given)

    destination = ResultsPlace("run", f"{chosen.name}-continued", out, replacing)
    run_into(destination, chosen, command, checkpoint_seconds, telling, compute=compute)


def _find_folder(name: str, overrides: tuple[str, ...], variants: tuple[str, ...]) -> Path:
    """Return the folder of the finished run: the folder named, or where `simasgd run` puts the run of a scenario."""
    if Path(name).is_dir():
        if given := (*overrides, *spell_variants(variants)):
            raise UsageError(f"{name}: --continue goes on with the run in this folder as it is; leave out {' '.join(given)}")
        return Path(name)

    from simasgd.results.contents import describe_contents
    from simasgd.stages.parts import keeping_weights
    from simasgd.storage.manifest import MANIFEST, Manifest

    chosen = keeping_weights(load_scenario(name, overrides, variants))
    contents = describe_contents("run", chosen)
    folders = ResultsPlace("run", chosen.name, None, False).find_earlier(contents)
    for folder in folders:
        found = Manifest.read(folder / MANIFEST)
        if found is not None and found.contents.kind == "run" and found.contents.parameters == contents.parameters:
            return folder
    learns = any(one.learning is not None for one in (chosen.variants or {"": chosen}).values())
    keep = spell_command("run", name, (*overrides, *(("record.weights=true",) if learns else ()), *spell_variants(variants)))
    lacks = " that kept its weights" if learns else ""
    raise UsageError(
        f"{folders[0]}: there is no finished run of this scenario{lacks}; run it first: {keep}\n"
        "If the run is in another folder, name that folder: simasgd run FOLDER --continue …"
    )

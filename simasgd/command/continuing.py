"""`simasgd run --continue N`: from the folder of a finished run to a run of more epochs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from simasgd.command.options import learns, load_scenario, spell_command, spell_out, spell_variants, spell_with
from simasgd.command.output.telling import Telling
from simasgd.command.results_place import ResultsPlace, run_into
from simasgd.errors import UsageError
from simasgd.scenario.vocabulary.names import STANDARD_INPUT
from simasgd.storage.files import COMPARE, SCENARIO

_KEEPING = "record.weights=true"


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
    """Go on with the run of a scenario, or of a folder, for some epochs more, and write the whole as results of their own.

    The whole of a comparison is a comparison. Raises UsageError if there is no such run, or it kept
    no weights.
    """
    folder = _find_folder(name, overrides, variants)

    from simasgd.report.comparison.comparison_json import write_comparison
    from simasgd.report.verdict.study_files import write_results
    from simasgd.results.study import Study
    from simasgd.stages.parts import continued_scenario
    from simasgd.studies.several import choose_variants, extend

    first = Study.load(folder)
    if variants and Path(name).is_dir():
        first = choose_variants(first, variants)
    _require_ends(first, folder, name)
    is_comparison = first.has_variants and (folder / COMPARE).is_file()
    chosen = continued_scenario(first.scenario, epochs)
    command = spell_command("run", name, (*overrides, *spell_variants(variants), "--continue", f"{epochs:g}"), spell_out(out))

    def compute(scenario: Any, **given: Any) -> Any:
        del scenario  # it is the one that `extend` makes of the first part's
        return extend(first, epochs, **given)

    kind, of_kind = ("compare", "-compare") if is_comparison else ("run", "")
    run_into(
        ResultsPlace(kind, f"{chosen.name}{of_kind}-continued", out, replacing),
        chosen,
        command,
        checkpoint_seconds,
        telling,
        target=first.target,
        write=write_comparison if is_comparison else write_results,
        compute=compute,
    )


def _require_ends(first: Any, folder: Path, name: str) -> None:
    """Raise UsageError if the runs of a study cannot go on, with the command that lets them."""
    from simasgd.stages.parts import require_ends

    words = shlex.split(first.command) or ["simasgd", "run", name]
    if words[2:3] == [SCENARIO]:  # it came from standard input, and is in the folder
        words[2] = str(folder / SCENARIO)
    try:
        require_ends(first, f"keep them: {spell_with(words, _KEEPING)}")
    except UsageError as error:
        raise UsageError(f"{folder}: {error}") from None


def _find_folder(name: str, overrides: tuple[str, ...], variants: tuple[str, ...]) -> Path:
    """Return the folder of the finished run: the folder named, or where `simasgd run` puts the run of a scenario."""
    if Path(name).is_dir():
        if overrides:
            raise UsageError(
                f"{name}: --continue goes on with the run in this folder, whose values cannot change; "
                f"leave out {' '.join(overrides)}"
            )
        return Path(name)

    from simasgd.results.contents import describe_contents
    from simasgd.stages.parts import keeping_weights
    from simasgd.storage.manifest import MANIFEST, Manifest

    asked = load_scenario(name, overrides, variants)
    chosen = keeping_weights(asked)
    contents = describe_contents("run", chosen)
    folders = ResultsPlace("run", chosen.name, None, False).find_earlier(contents)
    for folder in folders:
        found = Manifest.read(folder / MANIFEST)
        if found is not None and found.contents.kind == "run" and found.contents.parameters == contents.parameters:
            return folder
    is_learning = learns(chosen)
    words = ["simasgd", "run", name, *overrides, *spell_variants(variants)]
    keep = spell_with(words, _KEEPING) if is_learning and not asked.record.weights else shlex.join(words)
    lacks = " that kept its weights" if is_learning else ""
    first = "run it first, from the same standard input" if name == STANDARD_INPUT else "run it first"
    raise UsageError(
        f"{folders[0]}: there is no finished run of this scenario{lacks}; {first}: {keep}\n"
        "If the run is in another folder, name that folder: simasgd run FOLDER --continue …"
    )

"""From a scenario to the comparison of its variants: what `simasgd compare` does, for Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from simasgd.errors import ScenarioError
from simasgd.protocols import AbstractProtocol
from simasgd.protocols.foreign import in_hand
from simasgd.results.study import Study
from simasgd.scenario.protocol_variants import build_comparison, parse_target
from simasgd.scenario.schema import Scenario, ScenarioSource
from simasgd.scenario.vocabulary.merge import ARGUMENT
from simasgd.scenario.vocabulary.values import shown
from simasgd.stages.progress import Progress
from simasgd.studies.several import study
from simasgd.sweeps.spelling import spell_held, spell_protocol

if TYPE_CHECKING:
    import pandas as pd

    from simasgd.learning.own import Task


@final
@dataclass(frozen=True, eq=False)
class Comparison:
    """Variants of one scenario, compared: `study` has their runs.

    In print and in IPython it shows its table and its verdict, in a notebook also two figures.
    """

    study: Study

    @property
    def verdict(self) -> str:
        """Who is best and by how much, who fails and why; the sentences of the page."""
        return self.study.verdict

    @property
    def facts(self) -> dict[str, Any]:
        """The content of compare.json: a row for each variant, the target, the Pareto front and the winners."""
        from simasgd.report.comparison.comparison_json import build_comparison_json

        return build_comparison_json(self.study)

    def table(self) -> pd.DataFrame:
        """Return one row per variant, as `Study.table` does."""
        return self.study.table()

    def save(self, folder: str | Path, *, replace: bool = False) -> None:
        """Write every run into a folder, as `Study.save` does."""
        self.study.save(folder, replace=replace)

    def write_page(self, path: str | Path) -> Path:
        """Write the page, one HTML file, and return its path; a folder gets it as `index.html`."""
        return self.study.write_page(path)

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(self.study.runs)}: {self.verdict}>"

    def __str__(self) -> str:
        return str(self.study)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the table and the verdict where IPython shows text."""
        printer.text("<Comparison …>" if cycle else str(self))

    def _repr_html_(self) -> str:
        return self.study._repr_html_()


def compare(
    scenario: ScenarioSource,
    *words: str | AbstractProtocol,
    variants: Sequence[str] = (),
    target: str | float | None = None,
    task: Task | None = None,
    progress: Progress = False,
) -> Comparison:
    """Run a scenario under several protocols, or its own variants, and compare them.

    `scenario` is what `Scenario.load` takes. A word is a protocol, such as
    `hardsync`, `n-softsync:n=4` or `async+inverse-staleness`, or an object such as
    `NSoftsync(n=4)`, which may be of a class of your own; or it changes a value for all: `repeats=5`.
    Without protocols, `variants` names those of the scenario's own that are compared, or
    all are. Times are compared at the `target`, a test error (`"5%"` or 0.05) or test loss; the
    report chooses one if there is none. The other arguments, and the errors raised, are as in
    `study`; ScenarioError is raised as by `Scenario.load`.
    """
    protocols = [word for word in words if isinstance(word, AbstractProtocol)]
    known = (scenario, *scenario.variants.values()) if isinstance(scenario, Scenario) else ()
    with in_hand([*protocols, *(one.protocol for one in known)]):
        spelt = list(map(_spell, words))
        chosen = build_comparison(scenario, spelt, chosen=variants).scenario
    value = None if target is None else parse_target(str(target), chosen)
    return Comparison(replace(study(chosen, task=task, progress=progress), target=value))


def _spell(word: object) -> str:
    """Return a word, or a protocol object as the word that stands for it. Raises ScenarioError for anything else."""
    if isinstance(word, AbstractProtocol):
        return spell_protocol(spell_held(word))
    if isinstance(word, str):
        return word
    hint = f"write {word.__name__}()" if isinstance(word, type) else "give text such as 'hardsync', or an object of a protocol"
    raise ScenarioError(f"{ARGUMENT}: found {shown(word)}; {hint}")

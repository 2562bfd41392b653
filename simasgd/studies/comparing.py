"""From a scenario to the comparison of its variants: what `simasgd compare` does, for Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from simasgd.results.study import Study
from simasgd.scenario.protocol_variants import build_comparison, parse_target
from simasgd.scenario.schema import Scenario
from simasgd.stages.progress import Progress
from simasgd.studies.several import study

if TYPE_CHECKING:
    import pandas as pd

    from simasgd.learning.own import Task


@final
@dataclass(frozen=True, eq=False)
class Comparison:
    """Variants of one scenario, compared: `study` has their runs.

    In a notebook it shows its verdict, a table and two figures.
    """

    study: Study

    @property
    def verdict(self) -> str:
        """Who is best and by how much, who fails and why; the sentences of the page."""
        from simasgd.report.facts.formats import use_plain_spaces
        from simasgd.report.facts.variant_facts import collect_facts
        from simasgd.report.verdict.verdict import state_verdict

        return use_plain_spaces(state_verdict(collect_facts(self.study)))

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

    def _repr_html_(self) -> str:
        return self.study._repr_html_()


def compare(
    scenario: str | Path | Mapping[str, Any] | Scenario,
    *words: str,
    target: str | float | None = None,
    task: Task | None = None,
    progress: Progress = False,
) -> Comparison:
    """Run a scenario under several protocols, or its own variants, and compare them.

    `scenario` is what `Scenario.load` takes, or a scenario. A word is a protocol, such as
    `hardsync`, `n-softsync:n=4` or `async+inverse-staleness`, or changes a value for all:
    `repeats=5`. Times are compared at the `target`, a test error (`"5%"` or 0.05) or test loss; the
    report chooses one if there is none. The other arguments, and the errors raised, are as in
    `study`; ScenarioError is raised as by `Scenario.load`.
    """
    source = scenario.resolved() if isinstance(scenario, Scenario) else scenario
    chosen = build_comparison(source, words)
    value = None if target is None else parse_target(str(target), chosen)
    return Comparison(replace(study(chosen, task=task, progress=progress), target=value))

"""From a scenario to advice: what `simasgd advise` does, for Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, final

from simasgd.advising.findings import Findings
from simasgd.advising.inquiry import find_advice, list_advice_paths, plan_inquiry
from simasgd.errors import UsageError
from simasgd.results.contents import read_scenario
from simasgd.results.json_files import read_json, write_json
from simasgd.scenario.schema import Scenario
from simasgd.simulator import require_learning
from simasgd.stages.progress import Progress, reporting
from simasgd.storage.files import ADVICE, PAGE
from simasgd.storage.opening import open_folder
from simasgd.sweeps.pools.here import OwnProcess
from simasgd.sweeps.pools.local import LocalPool

if TYPE_CHECKING:
    import pandas as pd

    from simasgd.storage.folder import ResultsFolder
    from simasgd.sweeps.pools.abstract import AbstractPool

Choices = str | int | float | Sequence[str | int | float]
"""The values of a key: one, several, or a range such as `"1..64"`."""


@final
@dataclass(frozen=True, eq=False)
class Advice:
    """Who reaches a target soonest, who cheapest, and what would change the answer.

    `findings` has the content of advice.json. In a notebook it shows its verdict and the answers.
    """

    findings: Findings
    scenario: Scenario

    @classmethod
    def load(cls, folder: str | Path) -> Advice:
        """Read advice from its folder.

        Raises simasgd.UsageError if the folder holds none, or a file in it does not have the form that simasgd writes.
        """
        folder = Path(folder)
        if not is_advice(folder):
            raise UsageError(f"{folder}: is not the folder of advice (it has no {ADVICE})")
        return cls(read_json(folder / ADVICE, Findings), read_scenario(folder))

    @property
    def verdict(self) -> str:
        """The sentences at the top of the page: what to use, how sure that is, and what would change it."""
        return self.findings.verdict

    @property
    def facts(self) -> dict[str, Any]:
        """The content of advice.json."""
        return self.findings.model_dump(mode="json")

    def table(self) -> pd.DataFrame:
        """Return a row for each candidate, with the columns of `candidates` in advice.json.

        Times are in seconds, and a test error is a fraction. NaN stands for a number that is not known.
        """
        import pandas as pd

        return pd.DataFrame([row.model_dump() for row in self.findings.candidates])

    def write_page(self, path: str | Path) -> Path:
        """Write the page, one HTML file, and return its path; a folder gets it as `index.html`.

        Raises simasgd.UsageError if it cannot be written.
        """
        from simasgd.report.page import render_advice

        path = Path(path)
        target = path / PAGE if path.is_dir() else path
        try:
            target.write_text(render_advice(self.findings, self.scenario), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{target}: the page cannot be written: {error.strerror or error}") from None
        return target

    def write_into(self, folder: Path) -> None:
        """Write advice.json into a folder that nobody else writes to."""
        write_json(folder / ADVICE, self.facts)

    def __repr__(self) -> str:
        return f"<Advice on {self.findings.name}: {self.verdict}>"

    def _repr_html_(self) -> str:
        from simasgd.report.advice.blocks import tabulate_answers

        answers = tabulate_answers(self.findings)
        told = f"<p><b>{escape(self.findings.name)}.</b> {escape(self.verdict)}</p>"
        if answers is None:
            return told
        head = "".join(f'<th style="text-align:left">{escape(column.title)}</th>' for column in answers.columns)
        cells = [[f'<td style="text-align:left">{escape(cell.text)}</td>' for cell in row] for row in answers.rows]
        rows = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
        return f"{told}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def is_advice(folder: Path) -> bool:
    """Tell whether a folder holds advice."""
    return (folder / ADVICE).is_file()


def advise(
    scenario: str | Path | Mapping[str, Any] | Scenario,
    *overrides: str,
    target: str | float,
    vary: str | Sequence[str] | Mapping[str, Choices] = (),
    budget: str | None = None,
    folder: str | Path | None = None,
    workers: int = 1,
    command: str = "",
    progress: Progress = False,
) -> Advice:
    """Search for the protocol, λ, µ and learning rate that reach a target soonest, and cheapest in learner-hours.

    `scenario` is what `Scenario.load` takes, or a scenario; its `stop.epochs` is the most that a candidate may take, and
    `repeats` the most seeds (5 if it is 1). `target` is a test error (`"5%"` or 0.05) or test loss. `vary` says what may be
    chosen: `"learners=1..64,mini_batch=4..128"`, or a mapping of keys to values; by default fewer learners, half and twice
    the mini-batch, and a protocol of each family. `budget` is a number of epochs or a time: `"200 epochs"`, `"10 min"`.

    Runs are kept in the `folder`, if one is given; the same search then goes on where it was interrupted. They are computed in
    `workers` processes; 1 is this process itself.

    Raises simasgd.ScenarioError for a mistake, simasgd.UsageError if the folder holds something else, simasgd.DataMissing, and
    simasgd.RunFailed if no run succeeds.
    """
    source = scenario.resolved() if isinstance(scenario, Scenario) else scenario
    inquiry = plan_inquiry(source, overrides, str(target), _spell(vary), budget, command)
    require_learning(inquiry.configurations[0].scenario)
    with (
        TemporaryDirectory(prefix="simasgd-") if folder is None else nullcontext(str(folder)) as home,
        open_folder(Path(home), inquiry.contents, list_advice_paths(inquiry)) as place,
        reporting(progress, inquiry.base.name) as report,
    ):
        found = search_in(inquiry, place, OwnProcess() if workers == 1 else LocalPool(workers), report)
        place.finish()
    return found


def search_in(inquiry: Any, place: ResultsFolder, pool: AbstractPool, progress: Any) -> Advice:
    """Carry out a search in an open folder, which stays unfinished, and write advice.json into it."""
    from simasgd.report.advice.sentences import state_verdict

    found, _ = find_advice(inquiry, place, pool, progress)
    advice = Advice(found.model_copy(update={"verdict": state_verdict(found)}), inquiry.base)
    with place.adding() as fresh:
        advice.write_into(fresh)
    return advice


def _spell(vary: str | Sequence[str] | Mapping[str, Choices]) -> tuple[str, ...]:
    """Return what varies as words of a command line."""
    if isinstance(vary, str):
        return (vary,)
    if not isinstance(vary, Mapping):
        return tuple(vary)
    return tuple(
        f"{key}={values if isinstance(values, str | int | float) else ','.join(map(str, values))}"
        for key, values in vary.items()
    )

"""From a scenario to advice: what `simasgd advise` does, for Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, final

from simasgd.advising.findings import Findings
from simasgd.advising.inquiry import Inquiry, find_advice, list_advice_paths, plan_inquiry
from simasgd.advising.vary import PROTOCOL
from simasgd.errors import ScenarioError, UsageError
from simasgd.learning.data.files import require_files_for
from simasgd.protocols import AbstractProtocol
from simasgd.results.contents import read_scenario
from simasgd.results.json_files import read_json, write_json
from simasgd.scenario.schema import Scenario, ScenarioSource
from simasgd.scenario.vocabulary.merge import ARGUMENT
from simasgd.scenario.vocabulary.values import shown
from simasgd.simulator import require_learning
from simasgd.stages.progress import Progress, reporting
from simasgd.storage.files import ADVICE
from simasgd.storage.opening import open_folder
from simasgd.studies.command_lines import listed, spell_command
from simasgd.sweeps.pools.choosing import Engine
from simasgd.sweeps.spelling import spell_axis, spell_protocol
from simasgd.timing import ReportPart

if TYPE_CHECKING:
    import pandas as pd

    from simasgd.storage.folder import ResultsFolder
    from simasgd.sweeps.pools.abstract import AbstractPool


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
    def is_cut(self) -> bool:
        """Whether the budget ended the search, which the verdict says, too. The same call goes on with a larger budget."""
        return self.findings.effort.is_cut

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
        from simasgd.report.page import render_advice, write_page

        return write_page(render_advice(self.findings, self.scenario), Path(path))

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
    scenario: ScenarioSource,
    *overrides: str,
    target: str | float,
    vary: str | Sequence[str] | Mapping[str, Any] = (),
    budget: str | None = None,
    workers: int | None = None,
    engine: str = "loky",
    address: str | None = None,
    folder: str | Path | None = None,
    replace: bool = False,
    retry_failed: bool = False,
    progress: Progress = False,
) -> Advice:
    """Search for the protocol, λ, µ and learning rate that reach a target soonest, and cheapest in learner-hours.

    `scenario` is what `Scenario.load` takes, or a scenario. Its `stop.epochs` is the most that a candidate may take, and
    `repeats` the most seeds (5 if it is 1).

    target     a test error (`"5%"` or 0.05), or a test loss
    vary       what may be chosen: `"learners=1..64,mini_batch=4..128"`, or a mapping of keys to values or ranges. By
               default fewer learners, half and twice the mini-batch, and a protocol of each family. A protocol is text
               such as `"n-softsync:n=4"`, a mapping such as `{"kind": "n-softsync", "n": 4}`, or an object of a protocol
               that an entry point leads to.
    budget     a number of epochs or a time: `"200 epochs"`, `"10 min"`
    workers    the number of processes; one for each core if None. 1 is this process itself.
    engine, address
               where they run, as `--engine` and `--address` of the command
    folder     where runs are kept: the same call goes on after an interruption. Without it they are deleted.
    replace    whether results of other parameters in the folder are replaced
    retry_failed
               whether runs that failed earlier are tried again
    progress   as in `study`; the phase is the stage of the search

    Raises simasgd.ScenarioError for a mistake, simasgd.UsageError if the folder cannot be used, simasgd.DataMissing, and
    simasgd.RunFailed if no run succeeds.
    """
    source = scenario.as_given() if isinstance(scenario, Scenario) else scenario
    chosen = Engine(name=engine, workers=workers, address=address)
    chosen.require()
    words = _spell(vary)
    budget = None if budget is None else str(budget)
    options = {"--target": (str(target),), "--vary": words, "--budget": listed(budget), "--out": listed(folder)}
    command = spell_command("advise", source, overrides, options)
    inquiry = plan_inquiry(source, overrides, str(target), words, budget, command)
    require_files_for(one.scenario for one in inquiry.configurations)
    require_learning(inquiry.configurations[0].scenario)
    with (
        TemporaryDirectory(prefix="simasgd-advice-") if folder is None else nullcontext(str(folder)) as home,
        reporting(progress, inquiry.base.name) as report,
        open_folder(Path(home), inquiry.contents, list_advice_paths(inquiry), replacing=replace) as place,
    ):
        found = search_in(inquiry, place, chosen.make_pool_of_search(place.path.absolute()), report, retrying=retry_failed)
        if folder is not None:
            from simasgd.report.page import write_advice

            with place.adding() as fresh:
                write_advice(found.findings, found.scenario, fresh)
        place.finish()
    return found


def search_in(
    inquiry: Inquiry, place: ResultsFolder, pool: AbstractPool, progress: ReportPart, *, retrying: bool = False
) -> Advice:
    """Carry out a search in an open folder, which stays unfinished, and write advice.json into it."""
    from simasgd.report.advice.sentences import state_verdict

    found, _ = find_advice(inquiry, place, pool, progress, retrying=retrying)
    advice = Advice(found.model_copy(update={"verdict": state_verdict(found)}), inquiry.base)
    with place.adding() as fresh:
        advice.write_into(fresh)
    return advice


def _spell(vary: str | Sequence[str] | Mapping[str, Any]) -> tuple[str, ...]:
    """Return what varies as words of a command line."""
    if isinstance(vary, str):
        return (vary,)
    if isinstance(vary, Mapping):
        return tuple(_spell_key(str(key), values) for key, values in vary.items())
    words = tuple(vary)
    for word in words:
        if not isinstance(word, str):
            raise ScenarioError(
                f"{ARGUMENT}: vary: found {shown(word)}; expected text such as 'learners=1..64', or a mapping of keys to values"
            )
    return words


def _spell_key(key: str, values: Any) -> str:
    if isinstance(values, str | int | float):
        return f"{key}={values}"
    if key != PROTOCOL:
        return spell_axis(key, values)
    if isinstance(values, Mapping | AbstractProtocol) or not isinstance(values, Iterable):
        values = [values]
    try:
        return f"{key}={','.join(map(spell_protocol, values))}"
    except ValueError as error:
        raise ScenarioError(f"{ARGUMENT}: vary: protocol: {error}") from None

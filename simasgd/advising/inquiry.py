"""What is asked of a search, checked before anything runs, and the search itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import simasgd
from simasgd.advising import answers, findings
from simasgd.advising.candidates import Configuration, Refused, list_candidates, list_configurations, list_merged
from simasgd.advising.pace import SamplePace, measure_paces
from simasgd.advising.search import SEEDS, Search
from simasgd.advising.trial_runner import TrialRunner
from simasgd.advising.vary import Vary, read_vary
from simasgd.errors import RunFailed, ScenarioError
from simasgd.results.contents import stored_times
from simasgd.results.identity import name_code
from simasgd.results.stored import TargetJson
from simasgd.scenario.protocol_variants import parse_target
from simasgd.scenario.reading.sources import read_source
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import ARGUMENT
from simasgd.scenario.vocabulary.units import TIME, parse
from simasgd.storage.files import ADVICE, PAGE, POINTS_TABLE, SCENARIO, SWEEP
from simasgd.storage.folder import ResultsFolder
from simasgd.storage.manifest import Contents
from simasgd.storage.work_folder import POINTS
from simasgd.sweeps.pools.abstract import AbstractPool
from simasgd.sweeps.targets import Target

_MOST = 2_000  # combinations
_EXAMPLE = "for example '200 epochs' or '10 min'"


@final
@dataclass(frozen=True)
class SearchBudget:
    """How much may be learned: `epochs` of all runs together, or until `seconds` of real time have passed."""

    written: str = ""
    epochs: float = math.inf
    seconds: float = math.inf

    @classmethod
    def read(cls, written: str | None) -> SearchBudget:
        """Read a budget such as `200 epochs` or `10 min`. Raises ScenarioError."""
        if written is None:
            return cls()
        number, _, unit = written.strip().partition(" ")
        if unit.strip() in ("epoch", "epochs"):
            try:
                epochs = float(number)
            except ValueError:
                epochs = math.nan
            if not 0.0 < epochs < math.inf:
                raise ScenarioError(f"{ARGUMENT}: budget {written}: a positive number of epochs is expected; {_EXAMPLE}")
            return cls(written.strip(), epochs=epochs)
        try:
            seconds = parse(written, TIME)
        except ValueError as error:
            raise ScenarioError(f"{ARGUMENT}: budget {written}: {error}; {_EXAMPLE}") from None
        if seconds <= 0.0:
            raise ScenarioError(f"{ARGUMENT}: budget {written}: a positive time is expected; {_EXAMPLE}")
        return cls(written.strip(), seconds=seconds)


@final
@dataclass(frozen=True, eq=False)
class Inquiry:
    """A question that can be answered: the scenario, what varies, the target, and the combinations that the cluster permits."""

    base: Scenario
    vary: Vary
    target: Target
    budget: SearchBudget
    configurations: tuple[Configuration, ...]
    refused: tuple[Refused, ...]
    command: str

    @property
    def most_epochs(self) -> float:
        """The epochs that a candidate may take."""
        assert self.base.stop.epochs is not None
        return self.base.stop.epochs

    @property
    def seeds(self) -> int:
        """The number of seeds at most."""
        return self.base.repeats if self.base.repeats > 1 else SEEDS

    @property
    def contents(self) -> Contents:
        """The contents of the results: the scenarios of all combinations. More combinations keep the runs that are there."""
        return Contents("advise", tuple(sorted({one.scenario.hash() for one in self.configurations})), name_code())

    def sentences(self) -> list[str]:
        """Return what would be searched, a sentence a line."""
        many, seeds, most = len(self.configurations), self.seeds, self.most_epochs
        found = [_say(one, self.vary) for one in self.configurations]
        left_out = [f"left out: {_say(one, self.vary)}: {one.words}" for one in self.refused]
        return [
            *found,
            *left_out,
            f"{many} combinations, each with the given learning rate and perhaps a scaled one",
            "those that are the same with one learner, which the timing shows, are one candidate",
            f"a grid of them would be at least {many * seeds:,} runs, of up to {most:g} epochs each",
        ]


def plan_inquiry(
    source: str | Path | Mapping[str, Any],
    overrides: Sequence[str],
    target: str,
    vary: Sequence[str] = (),
    budget: str | None = None,
    command: str = "",
) -> Inquiry:
    """Check a question, and list its combinations. Raises ScenarioError."""
    file = read_source(source)
    whole = Scenario.from_layer(file, overrides)
    first = next(iter(whole.variants.values()), whole)
    value = parse_target(target, whole)
    assert first.learning is not None
    has_error = first.learning.data.shape.label == "class"
    if first.stop.epochs is None:
        raise ScenarioError(
            f"{whole.name}: advise needs stop.epochs, the epochs that a candidate may take at most; for example stop.epochs=20"
        )
    if first.stop.continued:
        raise ScenarioError(f"{whole.name}: a continued scenario (stop.continued) cannot be advised on; leave it out")
    chosen = read_vary(vary, whole)
    total = max(1, len(chosen.protocols) or len(whole.variants)) * math.prod(len(axis.values) for axis in chosen.axes)
    if total > _MOST:
        raise ScenarioError(f"{ARGUMENT}: vary has {total:,} combinations; at most {_MOST:,} are allowed")
    found, refused = list_configurations(file, overrides, chosen, value if has_error else None)
    for one in found:
        learning = one.scenario.learning
        if learning is None or (learning.data.shape.label == "class") != has_error:
            raise ScenarioError(f"{whole.name}: all candidates must learn, with the same kind of score")
    goal = Target("test_error" if has_error else "test_loss", value, given=True)
    return Inquiry(whole, chosen, goal, SearchBudget.read(budget), tuple(found), tuple(refused), command)


def list_advice_paths(inquiry: Inquiry) -> tuple[str, ...]:
    """List the paths that a search writes, as `simasgd.storage.opening.open_folder` expects them."""
    return (ADVICE, SWEEP, POINTS_TABLE, SCENARIO, PAGE, *stored_times(inquiry.base), f"{POINTS}/")


def find_advice(
    inquiry: Inquiry,
    place: ResultsFolder,
    pool: AbstractPool,
    progress: Callable[[str, float], None] = lambda phase, fraction: None,
    *,
    retrying: bool = False,
) -> tuple[findings.Findings, Search]:
    """Carry out the search in an open folder, and return its findings without a verdict.

    `pool` has the processes that learn. `progress` is called with the name of the phase and the fraction of it that is
    done. Runs that failed earlier are tried again only with `retrying`. Raises RunFailed if no run succeeds.
    """
    began = time.perf_counter()
    progress("timing", 0.0)
    paces = measure_paces([one.scenario for one in inquiry.configurations])
    candidates = list_candidates(inquiry.configurations, paces, inquiry.base, inquiry.vary)
    stage = ["learning"]

    def tell(what: str) -> None:
        stage[0] = what
        progress(what, 0.0)

    budget = inquiry.budget

    def seconds_left() -> float:
        return budget.seconds - (time.perf_counter() - began)

    bench = TrialRunner(
        inquiry.base,
        inquiry.vary.axes,
        inquiry.command,
        inquiry.target,
        place,
        pool,
        lambda finished, total: progress(stage[0], finished / total),
        retrying=retrying,
        seconds_left=seconds_left,
    )
    search = Search(
        candidates,
        bench,
        target=inquiry.target.value,
        most=inquiry.most_epochs,
        seed=inquiry.base.seed,
        seeds=inquiry.seeds,
        left=lambda spent: budget.epochs - spent if seconds_left() > 0.0 else 0.0,
        tell=tell,
    )
    search.run()
    _require_success(search)
    progress("other clusters", 0.0)
    return _describe(inquiry, search, paces, began), search


def _describe(inquiry: Inquiry, search: Search, paces: Sequence[SamplePace], began: float) -> findings.Findings:
    """Return the findings of a search; `began` is its start, as `time.perf_counter` tells it (s)."""
    found = answers.list_answers(search)
    worlds = answers.list_worlds_found(search, found, inquiry.base) if found else []
    learned = search.learned
    many = len(search.candidates)
    return findings.Findings(
        format=1,
        name=inquiry.base.name,
        version=simasgd.__version__,
        command=inquiry.command,
        target=TargetJson.model_validate(asdict(inquiry.target)),
        most_epochs=inquiry.most_epochs,
        seeds=tuple(search.seeds),
        keys=tuple(axis.key for axis in inquiry.vary.axes),
        answers=tuple(found),
        candidates=tuple(answers.list_rows(search)),
        refused=tuple(
            findings.RefusedRow(variant=one.variant, values=one.values, reason=one.words)
            for one in (*inquiry.refused, *list_merged(inquiry.configurations, paces))
        ),
        worlds=tuple(worlds),
        bottleneck=answers.find_bottleneck(search, found),
        effort=findings.Effort(
            candidates=many,
            timed_gradients=sum({id(pace): pace.gradients for pace in paces}.values()),
            runs=len(learned),
            learned_epochs=search.spent,
            learned_gradients=sum(course.gradients for course in learned),
            grid_runs=many * inquiry.seeds,
            grid_epochs=many * inquiry.seeds * inquiry.most_epochs,
            real_seconds=time.perf_counter() - began,
            budget=inquiry.budget.written,
            is_cut=search.is_cut,
        ),
        verdict="",
    )


def _require_success(search: Search) -> None:
    if search.learned and all(course.failure and not course.folder for course in search.learned):
        raise RunFailed(
            f"no candidate could be learned: {search.learned[0].failure}; "
            "run again with --retry-failed (retry_failed=True in Python) to try them again"
        )


def _say(one: Configuration | Refused, vary: Vary) -> str:
    values = [f"{axis.key}={value}" for axis, value in zip(vary.axes, one.values, strict=True)]
    return " ".join([*([one.variant] if one.variant else []), *values])

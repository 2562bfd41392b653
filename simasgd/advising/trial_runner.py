"""Where candidates learn: runs with folders of their own, which a repeated search finds again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, final

from simasgd.advising.candidate_runs import CandidateRun
from simasgd.advising.candidates import Candidate
from simasgd.cluster.job import Job
from simasgd.errors import RunFailed
from simasgd.learning.devices import count_accelerators
from simasgd.results.json_files import read_json
from simasgd.results.outcome import Outcome
from simasgd.results.summary import Summary
from simasgd.scenario.schema import Scenario
from simasgd.scenario.sweep.section import Budget
from simasgd.storage.files import RUN
from simasgd.storage.folder import ResultsFolder
from simasgd.sweeps.axes import Axis, round_off
from simasgd.sweeps.plan import Point, SweepPlan
from simasgd.sweeps.pools.abstract import AbstractPool
from simasgd.sweeps.pools.points import PointFolders
from simasgd.sweeps.sweep import run_points
from simasgd.sweeps.targets import Target

_WORTH_SHARING = 200_000  # gradients: shared, they save a third of some 10 s
RATE, EPOCHS = "learning.optimizer.learning_rate", "stop.epochs"


class Trial(NamedTuple):
    """A candidate, a seed, and the epochs for which it learns."""

    candidate: Candidate
    epochs: float
    seed: int

    @property
    def scenario(self) -> Scenario:
        """The scenario of the run."""
        one = self.candidate.scenario.with_seed(self.seed)
        return one.model_copy(update={"stop": one.stop.model_copy(update={"epochs": self.epochs})})


@final
class TrialRunner:
    """Learns trials, all as points of one sweep: runs that are there are not repeated.

    Runs of one tape that are asked for together, and differ in their learning rate only, go through one loop if they are long.
    A run that failed in an earlier search is tried again only if that is asked for (`retrying`).
    """

    def __init__(
        self,
        base: Scenario,
        axes: Sequence[Axis],
        command: str,
        target: Target,
        place: ResultsFolder,
        pool: AbstractPool,
        progress: Callable[[int, int], None],
        *,
        retrying: bool = False,
        seconds_left: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._base, self._axes, self._command, self._target = base, tuple(axes), command, target
        self._place, self._pool, self._progress = place, pool, progress
        self._retrying, self._seconds_left = retrying, seconds_left
        self._points: dict[str, Point] = {}
        self._known: dict[str, Summary | str] = {}
        """The summary of each point that this search has asked for, or why it failed."""

    def learn(self, trials: Sequence[Trial]) -> list[CandidateRun | None]:
        """Return the course of each trial; None if no real seconds were left before it began."""
        points = [self._make_point(trial) for trial in trials]
        if self._retrying:
            self._forget_failures(points)
        there = len(self._points)
        self._points |= {point.folder: point for point in points}
        new = len(self._points) - there

        def tell(what: str, finished: int, total: int) -> None:
            if what != "kept" or finished > there:
                self._progress(max(0, finished - there), max(new, 1))

        sweep = run_points(self._plan(), self._place, pool=self._pool, progress=tell, known=self._known, sharing=_pays(trials))
        rows = {row["folder"]: row for row in sweep.points.to_dict("records")}
        found: list[CandidateRun | None] = []
        for trial, point in zip(trials, points, strict=True):
            row = next(row for name, row in rows.items() if name.endswith(point.folder))
            if row["error"] == str(Outcome.MISSING):
                found.append(None)
                continue
            if row["error"]:
                self._known[point.folder] = str(row["error"])
                found.append(CandidateRun.failed(trial.epochs, str(row["error"])))
                continue
            summary = read_json(self._place.path / row["folder"] / RUN, Summary)
            self._known[point.folder] = summary
            found.append(CandidateRun.of(summary, self._target, trial.epochs, str(row["folder"])))
        return found

    def _forget_failures(self, points: Sequence[Point]) -> None:
        """Delete the failures of an earlier search; a run that fails in this one is not tried again."""
        folders = PointFolders(self._place.path)
        try:
            for name in {point.folder for point in points} - self._points.keys():
                folders.forget_failure(name)
        except OSError as error:
            raise RunFailed(f"the runs could not be written to {self._place.shown}: {error.strerror}") from error

    def _make_point(self, trial: Trial) -> Point:
        candidate = trial.candidate
        own = () if any(axis.key == RATE for axis in self._axes) else (_write(candidate.rate),)
        return Point((*candidate.values, *own, _write(trial.epochs)), candidate.variant, trial.scenario)

    def _plan(self) -> SweepPlan:
        points = tuple(self._points.values())
        axes = list(self._axes)
        if not any(axis.key == RATE for axis in axes):
            axes.append(_axis(RATE, points, len(axes)))
        axes.append(_axis(EPOCHS, points, len(axes)))
        shown = [_only_used(axis, points, place) for place, axis in enumerate(axes)]
        left = self._seconds_left()
        budget = Budget() if left == math.inf else Budget(time=max(0.0, left))
        return SweepPlan(self._base, tuple(shown), points, self._command, self._target.value, budget)


def _pays(trials: Sequence[Trial]) -> bool:
    """Return whether it pays that runs share a loop.

    A loop for a given number of runs is a program of its own, which takes a second to compile. Learned alone, runs of one
    network often share a program: their learning rate is an argument of it.
    """
    if count_accelerators():
        return True
    scenarios = [trial.scenario for trial in trials]
    return sum((one.samples_to_stop or 0) / Job.of(one).mean_mini_batch for one in scenarios) > _WORTH_SHARING


def _write(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(round_off(number))


def _axis(key: str, points: Sequence[Point], place: int) -> Axis:
    numbers = sorted({float(point.values[place]) for point in points})
    return Axis(key, tuple(_write(number) for number in numbers), tuple(numbers))


def _only_used(axis: Axis, points: Sequence[Point], place: int) -> Axis:
    used = {point.values[place] for point in points}
    values = tuple(value for value in axis.values if value in used)
    numbers = None if axis.numbers is None else tuple(axis.numbers[axis.values.index(value)] for value in values)
    return replace(axis, values=values, numbers=numbers)

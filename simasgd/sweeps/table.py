"""The results of a sweep: one row for each point, in memory and in a folder."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, final

import pandas as pd

from simasgd.errors import UsageError
from simasgd.presentation import find_presenter
from simasgd.results.contents import read_scenario, write_scenario
from simasgd.results.json_files import read_json, write_json
from simasgd.results.outcome import Outcome, describe_outcomes
from simasgd.results.run import Run
from simasgd.results.stored import SweepJson
from simasgd.results.summary import Summary
from simasgd.results.tables import SWEEP_POINTS, Numbers, Words, read_table, write_table
from simasgd.scenario.schema import Scenario
from simasgd.scenario.sweep.section import Budget
from simasgd.storage.files import POINTS_TABLE, SWEEP
from simasgd.sweeps.axes import Axis
from simasgd.sweeps.roles import KeyRole, find_role
from simasgd.sweeps.targets import Target

_RATES = ("gradients_per_simulated_second", "samples_per_simulated_second")
_NUMBERS = (
    *("test_error", "test_loss", "seconds_to_target", "samples", "simulated_seconds"),
    *_RATES,
    *("speedup", "mean_staleness", "learners", "learner_hours"),
)
_OF_SETTINGS = (
    *("test_error", "test_loss", "seconds_to_target", "simulated_seconds", "samples_per_simulated_second"),
    *("speedup", "mean_staleness", "learner_hours"),
)
COLUMNS = ("variant", "seed", "outcome", "reason", *_NUMBERS, "diverged", "folder", "error")
"""The columns of a sweep's table except its axes."""

AND = " && "
"""Stands between the commands of a sweep whose points several commands have computed."""


@final
@dataclass(frozen=True, eq=False)
class Sweep:
    """The results of a sweep: one run for each point.

    `points` has one row per point: a column per axis, and these.

    variant      the variant's name; "" if there is none
    seed         the seed of the run
    outcome      one of simasgd.results.outcome
    reason       where and why the run did not finish; "" if it finished or the outcome says
                 everything
    test_error   a fraction
    test_loss, mean_staleness (updates), samples (applied), learners
                 NaN where there is no such number
    simulated_seconds, gradients_per_simulated_second, samples_per_simulated_second, learner_hours
                 NaN also where the run hung or applied nothing
    speedup      samples per simulated second, over those of a lone learner; NaN where it is not known
    seconds_to_target
                 simulated seconds until the first evaluation at or below `target`; NaN: never
    diverged     whether the weights became infinite or NaN
    folder       the point's folder, below the sweep's; `open` reads it
    error        why there are no results; "" if there are

    The column of an axis has numbers if all its values are numbers: in seconds, bytes and bytes per
    second where the key has a unit, and infinite where a value is `unlimited`. Otherwise it has the
    values as written. Keys that vary together have a column each after that of their axis.

    In a notebook it shows its verdict, a table and two figures.
    """

    scenario: Scenario
    axes: tuple[Axis, ...]
    points: pd.DataFrame
    command: str
    target: Target | None = None
    verdict: str = ""
    """The sentences at the top of the page; "" until a page is drawn."""
    best: tuple[Mapping[str, Any], ...] = field(default=())
    """The settings that the verdict recommends, as sweep.json lists them."""
    folder: Path | None = None
    """The folder of the results."""

    def table(self) -> pd.DataFrame:
        """Return one row per setting, with means over its seeds.

        Its columns are those of the axes (without axes of seeds), variant, seeds (how many), outcome in
        words, and means of numbers in `points`, each with the least value (`_min`) and the greatest
        (`_max`). A setting has a number only if all its seeds have it.
        """
        keys = [key for axis in self.axes if find_role(axis.key) is not KeyRole.CHANCE for key in axis.columns()]
        groups = self.points.groupby([*keys, "variant"], sort=False)
        whole = groups.size()
        parts: dict[str, pd.Series] = {
            "seeds": whole,
            "outcome": groups["outcome"].agg(lambda found: describe_outcomes([Outcome(one) for one in found], "seeds")),
        }
        for name in _OF_SETTINGS:
            known = groups[name]
            for end, values in (("", known.mean()), ("_min", known.min()), ("_max", known.max())):
                parts[f"{name}{end}"] = values.where(known.count() == whole)
        return pd.DataFrame(parts).reset_index()

    def open(self, point: int) -> Run:
        """Return the run of a point, by the number of its row in `points`; its `write_page` draws its page.

        Raises simasgd.UsageError if the point has no results, or there is none of this number.
        """
        if point not in self.points.index:
            raise UsageError(f"there is no point {point}; the sweep has points 0 to {len(self.points) - 1}")
        row = self.points.loc[point]
        if self.folder is None:
            raise UsageError("this sweep is not in a folder; Sweep.load reads one that is")
        if row["error"]:
            raise UsageError(f"point {point} has no results: {row['error']}")
        return Run.load(self.folder / row["folder"])

    def write_page(self, path: str | Path) -> Path:
        """Write the sweep's page, one HTML file, and return its path; a folder gets it as `index.html`.

        Raises simasgd.UsageError if it cannot be written.
        """
        return find_presenter().write_page(self, Path(path))

    def __repr__(self) -> str:
        done = int((self.points["error"] == "").sum())
        points = f"{done} of {len(self.points)} points{self._say_missing()}"
        axes = ", ".join(f"{axis.key} ({len(axis.values)})" for axis in self.axes) or "seeds"
        first = re.split(r"(?<=\.) (?=[A-Z])", self.verdict)[0]
        return f"<Sweep of {self.scenario.name} over {axes}; {points}{f': {first}' if first else ''}>"

    def _say_missing(self) -> str:
        """Return how many points have not run, and the budget of the sweep, in brackets; "" if all have run."""
        missing = int((self.points["outcome"] == str(Outcome.MISSING)).sum())
        if not missing:
            return ""
        block = self.scenario.sweep
        budget = "" if block is None or block.budget == Budget() else f"; the budget is {block.budget.describe()}"
        return f" ({missing} not run yet{budget})"

    def _repr_html_(self) -> str:
        return find_presenter().show(self)

    @classmethod
    def load(cls, folder: str | Path) -> Sweep:
        """Read a sweep from its folder.

        Raises simasgd.UsageError if the folder holds none, or a file in it does not have the form that
        simasgd writes.
        """
        folder = Path(folder)
        if not is_sweep(folder):
            raise UsageError(f"{folder}: is not the folder of a sweep (it has no {SWEEP})")
        content = read_json(folder / SWEEP, SweepJson)
        axes = tuple(
            Axis(axis.key, axis.values, _restore_unlimited(axis.numbers), tuple(map(_restore_unlimited, axis.parts)))
            for axis in content.axes
        )
        path = folder / POINTS_TABLE
        forms = {key: _find_form(tuple(cells.values())) for axis in axes for key, cells in axis.columns().items()}
        points = read_table(path, {**forms, **SWEEP_POINTS})
        if points is None or points.empty:
            raise UsageError(f"{path}: is missing or empty; the same sweep command writes it again and keeps the points")
        target = None if content.target is None else Target(**content.target.model_dump())
        return cls(read_scenario(folder), axes, points, content.command, target, content.verdict, content.best, folder)

    def label_points(self) -> dict[str, str]:
        """Return the variant and the values of the axes, seeds excepted, by the names of the points' folders.

        An example is `async, learners=4, latency=1 us`.
        """
        axes = [axis for axis in self.axes if axis.key != "seed"]
        lasts = [":".join(key.rpartition(".")[2] for key in axis.keys) for axis in axes]
        columns = {}
        for axis, last in zip(axes, lasts, strict=True):
            written = None if axis.numbers is None else dict(zip(axis.numbers, axis.values, strict=True))
            values = [value if written is None else written[value] for value in self.points[axis.key]]
            columns[last if lasts.count(last) == 1 else axis.key] = values
        return {
            folder.rpartition("/")[2]: ", ".join(
                [*([variant] if variant else []), *(f"{key}={values[i]}" for key, values in columns.items())]
            )
            for i, (folder, variant) in enumerate(zip(self.points["folder"], self.points["variant"], strict=True))
        }

    def write_into(self, folder: Path) -> None:
        """Write the sweep's files into a folder that nobody else writes to."""
        self.write_answers(folder)
        write_table(folder / POINTS_TABLE, self.points)
        write_scenario(self.scenario, folder)

    def write_answers(self, folder: Path) -> None:
        """Write sweep.json into a folder that nobody else writes to."""
        write_json(folder / SWEEP, self.as_json())

    def as_json(self) -> dict[str, Any]:
        """Return the content of sweep.json."""
        outcomes = self.points["outcome"]
        return {
            "name": self.scenario.name,
            "command": self.command,
            "verdict": self.verdict,
            "best": self.best,
            "target": None if self.target is None else asdict(self.target),
            "axes": [
                {"key": axis.key, "values": axis.values, "numbers": axis.numbers, "parts": axis.parts} for axis in self.axes
            ],
            "outcomes": {str(outcome): many for outcome in Outcome if (many := int((outcomes == outcome).sum()))},
            "points": self.points.to_dict("records"),
        }


def is_sweep(folder: Path) -> bool:
    """Tell whether a folder holds a sweep, finished or interrupted."""
    return (folder / SWEEP).is_file()


def empty_columns(error: str) -> dict[str, Any]:
    """Return the columns of a point that has no run.json."""
    outcome = Outcome.MISSING if error == Outcome.MISSING else Outcome.FAILED
    return {"outcome": str(outcome), "reason": "", **dict.fromkeys(_NUMBERS, math.nan), "diverged": False}


def read_columns(summary: Summary, target: Target | None) -> dict[str, Any]:
    """Return the columns of a point that has a run.json.

    NaN stands for a missing number, or a time that cannot be compared.
    """
    seconds = summary.simulated_seconds if summary.has_time else None
    found = {
        "test_error": summary.test_error,
        "test_loss": summary.test_loss,
        "seconds_to_target": None if target is None else target.find_seconds(summary),
        "samples": summary.samples,
        "simulated_seconds": seconds,
        "gradients_per_simulated_second": None if seconds is None else summary.gradients_per_simulated_second,
        "samples_per_simulated_second": summary.samples_per_simulated_second,
        "speedup": summary.speedup,
        "mean_staleness": summary.staleness.mean,
        "learners": summary.learners,
        "learner_hours": None if seconds is None else summary.learner_hours,
    }
    return {
        "outcome": str(summary.outcome),
        "reason": summary.reason,
        **{name: math.nan if (number := found[name]) is None else float(number) for name in _NUMBERS},
        "diverged": summary.diverged is not None,
    }


def _restore_unlimited(numbers: tuple[float | None, ...] | None) -> tuple[float, ...] | None:
    return None if numbers is None else tuple(math.inf if number is None else number for number in numbers)


def _find_form(cells: tuple[float | str, ...]) -> Numbers | Words:
    """Return the form of an axis's column."""
    meaning = "a value of the swept key"
    words = tuple(cell for cell in cells if isinstance(cell, str))
    if words:
        return Words(meaning, words)
    return Numbers(meaning, choices=tuple(float(cell) for cell in cells))

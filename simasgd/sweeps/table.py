"""The results of a sweep: one row for each point, in memory and in a folder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, final

import pandas as pd

from simasgd.errors import UsageError
from simasgd.results.contents import read_scenario, write_scenario
from simasgd.results.json_files import read_json, write_json
from simasgd.results.outcome import Outcome
from simasgd.results.stored import SweepJson
from simasgd.results.summary import Summary
from simasgd.results.tables import SWEEP_POINTS, Numbers, Words, read_table, write_table
from simasgd.scenario.schema import Scenario
from simasgd.storage.files import POINTS_TABLE, SWEEP
from simasgd.sweeps.axes import Axis
from simasgd.sweeps.targets import Target

_RATES = ("gradients_per_simulated_second", "samples_per_simulated_second")
_NUMBERS = (
    *("test_error", "test_loss", "seconds_to_target", "samples", "simulated_seconds"),
    *_RATES,
    *("mean_staleness", "learners", "learner_hours"),
)
COLUMNS = ("variant", "seed", "outcome", "reason", *_NUMBERS, "diverged", "folder", "error")
"""The columns of a sweep's table except its axes."""


@final
@dataclass(frozen=True, eq=False)
class Sweep:
    """The results of a sweep.

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
    seconds_to_target
                 simulated seconds until the first evaluation at or below `target`; NaN: never
    diverged     whether the weights became infinite or NaN
    folder       the point's folder, below the sweep's; `Run.load` reads it
    error        why there are no results; "" if there are

    The column of an axis has numbers if all its values are numbers: in seconds, bytes and bytes per
    second where the key has a unit, and infinite where a value is `unlimited`. Otherwise it has the
    values as written.
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
            Axis(axis.key, axis.values, None if axis.numbers is None else tuple(map(_restore_unlimited, axis.numbers)))
            for axis in content.axes
        )
        path = folder / POINTS_TABLE
        points = read_table(path, {**{axis.key: _find_form(axis) for axis in axes}, **SWEEP_POINTS})
        if points is None or points.empty:
            raise UsageError(f"{path}: is missing or empty; the same sweep command writes it again and keeps the points")
        target = None if content.target is None else Target(**content.target.model_dump())
        return cls(read_scenario(folder), axes, points, content.command, target, content.verdict, content.best)

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
            "axes": [{"key": axis.key, "values": axis.values, "numbers": axis.numbers} for axis in self.axes],
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


def _restore_unlimited(number: float | None) -> float:
    return math.inf if number is None else number


def _find_form(axis: Axis) -> Numbers | Words:
    meaning = "a value of the swept key"
    return Words(meaning, axis.values) if axis.numbers is None else Numbers(meaning, choices=axis.numbers)

"""The facts of a sweep: its settings over their seeds, and their quantities."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import pandas as pd

from simasgd.report.facts.formats import format_duration, format_learner_time, format_number, format_percent, list_some
from simasgd.report.facts.learned_result import LearnedResult, find_limit, judge
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.tolerances import is_same_work
from simasgd.report.sweep.facts.dials import Dial, find_dials
from simasgd.results.outcome import Outcome, describe_outcomes, find_gravest
from simasgd.sweeps.roles import KeyRole

if TYPE_CHECKING:
    from simasgd.sweeps.table import Sweep

ERROR, LOSS, SECONDS, TO_TARGET = "test_error", "test_loss", "simulated_seconds", "seconds_to_target"
THROUGHPUT, STALENESS, COST = "samples_per_simulated_second", "mean_staleness", "learner_hours"
NAMES = {
    ERROR: "test error",
    LOSS: "test loss",
    SECONDS: "simulated time",
    TO_TARGET: "time to the target",
    THROUGHPUT: "samples per simulated second",
    STALENESS: "mean staleness",
    COST: "learner-hours",
}
SHARE = "share"
"""The share of settings that finished and learned, of those that a figure draws at one place."""
OF_LEARNING = (ERROR, LOSS, TO_TARGET)
_MOST_NAMED = 3
_LEAST_CHANGE = 0.01
"""A quantity varies if its means over the seeds differ by more than this part."""

SettingRow = Mapping[str, Any]
"""A setting: a row of `SweepFacts.settings`."""


@final
@dataclass(frozen=True, eq=False)
class SweepFacts:
    """The points of a sweep, and its axes in words.

    `points` has the values of the axes as written. Its outcomes are those beside the other points (`facts/learned_result.py`).
    """

    sweep: Sweep
    points: pd.DataFrame
    dials: tuple[Dial, ...]

    @classmethod
    def of(cls, sweep: Sweep) -> SweepFacts:
        points = _judge_beside_each_other(_label_points(sweep), sweep)
        dials = (dial for dial in find_dials(sweep, points) if dial.role is not KeyRole.CHANCE)
        return cls(sweep, points, tuple(dials))

    @property
    def varying(self) -> list[Dial]:
        """The axes with several values."""
        return [dial for dial in self.dials if dial.varies]

    @property
    def choices(self) -> list[Dial]:
        """The axes that the reader decides, with several values."""
        return [dial for dial in self.varying if dial.role is KeyRole.CHOICE]

    @property
    def world(self) -> list[Dial]:
        """The axes that the reader has to live with, with several values."""
        return [dial for dial in self.varying if dial.role is KeyRole.WORLD]

    @property
    def has_results(self) -> bool:
        """Whether any point has results."""
        return bool((self.points["error"] == "").any())

    @property
    def repetitions(self) -> int:
        """The number of points of the setting with the most: its seeds."""
        return int(self.settings["points"].max())

    @cached_property
    def settings(self) -> pd.DataFrame:
        """One row for each setting, in the order of the points.

        Its columns are the axes' keys; `points`; the outcome in words, and the `gravest` one; `sound`,
        whether all points finished, and as a number `share`; and for each quantity its mean over the seeds, its
        lowest (`_low`) and its highest (`_high`) value, and its standard deviation (`_deviation`). A setting has a
        number only if all its points have it.
        """
        keys = [dial.key for dial in self.dials]
        groups = self.points.groupby(keys, sort=False) if keys else self.points.groupby(lambda _: 0)
        outcomes = groups["outcome"]
        parts: dict[str, pd.Series] = {
            "points": groups.size(),
            "outcome": outcomes.agg(lambda found: describe_outcomes([Outcome(one) for one in found], "seeds")),
            "gravest": outcomes.agg(lambda found: str(find_gravest([Outcome(one) for one in found]))),
            "sound": outcomes.agg(lambda found: bool((found == Outcome.FINISHED).all())),
        }
        parts[SHARE] = parts["sound"].astype(float)
        for quantity in NAMES:
            values = groups[quantity]
            is_whole = values.count() == parts["points"]
            found = {
                quantity: values.mean().clip(values.min(), values.max()),  # rounded, the mean of equal values may exceed them
                f"{quantity}_low": values.min(),
                f"{quantity}_high": values.max(),
                f"{quantity}_deviation": values.std().fillna(0.0),
            }
            parts |= {name: column.where(is_whole) for name, column in found.items()}
        return pd.DataFrame(parts).reset_index()

    @cached_property
    def sound(self) -> pd.DataFrame:
        """The settings that finished and learned at every seed; only they can be best."""
        return self.settings[self.settings["sound"]]

    def usable(self, quantity: str) -> pd.DataFrame:
        """Return the settings that count for a quantity."""
        return self.settings[is_usable(self.settings, quantity)]

    @cached_property
    def measure(self) -> str | None:
        """The measure of the settings: test error, otherwise test loss; None if nothing is learned."""
        return next((quantity for quantity in (ERROR, LOSS) if self.points[quantity].notna().any()), None)

    @cached_property
    def test_samples(self) -> int | None:
        """The size of the test set; None if the points may have different ones, or learn nothing."""
        learning = self.sweep.scenario.learning
        return None if learning is None or _varies_data(self.sweep) else learning.data.shape.test

    @cached_property
    def learning_limit(self) -> float | None:
        """The test error from which a point fails to learn beside the others; None if none is judged so."""
        classes = _count_classes(self.sweep)
        return None if classes is None else find_limit(_list_learned(self.points), classes)

    @property
    def guessing(self) -> float:
        """The test error of guessing one of the classes; NaN if there are none, or the points learn from different data."""
        classes = _count_classes(self.sweep)
        return math.nan if classes is None else 1.0 - 1.0 / classes

    @property
    def has_given_target(self) -> bool:
        """Whether the user gave a target, which then decides what is best."""
        target = self.sweep.target
        return target is not None and target.given and target.quantity == self.measure

    @cached_property
    def has_same_work(self) -> bool:
        """Whether all sound points applied similar numbers of samples, so that times compare."""
        samples = self.points["samples"][self.points["outcome"] == Outcome.FINISHED]
        return not samples.empty and is_same_work(float(samples.min()), float(samples.max()))

    @cached_property
    def speed(self) -> str:
        """The quantity that ranks settings by speed.

        It is the simulated time; where all take as long the time to the target, or the throughput.
        """
        if varies(self.sound[SECONDS]) and (self.measure is not None or self.has_same_work):
            return SECONDS
        return TO_TARGET if self.measure is not None and self.sound[TO_TARGET].notna().any() else THROUGHPUT

    def name_world(self, values: Sequence[str]) -> dict[str, str]:
        """Return values of the axes in `world`, in their order, by the axes' keys."""
        return {dial.key: value for dial, value in zip(self.world, values, strict=True)}

    def find(self, **values: str) -> pd.DataFrame:
        """Return the settings with these values."""
        return select(self.settings, values)


def is_usable(rows: pd.DataFrame, quantity: str) -> pd.Series:
    """Return which settings count for a quantity: of a score only those that finished and learned."""
    return rows[quantity].notna() & (rows["sound"] | (quantity not in OF_LEARNING))


def select(table: pd.DataFrame, values: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows that have these values in the columns of these names."""
    for key, value in values.items():
        table = table[table[key] == value]
    return table


def list_rows(table: pd.DataFrame) -> list[SettingRow]:
    """Return the rows of a table, each as a mapping from columns to values."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def get_spread(row: SettingRow, quantity: str) -> Spread | None:
    """Return a quantity of a setting over its seeds; None if it has none."""
    mean = float(row[quantity])
    if mean != mean:
        return None
    low, high, deviation = (float(row[f"{quantity}_{part}"]) for part in ("low", "high", "deviation"))
    return Spread(mean, low, high, deviation, int(row["points"]))


def format_quantity(quantity: str, value: float) -> str:
    """Format a value of a quantity with its unit."""
    if quantity == ERROR:
        return format_percent(value)
    if quantity == COST:
        return format_learner_time(value)
    return format_duration(value) if quantity in (SECONDS, TO_TARGET) else format_number(value)


def describe_target(facts: SweepFacts) -> str:
    """Return the target to which times are measured, and who chose it; "" if no point reaches one."""
    target = facts.sweep.target
    if target is None or facts.points[TO_TARGET].isna().all():
        return ""
    goal = f"The target is a {NAMES[target.quantity]} of {format_quantity(target.quantity, target.value)}"
    if target.given:
        return f"{goal}, as requested."
    seeds = " at every seed" if facts.repetitions > 1 else ""
    return (
        f"{goal}, chosen by the program to compare times: the second-lowest that a setting reaches{seeds}, rounded up. "
        "It does not decide which setting to use."
    )


def varies(values: pd.Series) -> bool:
    """Return whether numbers other than NaN differ by more than a small part of the greatest."""
    known = values.dropna()
    return not known.empty and bool(known.max() - known.min() > _LEAST_CHANGE * known.abs().max())


def say_setting(row: SettingRow, dials: Sequence[Dial]) -> str:
    """Return a setting in a sentence: `8 learners, learning rate 0.05`."""
    return ", ".join(dial.say(row[dial.key]) for dial in dials)


def say_values(dial: Dial, values: Sequence[str]) -> str:
    """Return values of an axis with its name once: `async and hardsync`, `2 and 4 learners`, `latency 1 ms and 5 ms`."""
    if dial.key == "cluster.learners":
        return f"{list_some([dial.labels[value] for value in values], _MOST_NAMED)} learners"
    return list_some([dial.say(values[0]), *(dial.labels[value] for value in values[1:])], _MOST_NAMED)


def say_world(world: Sequence[str], facts: SweepFacts) -> str:
    """Return a part of the world in a sentence."""
    return ", ".join(dial.say(value) for dial, value in zip(facts.world, world, strict=True))


def say_worlds(worlds: Sequence[Sequence[str]], facts: SweepFacts) -> str:
    """Return several parts of the world in a sentence; of a single axis with its name once: `latency 1 ms and 5 ms`."""
    if len(facts.world) != 1:
        return list_some([say_world(world, facts) for world in worlds], _MOST_NAMED)
    (dial,) = facts.world
    return list_some([dial.say(worlds[0][0]), *(dial.labels[value] for (value,) in worlds[1:])], _MOST_NAMED)


def _label_points(sweep: Sweep) -> pd.DataFrame:
    """Return the points with the values of the axes as written."""
    labels = {axis.key: dict(zip(axis.numbers, axis.values, strict=True)) for axis in sweep.axes if axis.numbers is not None}
    return sweep.points.assign(**{key: sweep.points[key].map(found) for key, found in labels.items()})


def _judge_beside_each_other(points: pd.DataFrame, sweep: Sweep) -> pd.DataFrame:
    """Return the points with their outcomes beside each other, where all learn from the same data."""
    classes = _count_classes(sweep)
    if classes is None:
        return points
    return points.assign(outcome=[str(outcome) for outcome in judge(_list_learned(points), classes)])


def _list_learned(points: pd.DataFrame) -> list[LearnedResult]:
    columns = (points[name] for name in ("outcome", ERROR, "samples"))
    return [
        LearnedResult(Outcome(outcome), None if error != error else float(error), float(samples))
        for outcome, error, samples in zip(*columns, strict=True)
    ]


def _count_classes(sweep: Sweep) -> int | None:
    """Return the number of classes; None if there are none, or the points may learn from different data."""
    learning = sweep.scenario.learning
    if learning is None or _varies_data(sweep):
        return None
    return learning.data.shape.classes or None


def _varies_data(sweep: Sweep) -> bool:
    """Return whether the points may learn from different data."""
    return any(re.match(r"learning(\.data\b|$)", key) for axis in sweep.axes for key in axis.keys)

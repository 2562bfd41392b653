"""The axes of a sweep in words: their names, their values, and their places on a figure's axis."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, final

from simasgd.report.facts.formats import NBSP, shorten_label
from simasgd.scenario.vocabulary.units import BANDWIDTH, SIZE, TIME
from simasgd.sweeps.axes import Axis
from simasgd.sweeps.roles import KeyRole, find_role

if TYPE_CHECKING:
    import pandas as pd

    from simasgd.sweeps.table import Sweep

VARIANT = "variant"
_BETWEEN = " : "
_CLOSEST = 0.03  # of the length of an axis
_MOST_CHARACTERS = 28
_MOST_PLACES = 9
"""Up to this number of values each has a place and a label on a figure's axis."""
_NAMES = {
    VARIANT: "variant",
    "cluster.learners": "learners",
    "cluster.server.update": "server's update",
    "workload.mini_batch": "mini-batch",
    "workload.payload": "payload",
    "learning.modulation": "modulation",
    "learning.schedule": "schedule",
    "learning.data": "data",
    "learning.model": "model",
}
"""Names that are not the last part of the key."""
_PHRASES = {"cluster.learners": "{} learners", "protocol": "{}", "protocol.kind": "{}", VARIANT: "{}"}
"""How a value reads in a sentence; elsewhere its name precedes it."""
_TITLES = {"cluster.learners": "learners λ", "workload.mini_batch": "mini-batch µ (samples)"}
_NEED_A_PARENT = {"kind", "n", "k", "seed", "bandwidth", "distribution", "cv", "mean", "decay", "batch", "update", "node"}
_UNIT = re.compile(r"(?P<number>[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)\s*(?P<unit>[A-Za-zµ/]+)")


@final
@dataclass(frozen=True)
class Dial:
    """An axis in words. `labels` are its values for readers, by the values as written."""

    axis: Axis
    role: KeyRole
    name: str
    labels: Mapping[str, str]

    @property
    def key(self) -> str:
        """The key, which is the name of the column of the points."""
        return self.axis.key

    @property
    def values(self) -> tuple[str, ...]:
        """The values as written."""
        return self.axis.values

    @property
    def varies(self) -> bool:
        """Whether it has several values."""
        return len(self.values) > 1

    def say(self, value: str) -> str:
        """Return a value in a sentence: `8 learners`, `learning rate 0.05`, `mini-batch 4 (at latency 25 µs)`.

        Of keys that vary together with a choice, the others count as the place where the choice was made.
        """
        if len(self.axis.keys) == 1:
            return _say(self.key, self.name, self.labels[value])
        parts = list(zip(self.axis.keys, self.axis.parts_of(value), strict=True))
        given = [] if self.role is not KeyRole.CHOICE else [key for key in self.axis.keys if find_role(key) is KeyRole.WORLD]
        chosen = " with ".join(_say(key, _name(key), _label(part)) for key, part in parts if key not in given)
        where = " and ".join(_say(key, _name(key), _label(part)) for key, part in parts if key in given)
        return f"{chosen} (at {where})" if where else chosen

    def name_parts(self, role: KeyRole) -> list[str]:
        """Return the names of its keys that have a role."""
        return [_name(key) for key in self.axis.keys if find_role(key) is role]

    @property
    def each(self) -> str:
        """The name of one of its values: `number of learners`, `learning rate`."""
        return "number of learners" if self.key == "cluster.learners" else self.name

    @property
    def is_named_by_values(self) -> bool:
        """Whether its values are names that stand for themselves: those of protocols and variants."""
        return _PHRASES.get(self.key) == "{}"

    @property
    def unit(self) -> str:
        """The unit that all values share; "" if they do not share one."""
        found = {match["unit"] if (match := _UNIT.fullmatch(_plain(label))) else "" for label in self.labels.values()}
        return found.pop() if len(found) == 1 else ""

    @property
    def title(self) -> str:
        """The title of a figure's axis, with the unit."""
        title = _TITLES.get(self.key, self.name) + (f" ({self.unit})" if self.unit else "")
        return title if self.axis.numbers is None or is_to_scale(self.axis) else f"{title}, not to scale"

    def scatter(self) -> list[tuple[str, str, dict[str, float]]]:
        """Return numbers along which many values are drawn as dots: a title, a unit, and the number of each value.

        There are such numbers for each key that varies together with others, such as keys that were drawn at random, and
        for an axis of numbers of which some are near to each other. Otherwise the list is empty.
        """
        axis = self.axis
        if len(axis.values) <= _MOST_PLACES or (len(axis.keys) == 1 and is_to_scale(axis)):
            return []
        found = []
        for place, key in enumerate(axis.keys):
            numbers = axis.numbers if len(axis.keys) == 1 else axis.parts[place] if axis.parts else None
            if numbers is not None and all(map(math.isfinite, numbers)):
                texts = [axis.parts_of(value)[place] for value in axis.values]
                title = self.name if len(axis.keys) == 1 else _TITLES.get(key, _name(key)).partition(" (")[0]
                found.append((title, _find_base_unit(texts), dict(zip(axis.values, map(float, numbers), strict=True))))
        return found

    def label_ticks(self) -> dict[str, str]:
        """Return the text at each value's tick, without the unit if the title has it."""
        unit = self.unit
        if len(self.axis.keys) > 1:  # one below the other, as side by side they would overlap
            return {value: label.replace(_BETWEEN, "\n") for value, label in self.labels.items()}
        return {value: _plain(label).removesuffix(unit).strip() if unit else label for value, label in self.labels.items()}


def _find_base_unit(texts: Sequence[str]) -> str:
    """Return the unit of the numbers of quantities: s, B or B/s; "" if they have none."""
    named = {match["unit"] for text in texts if (match := _UNIT.fullmatch(text.strip())) is not None}
    bases = ((TIME, "s"), (SIZE, "B"), (BANDWIDTH, "B/s"))
    return next((base for dimension, base in bases if named and named <= set(dimension.units)), "")


def _say(key: str, name: str, label: str) -> str:
    """Return a value in a sentence."""
    if key == "cluster.learners" and label == "1":
        return "1 learner"
    return _PHRASES.get(key, f"{name} {{}}").format(label)


def find_dials(sweep: Sweep, points: pd.DataFrame) -> list[Dial]:
    """Return the axes in words, and the variants as one of them if there are several."""
    axes = list(sweep.axes)
    variants = tuple(dict.fromkeys(points["variant"]))
    if len(variants) > 1:
        axes.append(Axis(VARIANT, variants))
    names = {axis.key: " and ".join(map(_name, axis.keys)) for axis in axes}
    return [
        Dial(
            axis,
            find_role(axis.key),
            names[axis.key] if list(names.values()).count(names[axis.key]) == 1 else axis.key,
            _label_values(axis),
        )
        for axis in axes
    ]


def _name(key: str) -> str:
    if key in _NAMES:
        return _NAMES[key]
    parts = key.split(".")
    chosen = parts[-2:] if parts[-1] in _NEED_A_PARENT and len(parts) > 1 else parts[-1:]
    if chosen == ["protocol", "kind"]:
        return "protocol"
    return " ".join(part for part in chosen if part != "kind").replace("_", " ") or key


def _label_values(axis: Axis) -> dict[str, str]:
    """Return short labels for values as written; they differ where the values do."""
    labels = {value: shorten_label(_BETWEEN.join(map(_label, axis.parts_of(value))), _MOST_CHARACTERS) for value in axis.values}
    taken = list(labels.values())
    return {value: label if taken.count(label) == 1 else value for value, label in labels.items()}


def _label(value: str) -> str:
    text = value.strip()
    if text.startswith("{") and text.endswith("}"):
        first, *more = (part.strip().replace("_", " ") for part in text[1:-1].split(","))
        rest = ", ".join(_spell_part(part) for part in more)
        if not first.startswith("kind:"):
            return ", ".join(filter(None, (_spell_part(first), rest)))
        return f"{first.removeprefix('kind:').strip()}{f' ({rest})' if rest else ''}"
    match = _UNIT.fullmatch(text)
    if match is None:
        return "none" if text in ("null", "~", "") else text
    unit = {"us": "µs", "μs": "µs"}.get(match["unit"], match["unit"])
    return f"{match['number']}{NBSP}{unit}"


def _spell_part(part: str) -> str:
    """Return `n = 4` for a key of one letter, and `slowdown 5` for a longer one."""
    key, _, value = part.partition(": ")
    return f"{key}{NBSP}={NBSP}{value}" if value and len(key) == 1 else part.replace(": ", " ")


def _plain(label: str) -> str:
    return label.replace(NBSP, " ")


def place_values(axis: Axis) -> dict[str, float]:
    """Return the positions of an axis's values: their numbers, or 0, 1, 2, … instead."""
    numbers: Sequence[float] = axis.numbers if axis.numbers is not None and is_to_scale(axis) else range(len(axis.values))
    return dict(zip(axis.values, map(float, numbers), strict=True))


def is_logarithmic(axis: Axis) -> bool:
    """Return whether the numbers span a factor of eight or more."""
    numbers = axis.numbers or ()
    return len(numbers) > 1 and min(numbers) > 0 and max(numbers) >= 8 * min(numbers) and math.isfinite(max(numbers))


def is_to_scale(axis: Axis) -> bool:
    """Return whether the numbers are finite and do not crowd into a corner of the axis."""
    if axis.numbers is None or not all(map(math.isfinite, axis.numbers)):
        return False
    at = sorted(map(math.log, axis.numbers) if is_logarithmic(axis) else axis.numbers)
    return len(at) < 2 or min(b - a for a, b in pairwise(at)) >= _CLOSEST * (at[-1] - at[0])

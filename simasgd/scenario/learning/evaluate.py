"""The period between evaluations of the weights: a number of epochs, samples or updates, or a simulated time."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from simasgd.scenario.vocabulary import synonyms
from simasgd.scenario.vocabulary.units import QUANTITY, TIME, parse_seconds, show
from simasgd.scenario.vocabulary.values import nearest, shown

_ROUNDING = 1e-9  # of a period, so that rounding moves no evaluation to the next update
_MOST_EPOCHS, _LEAST_EPOCHS = 1e9, 1e-9
_MOST = 2**53
_EXAMPLES = ("0.25 epochs", "100 updates", "5000 samples", "10 s")
_WANTED = f"expected epochs, samples, updates or a time (e.g. {', '.join(_EXAMPLES[:2])}, {_EXAMPLES[3]})"

Unit = Literal["epoch", "sample", "update", "second"]
_UNITS: dict[str, Unit] = {
    "epoch": "epoch", "epochs": "epoch", "sample": "sample", "samples": "sample", "update": "update", "updates": "update",
}  # fmt: skip


class Period(NamedTuple):
    """So many of a unit. Epochs are exact, as they are written in decimal; other numbers are whole, or seconds."""

    number: float
    unit: Unit

    def __str__(self) -> str:
        if self.unit == "second":
            return show(self.number, TIME)
        text = f"{self.number:.0f}" if self.number == int(self.number) else repr(self.number)
        return f"{text} {self.unit}{'' if self.number == 1 else 's'}"

    def epoch_at(self, number: float) -> float | None:
        """Return the epoch at the end of period `number`; None if the period is not in epochs."""
        return float(Fraction(repr(self.number)) * int(number)) if self.unit == "epoch" else None

    def count_over(self, *, samples: Any, updates: Any, seconds: Any, samples_per_epoch: int) -> Any:
        """Return how many periods are over.

        The arguments are the applied samples, the updates and the simulated seconds so far, as
        numbers or as arrays of one shape. The result has that shape.
        """
        if self.unit == "second":
            return (seconds / self.number + _ROUNDING) // 1.0
        if self.unit == "update":
            return updates // int(self.number)
        length = Fraction(repr(self.number)) * (samples_per_epoch if self.unit == "epoch" else 1)
        if length.denominator == 1:
            return samples // length.numerator
        return (samples / float(length) + _ROUNDING) // 1.0


EACH_EPOCH = Period(1.0, "epoch")


def parse(value: Any) -> Period:
    """Return the period that a text states. Raises ValueError with the text found and what is expected."""
    if isinstance(value, Period):
        return value
    match = QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None or not match[2]:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        raise ValueError(f"{shown(value)} {'has no unit' if match or is_number else 'is not a period'}; {_WANTED}")
    number, unit = float(match[1]), match[2]
    if unit in TIME.units:
        seconds = parse_seconds(value)
        if seconds == 0.0:
            raise ValueError(f"{shown(value)} is no time; {_WANTED}")
        return Period(seconds, "second")
    if unit not in _UNITS:
        near = nearest(unit, [*_UNITS, *TIME.units])
        hint = f"; {synonyms.ask((near,))}" if near else ""
        raise ValueError(f"unknown unit {shown(unit)} in {shown(value)}{hint}; {_WANTED}")
    if _UNITS[unit] == "epoch":
        if not _LEAST_EPOCHS <= number <= _MOST_EPOCHS:
            raise ValueError(f"{shown(value)} is out of range; expected {_LEAST_EPOCHS:g} to {_MOST_EPOCHS:g} epochs")
    elif not 1 <= number <= _MOST or number != int(number):
        raise ValueError(f"{shown(value)} is not a whole number from 1 to {_MOST} of {_UNITS[unit]}s")
    return Period(number, _UNITS[unit])


_NUMBER = r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_PATTERN = rf"^\s*{_NUMBER}\s*({'|'.join([*_UNITS, *map(re.escape, TIME.units)])})\s*$"
Evaluate = Annotated[
    Period,
    PlainValidator(parse),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _PATTERN, "examples": list(_EXAMPLES)}),
]

"""Data that is generated: a text, two regressions and noise."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.learning.data.base import DATA, AbstractData, DataShape
from simasgd.scenario.vocabulary.section import Count, Inconsistency, Number, Rival

Features = Annotated[Count, Field(le=100_000)]
Samples = Annotated[Count, Field(le=10_000_000)]
_MOST_NUMBERS = 5 * 10**9


@final
class Characters(AbstractData):
    """Stretches of 32 characters of a made text, whose class is the next one."""

    kind: Literal["characters"] = "characters"

    @property
    def shape(self) -> DataShape:
        return DATA[self.kind]

    def inconsistencies(self) -> list[Inconsistency]:
        return []


def _too_many_numbers(shape: DataShape) -> list[Inconsistency]:
    """Data that is made has to be held in memory as a whole, 4 bytes a number."""
    numbers = (shape.train + shape.test) * shape.features
    if numbers <= _MOST_NUMBERS:
        return []
    message = f"{shape.train + shape.test:,} samples of {shape.features:,} features are {numbers:,} numbers"
    return [Inconsistency(("samples",), f"{message}; {_MOST_NUMBERS:,} are the most")]


class AbstractRegression(AbstractData):
    """Samples x of plain numbers, N(0, C), made rather than read, and labels that follow from x·w* for hidden weights w* of
    unit variance. C is diagonal, with eigenvalues evenly spaced in their logarithm from 1 down to 1/condition."""

    features: Features
    """Numbers in a sample."""
    samples: Samples = 10_000
    """How many training samples there are."""
    test: Samples = 1000
    """How many test samples there are."""
    condition: Annotated[Number, Field(ge=1.0, le=1e12)] = 1.0
    """The ratio of the greatest to the least eigenvalue of C."""

    def inconsistencies(self) -> list[Inconsistency]:
        if self.condition > 1.0 and self.features == 1:
            rivals = (Rival(("condition",), ("features",)),)
            return [Inconsistency(("condition",), "one feature has one eigenvalue, which is 1", rivals)]
        return _too_many_numbers(self.shape)


@final
class LinearRegression(AbstractRegression):
    """Labels x·w* + noise."""

    kind: Literal["linear-regression"] = "linear-regression"
    noise: Annotated[Number, Field(ge=0.0, le=1e6)] = 0.1
    """Standard deviation of the labels' noise."""

    @property
    def shape(self) -> DataShape:
        return DataShape(self.samples, self.test, (self.features,), 0, inputs="numbers", label="number")


@final
class LogisticRegression(AbstractRegression):
    """Two classes; a sample is of class 1 with probability 1/(1 + exp(−scale·x·w*/|w*|))."""

    kind: Literal["logistic-regression"] = "logistic-regression"
    scale: Annotated[Number, Field(gt=0.0, le=100.0)] = 4.0
    """How sharply the classes part: large for few samples of doubtful class."""

    @property
    def shape(self) -> DataShape:
        return DataShape(self.samples, self.test, (self.features,), 2, inputs="numbers")


@final
class Noise(AbstractData):
    """What a gradient's noise is drawn from: training samples N(0, deviation²) of mean exactly 0, without labels, and a single
    test sample of zeros, so that the test loss is the one without noise."""

    kind: Literal["noise"] = "noise"
    features: Features
    """Numbers in a sample."""
    samples: Samples = 10_000
    """How many training samples there are."""
    deviation: Annotated[Number, Field(ge=0.0, le=1e6)] = 1.0
    """Standard deviation of each number."""

    @property
    def shape(self) -> DataShape:
        return DataShape(self.samples, 1, (self.features,), 0, inputs="numbers", label="none")

    def inconsistencies(self) -> list[Inconsistency]:
        return _too_many_numbers(self.shape)

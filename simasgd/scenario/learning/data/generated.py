"""Data that is generated: a text, two regressions and noise."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.learning.data.base import DATA, AbstractData, DataShape
from simasgd.scenario.vocabulary.section import Count, Inconsistency, Number, Rival

Features = Annotated[Count, Field(le=100_000)]
SampleCount = Annotated[Count, Field(le=10_000_000)]
_MOST_NUMBERS = 5 * 10**9


@final
class Characters(AbstractData):
    """Sequences of 32 characters of a generated text; the class is the next character.

    The text has 16 characters and is a Markov chain of order 2 with 1.75 bits a character. The best
    possible error is 50 %, and the best possible loss 1.213.
    """

    kind: Literal["characters"] = "characters"

    @property
    def shape(self) -> DataShape:
        return DATA[self.kind]

    def inconsistencies(self) -> list[Inconsistency]:
        return []


def _too_many_numbers(shape: DataShape) -> list[Inconsistency]:
    """Refuse generated data that memory could not hold, at 4 bytes a number."""
    numbers = (shape.train + shape.test) * shape.features
    if numbers <= _MOST_NUMBERS:
        return []
    message = f"{shape.train + shape.test:,} samples of {shape.features:,} features are {numbers:,} numbers"
    return [Inconsistency(("samples",), f"{message}; {_MOST_NUMBERS:,} are the most")]


class AbstractRegression(AbstractData):
    """Generated samples x of numbers from N(0, C), with labels that follow from x·w* for hidden weights w* of unit variance.

    C is diagonal. Its eigenvalues are evenly spaced in their logarithm from 1 down to 1/condition.
    """

    features: Annotated[Features, Field(examples=[20])]
    """Number of values in a sample, up to 100,000."""
    samples: SampleCount = 10_000
    """Number of training samples."""
    test: SampleCount = 1000
    """Number of test samples."""
    condition: Annotated[Number, Field(ge=1.0, le=1e12)] = 1.0
    """Condition number: greatest ÷ least eigenvalue of the inputs' covariance C."""

    def inconsistencies(self) -> list[Inconsistency]:
        if self.condition > 1.0 and self.features == 1:
            rivals = (Rival(("condition",), ("features",)),)
            return [Inconsistency(("condition",), "one feature has one eigenvalue, which is 1", rivals)]
        return _too_many_numbers(self.shape)


@final
class LinearRegression(AbstractRegression):
    """Lists of numbers x ~ N(0, C) with a number each: x·w* + noise, for hidden weights w* ~ N(0, 1).

    C is diagonal, with eigenvalues evenly spaced in their logarithm from 1 down to 1/condition.
    """

    kind: Literal["linear-regression"] = "linear-regression"
    noise: Annotated[Number, Field(ge=0.0, le=1e6)] = 0.1
    """Standard deviation of the labels' noise."""

    @property
    def shape(self) -> DataShape:
        return DataShape(self.samples, self.test, (self.features,), 0, inputs="numbers", label="number")


@final
class LogisticRegression(AbstractRegression):
    """Lists of numbers x ~ N(0, C) in two classes; class 1 has the probability 1/(1 + exp(−scale·x·w*/|w*|)).

    w* ~ N(0, 1) is hidden, and C is as for `linear-regression`.
    """

    kind: Literal["logistic-regression"] = "logistic-regression"
    scale: Annotated[Number, Field(gt=0.0, le=100.0)] = 4.0
    """Sharpness of the border between the classes; at a large scale few samples are of doubtful
    class."""

    @property
    def shape(self) -> DataShape:
        return DataShape(self.samples, self.test, (self.features,), 2, inputs="numbers")


@final
class Noise(AbstractData):
    """Noise of a gradient for `quadratic`: training samples from N(0, deviation²), with a mean of exactly 0, without labels.

    The single test sample is zeros, so that the test loss is the loss without noise.
    """

    kind: Literal["noise"] = "noise"
    features: Annotated[Features, Field(examples=[20])]
    """Number of values in a sample, up to 100,000."""
    samples: SampleCount = 10_000
    """Number of training samples."""
    deviation: Annotated[Number, Field(ge=0.0, le=1e6)] = 1.0
    """Standard deviation of each number."""

    @property
    def shape(self) -> DataShape:
        return DataShape(self.samples, 1, (self.features,), 0, inputs="numbers", label="none")

    def inconsistencies(self) -> list[Inconsistency]:
        return _too_many_numbers(self.shape)

"""Linear models, a quadratic function, and fully connected layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.learning.data import DataShape
from simasgd.scenario.learning.models.base import AbstractModel, Width, needs_other_data
from simasgd.scenario.vocabulary.section import Inconsistency, Number


@final
class Softmax(AbstractModel):
    """Softmax (multinomial logistic) regression."""

    kind: Literal["softmax"] = "softmax"

    @property
    def layer_names(self) -> tuple[str, ...]:
        return ("top",)

    def num_parameters(self, data: DataShape) -> int:
        return (data.features + 1) * data.classes

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        fits = data.label == "class" and not data.is_text
        return [] if fits else needs_other_data(self, "images or lists of numbers in classes", data)


@final
class Linear(AbstractModel):
    """Linear regression: x·w + b, with half the squared error as its loss."""

    kind: Literal["linear"] = "linear"

    @property
    def layer_names(self) -> tuple[str, ...]:
        return ("top",)

    def num_parameters(self, data: DataShape) -> int:
        return data.features + 1

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        return [] if data.label == "number" else needs_other_data(self, "lists of numbers with a number each", data)


@final
class Logistic(AbstractModel):
    """Logistic regression of two classes; class 1 has the probability 1/(1 + exp(−x·w − b))."""

    kind: Literal["logistic"] = "logistic"

    @property
    def layer_names(self) -> tuple[str, ...]:
        return ("top",)

    def num_parameters(self, data: DataShape) -> int:
        return data.features + 1

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        fits = data.label == "class" and data.classes == 2 and not data.is_text
        return [] if fits else needs_other_data(self, "images or lists of numbers in two classes", data)


@final
class Quadratic(AbstractModel):
    """A quadratic function: the loss of a sample ξ is ½·Σ hᵢ·wᵢ² − ξ·w, and its gradient h·w − ξ.

    The data must be `noise`. The test loss is ½·Σ hᵢ·wᵢ².
    """

    kind: Literal["quadratic"] = "quadratic"
    spectrum: Annotated[tuple[Annotated[Number, Field(gt=0.0, le=1e12)], ...], Field(min_length=1, examples=[[1, 0.1]])]
    """h, the eigenvalues of the Hessian matrix, one for each feature of the noise."""
    start: Annotated[Number, Field(ge=-1e6, le=1e6)] = 1.0
    """Initial value of every weight."""

    @property
    def layer_names(self) -> tuple[str, ...]:
        return ("weights",)

    def num_parameters(self, data: DataShape) -> int:
        return len(self.spectrum)

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        if data.label != "none":
            return needs_other_data(self, "noise", data)
        if len(self.spectrum) != data.features:
            message = f"there are {len(self.spectrum)} eigenvalues for the {data.features} features of the noise"
            return [Inconsistency(("spectrum",), message)]
        return []


@final
class MLP(AbstractModel):
    """Fully connected layers with ReLU between them, for images or lists of numbers."""

    kind: Literal["mlp"] = "mlp"
    hidden: Annotated[tuple[Width, ...], Field(min_length=1, max_length=100, examples=[[32]])]
    """Widths of the hidden layers, up to 100 of them."""

    def widths(self, data: DataShape) -> Iterator[tuple[int, int]]:
        """Return (inputs, outputs) of each layer."""
        return zip((data.features, *self.hidden), (*self.hidden, data.outputs), strict=True)

    @property
    def layer_names(self) -> tuple[str, ...]:
        return (*(f"hidden{number}" for number in range(1, len(self.hidden) + 1)), "top")

    def num_parameters(self, data: DataShape) -> int:
        return sum((inputs + 1) * outputs for inputs, outputs in self.widths(data))

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        fits = data.label != "none" and not data.is_text
        return [] if fits else needs_other_data(self, "images or lists of numbers with a label each", data)

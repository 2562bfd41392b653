"""The models.

Their sizes are stated here, so that checking a scenario needs no JAX; a test holds them equal to what `learning/` builds.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.data import DataShape
from simasgd.scenario.section import Count, NameForKind, Section


class AbstractModel(Section):
    """A classifier."""

    kind: str

    @abc.abstractmethod
    def num_parameters(self, data: DataShape) -> int:
        """How many numbers the model learns on this data."""


@final
class Softmax(AbstractModel):
    """Softmax (multinomial logistic) regression."""

    kind: Literal["softmax"] = "softmax"

    def num_parameters(self, data: DataShape) -> int:
        return (data.features + 1) * data.classes


@final
class MLP(AbstractModel):
    """Fully connected layers with ReLU between them."""

    kind: Literal["mlp"] = "mlp"
    hidden: Annotated[tuple[Count, ...], Field(min_length=1)]
    """Widths of the hidden layers."""

    def widths(self, data: DataShape) -> Iterator[tuple[int, int]]:
        """(inputs, outputs) of each layer."""
        return zip((data.features, *self.hidden), (*self.hidden, data.classes), strict=True)

    def num_parameters(self, data: DataShape) -> int:
        return sum((inputs + 1) * outputs for inputs, outputs in self.widths(data))


Model = Annotated[Softmax | MLP, Field(discriminator="kind"), NameForKind]

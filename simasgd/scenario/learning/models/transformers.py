"""The transformer."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.learning.data import DataShape
from simasgd.scenario.learning.models.base import AbstractModel, Width, data_in_words
from simasgd.scenario.vocabulary.section import Count, Inconsistency


@final
class Transformer(AbstractModel):
    """A decoder-only transformer that predicts the next character of a text."""

    kind: Literal["transformer"] = "transformer"
    layers: Annotated[Count, Field(le=1000)] = 2
    """Number of blocks, up to 1000."""
    width: Width = 64
    """Width of the residual stream, a multiple of `heads`."""
    heads: Width = 4
    """Number of attention heads."""
    context: Width = 16
    """Number of preceding characters that it sees."""

    @property
    def layer_names(self) -> tuple[str, ...]:
        return ("embeddings", *(f"block{number}" for number in range(1, self.layers + 1)), "top")

    def num_parameters(self, data: DataShape) -> int:
        width = self.width
        embeddings = (data.classes + self.context) * width
        # Attention 4·width² + 4·width, two layers to 4·width and back 8·width² + 5·width, two
        # normalizations 4·width.
        return embeddings + self.layers * (12 * width + 13) * width + 2 * width + (width + 1) * data.classes

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        found = []
        if not data.is_text:
            found.append(Inconsistency(("kind",), f"transformer learns a text, and {data_in_words(data)}"))
        elif self.context > data.features:
            message = f"{self.context} is too large: this data's samples have {data.features} characters"
            found.append(Inconsistency(("context",), message))
        if self.width % self.heads:
            found.append(Inconsistency(("width",), f"{self.width} is not divisible by the number of heads, {self.heads}"))
        return found

"""The facts that every model states about itself.

Sizes are stated here, so that checking a scenario needs no JAX. A test compares them with the
networks in `learning/models`.
"""

from __future__ import annotations

import abc
from typing import Annotated

from pydantic import Field

from simasgd.scenario.learning.data import DataShape
from simasgd.scenario.vocabulary.section import Count, Inconsistency, Section

Width = Annotated[Count, Field(le=10_000_000)]


class AbstractModel(Section):
    """A classifier, a regression or another function to be minimized."""

    kind: str

    @property
    @abc.abstractmethod
    def layer_names(self) -> tuple[str, ...]:
        """The layers, or groups of layers, from the input to the output; each may be read at an age of its own."""

    @abc.abstractmethod
    def num_parameters(self, data: DataShape) -> int:
        """Return the number of parameters that are learned on this data."""

    @abc.abstractmethod
    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        """Return the reasons why the model cannot learn this data; empty if it can."""


def data_in_words(data: DataShape) -> str:
    """Describe the data and name the models that learn such data."""
    if data.is_text:
        return "this data is a text; a transformer learns those"
    if data.label == "none":
        return "this data is noise; quadratic is for that"
    if data.label == "number":
        return "this data is lists of numbers with a number each; linear and mlp learn those"
    if data.inputs == "numbers":
        return "this data is lists of numbers in two classes; logistic, softmax and mlp learn those"
    return f"this data's samples are images in {data.classes:,} classes"


def needs_other_data(model: AbstractModel, needed: str, data: DataShape) -> list[Inconsistency]:
    """Return the inconsistency of a model with data that it cannot learn."""
    return [Inconsistency(("kind",), f"{model.kind} needs {needed}, and {data_in_words(data)}")]


def needs_images(model: AbstractModel, data: DataShape, smallest: int) -> list[Inconsistency]:
    """Return the reasons why this data is not images with sides of at least `smallest` pixels."""
    needed = f"images of {smallest} × {smallest} pixels or more"
    if data.inputs != "images":
        return needs_other_data(model, needed, data)
    if min(data.image[:2]) < smallest:
        message = f"{model.kind} needs {needed}, and this data's have {data.image[0]} × {data.image[1]}"
        return [Inconsistency(("kind",), message)]
    return []

"""The forms of study.json, variants.json and sweep.json, as they are read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, final

from pydantic import Field, model_validator

from simasgd.results.json_files import Items, Stored


@final
class StudyJson(Stored):
    """study.json: the command that repeats a study, its notes, and the target that it was given.

    Commands add the `verdict`, the sentences at the top of the page; it is null in what Python saves.
    """

    command: str
    notes: Items[str]
    variant: str
    target: float | None
    verdict: str | None


@final
class VariantRow(Stored):
    """A row of variants.json."""

    variant: str


@final
class VariantsJson(Stored):
    """variants.json: only the variants' names are read again."""

    variants: Annotated[Items[VariantRow], Field(min_length=1)]


@final
class AxisJson(Stored):
    """A swept key: its values as written, and as numbers if all are numbers (null: unlimited).

    Of keys that vary together, `parts` has the numbers of each.
    """

    key: str
    values: Annotated[Items[str], Field(min_length=1)]
    numbers: Items[float | None] | None
    parts: Items[Items[float | None] | None]

    @model_validator(mode="after")
    def _paired(self) -> Self:
        for numbers in (self.numbers, *self.parts):
            if numbers is not None and len(numbers) != len(self.values):
                raise ValueError("there are not as many numbers as values")
        return self


@final
class TargetJson(Stored):
    """The target of a sweep: a value of `test_error` or `test_loss`, and whether the user gave it."""

    quantity: Literal["test_error", "test_loss"]
    value: float
    given: bool


@final
class PointFailure(Stored):
    """failure.json: why a point of a sweep has no results."""

    error: str


@final
class SweepJson(Stored):
    """sweep.json without its points, which are read from points.parquet."""

    command: str
    verdict: str
    best: Items[Mapping[str, Any]]
    target: TargetJson | None
    axes: Items[AxisJson]

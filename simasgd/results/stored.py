"""The form of the JSON files in a results folder, checked once, when they are loaded. What is drawn later needs no doubts.

Keys beyond these are allowed. All keys are required, so results of an older version are refused, by the first key they lack.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self, final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from simasgd.errors import UsageError
from simasgd.scenario.vocabulary.section import Seed
from simasgd.scenario.vocabulary.values import shown

_MOST_SHOWN = 60
_WANTED = {
    "model_type": "a mapping is expected",
    "dict_type": "a mapping is expected",
    "list_type": "a list is expected",
    "string_type": "text is expected",
    "int_type": "a whole number is expected",
    "float_type": "a number is expected",
}

Amount = Annotated[float, Field(ge=0.0, le=1e30)]
"""Seconds, bytes, a rate, or a mean number."""
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0 + 1e-6)]
"""A fraction of a time that is a quotient of two sums, and may exceed 1 by rounding."""
Number = Annotated[int, Field(ge=0, le=2**62)]


class Stored(BaseModel):
    """A mapping in a file of results."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)


@final
class Gradients(Stored):
    """`computed` is the sum of the others."""

    computed: Number
    applied: Number
    dropped: Number
    cancelled: Number
    lost: Number
    in_flight: Number


@final
class Times(Stored):
    """Fractions of a time."""

    compute: Share
    push: Share
    wait: Share
    pull: Share
    idle: Share


@final
class CriticalPath(Stored):
    """Seconds on the critical path."""

    compute: Amount
    push: Amount
    update: Amount
    pull: Amount
    other: Amount


@final
class Resource(Stored):
    """A server or a link: the fraction of the time it is busy, and the mean number waiting for it."""

    name: str
    busy: Share
    mean_queue: Amount


@final
class Hang(Stored):
    at: Amount
    reason: str


@final
class Diverged(Stored):
    update: Number
    epoch: Amount


@final
class Faults(Stored):
    crashes: Number
    rejoins: Number
    down: Amount
    barrier_timeouts: Number
    members_dropped: Number
    messages_lost: Number
    server_paused: Amount


@final
class WhatIf(Stored):
    """The first `gradients` of the run on a cluster of which one part is `factor` times as fast."""

    change: Literal["network", "server", "node"]
    factor: Annotated[float, Field(gt=0.0, le=1e6)]
    speedup: Amount | None
    spread_speedup: Amount | None
    gradients: Number


@final
class LockStep(Stored):
    """The seconds of the first `gradients` with learners that start together, and at moments of their own."""

    gradients: Number
    seconds: Amount
    spread_seconds: Amount
    decides: bool


@final
class Counts(Stored):
    """Of staleness, or of ages: histogram[σ] is how many there are of σ. Without any all numbers are null."""

    mean: Amount | None
    max: Number | None
    p50: Number | None
    p95: Number | None
    p99: Number | None
    histogram: list[Number]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        numbers = (self.mean, self.max, self.p50, self.p95, self.p99)
        if any((number is None) != (not self.histogram) for number in numbers):
            raise ValueError("mean, max and percentiles are null if and only if the histogram is empty")
        if self.histogram and not self.histogram[-1]:
            raise ValueError("the histogram ends with a 0")
        return self


@final
class Evaluation(Stored):
    """A row of evaluations.parquet; of many rows, evenly spaced ones are kept."""

    epoch: Amount
    samples: Number
    updates: Number
    simulated_seconds: Amount
    test_loss: float | None
    test_error: Fraction | None
    consensus_distance: Amount | None
    bytes: Amount


@final
class Bytes(Stored):
    sent: Amount


@final
class Wall(Stored):
    """Real seconds."""

    simulate: Amount
    compile: Amount
    replay: Amount
    total: Amount


@final
class RunJson(Stored):
    """run.json: all numbers of a run that are no tables."""

    outcome: str
    name: str
    seed: Seed
    version: str
    python: str
    packages: dict[str, str]
    scenario_hash: str
    architecture: str
    diverged: Diverged | None
    simulated_seconds: Amount
    gradients: Gradients
    updates: Number
    stopped_by: str
    hang: Hang | None
    samples: Number
    epochs: Amount | None
    gradients_per_simulated_second: Amount
    learner_time: Times
    threads: dict[str, Times]
    overlap: Share | None
    critical_path: CriticalPath | None
    servers: list[Resource]
    links: list[Resource]
    bytes: Bytes
    faults: Faults
    what_if: list[WhatIf] | None
    lock_step: LockStep | None
    warnings: list[str]
    staleness: Counts
    mixing: Counts | None
    evaluations: list[Evaluation]
    test_error: Fraction | None
    test_loss: float | None
    note: str
    wall: Wall


@final
class StudyJson(Stored):
    """study.json: what repeats a study, and what it was asked for."""

    command: str
    notes: list[str]
    variant: str
    target: float | None


@final
class VariantRow(Stored):
    variant: str


@final
class VariantsJson(Stored):
    """variants.json, of which only the names are read again."""

    variants: Annotated[list[VariantRow], Field(min_length=1)]


@final
class AxisJson(Stored):
    """A swept key: its values as written, and as numbers if they all are some; null stands for an unlimited one."""

    key: str
    values: Annotated[list[str], Field(min_length=1)]
    numbers: list[float | None] | None

    @model_validator(mode="after")
    def _paired(self) -> Self:
        if self.numbers is not None and len(self.numbers) != len(self.values):
            raise ValueError("there are not as many numbers as values")
        return self


@final
class SweepJson(Stored):
    """sweep.json, but for its points, which points.parquet has, too."""

    command: str
    axes: list[AxisJson]


def read_json(path: Path, form: type[Stored]) -> dict[str, Any]:
    """The content of a file that simasgd wrote. Raises simasgd.UsageError that names the file and the first key that is not of
    its form."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path}: is not what simasgd writes: a mapping is expected")
    try:
        form.model_validate(content)
    except ValidationError as error:
        raise UsageError(f"{path}: {_complaint(error)}") from None
    return content


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _complaint(error: ValidationError) -> str:
    """The first mistake: its key, and what is wrong there."""
    first, *others = error.errors(include_url=False)
    key = ".".join(map(str, first["loc"])) or "the file"
    more = f" (and {len(others)} more)" if others else ""
    if first["type"] == "missing":
        return f"{key} is missing; was it written by another version of simasgd?{more}"
    wrong = _WANTED.get(first["type"], first["msg"].removeprefix("Value error, "))
    found = shown(first["input"])
    return (
        f"{key}: {wrong[:1].lower()}{wrong[1:]}, not {found if len(found) <= _MOST_SHOWN else found[:_MOST_SHOWN] + '…'}{more}"
    )

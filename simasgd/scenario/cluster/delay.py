"""The `protocol.delay` section: staleness to inject, for all layers of the model or for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Protocol, final

from pydantic import BeforeValidator, Field, Tag, model_validator

from simasgd.scenario.vocabulary.section import LIST, MAPPING, Inconsistency, ListOrMapping, Number, Rival, Section

UpdateCount = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
_NEEDS = {
    "constant": ("mean",),
    "uniform": ("low", "high"),
    "poisson": ("mean",),
    "geometric": ("mean",),
    "normal": ("mean", "deviation"),
    "measured": ("measured",),
}


@final
class Delay(Section):
    """A law of delays, which are whole numbers of updates."""

    distribution: Literal["constant", "uniform", "poisson", "geometric", "normal", "measured"]
    """`uniform`: low to high, both included. `geometric`: 0, 1, 2, … with this mean. `normal`:
    rounded, and 0 where negative. `measured`: the delays of a file, in its order, repeated."""
    mean: Annotated[Number, Field(ge=0.0, le=500.0)] | None = None
    """Mean of constant (a whole number), poisson and geometric delays, and of normal delays before
    rounding."""
    deviation: Annotated[Number, Field(gt=0.0, le=500.0)] | None = None
    """Standard deviation of normal delays."""
    low: UpdateCount | None = None
    """Least uniform delay."""
    high: UpdateCount | None = None
    """Greatest uniform delay."""
    file: Annotated[str, Field(examples=["delays.txt"])] | None = None
    """A text file of measured delays, one whole number a line. A resolved scenario has them in
    `measured`."""
    measured: Annotated[tuple[UpdateCount, ...], Field(min_length=1, max_length=10_000, examples=[[0, 3, 1]])] | None = None
    """Measured delays."""

    @model_validator(mode="before")
    @classmethod
    def _measured(cls, value: Any) -> Any:
        """Add the distribution, which measured delays imply."""
        is_law = isinstance(value, dict) and value.get("measured") is not None
        return {"distribution": "measured", **value} if is_law else value

    @property
    def expected(self) -> float:
        """Mean delay; for a normal law the mean before rounding."""
        if self.measured is not None:
            return sum(self.measured) / len(self.measured)
        if self.low is not None and self.high is not None:
            return (self.low + self.high) / 2
        assert self.mean is not None
        return self.mean

    def inconsistencies(self) -> list[Inconsistency]:
        """Return the mistakes in values that are valid one by one."""
        needed = _NEEDS[self.distribution]
        found = []
        for key in ("mean", "deviation", "low", "high", "measured"):
            given = getattr(self, key) is not None
            if key in needed and not given:
                missing = "file" if key == "measured" else key
                found.append(Inconsistency((missing,), f"missing: a {self.distribution} delay needs it"))
            elif given and key not in needed:
                rivals = [Rival((key,), ("distribution",))]
                if key == "measured":
                    rivals.append(Rival(("distribution",), (key,)))
                if self.measured is not None and self.distribution == "measured":
                    rivals.append(Rival((key,), ("measured",)))
                found.append(Inconsistency((key,), f"a {self.distribution} delay has none", tuple(rivals)))
        if self.low is not None and self.high is not None and self.low > self.high:
            found.append(Inconsistency(("high",), f"{self.high} is less than low, {self.low}"))
        if self.distribution == "constant" and self.mean is not None and self.mean != int(self.mean):
            found.append(Inconsistency(("mean",), f"{self.mean:g} is not a whole number of updates"))
        return found


def _as_law(value: Any) -> Any:
    """Turn a bare number into a constant delay."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"distribution": "constant", "mean": value} if is_number else value


_OfLayer = Annotated[Delay, BeforeValidator(_as_law, json_schema_input_type=UpdateCount | Delay)]
_OfLayers = Annotated[tuple[_OfLayer, ...], Field(min_length=1)]
Delays = Annotated[
    Annotated[_OfLayers, Tag(LIST)] | Annotated[Delay, Tag(MAPPING)],
    ListOrMapping,
    BeforeValidator(_as_law, json_schema_input_type=UpdateCount | Delay | _OfLayers),
]
"""A law (a bare number is a constant delay), or a list with a law for each layer."""


class Layered(Protocol):
    """A model whose layers have names."""

    @property
    def kind(self) -> str:
        """The kind of the model."""

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The layers, from the input to the output."""


def wrong_delays(delays: Delays, model: Layered | None) -> Iterator[Inconsistency]:
    """Yield the mistakes in delays that are injected into the learning of a model; None for no learning."""
    if not isinstance(delays, tuple):
        yield from delays.inconsistencies()
        return
    for number, law in enumerate(delays):
        yield from (one.within(number) for one in law.inconsistencies())
    if model is None:
        yield Inconsistency((), "a list is of the model's layers, and without a learning section there is no model")
    elif len(delays) != len(model.layer_names):
        names = ", ".join(model.layer_names)
        message = f"there are {len(delays)} delays for the {len(model.layer_names)} layers of {model.kind}: {names}"
        yield Inconsistency((), message)

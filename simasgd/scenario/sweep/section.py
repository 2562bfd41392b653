"""The `sweep` section: the runs that `simasgd sweep` makes of a scenario."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, final

from pydantic import BeforeValidator, Field, Tag, model_validator

from simasgd.scenario.vocabulary.section import (
    LIST,
    NAME,
    Count,
    Inconsistency,
    InconsistentScenario,
    NameOrList,
    OneLine,
    Section,
    Seed,
)
from simasgd.scenario.vocabulary.units import TIME, Seconds, show
from simasgd.scenario.vocabulary.values import shown


def _require_several(value: Any) -> Any:
    if isinstance(value, str | list | tuple):
        return value
    raise ValueError(f"found {shown(value)}; expected a list of values, or text such as 'range(0, 3)'")


AxisValues = Annotated[tuple[Any, ...], Field(min_length=1, max_length=10_000)]
ListOrText = Annotated[
    Annotated[AxisValues, Tag(LIST)] | Annotated[OneLine, Tag(NAME)], NameOrList, BeforeValidator(_require_several)
]


@final
class Budget(Section):
    """What one command may spend. When it is spent, the same command goes on with the points that are left."""

    time: Annotated[Seconds | None, Field(examples=["30 min"])] = None
    """Time after which no further point is begun; those under way are finished."""
    points: Annotated[Count, Field(examples=[100])] | None = None
    """Number of points that are computed, in their order; points that are there do not count."""

    def describe(self) -> str:
        """Return the budget in words, such as `30 min or 100 points`; "" if there is none."""
        time = [] if self.time is None else [show(self.time, TIME)]
        return " or ".join([*time, *([] if self.points is None else [f"{self.points:,} points"])])


@final
class SweepBlock(Section):
    """The points of a sweep: every combination of the axes, the groups that vary together, and the draws."""

    axes: Annotated[
        dict[str, ListOrText],
        Field(examples=[{"learners": [2, 4, 8], "network.latency": "logspace(1 us, 1 ms, 4)", "seed": "range(0, 3)"}]),
    ] = Field(default_factory=dict)
    """Keys with the values that each takes: a list, or text as on the command line, such as `range(0, 3)`."""
    zip: Annotated[
        tuple[dict[str, AxisValues], ...],
        Field(max_length=100, examples=[[{"learners": [1, 4, 16], "mini_batch": [64, 16, 4]}]]),
    ] = ()
    """Groups of keys that vary together. The lists of a group are equally long, and the n-th values belong together."""
    random: Annotated[Count, Field(le=10_000, examples=[40])] | None = None
    """Number of draws from `laws`. The draws are different, and each fulfils `only`."""
    laws: Annotated[
        dict[str, OneLine],
        Field(examples=[{"learning_rate": "log-uniform(0.001, 1)", "learners": "integers(1, 64)"}]),
    ] = Field(default_factory=dict)
    """Keys with laws that their values are drawn from: `uniform(LOW, HIGH)`, `log-uniform(LOW, HIGH)`, `integers(LOW,
    HIGH)` with both ends, or `choice(A, B, …)`."""
    seed: Seed = 0
    """Seed of the draws. It is not the seed of a run."""
    only: Annotated[
        Annotated[tuple[OneLine, ...], Tag(LIST)] | Annotated[OneLine, Tag(NAME)],
        NameOrList,
        Field(examples=["learners * mini_batch == 128"]),
    ] = ()
    """Condition, or a list of conditions, over the swept keys and those that the command line fixes. Other combinations are
    left out."""
    budget: Budget = Budget.by_default()
    """What one command may spend; without it, all points are computed."""

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions, all of which must hold."""
        return (self.only,) if isinstance(self.only, str) else self.only

    @model_validator(mode="after")
    def _consistent(self) -> SweepBlock:
        found = list(self._inconsistencies())
        if found:
            raise InconsistentScenario(found)
        return self

    def _inconsistencies(self) -> Iterator[Inconsistency]:
        if self.random is not None and not self.laws:
            yield Inconsistency(("random",), "there are no laws to draw from; give `laws`")
        if self.laws and self.random is None:
            yield Inconsistency(("laws",), "the number of draws is missing; give `random`")
        for number, group in enumerate(self.zip):
            sizes = {key: len(values) for key, values in group.items()}
            if len(group) < 2:
                yield Inconsistency(("zip", number), "a group has at least two keys; put a single one under `axes`")
            elif len(set(sizes.values())) > 1:
                lengths = ", ".join(f"{key} has {size}" for key, size in sizes.items())
                yield Inconsistency(("zip", number), f"the lists are not equally long: {lengths}")

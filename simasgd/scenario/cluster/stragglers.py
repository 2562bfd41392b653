"""The `cluster.stragglers` section: slow spells of learners, nodes, racks or the whole cluster."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Annotated, Literal, final

from pydantic import Field, Tag

from simasgd.scenario.cluster.times import AbstractTimes, Law
from simasgd.scenario.vocabulary.section import (
    MAPPING,
    NUMBER,
    Inconsistency,
    NullForDefaults,
    Number,
    NumberOrMapping,
    Rival,
    Section,
)
from simasgd.scenario.vocabulary.units import Lasting, Seconds

SlowdownFactor = Annotated[Number, Field(gt=1.0, le=1e6)]
Member = Annotated[int, Field(strict=True, ge=0, le=10_000_000)]
MOST_KINDS = 20


@final
class SpellLaw(AbstractTimes):
    """The law of the lengths of spells. Of measured lengths only the ratios count."""

    distribution: Law = "exponential"
    """Law of a random factor with mean 1, as in `cluster.compute`, except `trace`."""


_EXPONENTIAL = SpellLaw.by_default()


@final
class Slowdowns(AbstractTimes):
    """Slowdowns that are drawn anew for each spell: 1 + (mean − 1) times a random factor of mean 1."""

    mean: SlowdownFactor
    """Mean slowdown."""
    distribution: Law = "exponential"
    """Law of a random factor with mean 1, as in `cluster.compute`, except `trace`."""


@final
class Stragglers(Section):
    """Slow spells of one kind: normal and slow spells alternate."""

    slowdown: Annotated[
        Annotated[SlowdownFactor, Tag(NUMBER)] | Annotated[Slowdowns, Tag(MAPPING)],
        NumberOrMapping,
        Field(examples=[10, {"mean": 3, "distribution": "pareto", "cv": 2}]),
    ]
    """Factor by which computing takes longer in a slow spell, more than 1: a number, or a law from
    which every spell draws its own."""
    mean_normal: Seconds | None = None
    """Mean length of a normal spell."""
    mean_slow: Lasting | None = None
    """Mean length of a slow spell. `forever`: the members are slow for the whole run, and there is
    no `mean_normal`."""
    normal_law: Annotated[SpellLaw, NullForDefaults, Field(examples=[{"distribution": "gamma", "cv": 0.5}])] = _EXPONENTIAL
    """Law of the lengths of normal spells; exponential if absent."""
    slow_law: Annotated[SpellLaw, NullForDefaults, Field(examples=[{"distribution": "lognormal", "cv": 2}])] = _EXPONENTIAL
    """Law of the lengths of slow spells; exponential if absent."""
    hits: Literal["learner", "node", "rack", "all"] = "learner"
    """Members that each have spells of their own: the learners, the nodes or the racks (of a tree).
    A spell of a node or rack hits all its learners at once. `all` hits all learners at once, or
    those that `members` or `share` chooses."""
    members: Annotated[tuple[Member, ...] | None, Field(min_length=1, max_length=1_000_000, examples=[[0, 3]])] = None
    """Numbers of the learners, nodes or racks that have such spells; all of them if absent. With
    `all`, the learners that are slow together."""
    share: Annotated[Number, Field(gt=0.0, le=1.0)] | None = None
    """Fraction of the learners, nodes or racks that have such spells, at least one of them. The
    cluster's seed chooses them."""

    @property
    def is_lasting(self) -> bool:
        """Whether the members are slow for the whole run."""
        return self.mean_slow == inf

    def inconsistencies(self, members: int) -> Iterator[Inconsistency]:
        """Yield the contradictions; `members` is the number of learners, nodes or racks, whichever it chooses from."""
        if self.is_lasting:
            if self.mean_normal is not None:
                message = "a spell that lasts for ever leaves no time for normal spells; leave one of the two away"
                yield Inconsistency(("mean_normal",), message, (Rival(("mean_normal",), ("mean_slow",)),))
        else:
            missing = [key for key in ("mean_normal", "mean_slow") if getattr(self, key) is None]
            if missing:
                message = f"missing: give {' and '.join(missing)}, or set mean_slow: forever"
                yield Inconsistency((missing[0],), message)
            for key in ("mean_normal", "mean_slow"):
                if getattr(self, key) == 0.0:
                    yield Inconsistency((key,), "must be a positive time")
        laws: tuple[tuple[str, AbstractTimes], ...] = (("normal_law", self.normal_law), ("slow_law", self.slow_law))
        for key, law in laws:
            if self.is_lasting and law != SpellLaw():
                message = "spells that last for ever have no lengths"
                yield Inconsistency((key,), message, (Rival((key,), ("mean_slow",)),))
            yield from (one.within(key) for one in law.law_inconsistencies())
        if isinstance(self.slowdown, Slowdowns):
            yield from (one.within("slowdown") for one in self.slowdown.law_inconsistencies())
        yield from self._member_inconsistencies(members)

    def _member_inconsistencies(self, there: int) -> Iterator[Inconsistency]:
        if self.hits == "rack" and there == 0:
            yield Inconsistency(("hits",), "there are no racks (network.topology is not a tree)")
            return
        if self.members is None:
            return
        if self.share is not None:
            rivals = (Rival(("share",), ("members",)), Rival(("members",), ("share",)))
            yield Inconsistency(("share",), "`members` is given as well; give only one of the two", rivals)
        word, seen = "learner" if self.hits == "all" else self.hits, set[int]()
        for place, number in enumerate(self.members):
            if number >= there:
                yield Inconsistency(("members", place), f"there is no {word} {number}; there are 0 to {there - 1}")
            elif number in seen:
                yield Inconsistency(("members", place), f"{word} {number} is given twice")
            seen.add(number)

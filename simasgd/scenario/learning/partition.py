"""The `learning.partition` section: which training samples a learner draws its mini-batches from."""

from __future__ import annotations

from collections.abc import Iterator
from math import fsum
from typing import Annotated, Literal, final

from pydantic import Field, Tag

from simasgd.scenario.cluster.members import AbstractMemberLaw
from simasgd.scenario.vocabulary.on_demand import ByKind
from simasgd.scenario.vocabulary.section import LIST, MAPPING, Inconsistency, ListOrMapping, NameForKind, Number, Section

_SUM_ERROR = 1e-6
Size = Annotated[Number, Field(gt=0.0, le=1.0)]


@final
class Shared(Section):
    """Every learner draws from all training samples (Rudra)."""

    kind: Literal["shared"] = "shared"


@final
class Sizes(AbstractMemberLaw):
    """A law of the learners' parts: what is drawn for a learner is divided by the sum over all learners."""


@final
class Shards(Section):
    """Each learner has its own part of the training samples, drawn at random.

    A learner draws its mini-batches from its part, uniformly with replacement. So samples of a
    small part are drawn more often. An epoch still counts as many applied samples as the whole
    training set has.
    """

    kind: Literal["shards"] = "shards"
    sizes: Annotated[
        Annotated[Annotated[tuple[Size, ...], Tag(LIST)] | Annotated[Sizes, Tag(MAPPING)], ListOrMapping] | None,
        Field(examples=[[0.5, 0.3, 0.15, 0.05], {"distribution": "lognormal", "cv": 1}]),
    ] = None
    """Fraction of the training samples for each learner: a list of λ numbers with the sum 1, or a
    law. Whole samples are shared out by the largest remainders, with at least one for each learner.
    All equal if absent."""

    def inconsistencies(self, learners: int) -> Iterator[Inconsistency]:
        """Yield the mistakes in the parts of so many learners."""
        if isinstance(self.sizes, Sizes):
            yield from (one.within("sizes") for one in self.sizes.law_inconsistencies("without sizes"))
        elif self.sizes is not None and len(self.sizes) != learners:
            yield Inconsistency(("sizes",), f"there are {len(self.sizes)} sizes for {learners} learners")
        elif self.sizes is not None and abs(fsum(self.sizes) - 1.0) > _SUM_ERROR:
            yield Inconsistency(("sizes",), f"the sum is {fsum(self.sizes):.9g}; it must be 1, all the training samples")


@final
class Dirichlet(Section):
    """Labels are skewed: each class is split among the learners by proportions from a symmetric Dirichlet law.

    As in Hsu, Qi and Brown 2019 (arXiv:1909.06335).
    """

    kind: Literal["dirichlet"] = "dirichlet"
    concentration: Annotated[Number, Field(ge=0.01, le=1e6, examples=[0.3])]
    """Concentration of the law, 0.01 to 10⁶. Large: all learners have similar labels; small: each
    has few classes."""


Partition = Annotated[Shared | Shards | Dirichlet, ByKind(), NameForKind]

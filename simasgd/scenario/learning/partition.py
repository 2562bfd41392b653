"""Which training samples a learner draws its mini-batches from."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.vocabulary.section import NameForKind, Number, Section


@final
class Shared(Section):
    """Every learner draws from all of them (Rudra)."""

    kind: Literal["shared"] = "shared"


@final
class Shards(Section):
    """Each learner has its own equal part, drawn at random."""

    kind: Literal["shards"] = "shards"


@final
class Dirichlet(Section):
    """Each class is split among the learners by proportions from a symmetric Dirichlet law, so their labels are skewed (Hsu, Qi
    and Brown 2019, arXiv:1909.06335)."""

    kind: Literal["dirichlet"] = "dirichlet"
    concentration: Annotated[Number, Field(ge=0.01, le=1e6)]
    """Large: all learners alike; small: each has few classes."""


Partition = Annotated[Shared | Shards | Dirichlet, Field(discriminator="kind"), NameForKind]

"""The `learning.partition` section: which training samples a learner draws its mini-batches from."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.vocabulary.section import NameForKind, Number, Section


@final
class Shared(Section):
    """Every learner draws from all training samples (Rudra)."""

    kind: Literal["shared"] = "shared"


@final
class Shards(Section):
    """Each learner has its own equal part of the training samples, drawn at random."""

    kind: Literal["shards"] = "shards"


@final
class Dirichlet(Section):
    """Labels are skewed: each class is split among the learners by proportions from a symmetric Dirichlet law.

    As in Hsu, Qi and Brown 2019 (arXiv:1909.06335).
    """

    kind: Literal["dirichlet"] = "dirichlet"
    concentration: Annotated[Number, Field(ge=0.01, le=1e6, examples=[0.3])]
    """Concentration of the law, 0.01 to 10⁶. Large: all learners have similar labels; small: each
    has few classes."""


Partition = Annotated[Shared | Shards | Dirichlet, Field(discriminator="kind"), NameForKind]

"""What every protocol is: a kind, its parameters, and one generator per role in its paper's pseudocode."""

from __future__ import annotations

import abc
from collections.abc import Generator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from simasgd.scenario.section import Inconsistency, Section

if TYPE_CHECKING:
    from simasgd.cluster.learner import Learner
    from simasgd.cluster.server import Server
    from simasgd.scenario.models import AbstractModel

Role = Generator[Any, Any, None]
Spread = Annotated[int, Field(strict=True, ge=0, le=2**53)]
"""The greatest staleness that a gradient may have when it is applied (`spread` in Rudra's SendBroadcast.x10, 10 there)."""


class AbstractProtocol(Section):
    """Who waits for whom. A frozen set of parameters, the server's role and the learners' role.

    The server's verbs are `collect` and `update`, a learner's `pull`, `compute` and `push`. What an update does to the
    weights is not the protocol's business.
    """

    kind: str

    @abc.abstractmethod
    def serve(self, server: Server) -> Role:
        """The parameter server's role."""

    @abc.abstractmethod
    def learn(self, learner: Learner) -> Role:
        """A learner's role."""

    @abc.abstractmethod
    def nominal_staleness(self, learners: int) -> float | None:
        """⟨σ⟩, the average staleness that the protocol's paper divides the learning rate by, for λ `learners`; None where it
        names none, and the tape's own mean is used."""

    def lawful_staleness(self, learners: int) -> float | None:
        """The mean staleness that follows where communication takes no time and nobody ever waits (docs/papers.md B3.1, B3.2);
        None where no such law is known."""
        return None

    @property
    def counts_epochs(self) -> bool:
        """Whether it has to know how long an epoch is."""
        return False

    def inconsistencies(self, learners: int, model: AbstractModel | None) -> list[Inconsistency]:
        """What is wrong with the parameters in a cluster of λ `learners` that learn `model`, if any."""
        return []

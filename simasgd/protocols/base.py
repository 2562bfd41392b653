"""What every protocol is: a kind, its parameters, and one generator per role in its paper's pseudocode."""

from __future__ import annotations

import abc
from collections.abc import Generator
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from simasgd.protocols.verbs import CentreVerbs, LearnerVerbs, PeerVerbs, ServerVerbs
from simasgd.scenario.cluster.collective import Collective
from simasgd.scenario.learning.models import AbstractModel
from simasgd.scenario.learning.modulation import Modulation, NoModulation
from simasgd.scenario.vocabulary.section import Count, Inconsistency, Section
from simasgd.scenario.vocabulary.values import shown

Role = Generator[Any, Any, None]
Spread = Annotated[int, Field(strict=True, ge=0, le=2**53)]
"""The greatest staleness that a gradient may have when it is applied (`spread` in Rudra's SendBroadcast.x10, 10 there)."""


def or_word(word: str, least: int) -> BeforeValidator:
    """Complains about what is neither that word nor a whole number from `least` on."""

    def validated(value: Any) -> Any:
        if value == word or (isinstance(value, int) and not isinstance(value, bool) and least <= value <= 2**53):
            return value
        raise ValueError(f"{shown(value)} is neither a whole number from {least} on nor {word!r}")

    return BeforeValidator(validated)


Bound = Annotated[Annotated[int, Field(ge=0)] | Literal["infinite"], or_word("infinite", 0)]
"""A number, or that there is no bound."""
Threshold = Annotated[Count | Literal["infinite"], or_word("infinite", 1)]
"""The same, of what has to be less."""


def number_of(bound: int | Literal["infinite"]) -> float:
    """A bound as a number that can be compared."""
    return float("inf") if bound == "infinite" else bound


def at_most_learners(key: str, value: int, learners: int) -> list[Inconsistency]:
    """What is wrong with a number of learners to wait for."""
    if value <= learners:
        return []
    return [Inconsistency((key,), f"{value} is more than the {learners} learners there are")]


class AbstractProtocol(Section):
    """Who waits for whom: a frozen set of parameters. What an update does to the weights is not the protocol's business.

    `AbstractServerProtocol` and `AbstractPeerProtocol` add the roles.
    """

    kind: str

    @abc.abstractmethod
    def nominal_staleness(self, learners: int) -> float | None:
        """⟨σ⟩, the average staleness that the protocol's paper divides the learning rate by, for λ `learners`; None where it
        names none, and the tape's own mean is used."""

    def lawful_staleness(self, learners: int) -> float | None:
        """The mean staleness that follows where communication takes no time and nobody ever waits (docs/papers.md B3.1, B3.2);
        None where no such law is known."""
        return None

    @property
    def modulation(self) -> Modulation:
        """How the protocol's own paper changes the learning rate with staleness, which holds unless the scenario says
        otherwise."""
        return NoModulation()

    @property
    def steps_copies(self) -> bool:
        """Whether learners may step copies of their own, so that it matters at which rate."""
        return False

    @property
    def has_own_models(self) -> bool:
        """Whether learners have models of their own, so that models travel and not gradients."""
        return False

    @property
    def has_server(self) -> bool:
        """Whether learners talk to a server, be it that of a centre."""
        return True

    @property
    def has_rounds(self) -> bool:
        """Whether learners begin each round together by design, whenever they started."""
        return False

    @property
    def counts_epochs(self) -> bool:
        """Whether it has to know how long an epoch is."""
        return False

    def inconsistencies(self, learners: int, model: AbstractModel | None) -> list[Inconsistency]:
        """What is wrong with the parameters in a cluster of λ `learners` that learn `model`, if any."""
        return []


class AbstractServerProtocol(AbstractProtocol):
    """A protocol with a parameter server: the server's role and the learners' role.

    The server's verbs are `collect`, `first`, `barrier` and `update`; a learner's are `pull` and `refresh`, `compute` and
    `attempt`, `step`, `push`, `settle` and `keep_up`.
    """

    @abc.abstractmethod
    def serve(self, server: ServerVerbs) -> Role:
        """The parameter server's role."""

    @abc.abstractmethod
    def learn(self, learner: LearnerVerbs) -> Role:
        """A learner's role."""


class AbstractPeerProtocol(AbstractProtocol):
    """A protocol whose learners have models of their own, or make their common one without a server.

    A learner's verbs are `compute`, `step` and `mix`, `fetch`, `send` and `receive`, `exchange`, `average` and
    `average_gradient`. Where there is a centre, a model that nobody computes on, its verbs are `collect` and `move`.
    """

    @abc.abstractmethod
    def learn(self, peer: PeerVerbs) -> Role:
        """A learner's role."""

    @property
    def thread(self) -> str | None:
        """The name of a thread that talks to others beside the one that computes; None for no such thread."""
        return None

    def communicate(self, peer: PeerVerbs) -> Role:
        """What that thread does."""
        raise NotImplementedError

    @property
    def has_centre(self) -> bool:
        """Whether there is a centre, a model on the parameter server that nobody computes on."""
        return False

    @property
    def has_server(self) -> bool:
        return self.has_centre

    def serve(self, centre: CentreVerbs) -> Role:
        """The centre's role."""
        raise NotImplementedError

    @property
    def talks(self) -> bool:
        """Whether learners send to each other one by one, so that their messages may meet at a node."""
        return True

    @property
    def meeting(self) -> Meeting | None:
        """How all learners average something together; None where they never do."""
        return None

    @property
    def has_own_models(self) -> bool:
        meeting = self.meeting
        return meeting is None or meeting.of == "models"

    def nominal_staleness(self, learners: int) -> float | None:
        return None


class Meeting(NamedTuple):
    """A collective operation on messages of `size` times the payload, gradients' or models', in so many parts (`buckets`), of
    which each begins when it is there. The first is there when `forward`, a fraction, and its part of the rest of the time
    of a mini-batch are over."""

    collective: Collective
    of: Literal["gradients", "models"]
    size: float = 1.0
    buckets: int = 1
    forward: float = 1.0

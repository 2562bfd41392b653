"""The base classes of protocols: a kind, parameters, and one generator for each role."""

from __future__ import annotations

import abc
from collections.abc import Generator
from typing import Annotated, Any, Literal, NamedTuple, final

from pydantic import BeforeValidator, Field

from simasgd.protocols.verbs import CentreVerbs, LearnerVerbs, PeerVerbs, ServerVerbs
from simasgd.scenario.cluster.collective import Collective
from simasgd.scenario.learning.models import AbstractModel
from simasgd.scenario.learning.modulation import Modulation, NoModulation
from simasgd.scenario.vocabulary.section import Count, Inconsistency, Section
from simasgd.scenario.vocabulary.values import shown

Role = Generator[Any, Any, None]
SpreadLimit = Annotated[int, Field(strict=True, ge=0, le=2**53)]
"""The greatest staleness (updates) of an applied gradient.

Source: `spread` in Rudra's SendBroadcast.x10, where it is 10.
"""


def word_or_count(word: str, least: int) -> BeforeValidator:
    """Return a validator that accepts `word` and whole numbers of at least `least`."""

    def validated(value: Any) -> Any:
        if value == word or (isinstance(value, int) and not isinstance(value, bool) and least <= value <= 2**53):
            return value
        raise ValueError(f"{shown(value)} is neither a whole number of at least {least} nor {word!r}")

    return BeforeValidator(validated)


Bound = Annotated[Annotated[int, Field(ge=0)] | Literal["infinite"], word_or_count("infinite", 0), Field(examples=[3])]
"""Inclusive upper bound, or `infinite`."""
Threshold = Annotated[Count | Literal["infinite"], word_or_count("infinite", 1), Field(examples=[10])]
"""Exclusive upper bound, or `infinite`."""


def as_float(bound: int | Literal["infinite"]) -> float:
    """Return a bound as a number that can be compared."""
    return float("inf") if bound == "infinite" else bound


def check_at_most_learners(key: str, value: int, learners: int) -> list[Inconsistency]:
    """Return a mistake if a protocol waits for more learners than there are."""
    if value <= learners:
        return []
    return [Inconsistency((key,), f"{value} is more than the {learners} learners")]


class AbstractProtocol(Section):
    """Frozen parameters of a protocol, which decides who waits for whom.

    A protocol does not decide how an update changes the weights. `AbstractServerProtocol` and
    `AbstractPeerProtocol` add the roles.
    """

    kind: str

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Refuse a key with the name of a property or a method, which would hide it without a word."""
        super().__pydantic_init_subclass__(**options)
        for base in cls.__mro__[1:]:
            if taken := [name for name in cls.model_fields if issubclass(base, Section) and name in vars(base)]:
                raise TypeError(
                    f"{cls.__name__} has a key {taken[0]!r}, but {base.__name__} has that name: call the key otherwise, "
                    "or write @property above a method of that name"
                )

    @abc.abstractmethod
    def nominal_staleness(self, learners: int) -> float | None:
        """Return ⟨σ⟩, the mean staleness by which the protocol's paper divides the learning rate, or None.

        It is for λ `learners`. None says that the paper names no such number. The mean of the tape is
        used then.
        """

    def lawful_staleness(self, learners: int) -> float | None:
        """Return the mean staleness if communication takes no time and nobody ever waits.

        Source: docs/papers.md B3.1, B3.2. None if no such law is known.
        """
        return None

    @property
    def modulation(self) -> Modulation:
        """The dependence of the learning rate on staleness in the protocol's paper.

        It is the default; a scenario may choose another one.
        """
        return NoModulation.by_default()

    @property
    def steps_copies(self) -> bool:
        """Whether learners may step their own copies, so that the rate of copies matters."""
        return False

    @property
    def has_own_models(self) -> bool:
        """Whether learners have their own models, and messages hold models instead of gradients."""
        return False

    @property
    def has_server(self) -> bool:
        """Whether there is a server, for the weights or for a centre."""
        return True

    @property
    def has_rounds(self) -> bool:
        """Whether learners begin each round together by design, whatever their start times."""
        return False

    @property
    def counts_epochs(self) -> bool:
        """Whether the protocol depends on the length of an epoch."""
        return False

    def inconsistencies(self, learners: int, model: AbstractModel | None) -> list[Inconsistency]:
        """Return the mistakes in the parameters for λ `learners` and a `model`, if any."""
        return []


class Cycle(NamedTuple):
    """A learner's role that pulls, computes and pushes over and over.

    With `for_newer` each pull waits for newer weights than the learner has.
    """

    for_newer: bool


class AbstractServerProtocol(AbstractProtocol):
    """A protocol with a parameter server: the server's role and the learners' role."""

    @property
    def learner_cycle(self) -> Cycle | None:
        """The cycle that `learn` is; None if it does anything else than pull, compute and push."""
        return None

    @abc.abstractmethod
    def serve(self, server: ServerVerbs) -> Role:
        """Run the parameter server's role."""

    @abc.abstractmethod
    def learn(self, learner: LearnerVerbs) -> Role:
        """Run a learner's role."""


class AbstractSoftsyncProtocol(AbstractServerProtocol):
    """Softsync: the server updates with any c gradients, and learners pull, compute and push, over and over.

    The clock may run both roles without processes, because it knows what they do.
    """

    @abc.abstractmethod
    def gradients_per_update(self, learners: int) -> int:
        """Return c for λ `learners`."""

    @property
    def most_stale(self) -> int | None:
        """The greatest staleness (updates) of a gradient that is applied; None if there is no limit."""
        return None

    @property
    def learner_cycle(self) -> Cycle:
        return Cycle(for_newer=False)

    @final
    def serve(self, server: ServerVerbs) -> Role:
        c = self.gradients_per_update(server.num_learners)
        while True:
            gradients = yield from server.collect(c, self.most_stale)
            server.update(gradients)

    @final
    def learn(self, learner: LearnerVerbs) -> Role:
        while True:
            weights = yield from learner.pull()
            gradient = yield from learner.compute(weights)
            yield from learner.push(gradient)


class AbstractRoundProtocol(AbstractServerProtocol):
    """A protocol whose learners pull newer weights, compute and push, over and over."""

    @property
    def learner_cycle(self) -> Cycle:
        return Cycle(for_newer=True)

    @final
    def learn(self, learner: LearnerVerbs) -> Role:
        weights = None
        while True:
            weights = yield from learner.pull(newer_than=weights)
            gradient = yield from learner.compute(weights)
            yield from learner.push(gradient)


class AbstractPeerProtocol(AbstractProtocol):
    """A protocol whose learners have their own models, or make a common model without a server."""

    @abc.abstractmethod
    def learn(self, peer: PeerVerbs) -> Role:
        """Run a learner's role."""

    @property
    def thread(self) -> str | None:
        """The name of a second thread for messages, beside the thread that computes; or None."""
        return None

    def communicate(self, peer: PeerVerbs) -> Role:
        """Run the role of the second thread."""
        raise NotImplementedError

    def sender(self, learner: int, number: int, learners: int) -> int | None:
        """Return which of λ `learners` sends the message with this number that `learner` waits for.

        With an answer, `learner` does not wait for a message that never comes: its sender is away,
        or has passed it by. None if the protocol does not say.
        """
        return None

    @property
    def has_centre(self) -> bool:
        """Whether there is a centre: a model on the server that nobody computes on."""
        return False

    @property
    def has_server(self) -> bool:
        return self.has_centre

    def serve(self, centre: CentreVerbs) -> Role:
        """Run the centre's role."""
        raise NotImplementedError

    @property
    def has_direct_messages(self) -> bool:
        """Whether a learner sends to any other at any time, and messages share a node's link."""
        return True

    @property
    def meeting(self) -> Meeting | None:
        """The collective operation of all learners; None if there is none."""
        return None

    @property
    def has_own_models(self) -> bool:
        meeting = self.meeting
        return meeting is None or meeting.of == "models"

    def nominal_staleness(self, learners: int) -> float | None:
        return None


class Meeting(NamedTuple):
    """A collective operation in which all learners average gradients or models.

    The data is `size` times the payload, in `buckets` equal parts. `forward` is the fraction of a
    mini-batch's time spent in the forward pass. Bucket k of n is ready after `forward` + (1 −
    `forward`)·k/n of that time, and its collective then starts.
    """

    collective: Collective
    of: Literal["gradients", "models"]
    size: float = 1.0
    buckets: int = 1
    forward: float = 1.0

"""Checks of the learning section against the protocol and the number of learners."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from simasgd.protocols import AbstractProtocol
from simasgd.scenario.checks.under_protocol import check_local_rate, check_rates
from simasgd.scenario.learning.learning import Learning
from simasgd.scenario.learning.modulation import Modulation
from simasgd.scenario.learning.partition import Shards, Shared
from simasgd.scenario.vocabulary.section import Inconsistency

_MOST_PARAMETERS = 10**10


def check_learning(
    learning: Learning, modulation: Modulation, protocol: AbstractProtocol, learners: int
) -> Iterator[Inconsistency]:
    """Yield the mistakes in the learning of λ learners under a protocol."""
    yield from _within(learning.inconsistencies())
    wrong = list(learning.model.inconsistencies(learning.data.shape))
    yield from _within(wrong, "model")
    if learning.local_learning_rate is not None:
        yield from check_local_rate(protocol)
    samples = learning.data.shape.train
    if learners > samples and not isinstance(learning.partition, Shared):
        message = f"{learners} learners cannot each have one of {samples} training samples"
        yield Inconsistency(("learning", "partition"), message)
    if isinstance(learning.partition, Shards):
        yield from _within(learning.partition.inconsistencies(learners), "partition")
    if learning.learner_rates is not None:
        yield from _within(check_rates(protocol, learning, modulation, learners), "learner_rates")
    if not wrong and learning.num_parameters > _MOST_PARAMETERS:
        message = f"the model has {learning.num_parameters:,} parameters; at most {_MOST_PARAMETERS:,} are allowed"
        yield Inconsistency(("learning", "model"), message)


def _within(found: Iterable[Inconsistency], *keys: str) -> Iterator[Inconsistency]:
    """Yield inconsistencies with paths of the whole scenario, from paths of the section `learning` or of a key in it."""
    return (one.within("learning", *keys) for one in found)

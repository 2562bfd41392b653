"""Checks of rates, modulation and compression against the protocol."""

from __future__ import annotations

from collections.abc import Iterator

from simasgd.protocols import AbstractProtocol
from simasgd.scenario.checks.without_server import give_way_to_protocol
from simasgd.scenario.learning.compression import Compression
from simasgd.scenario.learning.learning import Learning
from simasgd.scenario.learning.modulation import Modulation
from simasgd.scenario.learning.optimizers import SGD
from simasgd.scenario.learning.rates import wrong_rates
from simasgd.scenario.vocabulary.section import Inconsistency, Rival


def check_local_rate(protocol: AbstractProtocol) -> Iterator[Inconsistency]:
    """Yield the mistake of a rate of copies under a protocol whose learners step none."""
    if not protocol.steps_copies:
        message = f"under {protocol.kind} learners do not step copies of their own, so nothing uses this rate"
        yield give_way_to_protocol(("learning", "local_learning_rate"), message)


def check_rates(
    protocol: AbstractProtocol, learning: Learning, modulation: Modulation, learners: int
) -> Iterator[Inconsistency]:
    """Yield the mistakes in the learners' factors of the learning rate, which must be there."""
    assert learning.learner_rates is not None
    yield from wrong_rates(learning.learner_rates, learners)
    if not protocol.has_own_models and not isinstance(learning.optimizer, SGD):
        kind = learning.optimizer.kind
        message = f"{kind} divides gradients by their size, so a gradient's factor would be no rate; use sgd"
        yield Inconsistency((), f"under {protocol.kind} one optimizer steps with all gradients, and {message}")
    if not modulation.scales_with_rate:
        yield Inconsistency((), f"{modulation.kind} computes its steps from one learning rate; use another modulation")


def check_own_models(
    protocol: AbstractProtocol, compression: Compression, modulation: Modulation | None
) -> Iterator[Inconsistency]:
    """Yield the mistakes in compression and modulation under a protocol whose learners have models of their own."""
    if compression.changes_values:
        message = f"under {protocol.kind} learners send models, and only gradients can be compressed"
        rival = Rival(("workload", "compression"), ("protocol",))
        yield Inconsistency(("workload", "compression", "kind"), message, (rival,))
    if modulation is not None and modulation.of_one_server:
        message = f"{modulation.kind} needs one server that applies all gradients, and {protocol.kind} has none"
        rival = Rival(("learning", "modulation"), ("protocol",))
        yield Inconsistency(("learning", "modulation", "kind"), message, (rival,))

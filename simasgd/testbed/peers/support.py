"""Which protocols without a parameter server the test-bed runs, and why it does not run the others."""

from __future__ import annotations

from collections.abc import Iterator

from simasgd.protocols.base import AbstractPeerProtocol, Meeting
from simasgd.scenario.cluster.collective import RingCollective
from simasgd.scenario.learning.learning import Learning
from simasgd.scenario.learning.optimizers import SGD, Adagrad, Adam, AdamW, RMSProp
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.section import Inconsistency


def list_obstacles_without_server(scenario: Scenario) -> Iterator[Inconsistency]:
    """Yield the keys that real processes without a parameter server cannot do, each with the reason and what to do instead."""
    protocol = scenario.protocol
    if not isinstance(protocol, AbstractPeerProtocol):
        return
    kind = protocol.kind
    if protocol.meeting is not None:
        yield from _of_meeting(kind, protocol.meeting, scenario)
    faults, cluster = scenario.cluster.faults, scenario.cluster
    if faults.makes_learners_leave or faults.server_pauses:
        reason = f"under {kind} the test-bed makes no faults yet; leave them out, or use a protocol with a parameter server"
        yield Inconsistency(("cluster", "faults"), reason)
    if cluster.may_leave:
        reason = f"under {kind} learners of the test-bed stay until the end; use a trace that starts again (at_end: repeat)"
        yield Inconsistency(("cluster", "compute"), reason)
    if scenario.learning is not None:
        yield from _of_learning(kind, scenario, scenario.learning)


def _of_meeting(kind: str, meeting: Meeting, scenario: Scenario) -> Iterator[Inconsistency]:
    if not isinstance(meeting.collective, RingCollective):
        reason = f"learners of the test-bed average around a ring, not by {meeting.collective.kind}; use ring"
        yield Inconsistency(("protocol", "collective"), reason)
    if meeting.buckets > 1:
        reason = "learners of the test-bed send a gradient when all of it is computed; use 1 bucket"
        yield Inconsistency(("protocol", "buckets"), reason)
    if meeting.of == "models" and meeting.size > 1.0 and scenario.learning is not None:
        models = 1 + _models_in_state(scenario.learning)
        if models * scenario.learning.model_bytes > meeting.size * scenario.payload:
            reason = (
                f"a model and the state of {scenario.learning.optimizer.kind} together have the size of {models} models, "
                f"and a message has room for {meeting.size:g} payloads; use a larger workload.payload or another optimizer"
            )
            yield Inconsistency(("learning", "optimizer"), reason)


def _of_learning(kind: str, scenario: Scenario, learning: Learning) -> Iterator[Inconsistency]:
    protocol = scenario.protocol
    if protocol.has_own_models and learning.schedule is not None:
        reason = f"a schedule counts the samples of all learners, which no learner of {kind} knows; use a constant rate"
        yield Inconsistency(("learning", "schedule"), reason)
    if not protocol.has_own_models and scenario.modulation.of_one_server:
        reason = f"{scenario.modulation.kind} needs one server that sees all gradients, and {kind} has none"
        yield Inconsistency(("learning", "modulation"), reason)


def _models_in_state(learning: Learning) -> int:
    """Return how many numbers of the optimizer's state there are for each weight."""
    match learning.optimizer:
        case SGD(momentum=momentum):
            return int(momentum != 0.0)
        case Adagrad():
            return 1
        case Adam() | AdamW():
            return 2
        case RMSProp(centered=centered, momentum=momentum):
            return 1 + centered + (momentum > 0.0)

"""What the test-bed cannot record, with the reasons, and what it cannot impose."""

from __future__ import annotations

from collections.abc import Iterator

from simasgd.errors import UsageError
from simasgd.protocols import Downpour, FedBuff, InjectedStaleness
from simasgd.protocols.base import AbstractProtocol
from simasgd.scenario.cluster.architecture import Base
from simasgd.scenario.learning.learning import Learning
from simasgd.scenario.learning.models.convnets import Cifar10Rudra
from simasgd.scenario.learning.modulation import NoModulation, SqrtBatch
from simasgd.scenario.learning.optimizers import SGD, AdamW, TotalMomentum
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.section import Inconsistency
from simasgd.testbed.driver.faults import find_impossible_faults
from simasgd.testbed.peers.support import list_obstacles_without_server

_MOST_LEARNERS = 60  # a server has a thread for each call that waits, up to two for each learner
_MOST_BYTES = 2**30  # of a message; a process holds several
_MOST_RUNS = 100


def require_support(scenario: Scenario) -> None:
    """Raise UsageError if the test-bed cannot record a scenario or one of its variants, with all reasons."""
    found: dict[str, list[str]] = {}
    for name, chosen in scenario.by_variant.items():
        for one in list_obstacles(chosen):
            found.setdefault(f"{'.'.join(map(str, one.path))}: {one.message}", []).append(name)
    if scenario.num_runs > _MOST_RUNS:
        found[f"repeats: {scenario.num_runs:,} runs are more than {_MOST_RUNS:,}, and each takes real time; record fewer"] = [
            ""
        ]
    if found:
        lines = [f"{reason}{_describe_variants(names, scenario)}" for reason, names in found.items()]
        raise UsageError("\n".join([f"{scenario.name} cannot be recorded on real processes:", *lines]))


def _describe_variants(names: list[str], scenario: Scenario) -> str:
    """Return in which variants a reason holds; "" if in all."""
    if len(names) >= len(scenario.variants):
        return ""
    return f" (variant{'s' if len(names) > 1 else ''} {', '.join(names)})"


def list_obstacles(scenario: Scenario) -> Iterator[Inconsistency]:
    """Yield the keys of a single scenario that the test-bed cannot do, each with the reason and what to do instead."""
    yield from _of_the_cluster(scenario)
    yield from _of_the_messages(scenario)
    yield from list_obstacles_without_server(scenario)
    if scenario.learning is not None:
        yield from _of_the_learning(scenario, scenario.learning)


def _of_the_cluster(scenario: Scenario) -> Iterator[Inconsistency]:
    cluster = scenario.cluster
    if not isinstance(cluster.architecture, Base):
        message = f"{cluster.architecture.kind} needs a tree of servers, and the test-bed has one server; use base"
        yield Inconsistency(("cluster", "architecture", "kind"), message)
    elif cluster.architecture.shards > 1:
        message = f"the test-bed has one server, not {cluster.architecture.shards:,} shards of it; use 1"
        yield Inconsistency(("cluster", "architecture", "shards"), message)
    if cluster.learners > _MOST_LEARNERS:
        message = f"each of {cluster.learners:,} learners would be a process; at most {_MOST_LEARNERS} are allowed"
        yield Inconsistency(("cluster", "learners"), message)
    for one in find_impossible_faults(cluster):
        yield one.within("cluster")


def _of_the_messages(scenario: Scenario) -> Iterator[Inconsistency]:
    if scenario.stop.continued:
        yield Inconsistency(("stop", "continued"), "the test-bed records a run in one part; leave this out")
    compression, learning = scenario.workload.compression, scenario.learning
    if compression.changes_values:
        message = f"{compression.kind} changes the values of gradients, which the test-bed sends as they are; use none"
        yield Inconsistency(("workload", "compression"), message)
    if scenario.payload > _MOST_BYTES:
        message = f"a message of {scenario.payload:,.0f} bytes is more than a process can handle; at most {_MOST_BYTES:,}"
        yield Inconsistency(("workload", "payload"), message)
    elif learning is not None and scenario.payload < learning.model_bytes:
        message = f"a message of {scenario.payload:,.0f} bytes cannot hold the model, which has {learning.model_bytes:,.0f}"
        yield Inconsistency(("workload", "payload"), f"{message}; leave the payload out")


def _of_the_learning(scenario: Scenario, learning: Learning) -> Iterator[Inconsistency]:
    protocol, modulation = scenario.protocol, scenario.modulation
    if "mean_staleness" in modulation.needs and protocol.nominal_staleness(scenario.cluster.learners) is None:
        message = f"{modulation.kind} needs the mean staleness of the whole run, which is not known before its end"
        yield Inconsistency(("learning", "modulation"), f"{message}; use inverse-staleness")
    if isinstance(learning.optimizer, SGD) and isinstance(learning.optimizer.momentum, TotalMomentum):
        message = "total needs the mean staleness of the whole run, which is not known before its end; give a number"
        yield Inconsistency(("learning", "optimizer", "momentum"), message)
    if scenario.stop.test_error is not None:
        message = "real processes do not evaluate while they run; leave it out, and read the time from the evaluations"
        yield Inconsistency(("stop", "test_error"), message)
    if learning.schedule is not None and learning.schedule.warmup is not None and _computes_on_copies(protocol):
        message = f"under {protocol.kind} a learner that steps copies does not know the samples of the next update"
        yield Inconsistency(("learning", "schedule", "warmup"), f"{message}; leave it out")
    if _decays(learning) and _reads_unknown_weights(protocol):
        message = f"under {protocol.kind} the server does not have the weights of a learner's copy, which the decay is taken of"
        yield Inconsistency(("learning", "optimizer", "weight_decay"), f"{message}; use adamw, or no decay")
    if modulation.compares_weights and _reads_unknown_weights(protocol):
        message = f"under {protocol.kind} the server does not have the weights that a gradient was computed on"
        yield Inconsistency(("learning", "modulation"), f"{message}, which {modulation.kind} needs; use none")
    elif not _sees_what_it_needs(scenario):
        message = f"under {protocol.kind} the server receives sums of gradients, and {modulation.kind} treats each by itself"
        yield Inconsistency(("learning", "modulation"), f"{message}; use none")


def _decays(learning: Learning) -> bool:
    """Return whether a decay is added to each gradient, from the weights that it was computed on."""
    if isinstance(learning.model, Cifar10Rudra):
        return True
    return learning.optimizer.weight_decay > 0.0 and not isinstance(learning.optimizer, AdamW)


def _reads_unknown_weights(protocol: AbstractProtocol) -> bool:
    """Return whether gradients may be of weights that the server never had as a whole."""
    if isinstance(protocol, InjectedStaleness):
        return isinstance(protocol.delay, tuple)
    if isinstance(protocol, Downpour) and protocol.n_push > 1:
        return True
    return _computes_on_copies(protocol)


def _computes_on_copies(protocol: AbstractProtocol) -> bool:
    """Return whether learners compute gradients on copies that they stepped themselves."""
    match protocol:
        case Downpour():
            return protocol.n_fetch > 1
        case FedBuff():
            return protocol.local_steps > 1
        case _:
            return protocol.steps_copies


def _sees_what_it_needs(scenario: Scenario) -> bool:
    """Return whether the modulation of a sum is the sum of what the modulation makes of its gradients.

    A message of Downpour may hold gradients on weights of different age, and one of FedBuff may not.
    """
    protocol, modulation = scenario.protocol, scenario.modulation
    if isinstance(modulation, NoModulation | SqrtBatch):
        return True
    match protocol:
        case Downpour():
            return protocol.n_push == 1
        case FedBuff():
            return protocol.local_steps == 1 or (modulation.linear and not modulation.of_one_server)
        case _:
            return not protocol.steps_copies


def describe_real(scenario: Scenario, *, follows_law: bool) -> str:
    """Return in a sentence which keys describe the simulated cluster alone, because the real one is as it is.

    `follows_law` says whether mini-batches take the times that the scenario's law draws.
    """
    cluster = scenario.cluster
    keys = ["cluster.network", "cluster.server"]
    if not follows_law:
        keys += ["cluster.compute", *(["cluster.speeds"] if cluster.speeds is not None else [])]
        keys += ["cluster.stragglers"] if cluster.stragglers is not None else []
    if cluster.costs.any:
        keys.append("cluster.costs")
    return f"Not imposed on the real processes, whose times are their own: {', '.join(keys)}."

"""The whole scenario, typed: what is simulated, on which cluster, under which protocol, and what is learned."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, final, get_args

from pydantic import Field, SerializeAsAny, WrapValidator, model_validator

from simasgd.protocols import AbstractPeerProtocol, AbstractProtocol, Protocol, foreign
from simasgd.scenario.cluster.architecture import Base
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.learning.compression import Compression, NoCompression
from simasgd.scenario.learning.data import samples_of_epochs
from simasgd.scenario.learning.learning import Learning
from simasgd.scenario.learning.modulation import DefaultModulation, Modulation
from simasgd.scenario.learning.partition import Shared
from simasgd.scenario.reading.load import build_scenario, load_scenario
from simasgd.scenario.vocabulary.merge import Layer, difference
from simasgd.scenario.vocabulary.section import (
    Count,
    Inconsistency,
    InconsistentScenario,
    Line,
    NameForKind,
    Number,
    Rival,
    Section,
    Seed,
)
from simasgd.scenario.vocabulary.units import Bytes, Seconds

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=100)]
# Without dots, so that a variant's keys can be written variants.NAME.KEY and its folder is no file of the results.
_MOST_PARAMETERS = 10**10
_MOST_RUNS = 100_000
VariantName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=100)]


def _or_foreign(value: Any, own: Callable[[Any], AbstractProtocol]) -> AbstractProtocol:
    """simasgd's own protocols, and where none has that kind those of other packages."""
    if isinstance(value, AbstractProtocol):
        return value
    kind = value.get("kind") if isinstance(value, dict) else None
    if isinstance(kind, str) and kind not in OWN_KINDS and (found := foreign.load_protocol(kind)) is not None:
        return found.model_validate(value)
    return own(value)


OWN_KINDS = frozenset(one.model_fields["kind"].default for one in get_args(Protocol))
AnyProtocol = Annotated[
    SerializeAsAny[Annotated[Protocol, Field(discriminator="kind")]], WrapValidator(_or_foreign), NameForKind
]


@final
class Workload(Section):
    """What one learner does between two messages."""

    mini_batch: Count
    """µ, samples per gradient."""
    payload: Bytes | None = None
    """Bytes of a gradient, and of the weights; the model's own if absent."""
    compression: Compression = NoCompression()
    """Of the gradients that learners send."""
    samples_per_epoch: Count | None = None
    """The data's number of training samples if absent."""


@final
class Stop(Section):
    """Where the run ends: at the first update that reaches one of these, or at a time; whichever comes first."""

    epochs: Annotated[Number, Field(gt=0.0, le=1e9)] | None = None
    """By samples applied."""
    gradients: Count | None = None
    """Applied gradients."""
    updates: Count | None = None
    simulated_time: Seconds | None = None


@final
class Scenario(Section):
    """One simulated cluster and what it learns, from YAML (`Scenario.load`) to typed values in seconds and bytes."""

    name: Name
    title: Line = ""
    """One line for people."""
    seed: Seed = 0
    """cluster.seed and learning.seed default to it."""
    repeats: Annotated[Count, Field(le=1000)] = 1
    """How many runs, at seeds seed, seed + 1, …; results then show their spread."""
    cluster: Cluster
    workload: Workload
    protocol: AnyProtocol
    learning: Learning | None = None
    """Absent: timing only."""
    stop: Stop
    record: Literal["summary", "updates", "timeline"] = "updates"
    """How much is kept: a summary only (in constant memory), every applied gradient, or also what everybody did at any time."""
    variants: dict[VariantName, Scenario] = Field(default_factory=dict)
    """The same scenario several ways, compared in one report."""

    @classmethod
    def load(cls, source: str | Path, *overrides: str) -> Scenario:
        """Read a scenario by its name or from a YAML file, with `key=value` overrides.

        Raises simasgd.ScenarioError, whose text names the place of every mistake.
        """
        return load_scenario(cls, source, overrides)

    @classmethod
    def from_layer(cls, file: Layer, overrides: Sequence[str] = ()) -> Scenario:
        """Build a scenario from a file that has been read, with `key=value` overrides. Raises simasgd.ScenarioError."""
        return build_scenario(cls, file, overrides)

    @property
    def payload(self) -> float:
        """Bytes of a message."""
        if self.workload.payload is not None:
            return self.workload.payload
        assert self.learning is not None
        return float(self.learning.model_bytes)

    @property
    def gradient_payload(self) -> float:
        """Bytes of the message of a gradient, compressed as it is. The payload's values are the model's own if it has its size,
        and of 4 bytes each if not."""
        payload, learning = self.payload, self.learning
        is_own = learning is not None and payload == learning.model_bytes
        values = learning.num_parameters if learning is not None and is_own else math.ceil(payload / 4)
        return self.workload.compression.message_bytes(payload, values)

    @property
    def samples_per_epoch(self) -> int | None:
        """Samples in an epoch; None where nothing says so."""
        if self.workload.samples_per_epoch is not None:
            return self.workload.samples_per_epoch
        return None if self.learning is None else self.learning.data.shape.train

    @property
    def gradients_to_stop(self) -> int | None:
        """The number of applied gradients at which the run stops, whether given so or in epochs; None for no such stop."""
        counts = []
        if self.stop.gradients is not None:
            counts.append(self.stop.gradients)
        if self.stop.epochs is not None:
            assert self.samples_per_epoch is not None
            samples = samples_of_epochs(self.stop.epochs, self.samples_per_epoch)
            counts.append(-(-samples // self.workload.mini_batch))
        return min(counts, default=None)

    @property
    def cluster_seed(self) -> int:
        return self.seed if self.cluster.seed is None else self.cluster.seed

    @property
    def learning_seed(self) -> int:
        assert self.learning is not None
        return self.seed if self.learning.seed is None else self.learning.seed

    @property
    def modulation(self) -> Modulation:
        """How staleness changes the learning rate: as learning.modulation says, or by the protocol's own rule."""
        assert self.learning is not None
        chosen = self.learning.modulation
        return self.protocol.modulation if isinstance(chosen, DefaultModulation) else chosen

    def with_seed(self, seed: int) -> Scenario:
        """This scenario at another seed, as a single run."""
        return self.model_copy(update={"seed": seed, "repeats": 1})

    def repeated(self) -> Iterator[Scenario]:
        """The single runs, at seeds seed, seed + 1, … (modulo 2³²)."""
        return (self.with_seed((self.seed + i) % 2**32) for i in range(self.repeats))

    def resolved(self) -> dict[str, Any]:
        """Every value that holds, defaults included, as a mapping that loads back into an equal scenario.

        Variants are given by their differences.
        """
        own = self.plain()
        variants = {name: difference(own, variant.plain()) for name, variant in self.variants.items()}
        return own | ({"variants": variants} if variants else {})

    def hash(self) -> str:
        """Names what is simulated: 64 hexadecimal digits of the resolved scenario, but for its name and title."""
        content = {key: value for key, value in self.resolved().items() if key not in ("name", "title")}
        return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()

    def plain(self) -> dict[str, Any]:
        """Every value that holds, defaults included, but for the variants; JSON's types."""
        tree: dict[str, Any] = self.model_dump(mode="json", exclude={"variants"})
        filled = {"payload": self.payload, "samples_per_epoch": self.samples_per_epoch}
        tree["workload"] = self.workload.model_copy(update=filled).model_dump(mode="json")
        if self.learning is not None:
            tree["learning"]["modulation"] = self.modulation.model_dump(mode="json")
        return tree

    @property
    def num_runs(self) -> int:
        """Runs of all variants at all seeds."""
        return sum(one.repeats for one in (self.variants or {"": self}).values())

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        found = list(self._inconsistencies())
        if found:
            raise InconsistentScenario(found)
        return self

    def _inconsistencies(self) -> Iterator[Inconsistency]:
        def within(section: str, found: Iterable[Inconsistency]) -> Iterator[Inconsistency]:
            return (one.within(*section.split(".")) for one in found)

        model = None if self.learning is None else self.learning.model
        yield from within("protocol", self.protocol.inconsistencies(self.cluster.learners, model))
        yield from within("cluster", self.cluster.inconsistencies())
        if self.learning is not None:
            yield from within("learning", self.learning.inconsistencies())
            yield from within("learning.model", self.learning.model.inconsistencies(self.learning.data.shape))
        if self.learning is not None and self.learning.local_learning_rate is not None and not self.protocol.steps_copies:
            message = f"under {self.protocol.kind} no learner steps a copy of its own, so there is nothing that has this rate"
            yield _gives_way_to_the_protocol(("learning", "local_learning_rate"), message)
        if isinstance(self.protocol, AbstractPeerProtocol):
            yield from self._impossible_without_a_server(self.protocol)
        if self.protocol.has_own_models:
            yield from self._impossible_with_own_models()
        if self.learning is not None and not isinstance(self.learning.partition, Shared):
            samples = self.learning.data.shape.train
            if self.cluster.learners > samples:
                message = f"{self.cluster.learners} learners cannot each have one of {samples} training samples"
                yield Inconsistency(("learning", "partition"), message)
        if self.learning is None and self.workload.payload is None:
            yield Inconsistency(
                ("workload", "payload"), "missing: without a learning section there is no model whose size it could be"
            )
        for key, is_used in (("stop.epochs", self.stop.epochs is not None), ("the protocol", self.protocol.counts_epochs)):
            if is_used and self.samples_per_epoch is None:
                message = f"missing: {key} needs it where there is no learning section"
                yield Inconsistency(("workload", "samples_per_epoch"), message)
        fits = self.learning is not None and not list(self.learning.model.inconsistencies(self.learning.data.shape))
        if self.learning is not None and fits and self.learning.num_parameters > _MOST_PARAMETERS:
            message = f"the model has {self.learning.num_parameters:,} parameters; {_MOST_PARAMETERS:,} are the most"
            yield Inconsistency(("learning", "model"), message)
        if self.num_runs > _MOST_RUNS:
            message = f"{self.num_runs:,} runs of all variants are too many; {_MOST_RUNS:,} are the most"
            yield Inconsistency(("repeats",), message)
        limits = self.stop.model_dump().values()
        if all(limit is None for limit in limits):
            yield Inconsistency(("stop",), "says no end; give epochs, gradients, updates or simulated_time")
        if self.stop.simulated_time == 0.0:
            yield Inconsistency(("stop", "simulated_time"), "0 would stop before anything happens")

    def _impossible_without_a_server(self, protocol: AbstractPeerProtocol) -> Iterator[Inconsistency]:
        kind, cluster = protocol.kind, self.cluster
        if not isinstance(cluster.architecture, Base):
            message = (
                f"under {kind} nobody sends gradients to a server, which {cluster.architecture.kind} could put a tree below"
            )
            within = cluster.architecture.model_dump(mode="json")["intra_node_bandwidth"]
            base = {"kind": "base", "intra_node_bandwidth": within}
            rival = Rival(("cluster", "architecture"), ("protocol",), base)
            yield Inconsistency(("cluster", "architecture", "kind"), f"{message}; base is wanted", (rival,))
        elif cluster.architecture.shards > 1 and not protocol.has_centre:
            message = f"under {kind} there is no server to put into parts"
            yield _gives_way_to_the_protocol(("cluster", "architecture", "shards"), message)
        if cluster.faults.crashes:
            message = f"under {kind} nothing says what the others do about a crash"
            yield Inconsistency(("cluster", "faults", "crashes"), message)
        if cluster.faults.server_pauses and not protocol.has_centre:
            yield Inconsistency(("cluster", "faults", "server_pauses"), f"under {kind} there is no parameter server to pause")
        for number, link in enumerate(cluster.faults.degraded_links):
            if link.link == "server" and not protocol.has_centre:
                message = f"under {kind} nobody talks to a server"
                yield Inconsistency(("cluster", "faults", "degraded_links", number, "link"), message)

    def _impossible_with_own_models(self) -> Iterator[Inconsistency]:
        kind = self.protocol.kind
        if self.workload.compression.changes_values:
            message = f"under {kind} learners send models and no gradients, which could be compressed"
            rival = Rival(("workload", "compression"), ("protocol",))
            yield Inconsistency(("workload", "compression", "kind"), message, (rival,))
        if self.learning is not None and self.modulation.of_one_server:
            message = f"{self.modulation.kind} is a rule of the one who applies all gradients, and under {kind} nobody does"
            yield Inconsistency(
                ("learning", "modulation", "kind"), message, (Rival(("learning", "modulation"), ("protocol",)),)
            )


def _gives_way_to_the_protocol(path: tuple[str, ...], message: str) -> Inconsistency:
    return Inconsistency(path, message, (Rival(path, ("protocol",)),))

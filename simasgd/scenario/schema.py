"""The whole scenario: the cluster, the protocol, the workload and what is learned."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias, final, get_args

from pydantic import Field, WrapValidator, model_validator

from simasgd.protocols import AbstractPeerProtocol, AbstractProtocol, Protocol, foreign
from simasgd.protocols.answers import find_wrong_answer
from simasgd.scenario.checks.continuation import check_continuation
from simasgd.scenario.checks.learning import check_learning
from simasgd.scenario.checks.missing_members import check_missing_members
from simasgd.scenario.checks.under_protocol import check_own_models
from simasgd.scenario.checks.without_server import check_without_server
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.learning.data import samples_of_epochs
from simasgd.scenario.learning.learning import Learning
from simasgd.scenario.learning.modulation import DefaultModulation, Modulation
from simasgd.scenario.readable import ReadableScenario
from simasgd.scenario.reading.load import build_scenario, require_variants
from simasgd.scenario.reading.overrides import Override
from simasgd.scenario.reading.sources import read_source
from simasgd.scenario.record import Record
from simasgd.scenario.sweep.section import SweepBlock
from simasgd.scenario.vocabulary.merge import Layer, difference
from simasgd.scenario.vocabulary.on_demand import ByKind
from simasgd.scenario.vocabulary.section import (
    Count,
    Inconsistency,
    InconsistentScenario,
    NameForKind,
    OneLine,
    Seed,
)
from simasgd.scenario.workload import Stop, Workload

_MOST_CHARACTERS = 100  # of a name
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=_MOST_CHARACTERS)]
# Without dots, so that a variant's keys can be written variants.NAME.KEY and its folder is no file
# of the results.
_MOST_RUNS = 100_000
VariantName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=_MOST_CHARACTERS)]


def _or_foreign(value: Any, own: Callable[[Any], AbstractProtocol]) -> AbstractProtocol:
    """Validate as one of simasgd's own protocols, or as one of another package if none has that kind."""
    if isinstance(value, AbstractProtocol):
        return value
    kind = value.get("kind") if isinstance(value, dict) else None
    if isinstance(kind, str) and kind not in OWN_KINDS and (found := foreign.load_protocol(kind)) is not None:
        return foreign.make_protocol(found, value)
    return own(value)


ScenarioSource: TypeAlias = "str | Path | Mapping[str, Any] | Scenario"
"""Where a scenario comes from: a name, a file, a dict with the keys of a file, or a scenario."""
OWN_KINDS = frozenset(one.model_fields["kind"].default for one in get_args(Protocol))
AnyProtocol = Annotated[Protocol, ByKind(), WrapValidator(_or_foreign), NameForKind]


@final
class Scenario(ReadableScenario):
    """One simulated cluster and what it learns, as typed values in seconds and bytes; `Scenario.load` reads it from YAML."""

    name: Annotated[Name, Field(examples=["my-study"])]
    """Name of the scenario: lower-case letters, digits, `_`, `.` and `-`, up to 100 characters."""
    title: Annotated[OneLine, Field(examples=["Four machines, two of them slow"])] = ""
    """Title in reports, one line."""
    seed: Seed = 0
    """Seed of the run. `cluster.seed` and `learning.seed` default to it."""
    repeats: Annotated[Count, Field(le=1000, examples=[3])] = 1
    """Number of runs, at the seeds `seed`, `seed` + 1, …; results then show their spread."""
    cluster: Cluster
    """The cluster."""
    workload: Workload
    """The work of a learner."""
    protocol: AnyProtocol
    """The protocol by which learners exchange gradients or models."""
    learning: Learning | None = None
    """The data, the model and the optimizer. Without this section only the timing is simulated."""
    stop: Stop
    """The end of the run."""
    record: Annotated[Record, NameForKind] = Record.by_default()
    """The tables and weights that are kept of the run."""
    sweep: SweepBlock | None = None
    """The points of `simasgd sweep`. Other commands leave it aside."""
    variants: dict[VariantName, Scenario] = Field(default_factory=dict)
    """Changes to this scenario by the name of a variant; one report compares all variants."""

    @classmethod
    def load(cls, source: ScenarioSource, *overrides: str, variants: Sequence[str] = ()) -> Scenario:
        """Read a scenario by its name, from a YAML file or from a dict, with `key=value` overrides.

        A dict has the keys of a file, and quantities as text with their units. The source `-` is
        standard input. The source may also be a scenario. It has a value for every key, so an
        override of its `cluster.profile` changes nothing else. Its protocol may be of a class of your own.

        If `variants` are named, the scenario has only those. One variant alone becomes the scenario
        itself, named NAME-VARIANT.

        Raises simasgd.ScenarioError, whose text names the place of every mistake.
        """
        if isinstance(source, Scenario):
            if not overrides:
                require_variants(variants, list(source.variants))
                return source.choose(variants)
            with foreign.in_hand([one.protocol for one in (source, *source.variants.values())]):
                return cls.from_layer(read_source(source.as_given()), overrides, variants)
        return cls.from_layer(read_source(source), overrides, variants)

    @classmethod
    def from_layer(cls, file: Layer, overrides: Sequence[str | Override] = (), variants: Sequence[str] = ()) -> Scenario:
        """Build a scenario from a file that has been read, as `load` does. Raises simasgd.ScenarioError."""
        return build_scenario(cls, file, overrides, variants).scenario.choose(variants)

    @property
    def payload(self) -> float:
        """Size of a message of a gradient or of the weights, uncompressed, in bytes."""
        if self.workload.payload is not None:
            return self.workload.payload
        assert self.learning is not None
        return float(self.learning.model_bytes)

    @property
    def gradient_payload(self) -> float:
        """Size of a compressed message of a gradient in bytes.

        The payload has the model's values if it has the model's size, else values of 4 bytes each.
        """
        payload, learning = self.payload, self.learning
        is_own = learning is not None and payload == learning.model_bytes
        values = learning.num_parameters if learning is not None and is_own else math.ceil(payload / 4)
        return self.workload.compression.message_bytes(payload, values)

    @property
    def samples_per_epoch(self) -> int | None:
        """Number of samples in an epoch; None if neither workload nor data state it."""
        if self.workload.samples_per_epoch is not None:
            return self.workload.samples_per_epoch
        return None if self.learning is None else self.learning.data.shape.train

    @property
    def samples_to_stop(self) -> int | None:
        """Number of applied samples at which the run stops, from epochs; None without them."""
        if self.stop.epochs is None:
            return None
        assert self.samples_per_epoch is not None
        return samples_of_epochs(self.stop.epochs, self.samples_per_epoch)

    @property
    def cluster_seed(self) -> int:
        """Seed of everything random about the clock."""
        return self.seed if self.cluster.seed is None else self.cluster.seed

    @property
    def learning_seed(self) -> int:
        """Seed of the initial weights and of the mini-batches."""
        assert self.learning is not None
        return self.seed if self.learning.seed is None else self.learning.seed

    @property
    def modulation(self) -> Modulation:
        """The modulation that holds: that of `learning.modulation`, or that of the protocol if it is `default`."""
        assert self.learning is not None
        chosen = self.learning.modulation
        return self.protocol.modulation if isinstance(chosen, DefaultModulation) else chosen

    def choose(self, variants: Sequence[str]) -> Scenario:
        """Return this scenario with only the named variants, under a name that says so; without names itself."""
        if not variants:
            return self
        name = "-".join([self.name, *variants])
        changed: dict[str, Any] = {"name": name if len(name) <= _MOST_CHARACTERS else self.name, "sweep": self.sweep}
        if len(variants) > 1:
            return self.model_copy(
                update={**changed, "variants": {name: one for name, one in self.variants.items() if name in variants}}
            )
        changed["title"] = f"Variant {variants[0]} of {self.name}"
        return self.variants[variants[0]].model_copy(update=changed)

    def with_seed(self, seed: int) -> Scenario:
        """Return this scenario at another seed, as a single run."""
        return self.model_copy(update={"seed": seed, "repeats": 1})

    def with_others(self, others: Mapping[str, Scenario]) -> Scenario:
        """Return this scenario with further variants, which take its name, title and number of runs."""
        same = {"name": self.name, "title": self.title, "repeats": self.repeats}
        added = {name: other.model_copy(update=same) for name, other in others.items()}
        return self.model_copy(update={"variants": {**self.variants, **added}})

    def repeated(self) -> Iterator[Scenario]:
        """Return the single runs, at the seeds seed, seed + 1, … (modulo 2³²)."""
        return (self.with_seed((self.seed + i) % 2**32) for i in range(self.repeats))

    def resolved(self) -> dict[str, Any]:
        """Return every value, defaults included, as a mapping that loads back into an equal scenario.

        Variants are given by their differences.
        """
        return self._tree(Scenario.plain)

    def as_given(self) -> dict[str, Any]:
        """Return the values as `resolved` does, but leave those open that follow from others, such as the payload."""
        return self._tree(Scenario._own_values)

    def _tree(self, values: Callable[[Scenario], dict[str, Any]]) -> dict[str, Any]:
        own = values(self)
        variants = {name: difference(own, values(variant)) for name, variant in self.variants.items()}
        sweep = {} if self.sweep is None else {"sweep": self.sweep.model_dump(mode="json", exclude_defaults=True)}
        return own | sweep | ({"variants": variants} if variants else {})

    def summary_line(self) -> str:
        ways = f"variants {', '.join(self.variants)}" if self.variants else self.protocol.kind
        return f"{self.name}: {self.cluster.learners} learners, {ways}"

    def hash(self) -> str:
        """Return 64 hexadecimal digits that identify the resolved scenario without its name, title and sweep."""
        content = {key: value for key, value in self.resolved().items() if key not in ("name", "title", "sweep")}
        return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()

    def plain(self) -> dict[str, Any]:
        """Return every value, defaults included, in JSON's types; variants and sweep are left out."""
        tree = self._own_values()
        filled = {"payload": self.payload, "samples_per_epoch": self.samples_per_epoch}
        tree["workload"] = self.workload.model_copy(update=filled).model_dump(mode="json")
        if self.learning is not None:
            tree["learning"]["modulation"] = self.modulation.model_dump(mode="json")
        return tree

    def _own_values(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"variants", "sweep"})

    @property
    def by_variant(self) -> Mapping[str, Scenario]:
        """The variants by their names; this scenario itself under the name "" if it has none."""
        return self.variants or {"": self}

    @property
    def num_runs(self) -> int:
        """Number of runs of all variants at all seeds."""
        return sum(one.repeats for one in self.by_variant.values())

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        found = list(self._wrong_answers()) or list(self._inconsistencies())
        if found:
            raise InconsistentScenario(found)
        return self

    def _wrong_answers(self) -> Iterator[Inconsistency]:
        """Find mistakes in a protocol of another package, without which the other checks cannot be made."""
        if foreign.is_foreign(type(self.protocol)):
            model = None if self.learning is None else self.learning.model
            if problem := find_wrong_answer(self.protocol, self.cluster.learners, model):
                yield Inconsistency(("protocol",), problem)

    def _inconsistencies(self) -> Iterator[Inconsistency]:
        def within(section: str, found: Iterable[Inconsistency]) -> Iterator[Inconsistency]:
            return (one.within(section) for one in found)

        model = None if self.learning is None else self.learning.model
        yield from within("protocol", self.protocol.inconsistencies(self.cluster.learners, model))
        yield from within("cluster", self.cluster.inconsistencies())
        yield from within("workload", self.workload.inconsistencies(self.cluster.learners))
        if self.learning is not None:
            yield from check_learning(self.learning, self.modulation, self.protocol, self.cluster.learners)
        if isinstance(self.protocol, AbstractPeerProtocol):
            yield from check_without_server(self.protocol, self.cluster)
        yield from check_missing_members(self.protocol, self.cluster)
        if self.protocol.has_own_models:
            modulation = None if self.learning is None else self.modulation
            yield from check_own_models(self.protocol, self.workload.compression, modulation)
        if self.learning is None and self.workload.payload is None:
            yield Inconsistency(("workload", "payload"), "missing: without a learning section, no model gives its size")
        stop = self.stop
        users = {"stop.epochs": stop.epochs, "the protocol": self.protocol.counts_epochs, "stop.continued": stop.continued}
        for key, is_used in users.items():
            if is_used and self.samples_per_epoch is None:
                message = f"missing: without a learning section, {key} needs it"
                yield Inconsistency(("workload", "samples_per_epoch"), message)
        if self.num_runs > _MOST_RUNS:
            message = f"{self.num_runs:,} runs of all variants are too many; at most {_MOST_RUNS:,} are allowed"
            yield Inconsistency(("repeats",), message)
        yield from within("stop", self.stop.inconsistencies(self.learning))
        yield from check_continuation(self.cluster) if self.stop.continued else ()
        yield from within("record", self.record.inconsistencies(self.learning))

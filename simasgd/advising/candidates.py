"""The candidates of a search: every combination of what varies that the cluster permits, and its learning rates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal, final

from simasgd.advising.pace import SamplePace
from simasgd.advising.vary import Vary
from simasgd.errors import ScenarioError
from simasgd.scenario.learning.modulation import NoModulation, SqrtBatch
from simasgd.scenario.protocol_variants import read_protocol
from simasgd.scenario.reading.measured import rename_file_keys
from simasgd.scenario.reading.overrides import Override, parse_override
from simasgd.scenario.reading.precedence import find_clash
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import ARGUMENT, Layer, Origin
from simasgd.sweeps.axes import combinations

RateRule = Literal["as given", "scaled"]
_SAME_RATE = 0.05
"""A scaled rate that differs by less from the one that is given is not tried."""


@final
@dataclass(frozen=True)
class Configuration:
    """A combination of what varies, with the learning rate that it has in the scenario.

    `values` are those of the axes as written. The scenario is a single run of as many epochs as a candidate may take.
    """

    variant: str
    values: tuple[str, ...]
    scenario: Scenario


@final
@dataclass(frozen=True)
class Candidate:
    """A configuration with a learning rate, and its timing. `number` is its place in the list of candidates."""

    number: int
    variant: str
    values: tuple[str, ...]
    scenario: Scenario
    pace: SamplePace
    rule: RateRule

    @property
    def learners(self) -> int:
        """λ."""
        return self.scenario.cluster.learners

    @property
    def rate(self) -> float:
        """α₀."""
        assert self.scenario.learning is not None
        return self.scenario.learning.optimizer.learning_rate

    @property
    def samples_in_flight(self) -> float:
        """The samples whose gradients miss an update, or go into it: its batch times (1 + mean staleness)."""
        return self.pace.samples_per_update * (1.0 + self.pace.staleness)


@final
@dataclass(frozen=True)
class Refused:
    """A combination that the scenario does not permit, and the reason."""

    variant: str
    values: tuple[str, ...]
    reason: str

    @property
    def words(self) -> str:
        """The first line of the reason, without its source."""
        return self.reason.splitlines()[0].strip().removeprefix(f"{ARGUMENT}: ")


def list_configurations(
    file: Layer, overrides: Sequence[str], vary: Vary, test_error: float | None
) -> tuple[list[Configuration], list[Refused]]:
    """Return every combination that the scenario permits, and those that it refuses.

    What varies is a layer over the overrides. A run ends where it reaches the `test_error`, unless that is None. Raises
    ScenarioError if nothing is left, or if a value that the user gave is refused in every combination.
    """
    found, refused = [], []
    given = [parse_override(Scenario, override) for override in overrides]
    of_variants, of_all = ([_read_below(one) for one in given if one.is_of_variant is is_one] for is_one in (True, False))
    file = reduce(Layer.under, of_variants, rename_file_keys(file))
    for variant, layer in _list_variants(file, reduce(Layer.under, of_all, Layer()), vary):
        for values in combinations(vary.axes):
            changes = [change for axis, value in zip(vary.axes, values, strict=True) for change in axis.overrides(value)]
            try:
                scenario = Scenario.from_layer(layer, [*vary.fixed, *changes])
            except ScenarioError as error:
                refused.append(Refused(variant, values, str(error)))
                continue
            found.append(Configuration(variant, values, _as_one_run(scenario, test_error)))
    _require_some(found, refused, vary)
    return found, refused


def _read_below(override: Override) -> Layer:
    """Return the layer of an override, as one that is earlier than what varies."""
    layer = rename_file_keys(override.layer)
    return Layer(layer.tree, {path: mark._replace(origin=Origin.VARIANT) for path, mark in layer.marks.items()})


def _list_variants(file: Layer, overrides: Layer, vary: Vary) -> Iterator[tuple[str, Layer]]:
    """Yield the protocols that vary, or the scenario's variants, or the scenario itself, each without variants.

    Overrides are over the scenario's own variants, and below the protocols that vary. Raises ScenarioError if an axis would
    undo what one of these protocols says.
    """
    base = file.without("variants")
    if vary.protocols:
        for written in vary.protocols:
            name, layer = read_protocol(written)
            _refuse_undone(written, layer, vary)
            yield name, base.under(overrides).under(layer.with_origin(Origin.ARGUMENT))
        return
    own = file.tree.get("variants") or {}
    if not own:
        yield "", base.under(overrides)
    for name, changes in own.items():
        marks = {path[2:]: mark for path, mark in file.marks.items() if path[:2] == ("variants", name) and len(path) > 2}
        yield name, base.under(Layer(changes or {}, marks)).under(overrides)


def _refuse_undone(written: str, protocol: Layer, vary: Vary) -> None:
    axes = [change for axis in vary.axes for value in axis.values for change in axis.overrides(value)]
    for one in (*vary.fixed, *axes):
        change = parse_override(Scenario, one) if isinstance(one, str) else one
        if find_clash(protocol.tree, change.layer.tree) is not None:
            message = f"would undo protocol={written}, which varies, too; give one of them"
            raise ScenarioError(f"{ARGUMENT}: vary {change.text}: {message}")


def _as_one_run(scenario: Scenario, test_error: float | None) -> Scenario:
    stop = scenario.stop.model_copy(update={"test_error": test_error})
    return scenario.model_copy(update={"repeats": 1, "stop": stop})


def _require_some(found: Sequence[Configuration], refused: Sequence[Refused], vary: Vary) -> None:
    if not found:
        raise ScenarioError(refused[0].reason)
    if vary.is_usual:
        return
    for place in range(-1, len(vary.axes)):
        there = {_value(one, place) for one in found}
        for one in refused:
            if _value(one, place) not in there:
                raise ScenarioError(one.reason)


def _value(one: Configuration | Refused, place: int) -> str:
    return one.variant if place < 0 else one.values[place]


def list_candidates(
    configurations: Sequence[Configuration], paces: Sequence[SamplePace], base: Scenario, vary: Vary
) -> list[Candidate]:
    """Return the candidates: each configuration with the given learning rate and, unless the user varies it, a scaled one.

    Protocols that are the same with one learner are one candidate.
    """
    chooses_rate = any(
        vary.sets(key) for key in ("learning.optimizer.learning_rate", "learning.modulation", "learning.optimizer.kind")
    )
    listed: list[tuple[Configuration, SamplePace, RateRule]] = []
    merged = _find_same(configurations, paces)
    for number, (one, pace) in enumerate(zip(configurations, paces, strict=True)):
        if number in merged:
            continue
        listed.append((one, pace, "as given"))
        rate = None if chooses_rate or pace.problem else scale_rate(one.scenario, pace, base)
        if rate is not None:
            listed.append((Configuration(one.variant, one.values, _with_rate(one.scenario, rate)), pace, "scaled"))
    return [
        Candidate(number, one.variant, one.values, one.scenario, pace, rule) for number, (one, pace, rule) in enumerate(listed)
    ]


def list_merged(configurations: Sequence[Configuration], paces: Sequence[SamplePace]) -> list[Refused]:
    """Return the combinations that are the same with one learner as an earlier one, which is their reason."""
    return [
        Refused(configurations[number].variant, configurations[number].values, f"the same as {name}, 1 learner")
        for number, name in _find_same(configurations, paces).items()
    ]


def _find_same(configurations: Sequence[Configuration], paces: Sequence[SamplePace]) -> dict[int, str]:
    """Return the places of those that are the same with one learner as an earlier one, and its name."""
    seen: dict[tuple[Any, ...], str] = {}
    found = {}
    for number, (one, pace) in enumerate(zip(configurations, paces, strict=True)):
        if one.scenario.cluster.learners == 1:
            same = (pace.seconds_per_epoch, pace.staleness, one.values, one.scenario.modulation)
            if same in seen:
                found[number] = seen[same]
            seen.setdefault(same, one.variant or one.scenario.protocol.kind)
    return found


def scale_rate(scenario: Scenario, pace: SamplePace, base: Scenario) -> float | None:
    """Return the learning rate by Rudra's rules; None if it is about the one that is given.

    α = α₀ · √(B/µ₀) / max(1, ⟨σ⟩): B samples in an update, µ₀ those of the scenario's own mini-batch, and the mean staleness
    ⟨σ⟩ (arXiv:1509.04210, A1.4 in docs/papers.md, there for hardsync and softsync apart). What the scenario's modulation does
    already is left out.
    """
    assert scenario.learning is not None
    kind = scenario.modulation
    size = base.workload.mini_batch
    reference = size if isinstance(size, int) else pace.samples_per_update
    batch = 1.0 if isinstance(kind, SqrtBatch) else math.sqrt(pace.samples_per_update / reference)
    stale = max(1.0, pace.staleness) if isinstance(kind, NoModulation) else 1.0
    factor = batch / stale
    if abs(math.log(factor)) < _SAME_RATE:
        return None
    return float(f"{scenario.learning.optimizer.learning_rate * factor:.3g}")


def _with_rate(scenario: Scenario, rate: float) -> Scenario:
    assert scenario.learning is not None
    optimizer = scenario.learning.optimizer.model_copy(update={"learning_rate": rate})
    learning = scenario.learning.model_copy(update={"optimizer": optimizer})
    return scenario.model_copy(update={"learning": learning})

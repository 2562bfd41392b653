"""Users' words lead to what they mean, not to what merely looks alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simasgd.errors import ScenarioError
from simasgd.scenario.reading import catalogue, keys
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary import synonyms, units
from simasgd.scenario.vocabulary.merge import Layer
from tests.build import TIMING


def kinds() -> set[str]:
    """Every kind that a section of a scenario may have."""

    def walk(model: type) -> Iterator[str]:
        for name, field in model.model_fields.items():  # type: ignore[attr-defined]
            if name == "kind" and isinstance(field.default, str):
                yield field.default
            for section in keys.find_sections(field.annotation):
                yield from walk(section) if name != "variants" else ()

    return set(walk(Scenario))


def test_all_that_is_meant_exists() -> None:
    assert {target for targets in synonyms.KEYS.values() for target in targets} <= set(keys.list_keys(Scenario))
    assert {target for targets in synonyms.KINDS.values() for target in targets} <= kinds()


def test_no_word_is_what_something_else_is_called() -> None:
    """A word of the table that is a kind itself has that meaning, in the sections that have the kind."""
    protocols = set(catalogue.list_protocols())
    for word, targets in synonyms.KINDS.items():
        assert not (word.replace("_", "-") in protocols and set(targets) & protocols)


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("protocol=sync", "'hardsync' or 'all-reduce'"),
        ("protocol=Synchronous", "'hardsync' or 'all-reduce'"),
        ("protocol=bsp", "'hardsync'"),
        ("protocol=asgd", "'async'"),
        ("protocol=async-sgd", "'async'"),
        ("protocol=sgd", "'async' or 'hardsync'"),
        ("protocol=ring-allreduce", "'all-reduce'"),
        ("protocol=fedavg", "'local-sgd'"),
        ("batch_size=32", "'workload.mini_batch'"),
        ("workload.batch-size=32", "'workload.mini_batch'"),
        ("workers=8", "'cluster.learners'"),
        ("num_workers=8", "'cluster.learners'"),
        ("nodes=8", "'cluster.learners'"),
        ("lr=0.1", "'learning.optimizer.learning_rate'"),
        ("max_steps=9", "'stop.updates' or 'stop.gradients'"),
        ("workload.payload=100M", "'MB' or 'Mbit'"),
        ("workload.payload=102 mb", "'MB' or 'Mbit'"),
        ("workload.payload=102 KB", "'kB'"),
        ("workload.payload=10 Gbps", "'Gbit'"),
        ("network.bandwidth=10 GbE", "'Gbit/s'"),
        ("network.bandwidth=10 Gb", "'Gbit/s'"),
        ("network.bandwidth=10 Gbps", "'Gbit/s'"),
        ("network.bandwidth=10 GBps", "'GB/s'"),
        ("network.bandwidth=10 G", "'GB/s' or 'Gbit/s'"),
        ("network.latency=5 msec", "'ms'"),
        ("network.latency=5 m", "'ms' or 'min'"),
        ("network.latency=5 Seconds", "'s'"),
    ],
)
def test_users_words(override: str, meant: str) -> None:
    with pytest.raises(ScenarioError) as complaint:
        Scenario.from_layer(Layer(TIMING), [override])
    assert f"did you mean {meant}?" in str(complaint.value)


@pytest.mark.parametrize("dimension", units.DIMENSIONS, ids=lambda dimension: dimension.name)
def test_a_unit_stands_for_itself(dimension: units.Dimension) -> None:
    """So that no unit that is known is taken for another one."""
    for unit in dimension.units:
        meant = synonyms.units(unit, dimension.units)
        assert not meant or any(dimension.units[one] == dimension.units[unit] for one in meant)

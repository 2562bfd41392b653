"""Users' words lead to what they mean, not to what merely looks alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simasgd.asking.key_facts import list_keys
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
    words = {choice for facts in list_keys().values() for form in facts.forms for choice in form.choices}
    assert {target for targets in synonyms.VALUES.values() for target in targets} <= words
    assert not set(synonyms.ABSENT) & (set(synonyms.KEYS) | {key.rpartition(".")[2] for key in keys.list_keys(Scenario)})


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
        ("protocol=synch", "'hardsync' or 'all-reduce'"),
        ("protocol=sinc", "'hardsync' or 'all-reduce'"),
        ("protocol=asinc", "'async'"),
        ("protocol=ps", "'async' or 'hardsync'"),
        ("protocol=downpour-sgd", "'downpour'"),
        ("compute.distribution=gaussian", "'lognormal' or 'gamma'"),
        ("compute.distribution=exp", "'exponential'"),
        ("record=all", "'timeline'"),
        ("sharing=max-min", "'fair'"),
        ("protocol=ring-allreduce", "'all-reduce'"),
        ("protocol=fedavg", "'local-sgd'"),
        ("batch_size=32", "'workload.mini_batch'"),
        ("workload.batch-size=32", "'workload.mini_batch'"),
        ("workers=8", "'cluster.learners'"),
        ("num_workers=8", "'cluster.learners'"),
        ("nodes=8", "'cluster.learners'"),
        ("lr=0.1", "'learning.optimizer.learning_rate'"),
        ("wrokers=8", "'cluster.learners'"),
        ("gpus=8", "'cluster.learners'"),
        ("num_epochs=3", "'stop.epochs'"),
        ("iterations=100", "'stop.updates' or 'stop.gradients'"),
        ("seeds=5", "'repeats'"),
        ("target=0.1", "'stop.test_error'"),
        ("gradient_clipping=1", "'learning.optimizer.clip'"),
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
        ("network.bandwidth=10 gigabit", "'Gbit/s'"),
        ("network.bandwidth=100M", "'MB/s' or 'Mbit/s'"),
        ("network.latency=5 msec", "'ms'"),
        ("network.latency=5 m", "'ms' or 'min'"),
        ("network.latency=5 Seconds", "'s'"),
    ],
)
def test_users_words(override: str, meant: str) -> None:
    with pytest.raises(ScenarioError) as complaint:
        Scenario.from_layer(Layer(TIMING), [override])
    assert f"did you mean {meant}?" in str(complaint.value)


def test_a_word_for_what_is_not_there_says_so() -> None:
    with pytest.raises(ScenarioError, match="unknown key 'dropout'; the models have none"):
        Scenario.from_layer(Layer(TIMING), ["dropout=0.5"])


def misspelt(word: str) -> set[str]:
    """Every word with one letter left out, doubled, replaced, or exchanged with the next."""
    places = range(len(word))
    return (
        {word[:i] + word[i + 1 :] for i in places}
        | {word[:i] + word[i] + word[i:] for i in places}
        | {word[:i] + letter + word[i + 1 :] for i in places for letter in "xk"}
        | {word[:i] + word[i + 1 : i + 2] + word[i] + word[i + 2 :] for i in places}
    )


@pytest.mark.parametrize(
    "word", ["sync", "synchronous", "hardsync", "easgd-sync", "k-sync", "async", "asynchronous", "k-async"]
)
def test_the_opposite_is_never_suggested(word: str) -> None:
    """A word that says sync leads to nothing async, and the other way around, however it is misspelt."""
    protocols = list(catalogue.list_protocols())
    for written in misspelt(word):
        if "async" in word and written.lower().replace("a", "", 1) in (word.replace("a", ""), written.lower()):
            continue  # with its a elsewhere, or without it, it may say sync as well
        for meant in synonyms.suggest_kinds(written, protocols):
            assert "sync" not in meant or ("async" in meant) is ("async" in word), (written, meant)


@pytest.mark.parametrize("dimension", units.DIMENSIONS, ids=lambda dimension: dimension.name)
def test_a_unit_stands_for_itself(dimension: units.Dimension) -> None:
    """So that no unit that is known is taken for another one."""
    for unit in dimension.units:
        meant = synonyms.units(unit, dimension.units)
        assert not meant or any(dimension.units[one] == dimension.units[unit] for one in meant)

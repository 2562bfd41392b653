"""The hash of a scenario changes with every value that changes its results."""

from __future__ import annotations

import pytest

from simasgd.scenario.reading import yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer, merge
from tests.scenario.reading.plain import PLAIN, read
from tests.scenario.sections.forms import CLUSTER_FORMS


@pytest.mark.parametrize("override", ["name=other", "title=Other"])
def test_the_hash_does_not_know_names(override: str) -> None:
    assert Scenario.load("quickstart", override).hash() == Scenario.load("quickstart").hash()


def test_the_hash_does_not_change_with_how_a_value_is_written() -> None:
    assert read(PLAIN, "payload=350000 B").hash() == read(PLAIN).hash()
    assert read(PLAIN, "epochs=1.0").hash() == read(PLAIN).hash()


HASHED = [
    "seed=1",
    "repeats=2",
    "learners=31",
    "cluster.seed=0",
    "profile=null",
    "per_batch=1 ms",
    "per_sample=1 ms",
    "compute.distribution=lognormal",
    "compute.cv=0.2",
    "latency=3 us",
    "network.bandwidth=9 GB/s",
    "server.bandwidth=9 GB/s",
    "duplex=full",
    "update=1 ms",
    "mini_batch=8",
    "payload=351 kB",
    "samples_per_epoch=1000",
    "protocol=async",
    "learning.seed=0",
    "data=mnist",
    "crop=1",
    "flip=true",
    "subtract_mean=true",
    "model=softmax",
    "hidden=[33]",
    "learning_rate=0.06",
    "momentum=0.8",
    "schedule={boundaries: [1], factor: 0.1}",
    "modulation=inverse-staleness",
    "precision=float64",
    "evaluate=2 epochs",
    "epochs=2",
    "gradients=5",
    "updates=5",
    "simulated_time=5 s",
    "test_error=0.05",
    "record=summary",
]


# Forms that change nothing on the profile of this test.
SAME = [
    ["no speeds", "star", "base", "no update law", "no faults", "no crashes"],
]


def test_the_hash_changes_with_everything_else() -> None:
    yaml = PLAIN.replace(
        "profile: p775",
        "profile: p775, compute: {per_batch: 2 ms, per_sample: 3.2 ms,"
        " distribution: gamma, cv: 0.1}, network: {latency: 2 us, bandwidth: 10 GB/s},"
        " server: {bandwidth: 3.4 GB/s, duplex: half, update: 1.18 ms}",
    )
    hashes = {override: read(yaml, override).hash() for override in HASHED}
    for name, form in CLUSTER_FORMS.items():
        changed = merge(yaml_layer.parse_layer(yaml.replace("30", "4", 1), "s.yaml").tree, {"cluster": form})
        hashes[name] = Scenario.from_layer(Layer(changed)).hash()
    for same in SAME:
        assert len({hashes.pop(name) for name in same}) == 1, same
    hashes["nothing"] = read(yaml).hash()
    hashes["a variant"] = read(yaml + "variants: {a: }\n").hash()
    hashes["another variant"] = read(yaml + "variants: {a: {seed: 1}}\n").hash()
    hashes["the same under another name"] = read(yaml + "variants: {b: {seed: 1}}\n").hash()
    assert len(set(hashes.values())) == len(hashes)

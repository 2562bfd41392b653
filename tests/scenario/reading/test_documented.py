"""What docs/scenario.md shows of a cluster and of learning can be written so, and its defaults are those of the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from simasgd.protocols import Protocol
from simasgd.scenario.learning.compression import Compression
from simasgd.scenario.learning.learning import Learning
from simasgd.scenario.reading import keys, yaml_layer
from simasgd.scenario.schema import Scenario

TABLE = (Path(__file__).parents[3] / "docs" / "scenario.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `(cluster\.[a-z_.]+)` \| (.*?) \|[^|]*\|$", TABLE, re.MULTILINE))
EXAMPLES = [(key, example) for key, row in ROWS.items() for example in re.findall(r"`([\[{][^`]*[\]}])`", row)]
PLAIN = """\
name: plain
cluster: {learners: 4, profile: ideal}
workload: {mini_batch: 4, payload: 1 kB}
protocol: async
stop: {gradients: 10}
"""


def read(*overrides: str) -> Scenario:
    return Scenario.from_layer(yaml_layer.parse_layer(PLAIN, "s.yaml"), overrides)


def test_there_are_examples() -> None:
    assert {key for key, _ in EXAMPLES} >= {"cluster.speeds", "cluster.architecture", "cluster.faults.crashes"}
    assert len(EXAMPLES) >= 14


@pytest.mark.parametrize(("key", "example"), EXAMPLES, ids=lambda case: case[:40])
def test_an_example_is_accepted_and_means_something(key: str, example: str) -> None:
    example = example.replace("full_at: B", "full_at: 16").replace("exponent: e", "exponent: 0.5")
    assert read(f"{key}={example}").resolved()["cluster"] != read().resolved()["cluster"]


@pytest.mark.parametrize(("key", "example"), EXAMPLES, ids=lambda case: case[:40])
def test_where_defaults_are_shown_they_are_the_defaults(key: str, example: str) -> None:
    if key not in ("cluster.network.topology", "cluster.architecture") or "shards" in example:
        return
    whole = yaml_layer.parse_scalar(example)
    assert read(f"{key}={example}").cluster == read(f"{key}={whole['kind']}").cluster


def test_every_key_of_a_cluster_is_within_a_row() -> None:
    rows = [*ROWS, *(f"cluster.compute.{name}" for name in ("per_batch", "per_sample", "file", "measured"))]
    for key in keys.list_keys(Scenario):
        is_section = any(other.startswith(f"{key}.") for other in keys.list_keys(Scenario))
        if key.startswith("cluster.") and not is_section:
            assert any(f"{key}.".startswith(f"{row}.") for row in rows), key


LEARNING = """\
learning:
  data: digits
  model: softmax
  optimizer: {kind: sgd, learning_rate: 0.05}
"""
ROWS_OF_LEARNING = re.findall(
    r"^\| `learning\.(data|optimizer|schedule|modulation)[a-z_.]*`(?:, `[a-z.]*`)* \| (.*?) \|[^|]*\|$", TABLE, re.MULTILINE
)
KINDS = [f"{{kind: {row}}}" for row in re.findall(r"^\| `\{kind: ([^}]*)\}` \|", TABLE, re.MULTILINE)]
OF_PROTOCOLS = {one.model_fields["kind"].default for one in get_args(Protocol)}
PROTOCOLS = [example for example in KINDS if yaml_layer.parse_scalar(example)["kind"] in OF_PROTOCOLS]
COMPRESSIONS = {one.model_fields["kind"].default: one for one in keys.find_sections(Compression)}
EXAMPLES_OF_COMPRESSION = [example for example in KINDS if yaml_layer.parse_scalar(example)["kind"] in COMPRESSIONS]
EXAMPLES_OF_LEARNING = [
    *((key, example) for key, row in ROWS_OF_LEARNING for example in re.findall(r"`(\{[^`]*\})`", row)),
    *(("modulation", example) for example in KINDS if example not in (*PROTOCOLS, *EXAMPLES_OF_COMPRESSION)),
]


def read_learning(*overrides: str) -> Learning:
    learning = Scenario.from_layer(yaml_layer.parse_layer(PLAIN + LEARNING, "s.yaml"), overrides).learning
    assert learning is not None
    return learning


def test_there_are_examples_of_learning() -> None:
    kinds = {yaml_layer.parse_scalar(example).get("kind") for _, example in EXAMPLES_OF_LEARNING}
    assert kinds >= {"linear-regression", "logistic-regression", "noise"}
    assert kinds >= {"sgd", "adagrad", "adam", "adamw", "rmsprop", "sqrt-batch", "gap-aware", "koloskova"}
    assert {key for key, _ in EXAMPLES_OF_LEARNING} == {"data", "optimizer", "schedule", "modulation"}


@pytest.mark.parametrize("example", PROTOCOLS)
def test_an_example_of_a_protocol_is_accepted(example: str) -> None:
    learners = "1" if "injected" in example else "30"
    chosen = read(f"protocol={example}", f"cluster.learners={learners}")
    assert chosen.protocol.kind == yaml_layer.parse_scalar(example)["kind"]
    assert chosen.protocol.model_fields_set == set(yaml_layer.parse_scalar(example))


def test_every_protocol_and_every_compression_is_in_its_table() -> None:
    bare = re.findall(r"^\| `([a-z0-9-]+)` \|", TABLE, re.MULTILINE)
    assert {yaml_layer.parse_scalar(example)["kind"] for example in PROTOCOLS} | (set(bare) & OF_PROTOCOLS) == OF_PROTOCOLS
    compressions = {yaml_layer.parse_scalar(example)["kind"] for example in EXAMPLES_OF_COMPRESSION}
    assert compressions | (set(bare) & set(COMPRESSIONS)) == set(COMPRESSIONS)


@pytest.mark.parametrize("example", EXAMPLES_OF_COMPRESSION)
def test_an_example_of_compression_shows_its_defaults(example: str) -> None:
    chosen = read(f"workload.compression={example}").workload.compression
    assert chosen == COMPRESSIONS[chosen.kind]()
    assert set(yaml_layer.parse_scalar(example)) == set(type(chosen).model_fields)


MODELS = {"linear-regression": "linear", "noise": "{kind: quadratic, spectrum: [1, 0.1]}"}


@pytest.mark.parametrize(("key", "example"), EXAMPLES_OF_LEARNING, ids=lambda case: case[:40])
def test_an_example_of_learning_is_accepted_and_means_something(key: str, example: str) -> None:
    model = MODELS.get(yaml_layer.parse_scalar(example)["kind"], "softmax") if key == "data" else "softmax"
    assert read_learning(f"learning.{key}={example}", f"learning.model={model}") != read_learning()


@pytest.mark.parametrize(("key", "example"), EXAMPLES_OF_LEARNING, ids=lambda case: case[:40])
def test_what_is_shown_of_learning_is_the_default_where_it_says_so(key: str, example: str) -> None:
    said_otherwise = {"nesterov", "centered", "momentum", "smoothness", "threshold"}
    whole = yaml_layer.parse_scalar(example)
    if key in ("data", "schedule") or whole["kind"] in ("exponential-staleness", "staleness-table", "sqrt-batch"):
        return
    chosen = getattr(read_learning(f"learning.{key}={example}"), key)
    for name in set(whole) - {"kind", "learning_rate"} - said_otherwise:
        assert type(chosen).model_fields[name].default == whole[name], name

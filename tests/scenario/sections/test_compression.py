"""`workload.compression`: the bytes of a message by hand, what a resolved scenario says, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from simasgd import Scenario, ScenarioError
from simasgd.scenario.alike import clock_of, together
from simasgd.scenario.reading import yaml_layer
from tests.build import LEARNING, TIMING, scenario

MODEL = 64 * 16 + 16 + 16 * 10 + 10  # parameters of the network in LEARNING: 1,210


def sized(compression: Any, *changes: dict[str, Any], base: dict[str, Any] = TIMING) -> float:
    return scenario(base, {"workload": {"compression": compression}}, *changes).gradient_payload


@pytest.mark.parametrize(
    ("compression", "expected"),
    [
        ("none", 10_000),
        ("fp16", 5_000),
        ("top-k", 25 * 8),
        ({"kind": "top-k", "fraction": 0.0001}, 8),  # at least one
        ({"kind": "top-k", "fraction": 0.0281}, 71 * 8),  # 70.25 are 71
        ({"kind": "top-k", "fraction": 0.28}, 700 * 8),  # as written: 0.28·2500 is a little more than 700 in binary
        ({"kind": "top-k", "fraction": 0.9}, 2250 * 8),  # more than 10,000
        ({"kind": "top-k", "fraction": 0.99999}, 10_000),
        ({"kind": "top-k", "fraction": 1}, 10_000),
        ({"kind": "top-k", "fraction": 0.1, "error_feedback": False}, 2_000),
        ("qsgd", 2500 * 4 / 8 + 5 * 4),  # 9 levels with signs are 4 bits; 4.9 buckets
        ({"kind": "qsgd", "levels": 1, "bucket": None}, 2500 * 2 / 8 + 4),
        ({"kind": "qsgd", "levels": 3, "bucket": 2500}, math.ceil(2500 * 3 / 8) + 4),
        ({"kind": "qsgd", "levels": 127, "bucket": 1000}, 2500 + 3 * 4),
        ({"kind": "qsgd", "levels": 128, "bucket": 1000}, math.ceil(2500 * 9 / 8) + 3 * 4),
        ("sign", 313 + 4),  # 312.5 bytes
        ({"kind": "sign", "error_feedback": False}, 313),
    ],
    ids=str,
)
def test_bytes_of_ten_kilobytes(compression: Any, expected: float) -> None:
    """They are 2,500 values of 4 bytes."""
    assert sized(compression) == expected
    assert scenario(TIMING, {"workload": {"compression": compression}}).payload == 10_000


@pytest.mark.parametrize("compression", ["fp16", "top-k", "qsgd", "sign"])
def test_nothing_is_nothing(compression: str) -> None:
    assert sized(compression, {"workload": {"payload": 0}}) == 0


@pytest.mark.parametrize(
    ("compression", "single", "double"),
    [
        ("none", 4 * MODEL, 8 * MODEL),
        ("fp16", 2 * MODEL, 2 * MODEL),
        ("top-k", 13 * 8, 13 * 12),
        ("qsgd", MODEL / 2 + 3 * 4, MODEL / 2 + 3 * 4),
        ("sign", 152 + 4, 152 + 4),
    ],
)
def test_the_models_own_values_are_as_many_in_either_precision(compression: str, single: float, double: float) -> None:
    """Also where its payload is stated, as in a resolved scenario. Of another payload they have 4 bytes each."""
    for precision, expected in (("float32", single), ("float64", double)):
        chosen = scenario(LEARNING, {"workload": {"compression": compression}, "learning": {"precision": precision}})
        assert chosen.gradient_payload == expected
        assert Scenario.model_validate(chosen.resolved()).gradient_payload == expected
    other = {"learning": {"precision": "float64"}, "workload": {"payload": "10 kB"}}
    assert sized(compression, other, base=LEARNING) == sized(compression)


def test_it_is_stated_and_moves_the_clock() -> None:
    plain, whole = scenario(LEARNING), scenario(LEARNING, {"workload": {"compression": {"kind": "top-k", "fraction": 1}}})
    signs = scenario(LEARNING, {"workload": {"compression": "sign"}})
    assert plain.resolved()["workload"]["compression"] == {"kind": "none"}
    assert signs.resolved()["workload"]["compression"] == {"kind": "sign", "error_feedback": True}
    assert len({clock_of(chosen) for chosen in (plain, whole, signs)}) == 3
    assert together([plain, signs, whole, signs.with_seed(1)]) == [[0], [1], [2], [3]]
    one_clock = [scenario(LEARNING, {"workload": {"compression": "sign"}, "cluster": {"seed": 1}}) for _ in range(2)]
    assert together([one_clock[0], one_clock[1].with_seed(5)]) == [[0, 1]]


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("fp8", "s.yaml:3:55: workload.compression: unknown kind 'fp8'; choose from 'none', 'fp16', 'top-k', 'qsgd', 'sign'"),
        ("{kind: topk}", "did you mean 'top-k'?"),
        ("{fraction: 0.1}", "workload.compression: kind is missing; choose from 'none', 'fp16', 'top-k', 'qsgd', 'sign'"),
        ("3", "workload.compression: found 3; expected a kind or a mapping"),
        ("{kind: top-k, fraction: 0}", "workload.compression.fraction: 0 is too small; it must be more than 0"),
        ("{kind: top-k, fraction: 1.01}", "workload.compression.fraction: 1.01 is too large; it must be at most 1"),
        ("{kind: top-k, fraction: all}", "workload.compression.fraction: 'all' is not a number"),
        ("{kind: top-k, error_feedback: 1}", "workload.compression.error_feedback: 1 is neither true nor false"),
        ("{kind: qsgd, levels: 0}", "workload.compression.levels: 0 is too small; it must be more than 0"),
        ("{kind: qsgd, levels: 65537}", "workload.compression.levels: 65537 is too large; it must be at most 65536"),
        ("{kind: qsgd, levels: 2.5}", "workload.compression.levels: 2.5 is not a whole number"),
        ("{kind: qsgd, bucket: 0}", "workload.compression.bucket: 0 is too small; it must be more than 0"),
        ("{kind: sign, fraction: 0.1}", "unknown key 'fraction'; known keys: error_feedback, kind"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(written: str, complaint: str) -> None:
    yaml = (
        "name: plain\ncluster: {learners: 4, profile: ideal}\n"
        f"workload: {{mini_batch: 4, payload: 1 kB, compression: {written}}}\nprotocol: async\nstop: {{gradients: 10}}\n"
    )
    with pytest.raises(ScenarioError) as caught:
        Scenario.from_layer(yaml_layer.parse_layer(yaml, "s.yaml"), ())
    assert complaint in str(caught.value)
    assert str(caught.value).startswith("s.yaml:3:")

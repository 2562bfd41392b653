"""Models as written in a scenario: their defaults, and what does not fit their data."""

from __future__ import annotations

from typing import Any

import pytest

from simasgd.errors import ScenarioError
from simasgd.scenario.learning.models import Transformer
from tests.build import LEARNING, scenario


@pytest.mark.parametrize(
    ("data", "model", "parameters"),
    [
        ("mnist", "lenet5", 61_706),
        ("cifar10", "cifar10-rudra", 89_578),
        ("cifar10", "resnet20", 269_722),
        ("cifar10", {"kind": "resnet18"}, 11_173_962),
        ("characters", {"kind": "transformer", "layers": 3, "context": 8}, 3 * (12 * 64 + 13) * 64 + 24 * 64 + 128 + 65 * 16),
    ],
)
def test_a_model_decides_the_payload(data: str, model: Any, parameters: int) -> None:
    chosen = scenario(LEARNING, {"learning": {"data": data, "model": model}})
    assert chosen.payload == 4 * parameters


def test_the_transformer_by_default() -> None:
    chosen = scenario(LEARNING, {"learning": {"data": "characters", "model": "transformer"}})
    assert chosen.learning is not None
    assert chosen.learning.model == Transformer(layers=2, width=64, heads=4, context=16)


@pytest.mark.parametrize(
    ("data", "model", "complaint"),
    [
        ("digits", "lenet5", "learning.model.kind: lenet5 needs images of 12 × 12 pixels or more, and this data's have 8 × 8"),
        (
            "characters",
            "resnet20",
            "learning.model.kind: resnet20 needs images of 4 × 4 pixels or more, and this data is a text",
        ),
        ("digits", "transformer", "learning.model.kind: transformer learns a text, and this data's samples are images"),
        ("digits", "linear", "learning.model.kind: linear needs lists of numbers with a number each, and this data's samples"),
        (
            {"kind": "linear-regression", "features": 3},
            "softmax",
            "learning.model.kind: softmax needs images or lists of numbers in classes, and this data is lists of numbers with",
        ),
        (
            {"kind": "noise", "features": 3},
            {"kind": "quadratic", "spectrum": [1, 2]},
            "learning.model.spectrum: there are 2 eigenvalues for the 3 features of the noise",
        ),
        ("characters", {"kind": "transformer", "context": 64}, "learning.model.context: 64 is too large"),
        (
            "characters",
            {"kind": "transformer", "heads": 5},
            "learning.model.width: 64 is not divisible by the number of heads, 5",
        ),
        ("characters", {"kind": "transformer", "layers": 0}, "learning.model.layers: 0 is too small"),
    ],
)
def test_what_does_not_fit(data: Any, model: Any, complaint: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario(LEARNING, {"learning": {"data": data, "model": model}})
    assert complaint in str(caught.value)

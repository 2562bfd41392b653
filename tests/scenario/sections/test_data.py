"""Data as written in a scenario."""

from __future__ import annotations

from typing import Any

import pytest

from simasgd.errors import ScenarioError
from simasgd.scenario.learning.data import DATA, Characters, Cifar10, DataShape, Digits, ImageNet, LogisticRegression, Noise
from tests.build import LEARNING, scenario


def data(chosen: Any) -> Any:
    found = scenario(LEARNING, {"learning": {"data": chosen, "model": "softmax"}}).learning
    assert found is not None
    return found.data


def test_a_bare_word_is_the_kind_without_more() -> None:
    assert data("cifar10") == data({"kind": "cifar10"}) == Cifar10(subtract_mean=True, crop=0, flip=False)


def test_shapes() -> None:
    assert data("digits").shape == DATA["digits"]
    assert data({"kind": "digits", "crop": 3, "flip": True}).shape == DATA["digits"]
    assert Characters().shape == DATA["characters"]
    assert ImageNet(resolution=64).shape[:4] == (1_281_167, 50_000, (64, 64, 3), 1000)
    assert ImageNet(resolution=8, classes=3, train=20, test=6).shape[:4] == (20, 6, (8, 8, 3), 3)


def test_a_mean_is_subtracted_once() -> None:
    """A model that subtracts the channels' means itself, as cifar10-rudra does, finds none left."""
    assert Cifar10(subtract_mean=True).shape == DATA["cifar10"]._replace(mean=(0.0, 0.0, 0.0))
    assert Digits(subtract_mean=True).shape.mean == (0.0,)
    assert ImageNet(resolution=8, subtract_mean=True).shape.mean == (0.0, 0.0, 0.0)


def test_the_stated_counts_are_the_epochs() -> None:
    chosen = scenario(LEARNING, {"learning": {"data": {"kind": "imagenet", "resolution": 8, "train": 77}, "model": "softmax"}})
    assert chosen.samples_per_epoch == 77
    assert chosen.payload == 4 * (8 * 8 * 3 + 1) * 1000


def test_another_kind_takes_nothing_over_and_the_same_keeps_its_keys() -> None:
    learning = {"learning": {"data": {"kind": "digits", "crop": 2}, "model": "softmax"}}
    for later, wanted in (("digits", Digits(crop=2)), ("cifar10", Cifar10()), ({"flip": True}, Digits(crop=2, flip=True))):
        found = scenario(LEARNING, learning, {"learning": {"data": later}}).learning
        assert found is not None
        assert found.data == wanted


def test_more_learners_than_images_cannot_have_a_part_each() -> None:
    few = {"kind": "imagenet", "resolution": 8, "train": 3}
    changes = {"cluster": {"learners": 4}, "learning": {"data": few, "model": "softmax", "partition": "shards"}}
    with pytest.raises(ScenarioError, match="4 learners cannot each have one of 3 training samples"):
        scenario(LEARNING, changes)


def test_made_numbers() -> None:
    linear = {"learning": {"data": {"kind": "linear-regression", "features": 7, "samples": 50}, "model": "linear"}}
    chosen = scenario(LEARNING, linear)
    assert (chosen.samples_per_epoch, chosen.payload) == (50, 4 * 8)
    assert Noise(features=2).shape == DataShape(10_000, 1, (2,), 0, inputs="numbers", label="none")
    assert LogisticRegression(features=2).shape == DataShape(10_000, 1000, (2,), 2, inputs="numbers")


@pytest.mark.parametrize(
    ("learning", "complaint"),
    [
        (
            {"data": {"kind": "linear-regression", "features": 1, "condition": 2}, "model": "linear"},
            "learning.data.condition: one feature has one eigenvalue, which is 1",
        ),
        (
            {
                "data": {"kind": "linear-regression", "features": 3},
                "model": "linear",
                "partition": {"kind": "dirichlet", "concentration": 0.3},
            },
            "learning.partition.kind: dirichlet splits classes, but the labels of linear-regression are not",
        ),
    ],
)
def test_made_numbers_that_do_not_fit(learning: Any, complaint: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario(LEARNING, {"learning": learning})
    assert complaint in str(caught.value)

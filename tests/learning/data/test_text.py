"""The text that is made: its source is what it says, and its entropy too."""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.learning.data import text
from simasgd.learning.data.sets import load
from simasgd.scenario.learning.data import DATA, Characters


def test_every_pair_has_four_different_successors() -> None:
    table = text.successors()
    assert table.shape == (16, 16, 4)
    assert all(len(set(four)) == 4 for four in table.reshape(-1, 4).tolist())
    assert len(np.unique(table.reshape(-1, 4), axis=0)) > 250


def test_a_text_follows_its_source() -> None:
    written, table = text.text(1, 40_000), text.successors()
    choices = (table[written[:-2], written[1:-1]] == written[2:, None]).argmax(axis=1)
    assert np.array_equal(table[written[:-2], written[1:-1], choices], written[2:])
    counts = np.bincount(choices, minlength=4)
    expected = len(choices) * np.array([0.5, 0.25, 0.125, 0.125])
    assert ((counts - expected) ** 2 / expected).sum() < 16.3  # chi-square with 3 degrees of freedom: p = 0.001
    assert np.bincount(written, minlength=16).min() > 40_000 / 64


def entropy(counts: np.ndarray) -> float:
    """Of the last axis given the others, in nats, from joint counts."""
    joint = counts / counts.sum()
    given = joint.sum(axis=-1, keepdims=True)
    seen = joint > 0
    return float(-(joint[seen] * np.log((joint / np.where(given > 0, given, 1))[seen])).sum())


def test_less_than_two_characters_say_much_less_than_two() -> None:
    """The measured entropy given two characters is the source's; given one or none it is far above."""
    written = text.text(1, 200_000)
    triples = np.zeros((16, 16, 16))
    np.add.at(triples, (written[:-2], written[1:-1], written[2:]), 1)
    assert pytest.approx(1.75 * np.log(2)) == text.ENTROPY
    assert entropy(triples) == pytest.approx(text.ENTROPY, abs=0.01)
    assert entropy(triples.sum(axis=0)) > text.ENTROPY + 0.5
    assert np.log(16) >= entropy(triples.sum(axis=(0, 1))) > entropy(triples.sum(axis=0)) + 0.1


def test_texts_are_fixed_and_differ() -> None:
    assert np.array_equal(text.text(1, 100), text.text(1, 200)[:100])
    assert text.text(1, 20).tolist() == [1, 0, 7, 10, 13, 7, 0, 10, 7, 14, 10, 10, 3, 9, 11, 9, 0, 4, 1, 3]
    assert np.mean(text.text(1, 1000) == text.text(2, 1000)) < 0.2


def test_characters() -> None:
    data, shape = load(Characters()), DATA["characters"]
    assert data.train_inputs.shape == (shape.train, shape.features)
    assert data.test_inputs.shape == (shape.test, shape.features)
    assert (data.train_inputs.dtype, data.train_labels.dtype) == (np.float32, np.int32)
    assert shape.classes == text.CHARACTERS
    assert set(data.train_labels.tolist()) == set(range(shape.classes))
    # Each sample is its forerunner moved on by one character, its label the next one's last.
    assert np.array_equal(data.test_inputs[1:, :-1], data.test_inputs[:-1, 1:])
    assert np.array_equal(data.test_inputs[1:, -1], data.test_labels[:-1])
    assert not np.array_equal(data.test_inputs[0], data.train_inputs[0])

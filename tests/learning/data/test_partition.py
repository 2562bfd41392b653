"""Which samples a learner sees."""

from __future__ import annotations

import re

import numpy as np
import pytest

from simasgd.errors import ScenarioError
from simasgd.learning.data.partition import part_sizes, parts
from simasgd.learning.data.sets import load
from simasgd.scenario.learning.data import Digits
from simasgd.scenario.learning.partition import Dirichlet, Shards, Shared
from tests.build import LEARNING, scenario

LABELS = load(Digits()).train_labels
UNEQUAL = [Shards(sizes={"distribution": "lognormal", "cv": 2.0}), Shards(sizes={"distribution": "gamma", "cv": 10.0})]
PARTITIONS = [*UNEQUAL, Shards(), Dirichlet(concentration=100.0), Dirichlet(concentration=0.3), Dirichlet(concentration=0.01)]


def skew(own) -> float:
    """Mean share of the most frequent label among a learner's samples."""
    return float(np.mean([np.bincount(LABELS[mine]).max() / len(mine) for mine in own]))


@pytest.mark.parametrize("spec", PARTITIONS, ids=str)
@pytest.mark.parametrize("learners", [1, 7, 30, len(LABELS)])
def test_every_sample_is_exactly_one_learners_and_every_learner_has_one(spec, learners):
    own = parts(spec, LABELS, learners, seed=3)
    assert len(own) == learners
    assert sorted(np.concatenate(own).tolist()) == list(range(len(LABELS)))
    assert min(map(len, own)) >= 1


def test_shards_are_equal_but_for_one():
    sizes = [len(mine) for mine in parts(Shards(), LABELS, 7, seed=3)]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("weights", "samples", "sizes"),
    [
        ([0.5, 0.3, 0.15, 0.05], 100, [50, 30, 15, 5]),
        # 0.5 · 1437 = 718.5, 431.1, 215.55, 71.85: the two left over go to the largest remainders.
        ([0.5, 0.3, 0.15, 0.05], 1437, [718, 431, 216, 72]),
        ([1, 1, 1], 8, [3, 3, 2]),
        ([1e-9, 0.5, 0.5 - 1e-9], 4, [1, 1, 2]),
        ([1.0], 5, [5]),
    ],
    ids=str,
)
def test_parts_by_the_largest_remainders(weights, samples, sizes):
    assert part_sizes(np.array(weights), samples).tolist() == sizes


@pytest.mark.parametrize("learners", [1, 2, 3, 7, 49, 100])
def test_equal_sizes_are_those_of_plain_shards(learners):
    equal = parts(Shards(sizes=(1 / learners,) * learners), LABELS, learners, seed=3)
    plain = parts(Shards(), LABELS, learners, seed=3)
    assert all(np.array_equal(one, other) for one, other in zip(equal, plain, strict=True))
    shuffled = np.concatenate(np.array_split(np.arange(len(LABELS)), learners))
    assert [len(one) for one in plain] == [len(one) for one in np.array_split(shuffled, learners)]


def test_a_law_of_sizes_varies_as_it_says():
    sizes = np.array([len(one) for one in parts(UNEQUAL[0], np.zeros(10**6), 2000, seed=0)])
    assert sizes.sum() == 10**6
    assert sizes.std() / sizes.mean() == pytest.approx(2.0, rel=0.35)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([0.5, 0.5], "learning.partition.sizes: there are 2 sizes for 4 learners"),
        ([0.5, 0.3, 0.15, 0.06], "learning.partition.sizes: the sum is 1.01; it must be 1, all the training samples"),
        ([0.5, 0.5, 0.0, 0.0], "learning.partition.sizes.2: 0.0 is too small; it must be more than 0"),
        ({"distribution": "gamma", "cv": 0}, "learning.partition.sizes.cv: 0 is too small"),
        ("equal", "learning.partition.sizes: found 'equal'; expected a list or a mapping"),
    ],
    ids=str,
)
def test_sizes_that_are_no_parts_of_the_whole(sizes, message):
    with pytest.raises(ScenarioError, match=re.escape(message)):
        scenario(LEARNING, {"learning": {"partition": {"kind": "shards", "sizes": sizes}}})


def test_labels_are_the_more_skewed_the_less_the_concentration():
    even, mild, strong = (skew(parts(Dirichlet(concentration=c), LABELS, 10, seed=0)) for c in (1000.0, 1.0, 0.05))
    assert even < 0.16 < mild < strong
    assert strong > 0.6
    assert skew(parts(Shards(), LABELS, 10, seed=0)) < 0.2


@pytest.mark.parametrize("spec", PARTITIONS, ids=str)
def test_the_seed_fixes_it(spec):
    first, again, other = (np.concatenate(parts(spec, LABELS, 7, seed)).tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_shared_is_no_partition():
    assert parts(Shared(), LABELS, 7, seed=3) is None


def test_a_learner_draws_from_its_own_samples_only():
    from simasgd.learning.problem.problem import build_problem
    from tests.build import clock

    sizes = [0.4, 0.3, 0.2, 0.1]
    chosen = scenario(LEARNING, {"learning": {"partition": {"kind": "shards", "sizes": sizes}}})
    assert scenario(LEARNING, chosen.resolved()).resolved() == chosen.resolved()
    _, tape = clock(chosen)
    problem = build_problem(chosen, tape)
    own = parts(Shards(sizes=sizes), LABELS, chosen.cluster.learners, chosen.learning_seed)
    assert [len(mine) for mine in own] == [575, 431, 287, 144]
    for learner, mine in enumerate(own):
        drawn = np.unique(problem.batches[tape.learner == learner])
        assert set(drawn.tolist()) <= set(mine.tolist())
        assert len(drawn) > 100


def test_more_learners_than_samples_are_refused():
    with pytest.raises(ScenarioError, match="1438 learners cannot each have one of 1437 training samples"):
        scenario(LEARNING, {"cluster": {"learners": 1438}, "learning": {"partition": "shards"}})

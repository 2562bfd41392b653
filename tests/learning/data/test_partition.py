"""Which samples a learner sees."""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.errors import ScenarioError
from simasgd.learning.data.partition import parts
from simasgd.learning.data.sets import load
from simasgd.scenario.learning.data import Digits
from simasgd.scenario.learning.partition import Dirichlet, Shards, Shared
from tests.build import LEARNING, scenario

LABELS = load(Digits()).train_labels
PARTITIONS = [Shards(), Dirichlet(concentration=100.0), Dirichlet(concentration=0.3), Dirichlet(concentration=0.01)]


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

    chosen = scenario(LEARNING, {"learning": {"partition": "shards"}})
    _, tape = clock(chosen)
    problem = build_problem(chosen, tape)
    own = parts(Shards(), LABELS, chosen.cluster.learners, chosen.learning_seed)
    for learner, mine in enumerate(own):
        drawn = np.unique(problem.batches[tape.learner == learner])
        assert set(drawn.tolist()) <= set(mine.tolist())
        assert len(drawn) > 100


def test_more_learners_than_samples_are_refused():
    with pytest.raises(ScenarioError, match="1438 learners cannot each have one of 1437 training samples"):
        scenario(LEARNING, {"cluster": {"learners": 1438}, "learning": {"partition": "shards"}})

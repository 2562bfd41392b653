"""Learners with mini-batches of unlike sizes: each gradient is the mean over its own samples, in both players."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from simasgd import simulate
from simasgd.learning.data.sets import mini_batches
from simasgd.learning.players.compiled import Compiled
from simasgd.learning.players.reference import Reference
from simasgd.scenario.vocabulary.merge import merge
from tests.build import LEARNING, LINEAR, scenario, thin
from tests.learning.agreement import IN_WAVES, TOLERANCE, final_weights, name_case, relative_distance, simulate_problem
from tests.protocols.cluster import CLUSTER
from tests.protocols.table import ROWS

pytestmark = [pytest.mark.compiles, pytest.mark.usefixtures("quickly_compiled")]
SIZES = [4, 1, 7, 2, 3, 4]
DOUBLE = {"learning": {"precision": "float64"}}
UNLIKE = {"cluster": CLUSTER, "workload": {"mini_batch": SIZES}, "stop": {"gradients": None, "updates": 100}}
CASES = [*((LINEAR, kind) for kind in ROWS), *((LEARNING, kind) for kind in ("fedbuff",))]


@pytest.mark.parametrize(("base", "kind"), thin(CASES, 3), ids=name_case)
def test_the_players_agree_under_every_protocol(base, kind):
    chosen = scenario(base, UNLIKE, DOUBLE, {"protocol": ROWS[kind].typical})
    with jax.enable_x64(True):
        problem = simulate_problem(chosen)
        expected = final_weights(Reference(), problem)
        assert relative_distance(final_weights(Compiled(), problem), expected) <= TOLERANCE["float64"]
        assert relative_distance(problem.start, expected) > 0.01, "nothing was learned, so agreement says nothing"


@pytest.mark.parametrize(
    "learning",
    [
        {"modulation": {"kind": "sqrt-batch", "reference": 8}},
        {"modulation": "delay-compensation", "schedule": {"boundaries": [0.05], "factor": 0.5}},
        {"data": {"kind": "digits", "crop": 1, "flip": True}, "model": {"kind": "mlp", "hidden": [8]}},
    ],
    ids=str,
)
def test_in_waves_and_with_rules_and_augmentation(learning):
    base = merge(LINEAR if "data" not in learning else LEARNING, {"learning": learning})
    chosen = scenario(base, UNLIKE, DOUBLE, {"protocol": {"kind": "n-softsync", "n": 2}})
    with jax.enable_x64(True):
        problem = simulate_problem(chosen)
        expected = final_weights(Reference(), problem)
        for player in (Compiled(IN_WAVES),) if "data" in learning else (Compiled(), Compiled(IN_WAVES)):
            assert relative_distance(final_weights(player, problem), expected) <= TOLERANCE["float64"]


@pytest.mark.parametrize("player", [Reference(), Compiled()], ids=lambda player: type(player).__name__)
@pytest.mark.parametrize("protocol", ["hardsync", {"kind": "local-sgd", "steps": 1}], ids=str)
def test_one_update_of_two_learners_by_hand(player, protocol):
    """The mean over learners of the means over their own samples: half of the squared error of a linear model."""
    two = {"cluster": {"learners": 2}, "workload": {"mini_batch": [3, 1]}, "stop": {"gradients": 2}, "protocol": protocol}
    plain = {"learning": {"optimizer": {"kind": "sgd", "learning_rate": 0.05, "momentum": 0}}}
    chosen = scenario(LINEAR, DOUBLE, two, plain)
    with jax.enable_x64(True):
        problem = simulate_problem(chosen)
        inputs, labels = np.asarray(problem.train.inputs), np.asarray(problem.train.labels)
        w, b = (np.asarray(problem.start[0][name], float) for name in ("w", "b"))
        changes = []
        for learner, size in enumerate([3, 1]):
            (mine,) = mini_batches(chosen.learning_seed, learner, 1, size, len(labels))
            errors = inputs[mine] @ w.reshape(-1) + b - labels[mine]
            changes.append([(errors[:, None] * inputs[mine]).mean(axis=0), errors.mean()])
        (found,) = final_weights(player, problem)
        steps = [0.05 * (one + other) / 2 for one, other in zip(*changes, strict=True)]
        assert np.asarray(found["w"]).reshape(-1) == pytest.approx(w.reshape(-1) - steps[0], rel=1e-12)
        assert np.asarray(found["b"]) == pytest.approx(b - steps[1], rel=1e-12)


def test_samples_per_round_is_the_sum():
    learning = {"modulation": {"kind": "sqrt-batch", "reference": 8}}
    problem = simulate_problem(scenario(LINEAR, UNLIKE, {"learning": learning}))
    assert problem.recipe.setting.samples_per_round == sum(SIZES)


def test_equal_sizes_in_a_list_give_the_same_numbers_bit_for_bit():
    one = scenario(LINEAR, {"stop": {"gradients": 200}})
    several = scenario(LINEAR, {"stop": {"gradients": 200}, "workload": {"mini_batch": [4] * 4}})
    found, again = simulate(one).evaluations, simulate(several).evaluations
    assert found is not None
    assert found.equals(again)


def test_epochs_are_evaluated_by_samples():
    run = simulate(scenario(LINEAR, UNLIKE, {"stop": {"updates": None, "epochs": 2}, "protocol": "async"}))
    assert run.evaluations is not None
    assert run.evaluations["epoch"].tolist()[:3] == [0.0, 1.0, 2.0]
    samples = run.evaluations["samples"].to_numpy()[1:3]
    assert ((samples >= [1437, 2874]) & (samples < np.array([1437, 2874]) + max(SIZES))).all()
    assert run.summary.samples == samples[-1]

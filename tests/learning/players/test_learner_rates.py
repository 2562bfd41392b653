"""Learners with learning rates of their own: by hand, in both players, and refused where they would mean nothing."""

from __future__ import annotations

import re

import jax
import numpy as np
import pytest

from simasgd import simulate
from simasgd.errors import ScenarioError
from simasgd.learning.data.sets import mini_batches
from simasgd.learning.players.compiled import Compiled
from simasgd.learning.players.reference import Reference
from simasgd.learning.problem.rates import rates_of_learners
from simasgd.scenario.alike import together
from tests.build import LINEAR, scenario, thin
from tests.learning.agreement import IN_WAVES, TOLERANCE, final_weights, relative_distance, simulate_problem
from tests.protocols.cluster import CLUSTER
from tests.protocols.table import ROWS

pytestmark = [pytest.mark.compiles, pytest.mark.usefixtures("quickly_compiled")]
DOUBLE = {"learning": {"precision": "float64"}}
RATES = {"learning": {"learner_rates": [1, 0.5, 2, 0.1, 1.5, 1]}}
SIX = {"cluster": CLUSTER, "stop": {"gradients": None, "updates": 60}}
PLAYERS = [Reference(), Compiled()]
LAW = {"distribution": "lognormal", "cv": 0.5}


@pytest.mark.parametrize("kind", thin(ROWS, 3))
def test_the_players_agree_under_every_protocol(kind):
    plain = scenario(LINEAR, SIX, DOUBLE, {"protocol": ROWS[kind].typical})
    with jax.enable_x64(True):
        problem = simulate_problem(scenario(LINEAR, plain.resolved(), RATES))
        expected = final_weights(Reference(), problem)
        assert relative_distance(final_weights(Compiled(), problem), expected) <= TOLERANCE["float64"]
        assert relative_distance(final_weights(Reference(), simulate_problem(plain)), expected) > 1e-3, "the rates do nothing"


@pytest.mark.parametrize(
    "learning",
    [
        {"schedule": {"boundaries": [0.02], "factor": 0.5}, "modulation": "delay-compensation"},
        {"modulation": "dana-zero"},
        {"modulation": "wu-adaptive-1"},
    ],
    ids=str,
)
def test_with_sizes_and_modulations_and_in_waves(learning):
    sizes = {"workload": {"mini_batch": [4, 1, 7, 2, 3, 4]}}
    chosen = scenario(LINEAR, SIX, DOUBLE, RATES, sizes, {"protocol": {"kind": "n-softsync", "n": 2}, "learning": learning})
    with jax.enable_x64(True):
        problem = simulate_problem(chosen)
        expected = final_weights(Reference(), problem)
        for player in (Compiled(), Compiled(IN_WAVES)):
            assert relative_distance(final_weights(player, problem), expected) <= TOLERANCE["float64"]


@pytest.mark.parametrize("player", PLAYERS, ids=lambda player: type(player).__name__)
@pytest.mark.parametrize("protocol", ["hardsync", "all-reduce", {"kind": "local-sgd", "steps": 1}], ids=str)
def test_one_update_of_two_learners_by_hand(player, protocol):
    """With factors 1 and 0.5: w − α·(g₀ + 0.5·g₁)/2.

    It is the mean of two gradients under hardsync, and of two stepped models under local-sgd.
    """
    two = {"cluster": {"learners": 2}, "workload": {"mini_batch": 3}, "stop": {"gradients": 2}, "protocol": protocol}
    plain = {"learning": {"optimizer": {"kind": "sgd", "learning_rate": 0.05, "momentum": 0}, "learner_rates": [1, 0.5]}}
    chosen = scenario(LINEAR, DOUBLE, two, plain)
    with jax.enable_x64(True):
        problem = simulate_problem(chosen)
        inputs, labels = np.asarray(problem.train.inputs), np.asarray(problem.train.labels)
        w = np.asarray(problem.start[0]["w"], float).reshape(-1)
        step = np.zeros(4)
        for learner, factor in enumerate([1, 0.5]):
            (mine,) = mini_batches(chosen.learning_seed, learner, 1, 3, len(labels))
            step += factor * ((inputs[mine] @ w - labels[mine])[:, None] * inputs[mine]).mean(axis=0) / 2
        (found,) = final_weights(player, problem)
        assert np.asarray(found["w"]).reshape(-1) == pytest.approx(w - 0.05 * step, rel=1e-12)


@pytest.mark.parametrize("player", PLAYERS, ids=lambda player: type(player).__name__)
@pytest.mark.parametrize("protocol", ["async", {"kind": "fedbuff", "buffer": 1, "local_steps": 3}, "easgd"], ids=str)
def test_a_lone_learners_factor_is_a_factor_of_the_learning_rate(player, protocol):
    alone = {"cluster": {"learners": 1}, "protocol": protocol, "stop": {"gradients": 60}}
    schedule = {"learning": {"schedule": {"boundaries": [0.05], "factor": 0.5}}}
    half = {"learning": {"learner_rates": [0.5], "optimizer": {"learning_rate": 0.1}}}
    with jax.enable_x64(True):
        own = simulate_problem(scenario(LINEAR, DOUBLE, alone, schedule, half))
        common = simulate_problem(
            scenario(LINEAR, DOUBLE, alone, schedule, {"learning": {"optimizer": {"learning_rate": 0.05}}})
        )
        assert relative_distance(final_weights(player, own), final_weights(player, common)) <= TOLERANCE["float64"]


@pytest.mark.parametrize("protocol", ["async", "gossip-pull"])
def test_factors_of_1_change_nothing(protocol):
    chosen = scenario(LINEAR, {"stop": {"gradients": 200}, "protocol": protocol})
    ones = scenario(LINEAR, chosen.resolved(), {"learning": {"learner_rates": [1, 1, 1, 1]}})
    found = simulate(chosen).evaluations
    assert found is not None
    assert found.equals(simulate(ones).evaluations)


def test_a_law_of_factors():
    def drawn(learners, seed=0):
        chosen = scenario(LINEAR, {"cluster": {"learners": learners}, "seed": seed, "learning": {"learner_rates": LAW}})
        return rates_of_learners(chosen)

    many = drawn(2000)
    assert np.mean(many) == pytest.approx(1, rel=0.05)
    assert np.std(many) == pytest.approx(0.5, rel=0.1)
    assert drawn(7).tolist() == many[:7].tolist()
    assert drawn(7, seed=1).tolist() != many[:7].tolist()


def test_runs_with_other_factors_have_a_loop_of_their_own():
    base = scenario(LINEAR, {"cluster": {"seed": 1}, "learning": {"learner_rates": LAW}})
    listed = scenario(LINEAR, {"cluster": {"seed": 1}, "learning": {"learner_rates": [1, 2, 1, 1]}})
    assert together([base, base.with_seed(1)]) == [[0], [1]]
    assert together([listed, listed.with_seed(1)]) == [[0, 1]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learner_rates": [1, 2]}, "learning.learner_rates: there are 2 factors for 4 learners"),
        ({"learner_rates": [1, 0, 1, 1]}, "learning.learner_rates.1: 0 is too small; it must be more than 0"),
        ({"learner_rates": {**LAW, "cv": 0}}, "learning.learner_rates.cv: 0 is too small"),
        ({"learner_rates": 0.5}, "learning.learner_rates: found 0.5; expected a list or a mapping"),
        (
            {"learner_rates": [1, 2, 1, 1], "optimizer": {"kind": "adam", "learning_rate": 0.1}},
            "learning.learner_rates: under async one optimizer steps with all gradients, and adam divides",
        ),
        (
            {"learner_rates": [1, 2, 1, 1], "modulation": {"kind": "mishchenko", "smoothness": 5.0}},
            "learning.learner_rates: mishchenko computes its steps from one learning rate",
        ),
    ],
    ids=str,
)
def test_factors_without_a_meaning_are_refused(changes, message):
    with pytest.raises(ScenarioError, match=re.escape(message)):
        scenario(LINEAR, {"learning": changes})


def test_models_of_their_own_have_optimizers_of_their_own():
    adam = {"optimizer": {"kind": "adam", "learning_rate": 0.01}, "learner_rates": [1, 2, 1, 0.1]}
    chosen = scenario(LINEAR, DOUBLE, {"protocol": "gossip-pull", "learning": adam, "stop": {"gradients": 100}})
    with jax.enable_x64(True):
        problem = simulate_problem(chosen)
        expected = final_weights(Reference(), problem)
        assert relative_distance(final_weights(Compiled(), problem), expected) <= TOLERANCE["float64"]

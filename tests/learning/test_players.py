"""The two players agree, on every protocol and every modulation; and hardsync is serial SGD."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from simasgd.learning.compiled import Compiled
from simasgd.learning.problem import loss, pose
from simasgd.learning.reference import Reference
from tests.build import LEARNING, clock, scenario

PROTOCOLS = [{"kind": "hardsync"}, {"kind": "async"}, {"kind": "n-softsync", "n": 1}, {"kind": "n-softsync", "n": 2}]
MODULATIONS = ["none", "inverse-staleness", "inverse-mean-staleness", {"kind": "sqrt-batch", "reference": 8}]
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def problem_of(chosen):
    _, tape = clock(chosen)
    return pose(chosen, tape)


def distance(left, right):
    """‖Δw‖/‖w‖ over all parameters."""
    left, right = (np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)]) for tree in (left, right))
    return np.linalg.norm(left - right) / np.linalg.norm(right)


def final(player, problem, stops=()):
    moments = list(player.play(problem, [*stops, problem.tape.num_steps], lambda done: None))
    assert [moment.steps for moment in moments] == [*stops, problem.tape.num_steps]
    return moments[-1].weights


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("modulation", MODULATIONS, ids=str)
@pytest.mark.parametrize("protocol", PROTOCOLS, ids=str)
def test_the_players_agree(protocol, modulation, precision):
    chosen = scenario(
        LEARNING,
        {
            "cluster": {"learners": 6, "profile": "p775"},
            "protocol": protocol,
            "learning": {
                "modulation": modulation,
                "precision": precision,
                "schedule": {"boundaries": [0.2, 0.4], "factor": 0.5},
            },
            "stop": {"gradients": None, "updates": 200},
        },
    )
    with jax.enable_x64(precision == "float64"):
        problem = problem_of(chosen)
        expected = final(Reference(), problem)
        assert jax.tree.leaves(expected)[0].dtype == precision
        assert distance(final(Compiled(), problem), expected) <= TOLERANCE[precision]
        assert distance(problem.start, expected) > 0.01, "nothing was learned, so agreement says nothing"


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=str)
def test_modulations_differ(protocol):
    """Each modulation changes the weights, except where its factor is 1 by definition."""
    chosen = {
        str(modulation): scenario(LEARNING, {"protocol": protocol, "learning": {"modulation": modulation}})
        for modulation in MODULATIONS
    }
    weights = {name: final(Compiled(), problem_of(each)) for name, each in chosen.items()}
    plain = weights.pop("none")
    always_one = {"hardsync": {"inverse-staleness", "inverse-mean-staleness"}}.get(protocol["kind"], set())
    if protocol == {"kind": "n-softsync", "n": 1}:
        always_one = {"inverse-mean-staleness"}  # ⟨σ⟩ = n = 1
    for name, other in weights.items():
        assert bool(distance(other, plain) <= 1e-5) is (name in always_one), name


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("player", [Reference(), Compiled()], ids=lambda player: type(player).__name__)
def test_hardsync_is_serial_sgd_with_the_learners_mini_batches_together(player, precision):
    """Claim 2: λ learners with mini-batch µ are one with λµ, after 1,000 updates."""
    chosen = scenario(
        LEARNING,
        {
            "protocol": "hardsync",
            "learning": {"precision": precision},
            "stop": {"gradients": None, "updates": 1000 if isinstance(player, Compiled) else 100},
        },
    )
    with jax.enable_x64(precision == "float64"):
        problem = problem_of(chosen)
        together = problem.batches.reshape(problem.tape.num_steps, -1)
        assert together.shape[1] == 4 * 4
        optimizer, weights = optax.sgd(0.05, momentum=0.5), problem.start
        state = optimizer.init(weights)

        @jax.jit
        def serial(weights, state, batch):
            gradient = jax.grad(lambda w: loss(problem.recipe.network, w, problem.inputs[batch], problem.labels[batch]))(
                weights
            )
            updates, state = optimizer.update(gradient, state, weights)
            return optax.apply_updates(weights, updates), state

        for batch in jnp.asarray(together):
            weights, state = serial(weights, state, batch)
        assert distance(final(player, problem), weights) <= TOLERANCE[precision]


def test_a_lone_learner_is_serial_sgd_whatever_the_protocol():
    one = {"cluster": {"learners": 1}, "stop": {"gradients": None, "updates": 300}}
    weights = [
        final(Compiled(), problem_of(scenario(LEARNING, one, {"protocol": protocol})))
        for protocol in ({"kind": "hardsync"}, {"kind": "async"}, {"kind": "n-softsync", "n": 1})
    ]
    assert distance(weights[1], weights[0]) == 0.0
    assert distance(weights[2], weights[0]) == 0.0


def test_looking_at_the_weights_on_the_way_does_not_change_them():
    problem = problem_of(scenario(LEARNING))
    undisturbed = final(Compiled(), problem)
    assert distance(final(Compiled(), problem, stops=[0, 2, 100, 256]), undisturbed) == 0.0
    assert distance(final(Compiled(), problem, stops=[3, 33, 101]), undisturbed) <= 1e-5


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=str)
@pytest.mark.parametrize("player", [Reference, Compiled])
def test_divergence_is_found_at_the_update_where_it_happens(protocol, player):
    explosion = {"boundaries": [1.0], "factor": 1e30}  # the learning rate explodes after one epoch
    chosen = scenario(
        LEARNING,
        {
            "protocol": protocol,
            "learning": {"model": {"kind": "mlp", "hidden": [8, 8]}, "schedule": explosion},
            "stop": {"gradients": None, "updates": 700},
        },
    )
    problem = problem_of(chosen)
    (epoch,) = problem.tape.first_step_after([1437])
    *before, last = player().play(problem, [0, 1, 700], lambda done: None)
    assert last.diverged
    assert not any(moment.diverged for moment in before)
    assert epoch < last.steps < epoch + 50
    (just_before,) = player().play(problem, [last.steps - 1], lambda done: None)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(just_before.weights))
    assert not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(last.weights))

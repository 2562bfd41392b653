"""Models: what the scenario says of their sizes is what is built, and their gradients are right."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simasgd.learning import models
from simasgd.learning.problem import loss
from simasgd.scenario.data import DATA
from simasgd.scenario.models import MLP, Softmax

MODELS = [Softmax(), MLP(hidden=(32,)), MLP(hidden=(8, 16))]
specs = pytest.mark.parametrize("spec", MODELS, ids=str)


@specs
@pytest.mark.parametrize("data", DATA)
def test_parameter_counts(spec, data):
    parameters = models.build(spec, DATA[data]).init(jax.random.key(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(parameters)) == spec.num_parameters(DATA[data])


def test_parameter_counts_by_hand():
    assert Softmax().num_parameters(DATA["mnist"]) == 784 * 10 + 10
    assert MLP(hidden=(32,)).num_parameters(DATA["digits"]) == 64 * 32 + 32 + 32 * 10 + 10 == 2410


@specs
def test_seeds_fix_the_initial_weights(spec):
    network = models.build(spec, DATA["digits"])
    first, again, other = (jax.tree.leaves(network.init(jax.random.key(seed))) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@specs
def test_gradients_against_finite_differences(spec):
    h = 1e-6
    with jax.enable_x64(True):
        network = models.build(spec, DATA["digits"])
        parameters = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), network.init(jax.random.key(3)))
        inputs = jax.random.uniform(jax.random.key(4), (5, 64), jnp.float64)
        labels = jnp.array([0, 3, 9, 3, 1])

        def value(p):
            return loss(network, p, inputs, labels)

        gradient = jax.grad(value)(parameters)
        for number in range(5):
            keys = jax.random.split(jax.random.key(number), 8)
            leaves, structure = jax.tree.flatten(parameters)
            steps = [jax.random.normal(key, leaf.shape, jnp.float64) for key, leaf in zip(keys, leaves, strict=False)]
            direction = jax.tree.unflatten(structure, steps)
            ahead, behind = (jax.tree.map(lambda p, d, s=s: p + s * h * d, parameters, direction) for s in (1, -1))
            slope = sum(jnp.vdot(g, d) for g, d in zip(jax.tree.leaves(gradient), steps, strict=True))
            assert (value(ahead) - value(behind)) / (2 * h) == pytest.approx(float(slope), rel=1e-5, abs=1e-7)


def test_loss_by_hand():
    """Two classes' logits 0 and ln 3 give probabilities 1/4 and 3/4."""
    network = models.Network(init=lambda key: None, logits=lambda parameters, inputs: inputs)
    logits = jnp.array([[0.0, np.log(3.0)], [0.0, np.log(3.0)]])
    assert loss(network, None, logits, jnp.array([0, 1])) == pytest.approx((np.log(4) + np.log(4 / 3)) / 2)

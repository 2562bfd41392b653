"""Models: what the scenario says of their sizes is what is built, and their gradients are right."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simasgd.learning import models
from simasgd.learning.problem import loss
from simasgd.scenario.data import DATA, DataShape
from simasgd.scenario.models import MLP, Cifar10Rudra, LeNet5, ResNet18, ResNet20, Softmax, Transformer

SMALL = DataShape(1, 1, (13, 12, 2), 7, (0.4, 0.6))
LARGE = DataShape(1, 1, (224, 224, 3), 1000, (0.5, 0.5, 0.5))
SHAPES = DATA | {"small": SMALL, "large": LARGE}
MODELS = [
    Softmax(),
    MLP(hidden=(32,)),
    MLP(hidden=(8, 16)),
    LeNet5(),
    Cifar10Rudra(),
    ResNet20(),
    ResNet18(),
    Transformer(),
    Transformer(layers=1, width=12, heads=3, context=5),
]
specs = pytest.mark.parametrize("spec", MODELS, ids=repr)


def shape_for(spec):
    """A small shape of data that the model can learn."""
    return DATA["characters"] if isinstance(spec, Transformer) else SMALL


@pytest.mark.parametrize(
    ("spec", "data"),
    [(spec, data) for spec in MODELS for data, shape in SHAPES.items() if not spec.inconsistencies(shape)],
    ids=repr,
)
def test_parameter_counts(spec, data):
    parameters = jax.eval_shape(models.build(spec, SHAPES[data]).init, jax.random.key(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(parameters)) == spec.num_parameters(SHAPES[data])


def test_parameter_counts_by_hand():
    assert Softmax().num_parameters(DATA["mnist"]) == 784 * 10 + 10
    assert MLP(hidden=(32,)).num_parameters(DATA["digits"]) == 64 * 32 + 32 + 32 * 10 + 10 == 2410
    assert LeNet5().num_parameters(DATA["mnist"]) == 156 + 2416 + 48_120 + 10_164 + 850 == 61_706
    assert Cifar10Rudra().num_parameters(DATA["cifar10"]) == 2432 + 25_632 + 51_264 + 10_250 == 89_578
    convolutions = 9 * (3 * 16 + 6 * 16 * 16 + 16 * 32 + 5 * 32 * 32 + 32 * 64 + 5 * 64 * 64)
    assert ResNet20().num_parameters(DATA["cifar10"]) == convolutions + 2 * (7 * 16 + 6 * 32 + 6 * 64) + 650 == 269_722
    # As other people's ResNet-18 has with batch normalization, for CIFAR-10 and for ImageNet.
    assert ResNet18().num_parameters(DATA["cifar10"]) == 11_173_962
    assert ResNet18().num_parameters(LARGE) == 11_689_512
    embeddings, block = (16 + 5) * 12, 12 * 36 + 36 + 12 * 12 + 12 + 12 * 48 + 48 + 48 * 12 + 12 + 2 * 24
    small = Transformer(layers=1, width=12, heads=3, context=5)
    assert small.num_parameters(DATA["characters"]) == embeddings + block + 24 + 12 * 16 + 16


@pytest.mark.parametrize(
    ("spec", "data", "path", "fragment"),
    [
        (LeNet5(), DATA["digits"], "kind", "lenet5 needs images of 12 × 12 pixels or more, and this data's have 8 × 8"),
        (Cifar10Rudra(), SMALL._replace(sample=(7, 30)), "kind", "cifar10-rudra needs images of 8 × 8 pixels or more, and "),
        (Softmax(), DATA["characters"], "kind", "and this data is a text"),
        (Transformer(), DATA["mnist"], "kind", "transformer learns a text"),
        (Transformer(context=33), DATA["characters"], "context", "33 is too large: this data's samples have 32 characters"),
        (Transformer(width=66), DATA["characters"], "width", "66 is not divisible by the number of heads, 4"),
    ],
    ids=repr,
)
def test_models_that_do_not_fit_the_data(spec, data, path, fragment):
    (found,) = spec.inconsistencies(data)
    assert found.path == (path,)
    assert fragment in found.message


@specs
def test_the_least_image_is_enough(spec):
    """Whatever is not refused has logits: images of any side from the least that a model takes."""
    for side in range(1, 14):
        data = SMALL._replace(sample=(side, 13, 2))
        if spec.inconsistencies(data):
            assert side < 12 or isinstance(spec, Transformer)
            continue
        network = models.build(spec, data)
        parameters = jax.eval_shape(network.init, jax.random.key(0))
        inputs = jax.ShapeDtypeStruct((3, data.features), jnp.float32)
        assert jax.eval_shape(network.logits, parameters, inputs).shape == (3, 7)


@specs
def test_seeds_fix_the_initial_weights(spec):
    network = models.build(spec, shape_for(spec))
    first, again, other = (jax.tree.leaves(network.init(jax.random.key(seed))) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@specs
def test_gradients_against_finite_differences(spec):
    """Along random directions, from weights large enough that every layer matters."""
    h, data = 1e-6, shape_for(spec)
    with jax.enable_x64(True):
        network = models.build(spec, data)
        start = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), network.init(jax.random.key(3)))
        leaves, structure = jax.tree.flatten(start)
        keys = jax.random.split(jax.random.key(9), len(leaves))
        moved = [p + 0.05 * jax.random.normal(k, p.shape, jnp.float64) for k, p in zip(keys, leaves, strict=True)]
        parameters = jax.tree.unflatten(structure, moved)
        inputs = jax.random.uniform(jax.random.key(4), (3, data.features), jnp.float64)
        if data.is_text:
            inputs = jnp.floor(inputs * data.classes)
        labels = jnp.array([0, 3, 6])

        both = jax.jit(jax.value_and_grad(lambda p: loss(network, p, inputs, labels)))  # one compilation for all that follows
        gradient = both(parameters)[1]
        assert all(float(jnp.abs(leaf).max()) > 0 for leaf in jax.tree.leaves(gradient))
        for number in range(3):
            keys = jax.random.split(jax.random.key(number), len(leaves))
            steps = [jax.random.normal(key, leaf.shape, jnp.float64) for key, leaf in zip(keys, leaves, strict=True)]
            steps = [step / np.sqrt(sum(leaf.size for leaf in leaves)) for step in steps]
            direction = jax.tree.unflatten(structure, steps)
            ahead, behind = (jax.tree.map(lambda p, d, s=s: p + s * h * d, parameters, direction) for s in (1, -1))
            slope = sum(jnp.vdot(g, d) for g, d in zip(jax.tree.leaves(gradient), steps, strict=True))
            assert (both(ahead)[0] - both(behind)[0]) / (2 * h) == pytest.approx(float(slope), rel=1e-4, abs=1e-7)


def test_loss_by_hand():
    """Two classes' logits 0 and ln 3 give probabilities 1/4 and 3/4."""
    network = models.Network(init=lambda key: None, logits=lambda parameters, inputs: inputs)
    logits = jnp.array([[0.0, np.log(3.0)], [0.0, np.log(3.0)]])
    assert loss(network, None, logits, jnp.array([0, 1])) == pytest.approx((np.log(4) + np.log(4 / 3)) / 2)

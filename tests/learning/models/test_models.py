"""Models: what the scenario says of their sizes is what is built, and their gradients are right."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simasgd.learning.models import build as models
from simasgd.learning.models.network import NeuralNetwork
from simasgd.learning.models.objective import classification, loss, regression
from simasgd.scenario.learning.data import DATA, DataShape
from simasgd.scenario.learning.models import (
    MLP,
    Cifar10Rudra,
    LeNet5,
    Linear,
    Logistic,
    Quadratic,
    ResNet18,
    ResNet20,
    Softmax,
    Transformer,
)
from tests.build import AT_LENGTH
from tests.scenario.sections.table import FAMILIES

SMALL = DataShape(1, 1, (13, 12, 2), 7, (0.4, 0.6))
LARGE = DataShape(1, 1, (224, 224, 3), 1000, (0.5, 0.5, 0.5))
NUMBERS = DataShape(1, 1, (5,), 0, inputs="numbers", label="number")
PAIRS = DataShape(1, 1, (5,), 2, inputs="numbers")
NOISE = DataShape(1, 1, (3,), 0, inputs="numbers", label="none")
SHAPES = DATA | {"small": SMALL, "large": LARGE, "numbers": NUMBERS, "pairs": PAIRS, "noise": NOISE}
MODELS = [
    # `own` is the model of a user, which only Python can give.
    *(FAMILIES["model"].typical(kind) for kind in FAMILIES["model"].rows if kind not in ("quadratic", "own")),
    MLP(hidden=(8, 16)),
    Transformer(),
]
specs = pytest.mark.parametrize("spec", MODELS, ids=repr)
# Its blocks are those of ResNet-20, and it takes as long to compile as all others together.
LARGE_AT_LENGTH = [pytest.param(spec, marks=AT_LENGTH) if spec == ResNet18() else spec for spec in MODELS]


def shape_for(spec):
    """Return a small shape of data that the model can learn."""
    return next(data for data in (SMALL, PAIRS, NUMBERS, DATA["characters"], NOISE) if not spec.inconsistencies(data))


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
    assert Linear().num_parameters(NUMBERS) == Logistic().num_parameters(PAIRS) == 5 + 1
    assert MLP(hidden=(32,)).num_parameters(NUMBERS) == 5 * 32 + 32 + 32 + 1
    assert Quadratic(spectrum=(2.0, 1.0, 0.5)).num_parameters(NOISE) == 3
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


@specs
def test_every_layer_has_a_name_and_arrays(spec):
    network = models.build(spec, shape_for(spec))
    parameters = jax.eval_shape(network.init, jax.random.key(0))
    numbers = network.layers(parameters)
    assert jax.tree.structure(numbers) == jax.tree.structure(parameters)
    assert set(jax.tree.leaves(numbers)) == set(range(len(spec.layer_names)))
    assert len(set(spec.layer_names)) == len(spec.layer_names)


@pytest.mark.parametrize(
    ("spec", "data", "sizes"),
    [
        (Softmax(), "digits", {"top": 650}),
        (MLP(hidden=(32, 16)), "digits", {"hidden1": 2080, "hidden2": 528, "top": 170}),
        (LeNet5(), "mnist", {"conv1": 156, "conv2": 2416, "fc1": 48_120, "fc2": 10_164, "fc3": 850}),
        (Cifar10Rudra(), "cifar10", {"conv1": 2432, "conv2": 25_632, "conv3": 51_264, "fc1": 10_250}),
        (
            ResNet20(),
            "cifar10",
            {"stem": 9 * 3 * 16 + 32}
            | {f"block1.{number}": 2 * (9 * 16 * 16 + 32) for number in (1, 2, 3)}
            | {"block2.1": 9 * (16 + 32) * 32 + 2 * 64, "block2.2": 2 * (9 * 32 * 32 + 64), "block2.3": 2 * (9 * 32 * 32 + 64)}
            | {"block3.1": 9 * (32 + 64) * 64 + 256, "block3.2": 2 * (9 * 64 * 64 + 128), "block3.3": 2 * (9 * 64 * 64 + 128)}
            | {"top": 650},
        ),
        (
            Transformer(layers=1, width=12, heads=3, context=5),
            "characters",
            {"embeddings": (16 + 5) * 12, "block1": (12 * 12 + 13) * 12, "top": 24 + 13 * 16},
        ),
    ],
    ids=lambda case: getattr(case, "kind", ""),
)
def test_the_layers_from_the_input_to_the_output_by_hand(spec, data, sizes):
    network = models.build(spec, DATA[data])
    parameters = jax.eval_shape(network.init, jax.random.key(0))
    found = [0] * len(spec.layer_names)
    for leaf, number in zip(*map(jax.tree.leaves, (parameters, network.layers(parameters))), strict=True):
        found[number] += leaf.size
    assert dict(zip(spec.layer_names, found, strict=True)) == sizes
    assert list(spec.layer_names) == list(sizes)


@pytest.mark.parametrize(
    ("spec", "data", "path", "fragment"),
    [
        (LeNet5(), DATA["digits"], "kind", "lenet5 needs images of 12 × 12 pixels or more, and this data's have 8 × 8"),
        (Cifar10Rudra(), SMALL._replace(sample=(7, 30)), "kind", "cifar10-rudra needs images of 8 × 8 pixels or more, and "),
        (Softmax(), DATA["characters"], "kind", "and this data is a text"),
        (Softmax(), NUMBERS, "kind", "this data is lists of numbers with a number each; linear and mlp learn those"),
        (MLP(hidden=(3,)), NOISE, "kind", "this data is noise; quadratic is for that"),
        (LeNet5(), PAIRS, "kind", "this data is lists of numbers in two classes; logistic, softmax and mlp learn those"),
        (Linear(), PAIRS, "kind", "linear needs lists of numbers with a number each, and this data is lists of numbers in two"),
        (Logistic(), SMALL, "kind", "in two classes, and this data's samples are images in 7 classes"),
        (Quadratic(spectrum=(1.0,)), NUMBERS, "kind", "quadratic needs noise, and this data is lists of numbers"),
        (Quadratic(spectrum=(1.0, 2.0)), NOISE, "spectrum", "there are 2 eigenvalues for the 3 features of the noise"),
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
            assert side < 12 or isinstance(spec, Transformer | Linear | Logistic)
            continue
        network = models.build(spec, data)
        parameters = jax.eval_shape(network.init, jax.random.key(0))
        inputs = jax.ShapeDtypeStruct((3, data.features), jnp.float32)
        assert jax.eval_shape(network.logits, parameters, inputs).shape == (3, 7)


@pytest.mark.parametrize("spec", LARGE_AT_LENGTH, ids=repr)
def test_seeds_fix_the_initial_weights(spec):
    lowered, again = (_quickly(models.build(spec, shape_for(spec)).init).lower(jax.random.key(1)) for _ in range(2))
    assert lowered.as_text() == again.as_text(), "nothing but the seed goes into the program"
    init = lowered.compile()
    first, again, other = (jax.tree.leaves(init(jax.random.key(seed))) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def _quickly(function):
    """Compiled for a few calls: most of the time goes into making it fast."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})


@pytest.mark.parametrize(
    ("spec", "data"),
    [
        *(pytest.param(spec, shape_for(spec), marks=AT_LENGTH if spec == ResNet18() else ()) for spec in MODELS),
        (MLP(hidden=(6, 4)), NUMBERS),
        (MLP(hidden=(6,)), PAIRS),
        (Softmax(), PAIRS),
        (Quadratic(spectrum=(2.0, 1.0, 0.5)), NOISE),
    ],
    ids=repr,
)
def test_gradients_against_finite_differences(spec, data):
    """Along random directions, from weights large enough that every layer matters."""
    h = 1e-6
    with jax.enable_x64(True):
        objective = models.objective(spec, data)
        # NumPy outside the two programs: every operation of JAX on a new shape is a compilation, too.
        random = np.random.default_rng(9)
        leaves, structure = jax.tree.flatten(_quickly(objective.init)(jax.random.key(3)))
        moved = [np.asarray(p, np.float64) + 0.05 * random.normal(size=p.shape) for p in leaves]
        parameters = jax.tree.unflatten(structure, moved)
        inputs = random.uniform(size=(3, data.features))
        if data.is_text:
            inputs = np.floor(inputs * data.classes)
        labels = jnp.array([0.5, -3.0, 6.0]) if data.label == "number" else jnp.array([0, 3, 6]) % max(1, data.classes)

        # One compilation for all that follows.
        both = _quickly(jax.value_and_grad(lambda p: loss(objective, p, inputs, labels)))
        gradient = jax.tree.map(np.asarray, both(parameters)[1])
        assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))
        for _ in range(3 if sum(leaf.size for leaf in leaves) < 10**6 else 1):
            steps = [random.normal(size=leaf.shape) / np.sqrt(sum(leaf.size for leaf in leaves)) for leaf in leaves]
            direction = jax.tree.unflatten(structure, steps)
            ahead, behind = (jax.tree.map(lambda p, d, s=s: p + s * h * d, parameters, direction) for s in (1, -1))
            slope = sum(np.vdot(g, d) for g, d in zip(jax.tree.leaves(gradient), steps, strict=True))
            assert (both(ahead)[0] - both(behind)[0]) / (2 * h) == pytest.approx(float(slope), rel=1e-4, abs=1e-7)


def test_loss_by_hand():
    """Two classes' logits 0 and ln 3 give probabilities 1/4 and 3/4."""
    network = NeuralNetwork(init=lambda key: None, logits=lambda parameters, inputs: inputs)
    logits = jnp.array([[0.0, np.log(3.0)], [0.0, np.log(3.0)]])
    assert loss(classification(network), None, logits, jnp.array([0, 1])) == pytest.approx((np.log(4) + np.log(4 / 3)) / 2)


def test_losses_of_numbers_by_hand():
    """Half of 3², and ½·(2·3² + 1·2²) − (3·1 − 2·4)."""
    network = NeuralNetwork(init=lambda key: None, logits=lambda parameters, inputs: inputs)
    assert loss(regression(network), None, jnp.array([[5.0]]), jnp.array([2.0])) == pytest.approx(4.5)
    bowl = models.objective(Quadratic(spectrum=(2.0, 1.0)), NOISE._replace(sample=(2,)))
    assert loss(bowl, jnp.array([3.0, -2.0]), jnp.array([[1.0, 4.0]]), jnp.array([0])) == pytest.approx(11.0 + 5.0)
    assert bowl.wrong is None


def test_two_classes_of_a_logistic_regression_by_hand():
    """An output of ln 3 gives class 1 the probability 3/4."""
    network = models.build(Logistic(), PAIRS._replace(sample=(1,)))
    weights = [{"w": jnp.array([[2.0]]), "b": jnp.array([-1.0])}]
    inputs = jnp.array([[(np.log(3.0) + 1.0) / 2.0]])
    assert loss(classification(network), weights, inputs, jnp.array([1])) == pytest.approx(np.log(4 / 3))
    assert loss(classification(network), weights, inputs, jnp.array([0])) == pytest.approx(np.log(4))

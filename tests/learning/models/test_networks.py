"""The networks: what their papers say of them, that both players play them, and that they learn."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from simasgd.learning.data.sets import load
from simasgd.learning.data.text import ENTROPY
from simasgd.learning.models import build as models
from simasgd.learning.models.network import in_portions
from simasgd.learning.models.objective import classification, loss
from simasgd.learning.models.transformers import attend
from simasgd.learning.players.compiled import Compiled
from simasgd.learning.players.reference import Reference
from simasgd.learning.problem.problem import build_problem
from simasgd.scenario.learning.data import DATA, Characters, DataShape, Digits
from simasgd.scenario.learning.models import Cifar10Rudra, LeNet5, ResNet18, ResNet20, Transformer
from tests.build import AT_LENGTH, LEARNING, clock, scenario, thin

NETWORKS = [
    ("fashion-mnist", {"kind": "lenet5"}),
    ("digits", {"kind": "cifar10-rudra"}),
    ("digits", {"kind": "resnet20"}),
    ("characters", {"kind": "transformer", "layers": 1, "width": 16, "heads": 2, "context": 4}),
]


def flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


@pytest.fixture
def made_images(tmp_path, monkeypatch):
    """Put a few images of noise in the place of Fashion-MNIST's files, in their format."""
    random = np.random.default_rng(0)
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    for name, count in (("train", 64), ("t10k", 16)):
        for kind, shape, high in (("images-idx3", (count, 28, 28), 256), ("labels-idx1", (count,), 10)):
            header = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
            (folder / f"{name}-{kind}-ubyte").write_bytes(header + random.integers(0, high, shape, np.uint8).tobytes())
    monkeypatch.setenv("SIMASGD_DATA", str(tmp_path))
    monkeypatch.setitem(DATA, "fashion-mnist", DATA["fashion-mnist"]._replace(train=64, test=16))


@pytest.mark.parametrize(("data", "model"), thin(NETWORKS, 3), ids=lambda case: case if isinstance(case, str) else case["kind"])
def test_the_players_agree(data, model, made_images, quickly_compiled):
    chosen = scenario(
        LEARNING,
        {
            "cluster": {"learners": 3},
            "workload": {"mini_batch": 2},
            "learning": {"data": data, "model": model, "optimizer": {"learning_rate": 0.01}},
            "stop": {"gradients": None, "updates": 7},
        },
    )
    _, tape = clock(chosen)
    problem = build_problem(chosen, tape)
    left, right = (flat(list(player.play(problem, [7], print))[-1].weights) for player in (Reference(), Compiled()))
    moved = np.linalg.norm(left - flat(problem.start))
    assert moved > 0
    assert np.linalg.norm(left - right) <= 1e-3 * moved


def test_rudras_network_layer_by_layer(quickly_compiled):
    """The table of the network in terms of XLA's own convolution and windows."""
    data = DATA["cifar10"]
    network = models.build(Cifar10Rudra(), data)
    with jax.enable_x64(True):
        parameters = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), jax.jit(network.init)(jax.random.key(0)))
        inputs = jax.random.uniform(jax.random.key(1), (2, 3072), jnp.float64)

        def convolution(layer, x):
            numbers = ("NHWC", "HWIO", "NHWC")
            return lax.conv_general_dilated(x, layer["w"], (1, 1), "SAME", dimension_numbers=numbers) + layer["b"]

        def windows(x, start, combine):
            return lax.reduce_window(x, start, combine, (1, 3, 3, 1), (1, 2, 2, 1), ((0, 0), (0, 1), (0, 1), (0, 0)))

        def mean(x):
            return windows(x, 0.0, lax.add) / windows(jnp.ones_like(x), 0.0, lax.add)

        def respond(x):
            return x / (1 + 5e-5 * lax.reduce_window(x * x, 0.0, lax.add, (1, 3, 3, 1), (1, 1, 1, 1), "SAME") / 9) ** 0.75

        parameters[0]["w"] *= 100  # so that the responses differ from 1

        @jax.jit
        def table(parameters, inputs):
            x = (inputs.reshape(2, 32, 32, 3) - jnp.array([0.4914, 0.4822, 0.4465])) * 255
            x = respond(jax.nn.relu(windows(convolution(parameters[0], x), -jnp.inf, lax.max)))
            x = respond(mean(jax.nn.relu(convolution(parameters[1], x))))
            x = mean(jax.nn.relu(convolution(parameters[2], x)))
            return x.reshape(2, 1024) @ parameters[3]["w"] + parameters[3]["b"]

        expected = table(parameters, inputs)
        assert np.abs(expected).max() > 0.01
        assert np.allclose(jax.jit(network.logits)(parameters, inputs), expected, rtol=1e-10, atol=0)


def test_rudras_initial_weights_rates_and_decays(quickly_compiled):
    network = models.build(Cifar10Rudra(), DATA["cifar10"])
    parameters = jax.tree.map(np.asarray, jax.jit(network.init)(jax.random.key(0)))
    assert [layer["w"].shape for layer in parameters] == [(5, 5, 3, 32), (5, 5, 32, 32), (5, 5, 32, 64), (1024, 10)]
    for layer, deviation in zip(parameters, (1e-4, 0.01, 0.01, 0.01), strict=True):
        assert float(layer["w"].std()) == pytest.approx(deviation, rel=0.05)
        assert not layer["b"].any()
    rates, decays = network.rates(parameters), network.decays(parameters)
    assert jax.tree.structure(rates) == jax.tree.structure(decays) == jax.tree.structure(parameters)
    assert [(layer["w"], layer["b"]) for layer in rates] == [(1, 2)] * 4
    assert [(layer["w"], layer["b"]) for layer in decays] == [(0.004, 0)] * 3 + [(1, 0)]


@pytest.mark.parametrize("spec", [LeNet5(), ResNet20(), ResNet18(), Transformer()], ids=repr)
def test_other_networks_have_no_rates_of_their_own(spec):
    network = models.build(spec, DATA["characters" if isinstance(spec, Transformer) else "cifar10"])
    assert network.rates is network.decays is None


@pytest.mark.parametrize(
    ("spec", "side", "sides"),
    [(ResNet20(), 32, [32, 16, 8]), (ResNet18(), 32, [32, 16, 8, 4]), (ResNet18(), 224, [56, 28, 14, 7])],
    ids=str,
)
def test_a_residual_networks_stages(spec, side, sides):
    """The shapes that its blocks add up, as in the paper's tables."""
    network = models.build(spec, DataShape(1, 1, (side, side, 3), 10, (0.5,) * 3))
    parameters = jax.eval_shape(network.init, jax.random.key(0))
    inputs = jax.ShapeDtypeStruct((1, side * side * 3), jnp.float32)
    equations = jax.make_jaxpr(network.logits)(parameters, inputs).eqns
    added = [
        e.outvars[0].aval.shape for e in equations if e.primitive.name == "add" and all(v.aval.ndim == 4 for v in e.invars)
    ]
    seen = list(dict.fromkeys(shape[1] for shape in added))
    assert [size for size in seen if size in sides] == sides


@pytest.mark.parametrize("count", [1, 3, 4, 10, 12])
def test_portions(count):
    weights, inputs = jnp.arange(6.0).reshape(2, 3), jnp.arange(2.0 * count).reshape(count, 2)
    sizes = set()

    def logits(weights, inputs):
        sizes.add(len(inputs))
        return inputs @ weights

    assert np.array_equal(in_portions(logits, 4)(weights, inputs), inputs @ weights)
    assert max(sizes) <= 4


def test_attention():
    """Head by head and character by character."""
    given = np.asarray(jax.random.normal(jax.random.key(0), (2, 5, 18)))
    queries, keys, values = np.split(given, 3, axis=-1)
    expected = np.zeros((2, 5, 6))
    for n, head, now in np.ndindex(2, 3, 5):
        own = slice(2 * head, 2 * head + 2)
        scores = np.exp([queries[n, now, own] @ keys[n, then, own] / np.sqrt(2) for then in range(now + 1)])
        expected[n, now, own] = scores / scores.sum() @ values[n, : now + 1, own]
    assert np.allclose(attend(jnp.asarray(given), 3), expected, atol=1e-5)


def test_a_transformer_sees_its_context_and_no_more(quickly_compiled):
    network = models.build(Transformer(context=5), DATA["characters"])
    parameters = jax.jit(network.init)(jax.random.key(0))
    inputs = jnp.zeros((1, 32))
    logits = jax.jit(network.logits)
    before = logits(parameters, inputs)
    assert np.array_equal(logits(parameters, inputs.at[0, 26].set(3.0)), before)
    for place in range(27, 32):
        assert not np.array_equal(logits(parameters, inputs.at[0, place].set(3.0)), before)


def trained(network, inputs, labels, optimizer, updates, mini_batch):
    """Return the weights after `updates` updates, made in one loop."""
    picks = jax.random.randint(jax.random.key(1), (updates, mini_batch), 0, len(inputs))
    weights = network.init(jax.random.key(0))

    @jax.jit
    def run(weights):
        def update(carry, pick):
            weights, state = carry
            gradient = jax.grad(lambda w: loss(classification(network), w, inputs[pick], labels[pick]))(weights)
            step, state = optimizer.update(gradient, state, weights)
            return (optax.apply_updates(weights, step), state), None

        return lax.scan(update, (weights, optimizer.init(weights)), picks)[0][0]

    return run(weights)


def test_lenet_learns():
    """Digits of twice their size: what it has not seen, too."""
    digits, shape = load(Digits()), DATA["digits"]._replace(sample=(16, 16))

    def double(images):
        return jnp.asarray(images.reshape(-1, 8, 8).repeat(2, axis=1).repeat(2, axis=2).reshape(-1, 256))

    network = models.build(LeNet5(), shape)
    weights = trained(
        network, double(digits.train_inputs), jnp.asarray(digits.train_labels), optax.sgd(0.02, momentum=0.9), 800, 16
    )
    wrong = network.logits(weights, double(digits.test_inputs)).argmax(axis=-1) != digits.test_labels
    assert wrong.mean() < 0.1


@AT_LENGTH
def test_a_transformer_learns_what_one_character_cannot_say():
    """Its loss on text that it has not seen is below the entropy given one character, and above that given two."""
    data, shape = load(Characters()), DATA["characters"]
    network = models.build(Transformer(layers=1, width=32, heads=2, context=4), shape)
    inputs, labels = jnp.asarray(data.train_inputs), jnp.asarray(data.train_labels)
    weights = trained(network, inputs, labels, optax.adam(0.005), 1500, 32)
    pairs = np.zeros((16, 16))
    np.add.at(pairs, (data.train_inputs[:, -1].astype(int), data.train_labels), 1 / len(labels))
    given = (pairs / pairs.sum(axis=1, keepdims=True))[pairs > 0]
    after_one = float(-(pairs[pairs > 0] * np.log(given)).sum())
    value = float(loss(classification(network), weights, jnp.asarray(data.test_inputs), jnp.asarray(data.test_labels)))
    assert ENTROPY < value < after_one - 0.1

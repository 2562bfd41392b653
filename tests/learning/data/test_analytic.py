"""Tasks whose answers are known: the data have the law that they say, and learning them gives what theory says."""

from __future__ import annotations

import hashlib
import math

import jax
import numpy as np
import pytest

from simasgd import simulate
from simasgd.learning.data import analytic
from simasgd.learning.data.sets import load
from simasgd.learning.players.reference import Reference
from simasgd.learning.problem.problem import build_problem
from simasgd.scenario.learning.data import LinearRegression, LogisticRegression, Noise
from tests.build import LEARNING, clock, scenario

DIGESTS = [
    (LinearRegression(features=20, condition=100.0), "4f10c3c8bdc20506"),
    (LogisticRegression(features=3, condition=7.0, samples=50, test=9), "ca94d657f6cb0875"),
    (Noise(features=3, samples=7), "828c51f34e5e56aa"),
]


@pytest.mark.parametrize(("spec", "digest"), DIGESTS, ids=lambda case: getattr(case, "kind", ""))
def test_the_data_are_the_same_everywhere(spec, digest):
    data = load(spec)
    arrays = (data.train_inputs, data.train_labels, data.test_inputs, data.test_labels)
    little = b"".join(array.astype(array.dtype.newbyteorder("<")).tobytes() for array in arrays)
    assert hashlib.sha256(little).hexdigest()[:16] == digest


@pytest.mark.parametrize("spec", [spec for spec, _ in DIGESTS], ids=lambda spec: spec.kind)
def test_the_data_have_the_shape_that_is_stated(spec):
    data, shape = load(spec), spec.shape
    for inputs, labels, count in (
        (data.train_inputs, data.train_labels, shape.train),
        (data.test_inputs, data.test_labels, shape.test),
    ):
        assert (inputs.shape, inputs.dtype) == ((count, shape.features), np.float32)
        assert (labels.shape, labels.dtype) == ((count,), np.float32 if shape.label == "number" else np.int32)
    assert not np.array_equal(data.train_inputs[:1], data.test_inputs[:1])


def test_fewer_samples_are_the_first_of_more():
    few, many = (load(LinearRegression(features=3, samples=count, noise=0.5)) for count in (10, 5000))
    assert np.array_equal(few.train_inputs, many.train_inputs[:10])
    assert np.array_equal(few.train_labels, many.train_labels[:10])
    assert np.array_equal(few.test_labels, many.test_labels)


def test_the_inputs_have_the_covariance():
    """Eigenvalues 1, 1/10 and 1/100 along the axes, each within five standard errors, √(2/n)."""
    inputs = load(LinearRegression(features=3, condition=100.0, samples=20_000)).train_inputs
    found = np.cov(inputs.T)
    assert np.diag(found) == pytest.approx([1.0, 0.1, 0.01], rel=5 * math.sqrt(2 / 20_000))
    lengths = np.sqrt(np.diag(found))
    assert np.abs(found / np.outer(lengths, lengths) - np.eye(3)).max() < 5 / math.sqrt(20_000)


def test_labels_are_the_hidden_function_and_noise():
    spec = LinearRegression(features=4, samples=20_000, noise=0.3)
    data, weights = load(spec), analytic.hidden_weights(4)
    rest = data.train_labels - data.train_inputs.astype(np.float64) @ weights
    assert rest.mean() == pytest.approx(0.0, abs=5 * 0.3 / math.sqrt(20_000))
    assert rest.std() == pytest.approx(0.3, rel=5 / math.sqrt(2 * 20_000))
    plain = load(LinearRegression(features=4, noise=0.0))
    assert plain.test_labels == pytest.approx(plain.test_inputs.astype(np.float64) @ weights, abs=1e-6)


def test_classes_are_as_frequent_as_their_chances_say():
    spec = LogisticRegression(features=5, samples=20_000)
    data = load(spec)
    chances = analytic.chances(spec, data.train_inputs)
    for low in np.arange(0.0, 1.0, 0.1):
        chosen = (chances >= low) & (chances < low + 0.1)
        expected, deviation = chances[chosen].sum(), math.sqrt((chances * (1 - chances))[chosen].sum())
        assert abs(data.train_labels[chosen].sum() - expected) < 5 * deviation


@pytest.mark.parametrize("samples", [1, 2, 10_001])
def test_noise_has_a_mean_of_exactly_zero(samples):
    noise = load(Noise(features=3, samples=samples, deviation=2.0))
    assert [math.fsum(column) for column in noise.train_inputs.T.tolist()] == [0.0] * 3
    assert not noise.test_inputs.any()
    if samples > 2:
        assert noise.train_inputs.std(axis=0) == pytest.approx([2.0] * 3, rel=5 / math.sqrt(samples))


def task(data, model, rate, gradients, *changes, mini_batch=1):
    """Return a scenario of a lone learner in double precision, under plain SGD."""
    learning = {
        "data": data,
        "model": model,
        "optimizer": {"learning_rate": rate, "momentum": 0.0},
        "precision": "float64",
    }
    alone = {"cluster": {"learners": 1}, "workload": {"mini_batch": mini_batch}, "stop": {"gradients": gradients}}
    return scenario(LEARNING, alone, {"learning": learning}, *changes)


def final_weights(chosen):
    """Return the weights after the last update, as one vector."""
    with jax.enable_x64(True):
        problem = build_problem(chosen, clock(chosen)[1])
        player = Reference()
        player.prepare(problem)
        (moment,) = player.play(problem, [problem.tape.num_steps], lambda done: None)
        return np.concatenate([np.asarray(leaf).ravel() for leaf in jax.tree.leaves(moment.weights)])


QUIET = {"kind": "noise", "samples": 1, "deviation": 0}


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize(("spectrum", "start"), [([1.0], 1.0), ([0.5], -3.0), ([2.0, 0.1, 0.5], 0.3)])
def test_a_quadratic_under_plain_descent(spectrum, start):
    """w_i after k steps is start·(1 − αh_i)^k, so the loss is ½·Σ h_i·start²·(1 − αh_i)^2k."""
    rate, steps = 0.3, 40
    chosen = task(
        {**QUIET, "features": len(spectrum)}, {"kind": "quadratic", "spectrum": spectrum, "start": start}, rate, steps
    )
    run, h = simulate(chosen), np.array(spectrum)
    lawful = [0.5 * np.sum(h * start**2 * (1 - rate * h) ** (2 * k)) for k in range(steps + 1)]
    assert run.evaluations["updates"].tolist() == list(range(steps + 1))
    assert run.evaluations["test_loss"].to_numpy() == pytest.approx(lawful, rel=1e-10)
    assert final_weights(chosen) == pytest.approx(start * (1 - rate * h) ** steps, rel=1e-10)
    assert (run.test_loss, run.test_error) == (run.evaluations["test_loss"].iloc[-1], None)


def test_the_noise_of_a_quadratic():
    """Plain SGD with noise of variance s²/µ swings about 0 with E w² = α²·(s²/µ)/(1 − (1 − αh)²).

    So the mean loss is αs²/(2µ(2 − αh)).
    """
    rate, deviation, mini_batch = 0.2, 0.5, 2
    data = {"kind": "noise", "features": 1, "samples": 100, "deviation": deviation}
    run = simulate(task(data, {"kind": "quadratic", "spectrum": [1.0]}, rate, 100_000, mini_batch=mini_batch))
    variance = float(np.mean(load(Noise(features=1, samples=100, deviation=deviation)).train_inputs ** 2))
    found = run.evaluations["test_loss"].iloc[10:].mean()
    assert found == pytest.approx(rate * variance / (2 * mini_batch * (2 - rate)), rel=0.1)


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("delay", [0, 3, 10])
def test_the_stability_limit_at_an_injected_staleness(delay):
    """Claim 28: 2·sin(π/(2(2k + 1)))/h."""
    curvature = 2.5
    limit = 2 * math.sin(math.pi / (2 * (2 * delay + 1))) / curvature

    def swings(rate):
        data, model = (
            {"kind": "noise", "features": 1, "samples": 7, "deviation": 0},
            {"kind": "quadratic", "spectrum": [curvature]},
        )
        injected = {"protocol": {"kind": "injected-staleness", "delay": delay}}
        losses = simulate(task(data, model, rate, 1400, injected)).evaluations["test_loss"]
        return losses.iloc[-50:].max() / losses.iloc[50:100].max()

    assert swings(0.96 * limit) < 0.1
    assert swings(1.04 * limit) > 10


@pytest.mark.usefixtures("quickly_compiled")
def test_linear_regression_ends_at_the_least_squares():
    """Without noise all samples agree, so that SGD converges at a constant rate."""
    spec = {"kind": "linear-regression", "features": 5, "samples": 200, "noise": 0, "condition": 4}
    data = load(LinearRegression(features=5, samples=200, noise=0.0, condition=4.0))
    inputs = np.column_stack([data.train_inputs, np.ones(200)]).astype(np.float64)
    solution = np.linalg.lstsq(inputs, data.train_labels.astype(np.float64), rcond=None)[0]
    found = final_weights(task(spec, "linear", 0.2, 2000, mini_batch=8))
    bias, weights = found[0], found[1:]  # in the order of the keys, b and w
    assert [*weights, bias] == pytest.approx(solution, abs=1e-6)


@pytest.mark.usefixtures("quickly_compiled")
def test_noisy_linear_regression_ends_at_the_loss_of_the_least_squares():
    data = load(LinearRegression(features=5, samples=300, noise=0.5))
    inputs, held_out = (np.column_stack([x, np.ones(len(x))]).astype(np.float64) for x in (data.train_inputs, data.test_inputs))
    solution = np.linalg.lstsq(inputs, data.train_labels.astype(np.float64), rcond=None)[0]
    spec = {"kind": "linear-regression", "features": 5, "samples": 300, "noise": 0.5}
    falling = {"learning": {"schedule": {"decay": {"kind": "linear", "start": 50, "end": 200}}}}
    run = simulate(task(spec, "linear", 0.1, 3750, falling, mini_batch=16))
    assert run.test_loss == pytest.approx(0.5 * np.mean((held_out @ solution - data.test_labels) ** 2), rel=2e-3)


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("model", ["logistic", "softmax"])
def test_logistic_regression_ends_near_the_bayes_loss(model):
    """The loss of the true chances on the test samples: the entropy of the labels, but for their luck."""
    spec = LogisticRegression(features=5, samples=500, test=20_000)
    data = load(spec)
    chances = analytic.chances(spec, data.test_inputs)
    bayes = -np.mean(np.log(np.where(data.test_labels == 1, chances, 1 - chances)))
    entropy = -np.mean(chances * np.log(chances) + (1 - chances) * np.log1p(-chances))
    assert bayes == pytest.approx(entropy, abs=0.01)
    run = simulate(task(spec.model_dump(), model, 0.5, 3000, mini_batch=20))
    assert bayes < run.test_loss < bayes + 0.05
    assert run.test_error == pytest.approx(np.mean((chances > 0.5) != data.test_labels), abs=0.02)

"""The theory of gradient descent with delays, checked on the rules in plain loops, without any cluster.

All on the quadratic h·w²/2, whose gradient is h·w, from w = 1.
"""

from __future__ import annotations

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from simasgd.learning import rules
from simasgd.scenario.learning.modulation import DanaSlim, DanaZero, InverseStaleness, Mishchenko, NoModulation
from simasgd.scenario.learning.optimizers import SGD
from tests.build import TIMING, clock, scenario

RATE, STEPS = 0.05, 200  # α·h
PLAIN = rules.rule(SGD(learning_rate=1.0), NoModulation(), rules.Setting())
AWARE = rules.rule(SGD(learning_rate=1.0), InverseStaleness(), rules.Setting())


@pytest.fixture(autouse=True)
def in_double_precision():
    with jax.enable_x64(True):
        yield


def momentum_recursion(workers):
    """w₀ … w₂₀₀ with V₁ = −α·h·w₀ and V_{t+1} = (1 − 1/M)·V_t − (α/M)·h·w_t (arXiv:1605.09774; B3.4)."""
    weights, velocity = [1.0, 1.0 - RATE], -RATE
    while len(weights) <= STEPS:
        velocity = (1.0 - 1.0 / workers) * velocity - RATE / workers * weights[-1]
        weights.append(weights[-1] + velocity)
    return np.array(weights)


def mean_of_memoryless_service(workers, replicas):
    """Return the mean over replicas of w₀ … w₂₀₀ if any worker may be the next to be ready, whatever happened before."""
    chance = np.random.default_rng(0)
    everyone = np.arange(replicas)
    weights, read = jnp.ones(replicas), jnp.ones((workers, replicas))
    state = PLAIN.update.init(weights)

    @jax.jit
    def step(weights, read, state, worker):
        update, state = PLAIN.update.update(RATE * read[worker, everyone], state, weights, factor=jnp.array(1.0))
        weights = optax.apply_updates(weights, update)
        return weights, read.at[worker, everyone].set(weights), state

    means = [1.0]
    for _ in range(STEPS):
        weights, read, state = step(weights, read, state, chance.integers(workers, size=replicas))
        means.append(float(weights.mean()))
    return np.array(means)


@pytest.mark.parametrize("workers", [2, 4, 8, 16])
def test_memoryless_asynchrony_is_momentum_in_the_mean(workers):
    """Claim 26: momentum 1 − 1/M and learning rate α/M."""
    found = mean_of_memoryless_service(workers, replicas=10_000)
    assert np.abs(found - momentum_recursion(workers)).max() < 0.005
    assert np.abs(found - momentum_recursion(2 * workers)).max() > 0.02, "any momentum would do"


@partial(jax.jit, static_argnames=("rule", "steps", "longest"))
def constant_delay(rule, rate, delay, steps, longest):
    """|w₁| … |w_steps| where every gradient was computed `delay` updates earlier, at w₀ in the beginning."""

    def step(carry, u):
        weights, past, gradient_state, state = carry  # past[t mod longest] is w_t
        read = past[jnp.maximum(u - delay, 0) % longest]
        gradient, gradient_state = rule.per_gradient.update(
            rate * read, gradient_state, weights, read=read, staleness=jnp.minimum(u, delay), step=u, share=1.0
        )
        update, state = rule.update.update(gradient, state, weights, factor=jnp.array(1.0))
        weights = optax.apply_updates(weights, update)
        return (weights, past.at[(u + 1) % longest].set(weights), gradient_state, state), weights

    start = jnp.array(1.0)
    carry = start, jnp.ones(longest), rule.per_gradient.init(start), rule.update.init(start)
    return jax.lax.scan(step, carry, jnp.arange(steps))[1]


@pytest.mark.parametrize(("workers", "deviation"), [(8, 0.044), (16, 0.161), (32, 1.14)])
def test_constant_delay_is_not_momentum(workers, deviation):
    """Claim 27: with τ = M − 1 always, the weights leave the recursion of claim 26 by this much."""
    weights = np.array([1.0, *constant_delay(PLAIN, RATE, workers - 1, STEPS, workers)])
    assert np.abs(weights - momentum_recursion(workers)).max() == pytest.approx(deviation, rel=0.05)


def stability_limits(rule, delays, steps=8000):
    """Return the greatest stable α·h at each constant delay, by bisection: w must not grow over the second half of a run."""
    longest = int(max(delays)) + 1
    run = jax.vmap(partial(constant_delay, rule, steps=steps, longest=longest))
    low, high = np.zeros(len(delays)), np.full(len(delays), 3.0)
    for _ in range(13):
        middle = (low + high) / 2
        swings = np.abs(np.asarray(run(rate=jnp.asarray(middle), delay=jnp.asarray(delays))))
        before, after = (swings[:, stop - steps // 5 : stop].max(axis=1) for stop in (steps // 2, steps))
        grows = ~((after < before) | (after == 0.0))  # as NaN has
        low, high = np.where(grows, low, middle), np.where(grows, middle, high)
    return (low + high) / 2


def test_the_stability_limit_at_constant_delay():
    """Claim 28: 2·sin(π/(2(2k + 1))) for k = 0 … 30."""
    delays = np.arange(31)
    lawful = [2 * math.sin(math.pi / (2 * (2 * k + 1))) for k in delays]
    assert stability_limits(PLAIN, delays) == pytest.approx(lawful, rel=0.005)


def test_dividing_by_the_staleness_makes_the_limit_nearly_the_same_at_any_delay():
    """Claim 29: k times the limit of claim 28, which tends to π/2."""
    delays = np.array([1, 4, 15, 29, 100])
    found = stability_limits(AWARE, delays)
    assert found[:4] == pytest.approx([1.0, 1.389, 1.519, 1.544], rel=0.005)
    assert (np.diff(found) > 0).all()
    assert found[-1] == pytest.approx(math.pi / 2, rel=0.01)
    assert stability_limits(PLAIN, delays)[-1] < 0.02


@pytest.mark.parametrize(("modulation", "kick"), [(NoModulation(), 1 / 4), (Mishchenko(smoothness=1.0), 1 / 2002)])
def test_one_late_gradient_does_no_harm_under_mishchenkos_steps(modulation, kick):
    """Claim 46, scaled down: a fast worker makes 1,000 steps, all of staleness 0, while a slow one computes its first gradient.

    α₀ = 1/(2λL) = ¼ with L = h = 1. The late gradient, h·w₀ = 1, moves w from 0 by its step: α₀, or 1/(2L·1001).
    """
    rule = rules.rule(SGD(learning_rate=0.25), modulation, rules.Setting(learners=2))
    weights = jnp.array(1.0)
    gradient_state, state = rule.per_gradient.init(weights), rule.update.init(weights)
    for step in range(1001):
        late = step == 1000
        read = jnp.array(1.0) if late else weights
        gradient, gradient_state = rule.per_gradient.update(
            read, gradient_state, weights, read=read, staleness=jnp.int32(step if late else 0), step=step
        )
        update, state = rule.update.update(gradient, state, weights, factor=jnp.array(1.0))
        weights = optax.apply_updates(weights, update)
    assert abs(float(weights)) == pytest.approx(kick, rel=1e-6)


def seen_on(tape, chosen, learners):
    """Return each version as learners are sent it, and the weights themselves.

    The gradient of row i at w is sin(w) − ξ_i.
    """
    rule = rules.rule(SGD(learning_rate=0.1), chosen, rules.Setting(learners=learners))
    noise = np.random.default_rng(0).normal(size=(tape.num_gradients, 3))
    weights = jnp.array([1.0, -2.0, 0.5])
    gradient_state, state = rule.per_gradient.init(weights), rule.update.init(weights)
    update_of_gradient, update_of_mean = jax.jit(rule.per_gradient.update), jax.jit(rule.update.update)
    sent, own = [weights], [weights]
    for u in range(tape.num_steps):
        rows = range(tape.offsets[u], tape.offsets[u + 1])
        mean = jnp.zeros(3)
        for row in rows:
            read = sent[tape.timestamp[row]]
            extra = {"learner": tape.learner[row], "read": read, "staleness": tape.staleness[row], "step": u}
            gradient, gradient_state = update_of_gradient(
                jnp.sin(read) - noise[row], gradient_state, weights, **extra, share=1.0 / len(rows)
            )
            mean += gradient / len(rows)
        update, state = update_of_mean(mean, state, weights, factor=jnp.array(1.0))
        weights = optax.apply_updates(weights, update)
        own.append(weights)
        sent.append(weights if rule.look is None else rule.look(weights, gradient_state, jnp.array(1.0)))
    return np.array(sent), np.array(own)


@pytest.mark.parametrize("protocol", ["async", {"kind": "n-softsync", "n": 2}, "hardsync"], ids=str)
def test_dana_slim_is_dana_zero_seen_by_the_learners(protocol):
    """The change of variables of arXiv:1907.11612: DANA-Zero sends DANA-Slim's weights, at each of 300 updates.

    The gradients are equal, too, and DANA-Slim needs no memory in the server. This holds also for steps of several
    gradients, if all steps have the same number.
    """
    _, tape = clock(
        scenario(TIMING, {"cluster": {"learners": 6}, "protocol": protocol, "stop": {"gradients": None, "updates": 300}})
    )
    assert len(set(tape.learner)) == 6
    assert bool(tape.staleness.max() > 2) is (protocol != "hardsync")
    slim, same = seen_on(tape, DanaSlim(), 6)
    zero, own = seen_on(tape, DanaZero(), 6)
    assert np.array_equal(slim, same)
    assert np.abs(zero - slim).max() < 1e-12
    assert np.abs(zero - own).max() > 0.1, "DANA-Zero's own weights are others"

"""Every rule against delays, on numbers computed by hand."""

from __future__ import annotations

import jax.numpy as jnp
import optax
import pytest

from simasgd.learning import rules
from simasgd.scenario.learning import modulation
from simasgd.scenario.learning.optimizers import SGD


def factor(rule, staleness):
    scaled, _ = rule.update(jnp.array(6.0), rule.init(jnp.array(0.0)), staleness=jnp.int32(staleness))
    return float(scaled) / 6.0


@pytest.mark.parametrize(("power", "staleness", "expected"), [(0.5, 0, 1), (0.5, 3, 0.5), (1, 4, 0.2), (2, 1, 0.25), (0, 9, 1)])
def test_polynomial_staleness(power, staleness, expected):
    assert factor(rules.scale_by_polynomial_staleness(power), staleness) == pytest.approx(expected)


@pytest.mark.parametrize(("staleness", "expected"), [(0, 1), (1, 0.60653066), (4, 0.13533528), (200, 3.7e-44)])
def test_exponential_staleness(staleness, expected):
    assert factor(rules.scale_by_exponential_staleness(0.5), staleness) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(("staleness", "expected"), [(0, 1), (1, 0.5), (2, 0.25), (3, 0.25), (1000, 0.25)])
def test_the_last_entry_of_a_table_stands_for_all_beyond(staleness, expected):
    assert factor(rules.scale_by_staleness_table([1, 0.5, 0.25]), staleness) == pytest.approx(expected)


def test_a_rule_of_ones_own():
    halved = rules.scale_by_staleness(lambda staleness: 0.5**staleness)
    assert factor(halved, 3) == pytest.approx(0.125)


def test_delay_compensation():
    """Gradient g = (2, −3), w − w_read = (0.5, 0.1), λ₀ = 0.1: g + 0.1·(4, 9)·(0.5, 0.1) = (2.2, −2.91)."""
    rule = rules.compensate_delay(0.1)
    now, then = jnp.array([1.5, 1.1]), jnp.array([1.0, 1.0])
    found, _ = rule.update(jnp.array([2.0, -3.0]), rule.init(now), now, read=then)
    assert found.tolist() == pytest.approx([2.2, -2.91])


def test_adaptive_delay_compensation():
    """m₁ = ¼·2² = 1, g₁ + 2/1·4·0.5 = 6; m₂ = ¾·1 + ¼·(−1)² = 1, g₂ + 2/1·1·0.5 = 0; g₃ with w = w_read stays."""
    rule = rules.compensate_delay_adaptively(2.0, decay=0.75)
    now, then = {"w": jnp.array([1.5])}, {"w": jnp.array([1.0])}
    state = rule.init(now)
    found = []
    for gradient, read in ((2.0, then), (-1.0, then), (3.0, now)):
        compensated, state = rule.update({"w": jnp.array([gradient])}, state, now, read=read)
        found.append(float(compensated["w"][0]))
    assert found == pytest.approx([6.0, 0.0, 3.0], abs=1e-5)
    assert float(state.mean_square["w"][0]) == pytest.approx(0.75 * 1.0 + 0.25 * 9.0)


def test_gap_aware():
    """Two weights, of which the second never moves. decay = ½.

    step 0, w = 0, read 0: gap 1. step 1, w = 1: moved 1, C = 1; read at 0: gap 1 + 1/1 = 2.
    step 2, w = 4: moved 3, C = (½·½·1 + ½·3)/(½·½ + ½) = 7/3; read at 0: gap 1 + 4·3/7 = 19/7; another of that step, read
    at w = 1: gap 1 + 3·3/7 = 16/7.
    """
    rule = rules.scale_by_gap(0.5)
    gradient = jnp.array([1.0, 5.0])
    state = rule.init(jnp.array([0.0, 7.0]))
    found = []
    for step, now, read in ((0, 0.0, 0.0), (1, 1.0, 0.0), (2, 4.0, 0.0), (2, 4.0, 1.0)):
        scaled, state = rule.update(gradient, state, jnp.array([now, 7.0]), read=jnp.array([read, 7.0]), step=step)
        found.append(float(scaled[0]))
        assert float(scaled[1]) == 5.0
    assert found == pytest.approx([1.0, 1 / 2, 7 / 19, 7 / 16])


def steps_of(rule, *gradients):
    """Return the factors of gradients given as (step, τ) or (step, τ, share)."""
    state = rule.init(jnp.array(0.0))
    found = []
    for step, staleness, *share in gradients:
        extra = {"share": share[0]} if share else {}
        scaled, state = rule.update(jnp.array(6.0), state, staleness=jnp.int32(staleness), step=step, **extra)
        found.append(float(scaled) / 6.0)
    return found


def test_wu_adaptive_1():
    """α = ½. f₀ = ½; τ = 1: ½·(1 − ½) = ¼; τ = 2: ½·(1 − ¾) = ⅛; τ = 0: ½; τ = 1, of the last only: ½·(1 − ½) = ¼."""
    found = steps_of(rules.scale_within_budget_1(0.5, window=4), (0, 0), (1, 1), (2, 2), (3, 0), (4, 1))
    assert found == pytest.approx([0.5, 0.25, 0.125, 0.5, 0.25])


def test_wu_adaptive_2():
    """1; then 1/2 does not fit beside 1; then 1/3 does not fit beside 1 + 0; 1/2 beside 0; 1/3 beside ½ + 0 and ⅓ + ½."""
    found = steps_of(rules.scale_within_budget_2(window=4), (0, 0), (1, 1), (2, 2), (3, 1), (4, 2), (5, 2))
    assert found == pytest.approx([1, 0, 0, 1 / 2, 1 / 3, 0])


def test_wu_adaptive_2_fills_its_budget_at_constant_delay():
    """τ = 6: sevenths fit into 1 seven times, and for ever, though 1/7 has no exact form."""
    found = steps_of(rules.scale_within_budget_2(window=8), *((k, min(k, 6)) for k in range(20, 60)))
    assert found == pytest.approx([1 / 7] * 40)


def test_steps_of_several_gradients_take_the_mean_from_the_budget():
    """At α = ½ a step of two gradients with τ = 0 takes ½.

    The next step has ½ left for τ = 1 and 1 for τ = 0, so ¼ and ½, in the mean ⅜. The third, with τ = 1, has ⅝: 5/16.
    """
    gradients = (0, 0, 0.5), (0, 0, 0.5), (1, 1, 0.5), (1, 0, 0.5), (2, 1, 1.0)
    found = steps_of(rules.scale_within_budget_1(0.5, window=2), *gradients)
    assert found == pytest.approx([0.5, 0.5, 0.25, 0.5, 0.3125])


@pytest.mark.parametrize(("staleness", "expected"), [(0, 0.5), (3, 0.5), (4, 0.4), (9, 0.2)])
def test_mishchenko(staleness, expected):
    """α₀ = 0.1, L = 2.5: 1/(2Lα₀) = 2, so ½ for 4 learners, and 2/(τ + 1) beyond."""
    assert factor(rules.scale_by_mishchenko(0.1, 2.5, 4), staleness) == pytest.approx(expected)


@pytest.mark.parametrize(("staleness", "expected"), [(0, 1), (3, 1), (4, 0.5), (8, 0.25), (1, 1)])
def test_koloskova(staleness, expected):
    """α₀ = 0.1, L = 1.25: 1/(4Lα₀) = 2, so 2/τ beyond τ = 3."""
    assert factor(rules.scale_by_koloskova(0.1, 1.25, 3), staleness) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("chosen", "staleness", "expected"),
    [
        (modulation.Mishchenko(), 3, 1.0),
        (modulation.Mishchenko(), 7, 0.5),  # λ/(τ + 1)
        (modulation.Mishchenko(smoothness=2.5), 3, 0.5),
        (modulation.Koloskova(), 4, 1.0),
        (modulation.Koloskova(), 16, 0.25),  # τ_C/τ
        (modulation.Koloskova(threshold=2), 8, 0.25),
        (modulation.Koloskova(threshold=3, smoothness=1.25), 8, 0.25),
        (modulation.PolynomialStaleness(), 3, 0.5),
        (modulation.ExponentialStaleness(rate=0.5), 4, 0.13533528),
        (modulation.StalenessTable(factors=(1, 0.5)), 4, 0.5),
    ],
    ids=str,
)
def test_what_a_scenario_says_is_what_the_rule_does(chosen, staleness, expected):
    """Four learners, α₀ = 0.1."""
    rule = rules.rule(SGD(learning_rate=0.1), chosen, rules.Setting(learners=4))
    assert rule.linear
    assert factor(rule.per_gradient, staleness) == pytest.approx(expected)


def test_only_what_is_not_linear_says_so():
    compensations = modulation.DelayCompensation(), modulation.AdaptiveDelayCompensation()
    of_learners = modulation.DanaSlim(), modulation.LearnerMomentum(), modulation.DanaZero(), modulation.DanaDC()
    for chosen in (*compensations, *of_learners):
        assert not rules.rule(SGD(learning_rate=0.1), chosen, rules.Setting()).linear
    assert rules.rule(SGD(learning_rate=0.1), modulation.GapAware(), rules.Setting()).linear


def test_only_what_looks_ahead_has_a_look():
    for chosen in (modulation.NoModulation(), modulation.GapAware(), modulation.DanaSlim(), modulation.LearnerMomentum()):
        assert rules.rule(SGD(learning_rate=0.1), chosen, rules.Setting()).look is None
    for chosen in (modulation.DanaZero(), modulation.DanaDC()):
        assert rules.rule(SGD(learning_rate=0.1), chosen, rules.Setting()).look is not None


@pytest.mark.parametrize(
    ("transformation", "expected"),
    [(rules.trace_by_learner, [1.5, 6.0, 1.75]), (rules.momentum_by_learner, [1, 4, 1.5]), (rules.trace_ahead, [1, 4, 1.5])],
)
def test_momentum_of_each_learner(transformation, expected):
    """γ = ½. Learner 0: v = 1; learner 1: v = 4; learner 0: v = ½ + 1 = 1.5. DANA-Slim has ½·v + g, the others v."""
    rule = transformation(0.5, learners=2)
    state = rule.init({"w": jnp.zeros(1)})
    found = []
    for learner, gradient in ((0, 1.0), (1, 4.0), (0, 1.0)):
        sent, state = rule.update({"w": jnp.array([gradient])}, state, learner=jnp.int32(learner))
        found.append(float(sent["w"][0]))
    assert found == pytest.approx(expected)


def played(chosen, *steps):
    """Return the weights and the weights as sent after each step, from 0, at α₀ = 0.1 with two learners.

    A step is the schedule's factor, followed by (learner, gradient, weights read) for each of its gradients.
    """
    rule = rules.rule(SGD(learning_rate=0.1), chosen, rules.Setting(learners=2))
    weights = jnp.array(0.0)
    gradient_state, state = rule.per_gradient.init(weights), rule.update.init(weights)
    found = []
    for step, (factor, *gradients) in enumerate(steps):
        mean, share = 0.0, 1.0 / len(gradients)
        for learner, gradient, read in gradients:
            gradient, gradient_state = rule.per_gradient.update(
                jnp.array(gradient),
                gradient_state,
                weights,
                learner=jnp.int32(learner),
                read=jnp.array(read),
                staleness=jnp.int32(0),
                step=step,
                share=share,
            )
            mean += share * gradient
        update, state = rule.update.update(mean, state, weights, factor=jnp.array(factor))
        weights = optax.apply_updates(weights, update)
        found.append((float(weights), float(rule.look(weights, gradient_state, jnp.array(factor)))))
    return found


def test_dana_zero():
    """γ = ½, v₀ = 1: w = −0.1, and −0.1 − 0.1·½·1 is sent.

    v₁ = 4: w = −0.5, Σ = 5. At half the rate v₀ = 1.5: w = −0.575, Σ = 5.5, and −0.575 − 0.05·½·5.5 is sent.
    """
    found = played(modulation.DanaZero(decay=0.5), (1.0, (0, 1.0, 0.0)), (1.0, (1, 4.0, 0.0)), (0.5, (0, 1.0, -0.15)))
    assert found == [pytest.approx(pair) for pair in [(-0.1, -0.15), (-0.5, -0.75), (-0.575, -0.7125)]]


def test_dana_zero_counts_a_velocity_with_its_share():
    """γ = ½, v₀ = 1 and v₁ = 4 in one step: w = −0.25, Σ = ½·1 + ½·4.

    Then v₀ = 1.5 in a step of its own: Σ = 1.5 + ½·4. Then v₁ = 2 and v₁ = 1 in one step: w = −0.4 − 0.15, Σ = 1.5 + ½·1.
    """
    zero = modulation.DanaZero(decay=0.5)
    found = played(zero, (1.0, (0, 1.0, 0.0), (1, 4.0, 0.0)), (1.0, (0, 1.0, 0.0)), (1.0, (1, 0.0, 0.0), (1, 0.0, 0.0)))
    assert found == [pytest.approx(pair) for pair in [(-0.25, -0.375), (-0.4, -0.575), (-0.55, -0.65)]]


def test_dana_dc():
    """γ = ½, λ₀ = 2, v₀ = 1: w = −0.1, and −0.15 is sent.

    Learner 1 is still at 0: 1 + 2·(−0.1 − 0) = 0.8 = v₁: w = −0.18, Σ = 1.8. Learner 0 read the weights as sent:
    1 + 2·(−0.18 + 0.15) = 0.94, v₀ = 1.44: w = −0.324, Σ = 2.24.
    """
    chosen = modulation.DanaDC(decay=0.5, lambda0=2.0)
    found = played(chosen, (1.0, (0, 1.0, 0.0)), (1.0, (1, 1.0, 0.0)), (1.0, (0, 1.0, -0.15)))
    assert found == [pytest.approx(pair) for pair in [(-0.1, -0.15), (-0.18, -0.27), (-0.324, -0.436)]]


def test_the_look_ahead_knows_a_networks_rates():
    """α = 0.1·½, γ = ½, Σ = (4, 4), rates (1, 2): 1 − 0.1 and 1 − 0.2."""
    look = rules.look_ahead(0.1, 0.5, lambda parameters: {"w": 1.0, "b": 2.0})
    ones = {"w": jnp.ones(1), "b": jnp.ones(1)}
    trace = rules.trace_ahead(0.5, learners=1)
    _, state = trace.update({"w": jnp.full(1, 4.0), "b": jnp.full(1, 4.0)}, trace.init(ones), learner=0)
    seen = look(ones, state, jnp.array(0.5))
    assert [float(seen["w"][0]), float(seen["b"][0])] == pytest.approx([0.9, 0.8])


def test_momentum_of_a_lone_learner_is_the_optimizers():
    own = optax.chain(rules.momentum_by_learner(0.9, learners=1), optax.sgd(0.1))
    momentum = optax.sgd(0.1, momentum=0.9)
    left = right = jnp.array(1.0)
    left_state, right_state = own.init(left), momentum.init(right)
    for _ in range(10):
        update, left_state = own.update(3 * left, left_state, left, learner=0)
        left = optax.apply_updates(left, update)
        update, right_state = momentum.update(3 * right, right_state, right)
        right = optax.apply_updates(right, update)
    assert float(left) == pytest.approx(float(right), rel=1e-5)


def test_dana_slim_of_a_lone_learner_is_nesterov():
    slim = optax.chain(rules.trace_by_learner(0.9, learners=1), optax.sgd(0.1))
    nesterov = optax.sgd(0.1, momentum=0.9, nesterov=True)
    left = right = jnp.array(1.0)
    left_state, right_state = slim.init(left), nesterov.init(right)
    for _ in range(10):
        update, left_state = slim.update(3 * left, left_state, left, learner=0)
        left = optax.apply_updates(left, update)
        update, right_state = nesterov.update(3 * right, right_state, right)
        right = optax.apply_updates(right, update)
    assert float(left) == pytest.approx(float(right), rel=1e-5)


def test_delay_compensation_in_ones_own_loop():
    """optax.chain passes the weights that were read on. g = 4, λ₀ = 0.5: 4 + 0.5·16·(1 − 0.5) = 8, and half of it."""
    optimizer = optax.chain(rules.compensate_delay(0.5), optax.sgd(0.5))
    weights = jnp.array([1.0])
    update, _ = optimizer.update(jnp.array([4.0]), optimizer.init(weights), weights, read=jnp.array([0.5]))
    assert update.tolist() == pytest.approx([-4.0])

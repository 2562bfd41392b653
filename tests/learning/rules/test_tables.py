"""Every modulation, optimizer and compression is built, heeds all its parameters, and is what it states to be."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
import pytest

from simasgd.learning import rules
from simasgd.learning.rules.modulations import Modulated, modulated
from simasgd.learning.rules.rule import encoding
from simasgd.scenario.learning.compression import Compression
from simasgd.scenario.learning.modulation import Modulation, NoModulation
from simasgd.scenario.learning.optimizers import Optimizer
from tests.scenario.sections.table import FAMILIES

MODULATIONS, OPTIMIZERS, COMPRESSIONS = (FAMILIES[name] for name in ("modulation", "optimizer", "compression"))
RULES = {kind: MODULATIONS.typical(kind) for kind in MODULATIONS.rows if kind != "default"}
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
SETTING = rules.Setting(mean_staleness=3.0, samples_per_round=32, learners=3, window=8)
# Two numbers of a run that a rule which needs them tells apart.
OTHER = {"mean_staleness": 4.0, "samples_per_round": 64, "learners": 4, "window": 16}
ARGUMENTS = ("learner", "staleness", "step", "read")


def pairs(family: Any) -> Any:
    cases = family.pairs()
    return pytest.mark.parametrize(("first", "second"), [case[1:] for case in cases], ids=[case[0] for case in cases])


def gradient_at(step: int) -> jax.Array:
    return jnp.array([1.0 + step, -0.5 * step, 0.25])


def weights_at(step: int) -> jax.Array:
    return jnp.array([0.3, -0.2, 0.1]) * step


def played(chosen: Modulated, frozen: str = "") -> tuple[list[list[float]], Any]:
    """Transform six gradients, one a step; an argument that is `frozen` keeps one value. Return the results and the state."""
    rule = optax.with_extra_args_support(chosen.per_gradient.built)
    state, found = rule.init(weights_at(0)), []
    for step in range(6):
        extra = {
            "learner": jnp.int32(step % 2),
            "staleness": jnp.int32(min(step, 4)),
            "step": jnp.int32(step),
            "read": weights_at(step - min(step, 4)),
        }
        if frozen:
            extra[frozen] = weights_at(step) if frozen == "read" else jnp.int32(0)
        sent, state = rule.update(gradient_at(step), state, weights_at(step), **extra)
        seen = [] if chosen.look is None else chosen.look.built(weights_at(step), state, jnp.array(1.0)).tolist()
        found.append([*sent.tolist(), *seen])
    return found, state


def shapes(state: Any) -> list[tuple[int, ...]]:
    return [leaf.shape for leaf in jax.tree.leaves(state)]


# --- modulations ----------------------------------------------------------------------------------------------------------


@pairs(MODULATIONS)
def test_a_modulation_heeds_its_parameters(first: Modulation, second: Modulation) -> None:
    assert played(modulated(first, 0.1, SETTING))[0] != played(modulated(second, 0.1, SETTING))[0]


@every_rule
def test_a_modulation_needs_the_numbers_that_it_states(rule: Modulation) -> None:
    found, state = played(modulated(rule, 0.1, SETTING))
    for fact, value in OTHER.items():
        others, other_state = played(modulated(rule, 0.1, SETTING._replace(**{fact: value})))
        depends = others != found or shapes(other_state) != shapes(state)
        assert depends is (fact in rule.needs), fact


@every_rule
def test_a_linear_modulation_may_be_applied_to_a_mean(rule: Modulation) -> None:
    chosen = modulated(rule, 0.1, SETTING)
    _, state = played(chosen)
    transform = optax.with_extra_args_support(chosen.per_gradient.built).update
    extra = {"staleness": jnp.int32(2), "step": jnp.int32(6), "read": weights_at(4)}
    first, second, now = gradient_at(6), gradient_at(-3), weights_at(6)
    one, between = transform(first, state, now, learner=jnp.int32(0), share=0.5, **extra)
    two, _ = transform(second, between, now, learner=jnp.int32(1), share=0.5, **extra)
    whole, _ = transform((first + second) / 2, state, now, learner=jnp.int32(0), share=1.0, **extra)
    assert jnp.allclose((one + two) / 2, whole, rtol=1e-5) == rule.linear


@every_rule
def test_gradients_may_be_transformed_at_once_where_each_is_alone(rule: Modulation) -> None:
    chosen = modulated(rule, 0.1, SETTING)
    found, state = played(chosen)
    transform = optax.with_extra_args_support(chosen.per_gradient.built).update
    extra = {"staleness": jnp.int32(2), "step": jnp.int32(6), "read": weights_at(4), "learner": jnp.int32(0)}
    here, there = (transform(gradient_at(6), state, weights_at(now), **extra)[0].tolist() for now in (6, 9))
    depends = {name for name in ("learner", "step") if played(chosen, frozen=name)[0] != found}
    assert rule.alone is (not shapes(state) and not depends and here == there)


@every_rule
def test_a_modulation_of_one_server_remembers_or_counts_learners(rule: Modulation) -> None:
    _, state = played(modulated(rule, 0.1, SETTING))
    assert rule.of_one_server is (bool(shapes(state)) or "learners" in rule.needs)


@every_rule
def test_learners_can_apply_what_depends_on_their_own_gradients_only(rule: Modulation) -> None:
    chosen = modulated(rule, 0.1, SETTING)
    found, _ = played(chosen)
    depends = {name for name in ARGUMENTS if played(chosen, frozen=name)[0] != found}
    assert rule.at_learner is (depends == {"learner"} and chosen.look is None)


@every_rule
def test_a_modulation_compares_weights_where_it_says_so(rule: Modulation) -> None:
    chosen = modulated(rule, 0.1, SETTING)
    assert rule.compares_weights is (played(chosen, frozen="read")[0] != played(chosen)[0])


@every_rule
def test_the_learning_rate_is_a_factor_where_the_modulation_says_so(rule: Modulation) -> None:
    base, double = (modulated(rule, rate, SETTING) for rate in (0.1, 0.2))
    transformed = [[row[:3] for row in played(chosen)[0]] for chosen in (base, double)]
    assert (transformed[0] == transformed[1]) is rule.scales_with_rate
    if base.look is not None and double.look is not None:
        _, state = played(base)
        seen = base.look.built(weights_at(6), state, jnp.array(2.0))
        assert jnp.allclose(seen, double.look.built(weights_at(6), state, jnp.array(1.0)), rtol=1e-5) == rule.scales_with_rate


# --- optimizers -----------------------------------------------------------------------------------------------------------


def optimized(chosen: Optimizer) -> list[list[float]]:
    """Return the weights after each of three steps with gradients of a quadratic function, at a mean staleness of 3."""
    rule = rules.rule(chosen, NoModulation(), rules.Setting(tape_staleness=3.0))
    weights, found = jnp.array([1.0, -2.0, 0.5]), []
    of_gradients, state = rule.per_gradient.init(weights), rule.update.init(weights)
    for _ in range(3):
        gradient, of_gradients = rule.per_gradient.update(
            jnp.array([1.0, 3.0, 2.0]) * weights, of_gradients, weights, read=weights
        )
        change, state = rule.update.update(gradient, state, weights, factor=jnp.array(1.0))
        weights = optax.apply_updates(weights, change)
        found.append(weights.tolist())
    return found


@pytest.mark.parametrize("kind", OPTIMIZERS.rows)
def test_an_optimizer_moves_the_weights_down(kind: str) -> None:
    first, *_, last = optimized(OPTIMIZERS.typical(kind))
    assert abs(last[0]) < abs(first[0]) < 1.0


@pairs(OPTIMIZERS)
def test_an_optimizer_heeds_its_parameters(first: Optimizer, second: Optimizer) -> None:
    assert optimized(first) != optimized(second)


# --- compressions ---------------------------------------------------------------------------------------------------------


def received(chosen: Compression) -> tuple[list[list[float]], Any]:
    """Return what arrives of three gradients of one learner, and the state in the end."""
    encoder = encoding(chosen, rules.Setting())
    weights, found = jnp.array([1.0, 2.0, 3.0, 4.0]), []
    state = encoder.init(weights)
    for step in range(3):
        sent, state = encoder.update(jnp.array([1.3, -0.7, 0.2, 0.1]) + step, state, weights, learner=jnp.int32(0))
        found.append(sent.tolist())
    return found, state


@pytest.mark.parametrize("kind", COMPRESSIONS.rows)
def test_a_compression_states_what_it_does_to_values(kind: str) -> None:
    chosen = COMPRESSIONS.typical(kind)
    found, state = received(chosen)
    given = [(jnp.array([1.3, -0.7, 0.2, 0.1]) + step).tolist() for step in range(3)]
    assert (found != given) is chosen.changes_values
    assert any(leaf.shape == (1, 4) for leaf in jax.tree.leaves(state)) is chosen.has_feedback
    assert chosen.changes_values or chosen.adds_up


@pairs(COMPRESSIONS)
def test_a_compression_heeds_its_parameters(first: Compression, second: Compression) -> None:
    assert received(first)[0] != received(second)[0]

"""A scenario's optimizers are those of optax: same weights in a loop of their own, and by hand what is added to them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
import pytest

from simasgd.learning import rules
from simasgd.learning.players.compiled import Compiled
from simasgd.learning.problem.recipe import Recipe, build_recipe
from simasgd.learning.problem.task import ScenarioTask
from simasgd.scenario.learning.data import Cifar10
from simasgd.scenario.learning.models import Cifar10Rudra
from simasgd.scenario.learning.modulation import InverseStaleness, NoModulation
from simasgd.scenario.learning.optimizers import SGD, Adagrad, Adam, AdamW, RMSProp, TotalMomentum
from tests.build import LEARNING, clock, scenario
from tests.learning.agreement import final_weights, relative_distance, simulate_problem

PAIRS = [
    (SGD(learning_rate=0.1), optax.sgd(0.1)),
    (SGD(learning_rate=0.1, momentum=0.9), optax.sgd(0.1, momentum=0.9)),
    (SGD(learning_rate=0.1, momentum=0.9, nesterov=True), optax.sgd(0.1, momentum=0.9, nesterov=True)),
    (SGD(learning_rate=0.1, weight_decay=0.5), optax.chain(optax.add_decayed_weights(0.5), optax.sgd(0.1))),
    (SGD(learning_rate=0.1, clip=0.3), optax.chain(optax.clip_by_global_norm(0.3), optax.sgd(0.1))),
    (Adagrad(learning_rate=0.1), optax.adagrad(0.1)),
    (Adagrad(learning_rate=0.1, initial_accumulator_value=0.7, eps=0.1), optax.adagrad(0.1, 0.7, 0.1)),
    (Adam(learning_rate=0.1), optax.adam(0.1)),
    (Adam(learning_rate=0.1, b1=0.5, b2=0.7, eps=0.1, nesterov=True), optax.nadam(0.1, 0.5, 0.7, 0.1)),
    (Adam(learning_rate=0.1, weight_decay=0.5), optax.chain(optax.add_decayed_weights(0.5), optax.adam(0.1))),
    (AdamW(learning_rate=0.1), optax.adamw(0.1)),
    (AdamW(learning_rate=0.1, b1=0.5, b2=0.7, eps=0.1, weight_decay=0.3), optax.adamw(0.1, 0.5, 0.7, 0.1, weight_decay=0.3)),
    (AdamW(learning_rate=0.1, nesterov=True), optax.nadamw(0.1)),
    (RMSProp(learning_rate=0.1), optax.rmsprop(0.1)),
    (
        RMSProp(learning_rate=0.1, decay=0.5, eps=0.1, initial_scale=0.2, centered=True, momentum=0.3, nesterov=True),
        optax.rmsprop(0.1, 0.5, 0.1, 0.2, centered=True, momentum=0.3, nesterov=True),
    ),
]
START = {"w": jnp.array([1.0, -2.0]), "b": jnp.array([0.5])}


def gradients(weights):
    """Of a quadratic with curvatures 1, 3 and 2."""
    return {"w": weights["w"] * jnp.array([1.0, 3.0]), "b": 2.0 * weights["b"]}


def ten_steps(optimizer, per_gradient=None, **extra):
    """Of one fresh gradient each."""
    weights, state = START, optimizer.init(START)
    of_gradients = None if per_gradient is None else per_gradient.init(START)
    for _ in range(10):
        gradient = gradients(weights)
        if per_gradient is not None:
            gradient, of_gradients = per_gradient.update(gradient, of_gradients, weights, read=weights)
        update, state = optimizer.update(gradient, state, weights, **extra)
        weights = optax.apply_updates(weights, update)
    return [*weights["w"].tolist(), *weights["b"].tolist()]


@pytest.mark.parametrize(("chosen", "directly"), PAIRS, ids=[str(chosen) for chosen, _ in PAIRS])
def test_it_is_optaxs_own(chosen, directly):
    rule = rules.rule(chosen, NoModulation(), rules.Setting())
    found = ten_steps(rule.update, rule.per_gradient, factor=jnp.array(1.0))
    assert found == pytest.approx(ten_steps(directly), rel=1e-6)


def test_the_pairs_differ():
    """So that no parameter can be lost on its way to optax."""
    ends = [tuple(ten_steps(directly)) for _, directly in PAIRS]
    assert len(set(ends)) == len(PAIRS)


def one_step(chosen, factor=1.0, modulation=None, read=(3.0, 4.0), staleness=0):
    """From the weights (3, 4) with the gradient (6, 8), of norm 10."""
    weights = jnp.array([3.0, 4.0])
    rule = rules.rule(chosen, NoModulation() if modulation is None else modulation, rules.Setting())
    gradient, _ = rule.per_gradient.update(
        2.0 * weights, rule.per_gradient.init(weights), weights, read=jnp.array(read), staleness=jnp.int32(staleness)
    )
    change, _ = rule.update.update(gradient, rule.update.init(weights), weights, factor=jnp.array(factor))
    return optax.apply_updates(weights, change).tolist()


def test_the_decay_is_part_of_the_gradient():
    """At the weights (1, −2) that were read: (6, 8) + ½·(1, −2) = (6.5, 7). At staleness 5 a fifth of that is (1.3, 1.4)."""
    sgd = SGD(learning_rate=0.1, weight_decay=0.5)
    assert one_step(sgd, read=(1.0, -2.0)) == pytest.approx([3 - 0.65, 4 - 0.7])
    assert one_step(sgd, modulation=InverseStaleness(), read=(1.0, -2.0), staleness=5) == pytest.approx([3 - 0.13, 4 - 0.14])


def test_what_is_clipped_has_its_decay():
    """(6, 8) + ½·(4, 0) = (8, 8), which clipped to norm √2 is (1, 1)."""
    assert one_step(SGD(learning_rate=0.1, clip=2**0.5, weight_decay=0.5), read=(4.0, 0.0)) == pytest.approx([2.9, 3.9])


def test_the_decay_of_adamw_is_not_normalised():
    """Adam's first update is α₀ whatever the gradient; AdamW takes α₀·½ of the weights besides. The schedule scales both."""
    assert one_step(Adam(learning_rate=0.1, weight_decay=0.5)) == pytest.approx([2.9, 3.9], rel=1e-6)
    assert one_step(AdamW(learning_rate=0.1, weight_decay=0.5)) == pytest.approx([2.9 - 0.15, 3.9 - 0.2], rel=1e-6)
    assert one_step(AdamW(learning_rate=0.1, weight_decay=0.5), factor=0.5) == pytest.approx([2.875, 3.85], rel=1e-6)


@pytest.mark.parametrize(
    ("momentum", "staleness", "expected"),
    [
        (0.9, 29, 0.9),
        (TotalMomentum(total=0.9), 0, 0.9),
        (TotalMomentum(total=0.9), 3, 0.15),
        (TotalMomentum(total=0.5), 3, -0.25),
    ],
)
def test_what_is_left_of_a_momentum_that_counts_asynchrony(momentum, staleness, expected):
    """0.9 − (1 − 1/4) and ½ − (1 − 1/4)."""
    assert rules.explicit_momentum(momentum, staleness) == pytest.approx(expected)


def test_momentum_below_nothing():
    """½ in total at ⟨σ⟩ = 3 is −¼; α₀ = 0.1 and gradients of 1: v₁ = 1, w₁ = −0.1; v₂ = −¼ + 1, w₂ = −0.175."""
    sgd = SGD(learning_rate=0.1, momentum=TotalMomentum(total=0.5))
    update = rules.rule(sgd, NoModulation(), rules.Setting(tape_staleness=3.0)).update
    weights = jnp.array(0.0)
    state = update.init(weights)
    found = []
    for _ in range(2):
        change, state = update.update(jnp.array(1.0), state, weights, factor=jnp.array(1.0))
        weights = optax.apply_updates(weights, change)
        found.append(float(weights))
    assert found == pytest.approx([-0.1, -0.175])


def memoryless(momentum):
    """Four learners that compute for exponential times, and a momentum."""
    return scenario(
        LEARNING,
        {
            "cluster": {"learners": 4, "compute": {"distribution": "exponential", "cv": None}},
            "learning": {"optimizer": {"momentum": momentum}},
            "stop": {"gradients": 3000},
        },
    )


@pytest.mark.usefixtures("quickly_compiled")
def test_all_the_momentum_that_asynchrony_has_leaves_plain_sgd():
    """Claim 26: M learners add 1 − 1/M, so a total of ¾ leaves nothing to add for four of them.

    Gradients are less late at the beginning of the tape, so its ⟨σ⟩ is a little less than 3.
    """
    chosen = memoryless({"total": 0.75})
    _, tape = clock(chosen)
    assert tape.staleness.mean() == pytest.approx(3, abs=0.01)
    recipe = build_recipe(chosen, tape)
    assert recipe.setting == rules.Setting(tape_staleness=tape.staleness.mean())
    explicit = rules.explicit_momentum(recipe.optimizer.momentum, recipe.setting.tape_staleness)
    assert explicit == pytest.approx(0.0, abs=1e-3)
    assert build_recipe(memoryless(0.75), tape).setting == rules.Setting()
    total, plain, usual = (
        final_weights(Compiled(), simulate_problem(each)) for each in (chosen, memoryless(0.0), memoryless(0.75))
    )
    assert relative_distance(total, plain) < 0.02
    assert relative_distance(usual, plain) > 0.1


def test_a_networks_rates_and_decays():
    """Gradients (1, 1) at the weights (2, −4), decays (½, 0), rates (1, 2), α₀ = 0.1, momentum ½.

    v₁ = (2, 1), w₁ = (2 − 0.2, −4 − 0.2); v₂ = ½·(2, 1) + (1 + 0.9, 1) = (2.9, 1.5), w₂ = (1.8 − 0.29, −4.2 − 0.3).
    """
    weights = {"w": jnp.array([2.0]), "b": jnp.array([-4.0])}
    rule = rules.rule(
        SGD(learning_rate=0.1, momentum=0.5),
        NoModulation(),
        rules.Setting(),
        rates=lambda parameters: {"w": 1.0, "b": 2.0},
        decays=lambda parameters: {"w": 0.5, "b": 0.0},
    )
    state, of_gradients = rule.update.init(weights), rule.per_gradient.init(weights)
    for expected in ([1.8, -4.2], [1.51, -4.5]):
        ones = {"w": jnp.ones(1), "b": jnp.ones(1)}
        gradient, of_gradients = rule.per_gradient.update(ones, of_gradients, weights, read=weights)
        change, state = rule.update.update(gradient, state, weights, factor=jnp.array(1.0))
        weights = optax.apply_updates(weights, change)
        assert [float(weights["w"][0]), float(weights["b"][0])] == pytest.approx(expected)


def test_rudras_network_brings_its_rates_and_decays():
    """Without a gradient, from weights that are all 1 at learning rate 1, an array moves by its decay times its rate."""
    recipe = Recipe(ScenarioTask(Cifar10Rudra(), Cifar10()), SGD(learning_rate=1.0), NoModulation(), rules.Setting())
    ones = jax.tree.map(lambda leaf: jnp.ones(leaf.shape), jax.eval_shape(recipe.task.objective.init, jax.random.key(0)))
    per_gradient, update = recipe.rule.per_gradient, recipe.rule.update
    decayed, _ = per_gradient.update(jax.tree.map(jnp.zeros_like, ones), per_gradient.init(ones), ones, read=ones)
    change, _ = update.update(decayed, update.init(ones), ones, factor=jnp.array(1.0))
    moved = jax.tree.map(lambda leaf: -float(leaf.ravel()[0]), change)
    rates, decays = recipe.task.objective.rates(ones), recipe.task.objective.decays(ones)
    assert jax.tree.leaves(moved) == pytest.approx(jax.tree.leaves(jax.tree.map(lambda r, d: r * d, rates, decays)))
    assert len({*jax.tree.leaves(rates)}) == 2
    assert max(jax.tree.leaves(moved)) > 0


def test_the_state_keeps_its_types():
    """A loop on the device carries it."""
    with jax.enable_x64(True):
        for chosen, _ in PAIRS:
            update = rules.rule(chosen, NoModulation(), rules.Setting()).update
            weights = jnp.array([3.0, 4.0], jnp.float32)
            state = update.init(weights)
            change, after = update.update(weights, state, weights, factor=jnp.float32(1.0))
            assert change.dtype == jnp.float32
            assert jax.tree.map(jnp.result_type, after) == jax.tree.map(jnp.result_type, state), chosen

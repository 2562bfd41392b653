"""Update rules, computed by hand and in somebody's own loop."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from simasgd import ScenarioError
from simasgd.learning import rules
from simasgd.learning.problem.schedule import schedule_factors
from simasgd.scenario.learning.modulation import InverseStaleness
from simasgd.scenario.learning.optimizers import SGD
from simasgd.scenario.learning.schedule import Decay, Schedule
from tests.build import LEARNING, scenario
from tests.learning.tapes import make_tape

TAPE = make_tape([[0, 0], [1, 1], [2], [3], [4, 4], [5, 5]])


@pytest.mark.parametrize(("staleness", "expected"), [(0, 6.0), (1, 6.0), (2, 3.0), (3, 2.0), (30, 0.2)])
def test_inverse_staleness_counts_at_least_one(staleness, expected):
    rule = rules.scale_by_inverse_staleness()
    scaled, _ = rule.update({"w": jnp.array([6.0])}, rule.init({"w": jnp.zeros(1)}), staleness=jnp.int32(staleness))
    assert scaled["w"] == pytest.approx(expected)


@pytest.mark.parametrize(("mean", "expected"), [(0.0, 6.0), (0.9, 6.0), (2.0, 3.0), (29.0, 6 / 29)])
def test_inverse_mean_staleness(mean, expected):
    rule = rules.scale_by_inverse_mean_staleness(mean)
    scaled, _ = rule.update(jnp.array(6.0), rule.init(jnp.array(0.0)))
    assert scaled == pytest.approx(expected)


def test_sqrt_batch():
    rule = rules.scale_by_sqrt_batch(samples=32, reference=128)
    scaled, _ = rule.update(jnp.array(6.0), rule.init(jnp.array(0.0)))
    assert scaled == pytest.approx(3.0)


def test_staleness_scales_the_gradient_before_momentum_sees_it():
    """w₀ = 0; gradients 1, then 1 with τ = 2; α₀ = 0.1, momentum 0.5: v₁ = 1, w₁ = −0.1; v₂ = 0.5·1 + 1/2 = 1, w₂ = −0.2."""
    rule = rules.rule(SGD(learning_rate=0.1, momentum=0.5), InverseStaleness(), rules.Setting())
    weights = jnp.array(0.0)
    gradient_state, state = rule.per_gradient.init(weights), rule.update.init(weights)
    seen = []
    for staleness in (0, 2):
        gradient, gradient_state = rule.per_gradient.update(
            jnp.array(1.0), gradient_state, None, staleness=jnp.int32(staleness)
        )
        update, state = rule.update.update(gradient, state, weights, factor=jnp.array(1.0))
        weights = optax.apply_updates(weights, update)
        seen.append(float(weights))
    assert seen == pytest.approx([-0.1, -0.2])


def test_the_rules_work_in_anybodys_own_loop():
    """optax.chain passes the staleness on."""
    optimizer = optax.chain(rules.scale_by_inverse_staleness(), optax.sgd(0.5))
    weights = jnp.array([4.0])
    update, _ = optimizer.update(weights, optimizer.init(weights), weights, staleness=jnp.int32(4))
    assert optax.apply_updates(weights, update) == pytest.approx(4.0 - 0.5 * 4.0 / 4)


def test_schedule_counts_samples_applied_before_the_step():
    """Six steps of 2, 2, 1, 1, 2, 2 gradients of one sample, an epoch of 2: epochs before the steps 0, 1, 2, 2.5, 3, 4."""
    factors = schedule_factors(Schedule(boundaries=(1, 2.75), factor=0.1), TAPE, samples_per_epoch=2)
    assert factors == pytest.approx([1, 0.1, 0.1, 0.1, 0.01, 0.01])
    assert np.array_equal(schedule_factors(None, TAPE, 2), np.ones(6))


def test_warm_up_counts_the_samples_of_the_step_too():
    """After the steps 1, 2, 2.5, 3, 4 and 5 of 2.5 epochs."""
    assert schedule_factors(Schedule(warmup=2.5), TAPE, 2) == pytest.approx([0.4, 0.8, 1, 1, 1, 1])


def test_decays():
    """From epoch 1 to 3, before the steps: 0, 0, ½, ¾, 1 and 2 of the way."""
    linear = schedule_factors(Schedule(decay=Decay(kind="linear", start=1, end=3)), TAPE, 2)
    assert linear == pytest.approx([1, 1, 0.5, 0.25, 0, 0])
    cosine = schedule_factors(Schedule(decay=Decay(kind="cosine", start=1, end=3)), TAPE, 2)
    assert cosine == pytest.approx([1, 1, 0.5, 0.5 - 0.5**1.5, 0, 0])
    whole = schedule_factors(Schedule(decay=Decay(kind="cosine", end=4)), TAPE, 2)
    assert whole == pytest.approx([1, 0.5 + 0.5**1.5, 0.5, 0.5 * (1 + math.cos(5 * math.pi / 8)), 0.5 - 0.5**1.5, 0])


def test_a_schedule_is_the_product_of_its_parts():
    parts = {"boundaries": (1, 2.75), "factor": 0.1}, {"warmup": 2.5}, {"decay": Decay(kind="linear", end=5)}
    together = schedule_factors(Schedule(**parts[0], **parts[1], **parts[2]), TAPE, 2)
    alone = [schedule_factors(Schedule(**part), TAPE, 2) for part in parts]
    assert together == pytest.approx(alone[0] * alone[1] * alone[2])


@pytest.mark.parametrize(
    ("schedule", "path", "fragment"),
    [
        ({"boundaries": [2, 1], "factor": 0.1}, "boundaries", "does not ascend"),
        ({"boundaries": [1]}, "factor", "missing"),
        ({"factor": 0.5}, "boundaries", "missing"),
        ({"decay": {"kind": "linear", "start": 3, "end": 3}}, "decay.end", "3 is not after the start, 3"),
    ],
    ids=str,
)
def test_a_schedule_that_makes_no_sense_is_refused(schedule, path, fragment):
    with pytest.raises(ScenarioError) as caught:
        scenario(LEARNING, {"learning": {"schedule": schedule}})
    assert f"learning.schedule.{path}" in str(caught.value)
    assert fragment in str(caught.value)

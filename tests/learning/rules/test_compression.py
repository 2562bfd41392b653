"""Compressed gradients: the memories around the encoders, and their place in the rule."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from simasgd.learning import rules
from simasgd.scenario.learning import modulation
from simasgd.scenario.learning.compression import QSGD, Half, NoCompression, Sign, TopK
from simasgd.scenario.learning.optimizers import SGD
from tests.build import LEARNING, clock, scenario
from tests.learning.agreement import flatten

pytestmark = pytest.mark.usefixtures("quickly_compiled")

ENCODERS = {
    "fp16": rules.round_to_half(),
    "top-k": rules.keep_largest(0.1),
    "qsgd": rules.quantize(4, bucket=8),
    "sign": rules.take_scaled_signs(),
}


@pytest.mark.parametrize("kind", ENCODERS)
def test_what_was_sent_and_what_is_remembered_add_up_to_all_gradients(kind):
    """For each of three learners, exactly where numbers are: top-k of whole numbers."""
    feedback = rules.with_error_feedback(ENCODERS[kind], learners=3)
    generator = np.random.default_rng(4)
    start = {"w": jnp.zeros((4, 5)), "b": jnp.zeros(3)}
    state, totals, messages = feedback.init(start), np.zeros((3, 23)), np.zeros((3, 23))
    update = jax.jit(feedback.update)
    for _ in range(60):
        learner, last = int(generator.integers(3)), bool(generator.integers(2))
        gradient = {"w": generator.integers(-9, 9, (4, 5)), "b": generator.integers(-9, 9, 3)}
        gradient = jax.tree.map(lambda leaf: jnp.array(leaf, jnp.float32), gradient)
        message, state = update(gradient, state, learner=learner, last=last)
        assert last or not flatten(message).any()
        totals[learner] += flatten(gradient)
        messages[learner] += flatten(message)
    remembered = np.stack([flatten(jax.tree.map(lambda leaf, i=i: leaf[i], state.memories)) for i in range(3)])
    assert np.abs(remembered).max() > 1
    assert messages + remembered == pytest.approx(totals, abs=0 if kind == "top-k" else 1e-3)


def test_a_message_is_the_code_of_a_sum():
    """Learner 1 computes (1, −3) and (4, 0), and top-k leaves out the second value of their sum (5, −3).

    Without feedback that value is lost; with feedback it is added to the next message. Learner 0 is not concerned.
    """
    gradients = [([1.0, -3.0], False), ([4.0, 0.0], True), ([0.0, 0.0], False), ([0.0, -1.0], True)]
    half = rules.keep_largest(0.5)
    for around, expected in ((rules.summed_up, [0, -1]), (rules.with_error_feedback, [0, -4])):
        transformation, found = around(half, learners=2), []
        state, update = transformation.init(jnp.zeros(2)), jax.jit(transformation.update)
        for gradient, last in gradients:
            message, state = update(jnp.array(gradient), state, learner=1, last=last)
            found.append(message.tolist())
        assert found == [[0, 0], [5, 0], [0, 0], expected]
        assert not state.memories.any()


def test_error_feedback_in_anybodys_own_loop():
    """Two learners in turn descend on ½‖w‖² by the largest value of three."""
    optimizer = optax.chain(rules.with_error_feedback(rules.keep_largest(0.3), learners=2), optax.sgd(0.1))
    weights = jnp.array([1.0, -2.0, 0.5])
    state, step = optimizer.init(weights), jax.jit(optimizer.update)
    for k in range(300):
        update, state = step(weights, state, weights, learner=k % 2)
        weights = optax.apply_updates(weights, update)
    assert np.abs(weights).max() < 1e-4


def first_stage(compression, kind=modulation.NoModulation(), setting=rules.Setting(), **optimizer):  # noqa: B008
    return rules.rule(SGD(learning_rate=0.1, **optimizer), kind, setting, compression=compression)


@partial(jax.jit, static_argnums=0)
def messages_of(compression, gradients):
    """Return the messages made of a lone learner's gradients, one after the other."""
    stage = first_stage(compression).per_gradient
    state, messages = stage.init(gradients[0]), []
    for gradient in gradients:
        message, state = stage.update(gradient, state, learner=0)
        messages.append(message)
    return messages


def test_compression_comes_between_the_learner_and_the_server():
    """Signs of w/2 + g, of γ·v + g, and of g, whose message is then divided by τ."""
    signs = Sign(error_feedback=False)
    values = {"learner": 0, "staleness": jnp.int32(4), "read": jnp.array([3.0, -3.0])}
    for rule, expected in (
        (first_stage(signs, weight_decay=0.5), [1, -1]),
        (first_stage(signs, modulation.DanaSlim(decay=0.5)), [-1, 1]),
        (first_stage(signs, modulation.InverseStaleness()), [-0.25, 0.25]),
    ):
        message, _ = rule.per_gradient.update(
            jnp.array([-1.0, 1.0]), rule.per_gradient.init(jnp.zeros(2)), jnp.zeros(2), **values
        )
        assert message.tolist() == expected
        assert not rule.linear


def test_no_compression_is_no_stage_at_all():
    for nothing in (NoCompression(), TopK(fraction=1.0)):
        rule = first_stage(nothing)
        assert rule.linear
        assert not jax.tree.leaves(rule.per_gradient.init(jnp.zeros(3)))


def test_the_server_sees_whole_messages():
    """DANA-Zero's velocity is decayed once a message, though that is the sum of two gradients."""
    setting = rules.Setting(learners=1, sums=True)
    rule = first_stage(TopK(fraction=0.5, error_feedback=False), modulation.DanaZero(decay=0.5), setting)
    state, found = rule.per_gradient.init(jnp.zeros(2)), []
    for number in range(4):
        gradient, last = jnp.array([4.0, 1.0]), number % 2 == 1
        message, state = rule.per_gradient.update(gradient, state, jnp.zeros(2), learner=0, share=0.5, last=last)
        found.append(message.tolist())
    assert found == [[0, 0], [8, 0], [0, 0], [12, 0]]
    assert rule.look(jnp.zeros(2), state, jnp.array(1.0)).tolist() == pytest.approx([-0.1 * 0.5 * 0.5 * 12, 0])


KINDS = [
    NoCompression(),
    Half(),
    TopK(fraction=0.2),
    TopK(fraction=0.4),
    TopK(fraction=0.2, error_feedback=False),
    QSGD(levels=4, bucket=8),
    QSGD(levels=8, bucket=8),
    QSGD(levels=4, bucket=None),
    Sign(),
    Sign(error_feedback=False),
]


def test_every_parameter_matters():
    """Each of these parameters changes the message of the second of two gradients."""
    gradients = np.random.default_rng(5).normal(size=(2, 20)).astype(np.float32)
    found = [np.array(messages_of(kind, gradients)[-1]) for kind in KINDS]
    for number, message in enumerate(found):
        assert all(np.abs(message - other).max() > 1e-6 for other in found[:number]), KINDS[number]


def test_gradients_that_are_no_numbers_stay_so():
    """So that a run that diverges is found to."""
    gradients = np.ones((2, 20), np.float32)
    gradients[1, 3] = np.nan
    assert all(np.isnan(messages_of(kind, gradients)[-1]).any() for kind in KINDS)


@pytest.mark.parametrize("protocol", [{"kind": "downpour", "n_push": 2, "n_fetch": 3}, {"kind": "fedbuff", "local_steps": 3}])
@pytest.mark.parametrize("architecture", ["base", "adv"])
def test_a_message_is_one_learners_last_gradients(protocol, architecture):
    """Also where a server of a tree has put messages together, and where learners crash."""
    crashes = {"learners": 8, "profile": "p775", "faults": {"crashes": {"mtbf": "20 ms", "mttr": "5 ms"}}}
    chosen = scenario(LEARNING, {"protocol": protocol, "cluster": {**crashes, "architecture": architecture}})
    tape = clock(chosen)[1]
    size = protocol.get("n_push") or protocol["local_steps"]
    assert tape.last.reshape(-1, size).tolist() == [[False] * (size - 1) + [True]] * (tape.num_gradients // size)
    assert (tape.learner.reshape(-1, size) == tape.learner[::size, None]).all()
    assert (np.diff(tape.batch.reshape(-1, size)) == 1).all()
    assert clock(scenario(LEARNING))[1].last.all()

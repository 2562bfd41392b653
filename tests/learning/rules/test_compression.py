"""Compressed gradients: the encoders by hand and by their laws, the memories around them, and both players with all of them."""

from __future__ import annotations

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from simasgd.learning import rules
from simasgd.learning.chain.plan import CPU
from simasgd.learning.chain.reference import Reference
from simasgd.learning.players.compiled import Compiled, Together
from simasgd.learning.players.machine import Machine
from simasgd.learning.players.memory import needs
from simasgd.learning.players.planner import planned
from simasgd.scenario.learning import modulation
from simasgd.scenario.learning.compression import QSGD, Half, NoCompression, Sign, TopK
from simasgd.scenario.learning.optimizers import SGD
from tests.build import LEARNING, clock, scenario
from tests.learning.players.test_memory import bytes_of as taken
from tests.learning.players.test_players import distance, final, problem_of

GRADIENT = {"a": jnp.array([3.0, -5.0]), "b": jnp.array([[1.0, 5.0], [0.0, -4.0]])}
QUICKLY = {"xla_backend_optimization_level": 0}
IN_WAVES = CPU._replace(most_in_wave=8)


@pytest.fixture(autouse=True)
def compiled_for_a_few_calls(monkeypatch):
    """Most of the time here goes into compiling."""
    monkeypatch.setattr(jax, "jit", partial(jax.jit, compiler_options=QUICKLY))


def sent(encoder, gradient):
    return jax.jit(lambda g: encoder.update(g, encoder.init(g))[0])(gradient)


def flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


# --- encoders -------------------------------------------------------------------------------------------------------------


def test_half_precision_is_ieees():
    """Rounded to even between two, down to 2⁻²⁴ = 6e-8, and infinite beyond 65,504."""
    values = np.array(
        [1.0, 1 + 2**-11, 1 + 3 * 2**-11, 0.1, -65504, 65519.9, 2**-14, 3e-5, 1.5 * 2**-24, 2**-25, 0], np.float32
    )
    expected = [1.0, 1.0, 1 + 2**-9, 0.0999755859375, -65504, 65504, 2**-14, values[7].astype(np.float16), 2**-23, 0, 0]
    half = rules.round_to_half()
    assert sent(half, jnp.array(values)).tolist() == [float(number) for number in expected]
    random = np.random.default_rng(0).normal(size=1000) * 10.0 ** np.random.default_rng(1).uniform(-9, 4, 1000)
    for dtype in (np.float32, np.float64):
        with jax.enable_x64(dtype is np.float64):
            found = sent(half, jnp.array(random.astype(dtype)))
        assert np.array_equal(found, random.astype(dtype).astype(np.float16).astype(dtype))
    assert sent(half, jnp.array([65520.0, -1e9])).tolist() == [np.inf, -np.inf]


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        (0.01, [0, -5, 0, 0, 0, 0]),  # of equal ones the first
        (0.2, [0, -5, 0, 5, 0, 0]),  # 1.2 of 6 are 2
        (0.5, [0, -5, 0, 5, 0, -4]),
        (1.0, [3, -5, 1, 5, 0, -4]),
    ],
)
def test_the_largest_of_all_arrays_together(fraction, expected):
    assert flat(sent(rules.keep_largest(fraction), GRADIENT)).tolist() == expected


def test_signs():
    assert flat(sent(rules.take_signs(), GRADIENT)).tolist() == [1, -1, 1, 1, 1, -1]
    assert flat(sent(rules.take_scaled_signs(), GRADIENT)).tolist() == [3, -3, 3, 3, 3, -3]  # 18/6
    assert np.isnan(sent(rules.take_signs(), jnp.array([jnp.nan, 1.0]))).tolist() == [True, False]


def test_quantized_values_that_are_on_the_grid_stay():
    """‖(3, −4)‖ = 5, so with s = 5 the levels are 3 and −4; with s = 1 and a bucket for each value every one is its norm."""
    assert sent(rules.quantize(5), jnp.array([3.0, -4.0, 0.0])) == pytest.approx([3, -4, 0], rel=1e-6)
    assert flat(sent(rules.quantize(1, bucket=1), GRADIENT)) == pytest.approx(flat(GRADIENT), rel=1e-6)
    assert flat(sent(rules.quantize(4), jax.tree.map(jnp.zeros_like, GRADIENT))).tolist() == [0] * 6


@pytest.mark.parametrize(("levels", "bucket"), [(1, None), (3, 8), (20, 7)])
def test_quantized_values_are_the_two_on_the_grid_beside_them(levels, bucket):
    values = np.random.default_rng(2).normal(size=30)
    with jax.enable_x64(True):
        found = np.array(sent(rules.quantize(levels, bucket), jnp.array(values)))
    size = 30 if bucket is None else bucket
    norms = np.repeat([np.linalg.norm(values[i : i + size]) for i in range(0, 30, size)], size)[:30]
    steps, wanted = found * levels / norms, values * levels / norms
    assert steps == pytest.approx(np.round(steps), abs=1e-9)
    assert (np.abs(steps - wanted) < 1).all()
    assert (found * values >= 0).all()


@pytest.mark.parametrize("levels", [1, 4, 20])
def test_quantization_is_unbiased_and_varies_no_more_than_its_bound(levels):
    """E‖Q − v‖² ≤ min(d/s², √d/s)·‖v‖², and so the mean of N draws is 1/N of that off."""
    draws, size = 4000, 24
    quantize = rules.quantize(levels)
    values = jnp.array(np.random.default_rng(3).normal(size=size), jnp.float32)
    starts = np.arange(draws * size, dtype=np.float32).reshape(draws, size)
    found = np.array(jax.jit(jax.vmap(lambda start: quantize.update(values, quantize.init(start))[0]))(starts), float)
    bound = min(size / levels**2, size**0.5 / levels) * float(values @ values)
    assert np.square(found - values).sum(axis=1).mean() <= bound
    assert np.square(found.mean(axis=0) - values).sum() <= 2 * bound / draws


def test_draws_follow_the_initial_weights_and_the_number_of_the_message():
    quantize, values = rules.quantize(1), jnp.linspace(-1, 1, 50)

    @jax.jit
    def messages(start):
        first, state = quantize.update(values, quantize.init(start))
        return first, quantize.update(values, state)[0]

    start = np.zeros(50, np.float32)
    first, second = map(np.array, messages(start))
    assert np.array_equal(messages(start), (first, second))
    assert not np.array_equal(first, second)
    start[7] = 1e-8
    assert not np.array_equal(messages(start)[0], first)
    assert jax.eval_shape(quantize.init, jax.ShapeDtypeStruct((50,), jnp.float32)).key.dtype == jnp.uint32


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5, 0.999])
def test_what_top_k_leaves_out_is_at_most_the_share_of_the_places(fraction):
    """‖v − top_k(v)‖² ≤ (1 − k/d)·‖v‖²."""
    vectors = np.random.default_rng(6).standard_cauchy((20, 100)).astype(np.float32)
    top_k, kept = rules.keep_largest(fraction), max(1, np.ceil(fraction * 100))
    left = vectors - np.array(jax.jit(jax.vmap(lambda v: top_k.update(v, top_k.init(v))[0]))(vectors))
    squares, squares_left = (np.square(each, dtype=float).sum(axis=1) for each in (vectors, left))
    assert (squares_left <= (1 - kept / 100) * squares * (1 + 1e-6)).all()


# --- memories -------------------------------------------------------------------------------------------------------------

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
        assert last or not flat(message).any()
        totals[learner] += flat(gradient)
        messages[learner] += flat(message)
    remembered = np.stack([flat(jax.tree.map(lambda leaf, i=i: leaf[i], state.memories)) for i in range(3)])
    assert np.abs(remembered).max() > 1
    assert messages + remembered == pytest.approx(totals, abs=0 if kind == "top-k" else 1e-3)


def test_a_message_is_the_code_of_a_sum():
    """Learner 1 has 1, −3, then 4, 0, of which the second is left out; learner 0 is not concerned. Without feedback what was
    left out is gone, with it it comes along."""
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


# --- the rule -------------------------------------------------------------------------------------------------------------


def first_stage(compression, kind=modulation.NoModulation(), setting=rules.Setting(), **optimizer):  # noqa: B008
    return rules.rule(SGD(learning_rate=0.1, **optimizer), kind, setting, compression=compression)


@partial(jax.jit, static_argnums=0, compiler_options=QUICKLY)
def messages_of(compression, gradients):
    """What becomes of a lone learner's gradients, one after the other."""
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
    """What is sent of the second of two gradients is something else for each of these."""
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


# --- players --------------------------------------------------------------------------------------------------------------

SPECTRUM = [round(0.9**k, 3) for k in range(24)]
BOWL = {
    "learning": {
        "data": {"kind": "noise", "features": 24},
        "model": {"kind": "quadratic", "spectrum": SPECTRUM},
        "precision": "float64",
    },
    "stop": {"gradients": None, "updates": 200},
}
DOWNPOUR = {"kind": "downpour", "n_push": 2}
FEDBUFF = {"kind": "fedbuff", "buffer": 2, "local_steps": 3}
PLAIN_TOP_K = {"kind": "top-k", "fraction": 0.2, "error_feedback": False}
PLAIN_SIGN = {"kind": "sign", "error_feedback": False}
# Every program is compiled, so each kind is here once with sums and once without, with and without feedback.
CASES = [
    *(("async", kind) for kind in ("fp16", {"kind": "top-k", "fraction": 0.2}, {"kind": "qsgd", "bucket": 7}, "sign")),
    *(("hardsync", kind) for kind in ({"kind": "qsgd", "bucket": None}, PLAIN_SIGN)),
    *((DOWNPOUR, kind) for kind in ({"kind": "top-k", "fraction": 0.2}, PLAIN_SIGN)),
    *((FEDBUFF, kind) for kind in ("fp16", PLAIN_TOP_K, "qsgd")),
]


def compressed(compression, *changes):
    return scenario(LEARNING, BOWL, {"workload": {"compression": compression}}, *changes)


def learned(player, *arguments):
    with jax.enable_x64(True):
        return final(player, problem_of(compressed(*arguments)))


@pytest.mark.parametrize(("protocol", "compression"), CASES, ids=str)
def test_the_players_agree(protocol, compression):
    with jax.enable_x64(True):
        problem = problem_of(compressed(compression, {"protocol": protocol}))
        expected = final(Reference(), problem)
        assert distance(final(Compiled(), problem), expected) <= 1e-10
        assert distance(problem.start, expected) > 0.01, "nothing was learned, so agreement says nothing"


def test_waves_agree_with_the_reference():
    """Sums of gradients that are computed at once, since their learners pull for each."""
    changes = {"protocol": DOWNPOUR, "cluster": {"learners": 6}, "learning": {"modulation": "dana-zero"}}
    with jax.enable_x64(True):
        problem = problem_of(compressed("qsgd", changes))
        plan = planned(problem.recipe, problem.tape, problem.sample, [200], IN_WAVES)
        assert plan.waves is not None
        assert plan.waves.width > 2
        assert problem.recipe.setting.sums
        assert distance(final(Compiled(IN_WAVES), problem), final(Reference(), problem)) <= 1e-10


def test_runs_played_together_draw_what_they_draw_alone():
    with jax.enable_x64(True):
        problem = problem_of(compressed("qsgd"))
        problems = [dataclasses.replace(problem, start=jax.tree.map(lambda w, k=k: w + k, problem.start)) for k in range(2)]
        (moments,) = Together().play(problems, [200], lambda done: None)
        for moment, alone in zip(moments, problems, strict=True):
            assert distance(moment.weights, final(Reference(), alone)) <= 1e-10


def test_all_of_the_largest_is_no_compression():
    """Bit for bit, tape and weights, hardsync's one mini-batch for all included."""
    kinds, protocol = ("none", {"kind": "top-k", "fraction": 1}), {"protocol": "hardsync"}
    tapes = [clock(compressed(kind, protocol))[1] for kind in kinds]
    for column in ("learner", "batch", "timestamp", "read_at", "computed_at", "stepped_at", "offsets"):
        assert np.array_equal(getattr(tapes[0], column), getattr(tapes[1], column))
    assert distance(*(learned(Compiled(), kind, protocol) for kind in kinds)) == 0.0


def test_what_is_stated_of_memory_is_what_is_taken():
    chosen = compressed("sign", {"protocol": FEDBUFF})
    with jax.enable_x64(True):
        problem = problem_of(chosen)
        plan = planned(problem.recipe, problem.tape, problem.sample, [problem.tape.num_steps], CPU)
        needed = needs(plan, problem.recipe, problem.dtype, 4)
        machine = Machine([problem], plan)
    start, rows = machine.start, machine._rows
    assert needed["weights and optimizer"] == 3 * (taken(start) - taken(start.slots) - taken(start.memory.copies))
    assert needed["mini-batches"] == taken(rows) - taken(rows.first)

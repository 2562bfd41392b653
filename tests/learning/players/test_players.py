"""The two players agree, on every protocol and every modulation; and hardsync is serial SGD."""

from __future__ import annotations

import dataclasses
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from simasgd.learning.chain import reference
from simasgd.learning.models.objective import loss
from simasgd.learning.players.compiled import Compiled
from simasgd.learning.players.machine import _compiled
from simasgd.learning.players.reference import Reference
from simasgd.learning.problem.problem import build_problem
from simasgd.scenario.vocabulary.merge import merge
from tests.build import AT_LENGTH, LEARNING, LINEAR, scenario, thin
from tests.learning.agreement import PROTOCOLS, TOLERANCE, final_weights, name_case, relative_distance, simulate_problem
from tests.learning.tapes import make_tape

MODULATIONS = [
    "none",
    "inverse-staleness",
    "inverse-mean-staleness",
    {"kind": "sqrt-batch", "reference": 8},
    "polynomial-staleness",
    {"kind": "exponential-staleness", "rate": 0.2},
    {"kind": "staleness-table", "factors": [1, 0.5, 0.8, 0.1]},
    {"kind": "delay-compensation", "lambda0": 2.0},
    "adaptive-delay-compensation",
    "gap-aware",
    "wu-adaptive-1",
    "wu-adaptive-2",
    {"kind": "mishchenko", "smoothness": 5.0},
    {"kind": "koloskova", "threshold": 2},
    "dana-slim",
    "learner-momentum",
    "dana-zero",
    "dana-dc",
]
OF_LEARNERS = ["dana-slim", "learner-momentum", "dana-zero", "dana-dc"]
OPTIMIZERS = [
    {"kind": "sgd", "learning_rate": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-3, "clip": 1.0},
    {"kind": "adagrad", "learning_rate": 0.05},
    {"kind": "adam", "learning_rate": 0.005, "weight_decay": 1e-3},
    {"kind": "adamw", "learning_rate": 0.005, "clip": 2.0},
    {"kind": "rmsprop", "learning_rate": 0.002, "centered": True, "momentum": 0.5},
]
DEEP = merge(LEARNING, {"learning": {"model": {"kind": "mlp", "hidden": [8, 8]}}})


# Every program is compiled twice, so the table is thinned out: the first four modulations with every protocol, the others where
# gradients are stale, all in the precision that shows more and of a model of five weights; a network with every protocol; and
# the other precision where rounding has most and least to do.
CASES = [
    *((LINEAR, protocol, modulation, "float64") for protocol in PROTOCOLS for modulation in MODULATIONS[:4]),
    *((LINEAR, protocol, modulation, "float64") for protocol in (PROTOCOLS[1], PROTOCOLS[3]) for modulation in MODULATIONS[4:]),
    *((LEARNING, protocol, "inverse-staleness", "float64") for protocol in PROTOCOLS),
    *((LEARNING, protocol, modulation, "float32") for protocol in PROTOCOLS[:2] for modulation in MODULATIONS[:2]),
]


SHORT = {"cluster": {"learners": 6, "profile": "p775"}, "stop": {"gradients": None, "updates": 200}}
SCHEDULE = {"boundaries": [0.2, 0.4], "factor": 0.5}
# The modulations whose factors are 1 by definition, where gradients are fresh and where ⟨σ⟩ = n = 1.
ALWAYS_ONE = {
    ("hardsync", None): ["inverse-staleness", "inverse-mean-staleness"],
    ("n-softsync", 1): ["inverse-mean-staleness"],
}


def simulate_modulated(base, protocol, modulation, precision):
    learning = {"modulation": modulation, "precision": precision, "schedule": SCHEDULE}
    return simulate_problem(scenario(base, SHORT, {"protocol": protocol, "learning": learning}))


@cache
def play_unmodulated(number):
    """Return the weights that protocol `number` gives in double precision without a modulation."""
    return final_weights(Compiled(), simulate_modulated(LINEAR, PROTOCOLS[number], "none", "float64"))


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize(("base", "protocol", "modulation", "precision"), thin(CASES, 3), ids=name_case)
def test_the_players_agree(base, protocol, modulation, precision):
    """And a modulation changes the weights, except where its factor is 1 by definition."""
    with jax.enable_x64(precision == "float64"):
        problem = simulate_modulated(base, protocol, modulation, precision)
        expected = final_weights(Reference(), problem)
        assert jax.tree.leaves(expected)[0].dtype == precision
        assert relative_distance(final_weights(Compiled(), problem), expected) <= TOLERANCE[precision]
        assert relative_distance(problem.start, expected) > 0.01, "nothing was learned, so agreement says nothing"
        if base is LINEAR:
            plain = play_unmodulated(PROTOCOLS.index(protocol))
            is_plain = modulation == "none" or modulation in ALWAYS_ONE.get((protocol["kind"], protocol.get("n")), ())
            assert (relative_distance(expected, plain) <= 1e-7) is is_plain


ON_FRESH = [modulation for modulation in MODULATIONS if "wu-adaptive-1" in modulation or "mishchenko" in str(modulation)]
ON_FRESH += OF_LEARNERS


@pytest.mark.usefixtures("quickly_compiled")
def test_modulations_differ_on_fresh_gradients():
    """Each modulation that does not depend on the staleness alone changes the weights; the others leave them alone."""
    # Every one is compiled, so of those without an effect on fresh gradients some stand for all.
    tried = [*MODULATIONS[:6], "gap-aware", *ON_FRESH]
    chosen = {
        str(modulation): scenario(LINEAR, {"protocol": "hardsync", "learning": {"modulation": modulation}})
        for modulation in tried
    }
    weights = {name: final_weights(Compiled(), simulate_problem(each)) for name, each in chosen.items()}
    plain = weights.pop("none")
    effective = {"{'kind': 'sqrt-batch', 'reference': 8}", *map(str, ON_FRESH)}
    for name, other in weights.items():
        assert (relative_distance(other, plain) > 1e-5) is (name in effective), name


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("modulation", ["delay-compensation", "adaptive-delay-compensation"])
@pytest.mark.parametrize("player", [Reference(), Compiled()], ids=lambda player: type(player).__name__)
def test_delay_compensation_of_nothing_is_plain_sgd(player, modulation):
    """Claim 41: DC-ASGD with λ₀ = 0 is ASGD, and with τ = 0 it is SGD, exactly."""
    reference.compiled_functions.cache_clear()  # exactly equal are what one compiler made with one effort
    _compiled.cache_clear()
    short = {"stop": {"gradients": None, "updates": 100}}
    plain = final_weights(player, simulate_problem(scenario(LINEAR, short)))
    nothing = scenario(LINEAR, short, {"learning": {"modulation": {"kind": modulation, "lambda0": 0}}})
    assert relative_distance(final_weights(player, simulate_problem(nothing)), plain) == 0.0
    alone = {"cluster": {"learners": 1}}
    serial = final_weights(player, simulate_problem(scenario(LINEAR, short, alone)))
    fresh = scenario(LINEAR, short, alone, {"learning": {"modulation": {"kind": modulation, "lambda0": 2}}})
    assert relative_distance(final_weights(player, simulate_problem(fresh)), serial) == 0.0
    assert relative_distance(serial, plain) > 0.01


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("protocol", [PROTOCOLS[0], PROTOCOLS[1]], ids=str)
def test_dana_dc_of_no_compensation_is_dana_zero(protocol):
    weights = []
    for modulation in ("dana-zero", {"kind": "dana-dc", "lambda0": 0}, "dana-dc"):
        changes = {"protocol": protocol, "learning": {"modulation": modulation}, "stop": {"gradients": 200}}
        weights.append(final_weights(Compiled(), simulate_problem(scenario(LINEAR, changes))))
    assert relative_distance(weights[1], weights[0]) <= TOLERANCE["float32"]
    assert relative_distance(weights[2], weights[0]) > 1e-3


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("modulation", ["adaptive-delay-compensation", "gap-aware", "wu-adaptive-1", *OF_LEARNERS])
def test_rows_of_unequal_length_leave_the_rules_state_alone(modulation):
    """Steps of one to three gradients: what fills the compiled player's rows up must not reach a rule that remembers."""
    gently = {"optimizer": {"learning_rate": 0.02}}  # for DANA-DC
    chosen = scenario(LINEAR, {"learning": {"modulation": modulation, "precision": "float64", **gently}})
    versions = [[max(0, u - lag) for lag in ((5, 2, 0)[: 1 + u % 3])] for u in range(60)]
    with jax.enable_x64(True):
        problem = build_problem(chosen, make_tape(versions))
        assert (
            relative_distance(final_weights(Compiled(), problem), final_weights(Reference(), problem)) <= TOLERANCE["float64"]
        )


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("modulation", thin([*MODULATIONS[2:], *MODULATIONS[:2]], 3), ids=str)  # those that CASES leave out
def test_gradients_of_one_old_version_are_one_mini_batch_only_where_that_is_the_same(modulation):
    """Steps of two gradients that both read the weights of two steps ago, whose decay is part of them."""
    decayed = {"optimizer": {"weight_decay": 0.1, "learning_rate": 0.02}}
    chosen = scenario(LINEAR, {"learning": {"modulation": modulation, "precision": "float64", **decayed}})
    tape = make_tape([[max(0, u - 2)] * 2 for u in range(60)])
    tape = dataclasses.replace(tape, learner=np.arange(120) % 2, batch=np.arange(120) // 2)
    with jax.enable_x64(True):
        problem = build_problem(chosen, tape)
        assert (
            relative_distance(final_weights(Compiled(), problem), final_weights(Reference(), problem)) <= TOLERANCE["float64"]
        )


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer["kind"])
@pytest.mark.parametrize("player", [Reference, Compiled])
def test_divergence_is_found_at_its_update_with_each_optimizer(player, optimizer):
    """A learning rate that float32 cannot hold from the second half of an epoch on."""
    explosion = {"boundaries": [0.5], "factor": 1e39}
    chosen = scenario(
        LINEAR,
        {"learning": {"optimizer": optimizer, "schedule": explosion}, "stop": {"gradients": None, "updates": 300}},
    )
    problem = simulate_problem(chosen)
    (half,) = problem.tape.first_step_after([719])
    *before, last = player().play(problem, [0, 1, 300], lambda done: None)
    assert [moment.diverged for moment in before] == [False, False]
    assert (last.steps, last.diverged) == (half + 1, True)


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer["kind"])
def test_the_players_agree_with_each_optimizer(optimizer):
    schedule = {"warmup": 0.1, "decay": {"kind": "cosine", "end": 1}}
    learning = {"optimizer": optimizer, "schedule": schedule, "precision": "float64", "modulation": "inverse-staleness"}
    chosen = scenario(LINEAR, {"learning": learning, "stop": {"gradients": None, "updates": 200}})
    with jax.enable_x64(True):
        problem = simulate_problem(chosen)
        expected = final_weights(Reference(), problem)
        assert relative_distance(final_weights(Compiled(), problem), expected) <= TOLERANCE["float64"]
        assert relative_distance(problem.start, expected) > 0.01, "nothing was learned, so agreement says nothing"


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("player", [Reference(), Compiled()], ids=lambda player: type(player).__name__)
def test_hardsync_is_serial_sgd_with_the_learners_mini_batches_together(player, precision):
    """Claim 2: λ learners with mini-batch µ are one with λµ, after 1,000 updates."""
    chosen = scenario(
        LEARNING,
        {
            "protocol": "hardsync",
            "learning": {"precision": precision},
            "stop": {"gradients": None, "updates": 1000 if isinstance(player, Compiled) else 100},
        },
    )
    with jax.enable_x64(precision == "float64"):
        problem = simulate_problem(chosen)
        together = problem.batches.reshape(problem.tape.num_steps, -1)
        assert together.shape[1] == 4 * 4
        optimizer, weights = optax.sgd(0.05, momentum=0.5), problem.start
        state, objective = optimizer.init(weights), problem.recipe.task.objective

        @jax.jit
        def serial(weights, state, batch):
            gradient = jax.grad(lambda w: loss(objective, w, *problem.train.batch(batch)))(weights)
            updates, state = optimizer.update(gradient, state, weights)
            return optax.apply_updates(weights, updates), state

        for batch in jnp.asarray(together):
            weights, state = serial(weights, state, batch)
        assert relative_distance(final_weights(player, problem), weights) <= TOLERANCE[precision]


@pytest.mark.usefixtures("quickly_compiled")
def test_a_lone_learner_is_serial_sgd_whatever_the_protocol():
    one = {"cluster": {"learners": 1}, "stop": {"gradients": None, "updates": 300}}
    weights = [
        final_weights(Compiled(), simulate_problem(scenario(LINEAR, one, {"protocol": protocol})))
        for protocol in ({"kind": "hardsync"}, {"kind": "async"}, {"kind": "n-softsync", "n": 1})
    ]
    assert relative_distance(weights[1], weights[0]) == 0.0
    assert relative_distance(weights[2], weights[0]) == 0.0


@pytest.mark.usefixtures("quickly_compiled")
def test_looking_at_the_weights_on_the_way_does_not_change_them():
    problem = simulate_problem(scenario(LINEAR, {"workload": {"samples_per_epoch": 500}}))
    assert problem.cuts == (0, 125, 250, 375, 400), "odd ones, too"
    undisturbed = final_weights(Compiled(), problem)
    for stops in ([0, 2, 100, 256], [3, 33, 101], [125, 126, 127, 128, 374, 375, 399]):
        assert relative_distance(final_weights(Compiled(), problem, stops=stops), undisturbed) == 0.0


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize(
    ("base", "protocol"), [*((LINEAR, protocol) for protocol in PROTOCOLS), (DEEP, PROTOCOLS[1])], ids=name_case
)
@pytest.mark.parametrize("player", [Compiled, pytest.param(Reference, marks=AT_LENGTH)])
def test_divergence_is_found_at_the_update_where_it_happens(player, base, protocol):
    explosion = {"boundaries": [1.0], "factor": 1e30}  # the learning rate explodes after one epoch
    chosen = scenario(
        base,
        {
            "protocol": protocol,
            "learning": {"schedule": explosion},
            "stop": {"gradients": None, "updates": 700},
        },
    )
    problem = simulate_problem(chosen)
    (epoch,) = problem.tape.first_step_after([1437])
    *before, last = player().play(problem, [0, 1, 700], lambda done: None)
    assert last.diverged
    assert not any(moment.diverged for moment in before)
    assert epoch < last.steps < epoch + 50
    (just_before,) = player().play(problem, [last.steps - 1], lambda done: None)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(just_before.weights))
    assert not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(last.weights))

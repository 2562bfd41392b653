"""Protocols without a server equal other protocols, or serial SGD, in special cases.

The learned weights are compared.
"""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import optax
import pytest

from simasgd.learning.layout.moment import Moment
from simasgd.learning.models.objective import loss
from simasgd.learning.players.compiled import Compiled
from simasgd.learning.problem.problem import build_problem
from simasgd.scenario.cluster.collective import Collective
from simasgd.scenario.reading.keys import find_sections
from tests.build import LEARNING, LINEAR, clock, scenario
from tests.learning.agreement import TOLERANCE, relative_distance

CLUSTER = {"learners": 4, "profile": "ethernet-25g", "compute": {"per_batch": "1 ms", "distribution": "gamma", "cv": 0.4}}
PLAIN = {"learning": {"optimizer": {"kind": "sgd", "learning_rate": 0.05}}}
PER_LEARNER = 25


def build(protocol, *changes, base=LINEAR):
    changes = ({"learning": {"precision": "float64"}, "stop": {"gradients": 4 * PER_LEARNER}}, *changes)
    chosen = scenario(base, {"cluster": CLUSTER, "protocol": protocol}, *changes)
    return build_problem(chosen, clock(chosen)[1])


def final(problem) -> Moment:
    (moment,) = Compiled().play(problem, [problem.tape.num_steps], lambda _: None)
    assert relative_distance(moment.weights, problem.start) > 0.01, "nothing was learned, so agreement says nothing"
    return moment


def serial(problem, rows_of_steps):
    """Run SGD on mini-batches that join these gradient rows, by optax alone."""
    optimizer, objective = problem.recipe.optimizer, problem.recipe.task.objective
    update = optax.sgd(optimizer.learning_rate, momentum=optimizer.momentum or None)

    @jax.jit
    def step(weights, state, inputs, labels):
        gradient = jax.grad(lambda w: loss(objective, w, inputs, labels))(weights)
        change, state = update.update(gradient, state, weights)
        return optax.apply_updates(weights, change), state

    weights, state = problem.start, update.init(problem.start)
    for rows in rows_of_steps:
        weights, state = step(weights, state, *problem.train.batch(np.concatenate(problem.batches[rows])))
    return weights


@pytest.fixture(autouse=True)
def _double_precision(quickly_compiled):
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("collective", [one.model_fields["kind"].default for one in find_sections(Collective)])
def test_all_reduce_is_hardsync(collective):
    """Compare with hardsync, with momentum and for every collective operation.

    Equal gradients of equal weights in equal steps make equal weights, for one bucket or several.
    """
    problem, hardsync = build({"kind": "all-reduce", "collective": collective, "buckets": 3}), build("hardsync")
    tape, other = problem.tape, hardsync.tape
    order, others = (np.lexsort((one.learner, one.step)) for one in (tape, other))
    for column in ("learner", "batch", "timestamp", "step"):
        assert np.array_equal(getattr(tape, column)[order], getattr(other, column)[others])
    if collective == "ring":
        assert relative_distance(final(problem).weights, final(hardsync).weights) <= TOLERANCE["float64"]


def test_all_reduce_is_serial():
    """Compare with SGD with a mini-batch of λµ."""
    problem = build("all-reduce", base=LEARNING)
    rounds = [list(range(4 * number, 4 * number + 4)) for number in range(PER_LEARNER)]
    assert relative_distance(final(problem).weights, serial(problem, rounds)) <= TOLERANCE["float64"]


def test_local_sgd_of_one_step_is_all_reduce():
    """Compare for plain SGD, where a mean of steps is a step with the mean."""
    one = {"kind": "local-sgd", "steps": 1}
    # Both have made whole rounds. local-sgd makes the last mean before the next round's first
    # gradient.
    local = build(one, PLAIN, {"stop": {"gradients": 4 * PER_LEARNER + 1}})
    (moment,) = Compiled().play(local, [local.tape.num_steps - 1], lambda _: None)
    assert moment.distance == pytest.approx(0.0, abs=1e-12)
    assert relative_distance(moment.weights, final(build("all-reduce", PLAIN)).weights) <= TOLERANCE["float64"]


@pytest.mark.parametrize(
    "protocol",
    [
        {"kind": "easgd", "moving_rate": 0.0, "period": 2},
        {"kind": "gossip-pull", "coefficient": 0.0},
        {"kind": "elastic-gossip", "coefficient": 0.0},
        {"kind": "local-sgd", "steps": 1000},
    ],
    ids=lambda protocol: protocol["kind"],
)
def test_learners_that_do_not_mix_are_runs_of_their_own(protocol):
    """Compare with λ serial runs, each with its own optimizer state."""
    problem = build(protocol)
    tape = problem.tape
    own = [serial(problem, [[row] for row in np.flatnonzero(tape.learner == learner)]) for learner in range(4)]
    mean = jax.tree.map(lambda *leaves: sum(leaves) / 4, *own)
    squares = [sum(((a - b) ** 2).sum() for a, b in zip(*map(jax.tree.leaves, (one, mean)), strict=True)) for one in own]
    if tape.mixing.has_centre:  # the centre is evaluated, and does not move
        (moment,) = Compiled().play(problem, [tape.num_steps], lambda _: None)
        assert relative_distance(moment.weights, problem.start) == 0.0
        without = dataclasses.replace(tape.mixing, has_centre=False)
        problem = dataclasses.replace(problem, tape=dataclasses.replace(tape, mixing=without))
    moment = final(problem)
    assert relative_distance(moment.weights, mean) <= TOLERANCE["float64"]
    assert moment.distance == pytest.approx(np.sqrt(sum(squares) / 4), rel=1e-10)


@pytest.mark.parametrize(("average", "base"), [(False, LINEAR), (True, LEARNING)], ids=["kept", "averaged"])
def test_local_sgd_averages_momentum_or_not(average, base):
    """Compare with a computation by hand: two rounds of two steps, with heavy-ball momentum."""
    protocol = {"kind": "local-sgd", "steps": 2, "average_momentum": average}
    problem = build(protocol, {"stop": {"gradients": 16}}, base=base)
    tape, objective = problem.tape, problem.recipe.task.objective
    optimizer = problem.recipe.optimizer
    gradient = jax.jit(lambda w, x, y: jax.grad(lambda v: loss(objective, v, x, y))(w))
    weights, momenta = [problem.start] * 4, [jax.tree.map(np.zeros_like, problem.start)] * 4
    for start in (0, 2):
        for learner in range(4):
            for number in (start, start + 1):
                (row,) = np.flatnonzero((tape.learner == learner) & (tape.batch == number))
                found = gradient(weights[learner], *problem.train.batch(problem.batches[row]))
                momenta[learner] = jax.tree.map(lambda v, g: optimizer.momentum * v + g, momenta[learner], found)
                rate = optimizer.learning_rate
                weights[learner] = jax.tree.map(lambda w, v, rate=rate: w - rate * v, weights[learner], momenta[learner])
        if start == 0:
            weights = [jax.tree.map(lambda *leaves: sum(leaves) / 4, *weights)] * 4
            if average:
                momenta = [jax.tree.map(lambda *leaves: sum(leaves) / 4, *momenta)] * 4
    mean = jax.tree.map(lambda *leaves: sum(leaves) / 4, *weights)
    assert relative_distance(final(problem).weights, mean) <= TOLERANCE["float64"]

"""The reference player's part for tapes with one chain of weights.

It plays one row of the tape at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import PyTree

from simasgd.learning.layout.abstract import numbers_on_device
from simasgd.learning.layout.moment import Moment
from simasgd.learning.models.network import Parameters
from simasgd.learning.problem.evaluation import all_finite
from simasgd.learning.problem.gradients import GradientFunction, gradient_function
from simasgd.learning.problem.problem import Problem
from simasgd.learning.problem.recipe import Recipe
from simasgd.learning.problem.snapshot import Snapshot
from simasgd.learning.problem.task import MOST_PROGRAMS, Frame
from simasgd.learning.rules import Rule
from simasgd.learning.rules.trees import State, Updates
from simasgd.tape.tape import Tape


def play_reference(problem: Problem, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[Moment]:
    """Play a problem as `AbstractPlayer.play` says."""
    functions = row_functions(problem.recipe)
    tape, rule = problem.tape, problem.recipe.rule
    weights, before = problem.start, problem.before
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state, gradient_state = rule.update.init(weights), rule.per_gradient.init(weights)
    received = weights
    if before is not None:
        state, gradient_state = before.optimizer, before.memory
        received = functions.sent(weights, gradient_state, problem.factors[:1].sum())
    versions = tape.timestamp[:, None] if tape.layers is None else tape.layers
    last_read = np.full(tape.num_steps + 1, -1)
    np.maximum.at(last_read, versions, np.broadcast_to(tape.step[:, None], versions.shape))
    kept = {0: received}
    copies: dict[int, Parameters] = {}
    local_factors, shares = problem.local_factors, problem.shares
    remaining = set(stops)
    layers = problem.recipe.task.objective.layers(weights)

    if 0 in remaining:
        yield Moment(0, weights, partial(Snapshot, weights, state, gradient_state))
    for u in range(max(stops, default=0)):
        rows = range(tape.offsets[u], tape.offsets[u + 1])
        mean = zeros
        coefficient = (1 if tape.summed is None else tape.summed[u]) / len(rows)
        for row in rows:
            read = _read(tape, row, kept, copies, layers)
            own = coefficient if problem.rates is None else coefficient * problem.rates[row]
            codes = None if problem.codes is None else problem.codes[row]
            share = None if shares is None else shares[row]
            gradient = functions.gradient(read, *problem.train.batch(problem.batches[row]), codes, share)
            extra = {
                "learner": tape.learner[row],
                "read": read,
                "staleness": tape.staleness[row],
                "step": tape.past.updates + u,
                "share": own,
                "last": tape.last[row],
            }
            mean, gradient_state = functions.add(mean, gradient, gradient_state, weights, extra)
            if tape.ahead is not None:
                copies[tape.learner[row]] = functions.step_copy(gradient, read, local_factors[row])
        weights, state = functions.step(weights, state, mean, problem.factors[u])
        if not all_finite(weights):
            yield Moment(u + 1, weights, partial(Snapshot, weights, state, gradient_state), diverged=True)
            return
        kept[u + 1] = functions.sent(weights, gradient_state, problem.factors[u])
        for timestamp in {*versions[rows.start : rows.stop].ravel().tolist(), u + 1}:
            if last_read[timestamp] <= u:
                del kept[timestamp]
        progress(u + 1)
        if u + 1 in remaining:
            yield Moment(u + 1, weights, partial(Snapshot, weights, state, gradient_state))


def _read(tape: Tape, row: int, kept: Mapping[int, Parameters], copies: Mapping[int, Parameters], layers: PyTree) -> Parameters:
    """Return the weights on which the gradient of a row is computed.

    They are its learner's copy, or each layer's weights from the version that the row names. `kept`
    has the versions by their timestamps, and `layers` the layer of each array of weights.
    """
    if tape.ahead is not None and tape.ahead[row]:
        return copies[tape.learner[row]]
    if tape.layers is None:
        return kept[tape.timestamp[row]]
    of_layers = tape.layers[row].tolist()
    return jax.tree.map(lambda layer, *leaves: leaves[layer], layers, *(kept[timestamp] for timestamp in of_layers))


class ChainRowFunctions(NamedTuple):
    """The compiled functions of a recipe, for one row of a tape at a time."""

    gradient: GradientFunction
    add: Callable[[Updates, Updates, State, Parameters, dict[str, PyTree]], tuple[Updates, State]]
    """Add a transformed gradient to the mean of its step."""
    step: Callable[[Parameters, State, Updates, np.float64], tuple[Parameters, State]]
    """Apply the optimizer's update."""
    sent: Callable[[Parameters, State, np.float64], Parameters]
    """Compute the weights as learners receive them."""
    step_copy: Callable[[Updates, Parameters, np.float64], Parameters]
    """Make a step of a learner's own copy."""


def row_functions(recipe: Recipe) -> ChainRowFunctions:
    """Return the functions of a recipe, which are compiled at their first calls."""
    functions, rule = compiled_functions(recipe.frame), numbers_on_device(recipe.rule, jnp.result_type(float))
    return ChainRowFunctions(functions.gradient, *(partial(function, rule) for function in functions[1:]))


class ChainFunctions(NamedTuple):
    """The functions of `ChainRowFunctions` before they have a rule, which all but the first take as first argument."""

    gradient: GradientFunction
    add: Callable[..., tuple[Updates, State]]
    step: Callable[..., tuple[Parameters, State]]
    sent: Callable[..., Parameters]
    step_copy: Callable[..., Parameters]


@lru_cache(MOST_PROGRAMS)
def compiled_functions(frame: Frame) -> ChainFunctions:
    """Return the functions of a frame. Rules of one structure share their compiled forms."""

    @jax.jit
    def add(
        rule: Rule, mean: Updates, gradient: Updates, state: State, weights: Parameters, extra: dict[str, PyTree]
    ) -> tuple[Updates, State]:
        scaled, state = rule.per_gradient.update(gradient, state, weights, **extra)
        share = extra["share"]
        return jax.tree.map(lambda m, g: m + g * jnp.asarray(share, g.dtype), mean, scaled), state

    @jax.jit
    def step(rule: Rule, weights: Parameters, state: State, mean: Updates, factor: jax.Array) -> tuple[Parameters, State]:
        update, state = rule.update.update(mean, state, weights, factor=factor)
        return optax.apply_updates(weights, update), state

    @jax.jit
    def sent(rule: Rule, weights: Parameters, state: State, factor: jax.Array) -> Parameters:
        return weights if rule.look is None else rule.look(weights, state, factor)

    @jax.jit
    def step_copy(rule: Rule, gradient: Updates, read: Parameters, factor: jax.Array) -> Parameters:
        return rule.local(gradient, read, factor)

    return ChainFunctions(jax.jit(gradient_function(frame)), add, step, sent, step_copy)

"""The reference player: one row of the tape at a time. It is the specification of every other player."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
import optax

from simasgd.learning.mixing import reference as mixing_reference
from simasgd.learning.models.build import Parameters
from simasgd.learning.players.player import AbstractPlayer, Moment
from simasgd.learning.problem.evaluation import all_finite
from simasgd.learning.problem.gradients import gradient_function
from simasgd.learning.problem.problem import Problem
from simasgd.learning.problem.recipe import Recipe


@final
class Reference(AbstractPlayer):
    """Plain Python around five jitted functions: a gradient, its share in the mean, the optimizer's update, what learners are
    sent of the weights that it makes, and the step of a learner's own copy."""

    def prepare(self, problem: Problem, stops: Sequence[int]) -> float:
        return 0.0  # its functions are compiled where they are first called

    def play(self, problem: Problem, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[Moment]:
        if problem.tape.mixing is not None:
            yield from mixing_reference.play(problem, stops, progress)
            return
        gradient_of, share_of, step, sent_of, local_of = _functions(problem.recipe)
        tape, rule = problem.tape, problem.recipe.rule
        weights = problem.start
        state, gradient_state = rule.update.init(weights), rule.per_gradient.init(weights)
        versions = tape.timestamp[:, None] if tape.layers is None else tape.layers
        last_read = np.full(tape.num_steps + 1, -1)
        np.maximum.at(last_read, versions, np.broadcast_to(tape.step[:, None], versions.shape))
        kept = {0: weights}
        copies: dict[int, Parameters] = {}
        local = problem.local_factors
        wanted = set(stops)
        layers = problem.recipe.task.objective.layers(weights)

        def read_by(row: int) -> Parameters:
            """The weights that a gradient was computed on: its learner's copy, or each layer from its own version."""
            if tape.ahead is not None and tape.ahead[row]:
                return copies[tape.learner[row]]
            if tape.layers is None:
                return kept[tape.timestamp[row]]
            each = tape.layers[row].tolist()
            return jax.tree.map(lambda layer, *leaves: leaves[layer], layers, *(kept[timestamp] for timestamp in each))

        def codes_of(row: int) -> Any:
            return None if problem.codes is None else problem.codes[row]

        if 0 in wanted:
            yield Moment(0, weights)
        for u in range(max(stops, default=0)):
            rows = range(tape.offsets[u], tape.offsets[u + 1])
            mean = jax.tree.map(jnp.zeros_like, weights)
            coefficient = (1 if tape.summed is None else tape.summed[u]) / len(rows)
            for row in rows:
                read = read_by(row)
                gradient = gradient_of(read, *problem.train.batch(problem.batches[row]), codes_of(row))
                extra = {
                    "learner": tape.learner[row],
                    "read": read,
                    "staleness": tape.staleness[row],
                    "step": u,
                    "share": coefficient,
                    "last": tape.last[row],
                }
                mean, gradient_state = share_of(mean, gradient, gradient_state, weights, extra)
                if tape.ahead is not None:
                    copies[tape.learner[row]] = local_of(gradient, read, local[row])
            weights, state = step(weights, state, mean, problem.factors[u])
            if not all_finite(weights):
                yield Moment(u + 1, weights, diverged=True)
                return
            kept[u + 1] = sent_of(weights, gradient_state, problem.factors[u])
            for timestamp in {*versions[rows.start : rows.stop].ravel().tolist(), u + 1}:
                if last_read[timestamp] <= u:
                    del kept[timestamp]
            progress(u + 1)
            if u + 1 in wanted:
                yield Moment(u + 1, weights)


@cache
def _functions(recipe: Recipe) -> tuple[Callable[..., Any], ...]:
    rule = recipe.rule

    @jax.jit
    def share_of(
        mean: Parameters, gradient: Parameters, state: Any, weights: Parameters, extra: dict[str, Any]
    ) -> tuple[Parameters, Any]:
        scaled, state = rule.per_gradient.update(gradient, state, weights, **extra)
        share = extra["share"]
        return jax.tree.map(lambda m, g: m + g * jnp.asarray(share, g.dtype), mean, scaled), state

    @jax.jit
    def step(weights: Parameters, state: Any, mean: Parameters, factor: jax.Array) -> tuple[Parameters, Any]:
        update, state = rule.update.update(mean, state, weights, factor=factor)
        return optax.apply_updates(weights, update), state

    @jax.jit
    def sent_of(weights: Parameters, state: Any, factor: jax.Array) -> Parameters:
        return weights if rule.look is None else rule.look(weights, state, factor)

    @jax.jit
    def local_of(gradient: Parameters, read: Parameters, factor: jax.Array) -> Parameters:
        return rule.local(gradient, read, factor)

    return jax.jit(gradient_function(recipe)), share_of, step, sent_of, local_of

"""The reference player of tapes whose learners have models of their own: one row at a time, all models in a dictionary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from simasgd.learning.models.build import Parameters
from simasgd.learning.players.player import Moment
from simasgd.learning.problem.evaluation import all_finite
from simasgd.learning.problem.gradients import gradient_function
from simasgd.learning.problem.problem import Problem
from simasgd.learning.problem.recipe import Recipe
from simasgd.mixing import NONE
from simasgd.tape import Tape


def play(problem: Problem, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[Moment]:
    """As the reference player's."""
    gradient_of, stepped, mixed = _functions(problem.recipe)
    tape, mixing, rule = problem.tape, problem.tape.mixing, problem.recipe.rule
    assert mixing is not None
    models, states = {0: problem.start}, {0: rule.update.init(problem.start)}
    memory = rule.per_gradient.init(problem.start)
    wanted, forgotten = set(stops), _forgotten(tape)
    if 0 in wanted:
        yield _moment(problem, models, 0)
    for u in range(max(stops, default=0)):
        base, other, state = int(mixing.base[u]), int(mixing.other[u]), int(mixing.state[u])
        shares = mixing.base_share[u], mixing.other_share[u]
        row = int(tape.offsets[u])
        if tape.offsets[u + 1] > row:
            read = models[int(tape.timestamp[row])]
            codes = None if problem.codes is None else problem.codes[row]
            gradient = gradient_of(read, *problem.train.batch(problem.batches[row]), codes)
            extra = {"learner": tape.learner[row], "read": read, "staleness": tape.staleness[row], "step": row}
            step_share, factor = mixing.step_share[u], problem.factors[u]
            models[u + 1], states[u + 1], memory = stepped(
                models[base], states[state], memory, gradient, extra, step_share, factor
            )
        else:
            models[u + 1] = mixed(models[base], models[base if other == NONE else other], *shares)
            if mixing.other_state[u] != NONE:
                states[u + 1] = mixed(states[state], states[int(mixing.other_state[u])], *shares)
        if not all_finite(models[u + 1]):
            yield Moment(u + 1, models[u + 1], diverged=True)
            return
        for number in forgotten.get(u, ()):
            models.pop(number, None)
            states.pop(number, None)
        progress(u + 1)
        if u + 1 in wanted:
            yield _moment(problem, models, u + 1)


def _forgotten(tape: Tape) -> dict[int, list[int]]:
    """By row the numbers whose model nobody holds, and which no later row wants anything of."""
    mixing = tape.mixing
    assert mixing is not None
    last = np.full(tape.num_steps + 1, -1)
    every = np.arange(tape.num_steps)
    wanted = [(tape.timestamp, tape.step), mixing.lives(), *((of, every) for of in (mixing.base, mixing.other, mixing.state))]
    for numbers, rows in [*wanted, (mixing.other_state, every)]:
        np.maximum.at(last, numbers[numbers != NONE], rows[numbers != NONE])
    last = np.maximum(last, np.arange(-1, tape.num_steps))  # none before it is made
    found: dict[int, list[int]] = {}
    for number, row in enumerate(last.tolist()):
        found.setdefault(row, []).append(number)
    return found


def _moment(problem: Problem, models: dict[int, Parameters], rows: int) -> Moment:
    """The mean of the learners' models, or the centre, and the root of the mean square of their distances from the mean."""
    mixing = problem.tape.mixing
    assert mixing is not None
    holders = mixing.holders(rows).tolist()
    learners = [models[number] for number in holders[: mixing.learners]]
    mean = jax.tree.map(lambda *leaves: sum(leaves) / len(leaves), *learners)
    squares = [sum(((a - b) ** 2).sum() for a, b in zip(*map(jax.tree.leaves, (one, mean)), strict=True)) for one in learners]
    distance = float(jnp.sqrt(sum(squares) / len(learners)))
    return Moment(rows, models[holders[-1]] if mixing.has_centre else mean, distance=distance)


@cache
def _functions(recipe: Recipe) -> tuple[Callable[..., Any], ...]:
    rule = recipe.rule

    @jax.jit
    def stepped(
        model: Parameters, state: Any, memory: Any, gradient: Parameters, extra: dict[str, Any], share: Any, factor: Any
    ) -> tuple[Parameters, Any, Any]:
        gradient, memory = rule.per_gradient.update(gradient, memory, model, share=1.0, last=True, **extra)
        update, state = rule.update.update(gradient, state, model, factor=factor)
        return jax.tree.map(lambda x, d: x + jnp.asarray(share, d.dtype) * d, model, update), state, memory

    @jax.jit
    def mixed(one: Any, other: Any, own_share: Any, share: Any) -> Any:
        """What is no real number, a count, is that of the first."""

        def leaf(x: jax.Array, y: jax.Array) -> jax.Array:
            if not jnp.issubdtype(x.dtype, jnp.floating):
                return x
            return jnp.asarray(own_share, x.dtype) * x + jnp.asarray(share, x.dtype) * y

        return jax.tree.map(leaf, one, other)

    return jax.jit(gradient_function(recipe)), stepped, mixed

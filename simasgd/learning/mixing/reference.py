"""The reference player's part for tapes whose learners have models of their own.

It plays one row at a time and keeps the models in a dictionary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
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
from simasgd.tape.mixing import NONE
from simasgd.tape.tape import Tape


def play_reference(problem: Problem, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[Moment]:
    """Play a problem as `AbstractPlayer.play` says."""
    functions = row_functions(problem.recipe)
    tape, mixing, rule = problem.tape, problem.tape.mixing, problem.recipe.rule
    assert mixing is not None
    models, states = {0: problem.start}, {0: rule.update.init(problem.start)}
    memory, before, begin = rule.per_gradient.init(problem.start), problem.before, tape.past.rows
    if before is not None:
        memory = before.memory
        for number in range(mixing.learners):
            models[number + 1] = _part_of(before.learners, number)
            states[number + 1] = _part_of(before.optimizer, number)
        if before.centre is not None:
            models[mixing.num_holders] = before.centre
    remaining, last_uses, sample_shares = set(stops), _last_uses(tape), problem.shares
    if begin in remaining:
        yield _moment(problem, models, states, memory, begin)
    for u in range(begin, max(stops, default=begin)):
        base, other, state = int(mixing.base[u]), int(mixing.other[u]), int(mixing.state[u])
        shares = mixing.base_share[u], mixing.other_share[u]
        row = int(tape.offsets[u])
        if tape.offsets[u + 1] > row:
            read = models[int(tape.timestamp[row])]
            codes = None if problem.codes is None else problem.codes[row]
            share = None if sample_shares is None else sample_shares[row]
            gradient = functions.gradient(read, *problem.train.batch(problem.batches[row]), codes, share)
            extra = {"learner": tape.learner[row], "read": read, "staleness": tape.staleness[row]}
            extra["step"] = tape.past.updates + row
            step_share, factor = mixing.step_share[u], problem.factors[u]
            models[u + 1], states[u + 1], memory = functions.step(
                models[base], states[state], memory, gradient, extra, step_share, factor
            )
        else:
            models[u + 1] = functions.mix(models[base], models[base if other == NONE else other], *shares)
            if mixing.other_state[u] != NONE:
                states[u + 1] = functions.mix(states[state], states[int(mixing.other_state[u])], *shares)
        if not all_finite(models[u + 1]):
            last = models[u + 1]
            yield Moment(u + 1, last, partial(_snapshot, problem, last, models, states, memory, u + 1), diverged=True)
            return
        for number in last_uses.get(u, ()):
            models.pop(number, None)
            states.pop(number, None)
        progress(u + 1)
        if u + 1 in remaining:
            yield _moment(problem, models, states, memory, u + 1)


def _part_of(trees: PyTree, number: int) -> PyTree:
    return jax.tree.map(lambda leaf: leaf[number], trees)


def _last_uses(tape: Tape) -> dict[int, list[int]]:
    """Return for each row the models that are neither held nor used after it."""
    mixing = tape.mixing
    assert mixing is not None
    last = np.full(tape.num_steps + 1, -1)
    every = np.arange(tape.num_steps)
    columns = (mixing.base, mixing.other, mixing.state, mixing.other_state)
    kept = (mixing.holding_periods(), mixing.state_periods())
    for numbers, rows in [(tape.timestamp, tape.step), *kept, *((column, every) for column in columns)]:
        np.maximum.at(last, numbers[numbers != NONE], rows[numbers != NONE])
    last = np.maximum(last, np.arange(-1, tape.num_steps))  # not before the row that makes it
    models_by_row: dict[int, list[int]] = {}
    for number, row in enumerate(last.tolist()):
        models_by_row.setdefault(row, []).append(number)
    return models_by_row


def _moment(problem: Problem, models: dict[int, Parameters], states: dict[int, State], memory: State, rows: int) -> Moment:
    """Return the moment after `rows` rows, as `Moment` describes it."""
    mixing = problem.tape.mixing
    assert mixing is not None
    holders = mixing.holders(rows).tolist()
    learners = [models[number] for number in holders[: len(holders) - mixing.has_centre]]
    mean = jax.tree.map(lambda *leaves: sum(leaves) / len(leaves), *learners)
    squares = [
        sum(((a - b) ** 2).sum() for a, b in zip(*map(jax.tree.leaves, (model, mean)), strict=True)) for model in learners
    ]
    distance = float(jnp.sqrt(sum(squares) / len(learners)))
    weights = models[holders[-1]] if mixing.has_centre else mean
    return Moment(rows, weights, partial(_snapshot, problem, weights, models, states, memory, rows), distance=distance)


def _snapshot(
    problem: Problem,
    weights: Parameters,
    models: dict[int, Parameters],
    states: dict[int, State],
    memory: State,
    rows: int,
) -> Snapshot:
    """Return the snapshot after `rows` rows, as `Snapshot` describes it."""
    mixing = problem.tape.mixing
    assert mixing is not None
    numbers = mixing.last_held(rows).tolist()

    def stacked(trees: Sequence[PyTree]) -> PyTree:
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)

    return Snapshot(
        weights,
        stacked([states[number] for number in mixing.last_states(rows).tolist()]),
        memory,
        stacked([models[number] for number in numbers[: mixing.learners]]),
        models[numbers[-1]] if mixing.has_centre else None,
    )


class MixingRowFunctions(NamedTuple):
    """The compiled functions of a recipe, for one row of a tape at a time."""

    gradient: GradientFunction
    step: Callable[
        [Parameters, State, State, Updates, dict[str, PyTree], np.float64, np.float64], tuple[Parameters, State, State]
    ]
    """Apply a gradient to a model."""
    mix: Callable[[PyTree, PyTree, np.float64, np.float64], PyTree]
    """Mix two models, or two states of an optimizer."""


def row_functions(recipe: Recipe) -> MixingRowFunctions:
    """Return the functions of a recipe, which are compiled at their first calls."""
    functions, rule = compiled_functions(recipe.frame), numbers_on_device(recipe.rule, jnp.result_type(float))
    return MixingRowFunctions(functions.gradient, partial(functions.step, rule), functions.mix)


class MixingFunctions(NamedTuple):
    """The functions of `MixingRowFunctions`, of which `step` takes the rule as first argument."""

    gradient: GradientFunction
    step: Callable[..., tuple[Parameters, State, State]]
    mix: Callable[[PyTree, PyTree, np.float64, np.float64], PyTree]


@lru_cache(MOST_PROGRAMS)
def compiled_functions(frame: Frame) -> MixingFunctions:
    """Return the functions of a frame. Rules of one structure share their compiled forms."""

    @jax.jit
    def step(
        rule: Rule,
        model: Parameters,
        state: State,
        memory: State,
        gradient: Updates,
        extra: dict[str, PyTree],
        share: jax.Array,
        factor: jax.Array,
    ) -> tuple[Parameters, State, State]:
        gradient, memory = rule.per_gradient.update(gradient, memory, model, share=1.0, last=True, **extra)
        update, state = rule.update.update(gradient, state, model, factor=factor)
        return jax.tree.map(lambda x, d: x + jnp.asarray(share, d.dtype) * d, model, update), state, memory

    @jax.jit
    def mix(base: PyTree, other: PyTree, base_share: jax.Array, other_share: jax.Array) -> PyTree:
        """Mix the floats; leaves that are no floats, such as counts, are those of the base."""

        def mix_leaf(x: jax.Array, y: jax.Array) -> jax.Array:
            if not jnp.issubdtype(x.dtype, jnp.floating):
                return x
            return jnp.asarray(base_share, x.dtype) * x + jnp.asarray(other_share, x.dtype) * y

        return jax.tree.map(mix_leaf, base, other)

    return MixingFunctions(jax.jit(gradient_function(frame)), step, mix)

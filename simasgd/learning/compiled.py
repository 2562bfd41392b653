"""The compiled player: the whole tape in one loop on the device.

The current weights and the optimizer's state ride in the loop's carry; only the versions that learners still compute on sit in
slots, with one read an evaluation and one write a row. The loop's bounds are arguments, so evaluations in between cost no
compilation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple, final

import jax
import jax.numpy as jnp
import optax

from simasgd.learning.models import Parameters
from simasgd.learning.plan import Plan, Rows, plan
from simasgd.learning.player import AbstractPlayer, Moment
from simasgd.learning.problem import Problem, Recipe, all_finite, loss

# Steps until the loop is first left to report progress and look for divergence, and for how long they may be doubled.
# Even, see `_by_twos`.
_FIRST_CHUNK = 256
_CHUNK_SECONDS = 0.25
_IN_BOUNDS = "promise_in_bounds"


class Carry(NamedTuple):
    """What the loop takes from row to row. `slots` has a leading axis of slots on each leaf, or is None without any."""

    weights: Parameters
    state: Any
    gradient_state: Any
    slots: Parameters | None


@final
class Compiled(AbstractPlayer):
    """Plans the tape and runs it in one XLA loop."""

    def __init__(self) -> None:
        self._prepared: tuple[Problem, Carry, Rows, Callable[..., Carry]] | None = None

    def prepare(self, problem: Problem) -> float:
        layout = plan(problem.tape, problem.batches, problem.factors, problem.recipe.rule.linear)
        dtype = problem.inputs.dtype
        rows = jax.tree.map(jnp.asarray, layout.rows)
        rows = rows._replace(coefficient=rows.coefficient.astype(dtype), factor=rows.factor.astype(dtype))
        carry = _start(problem, layout)
        arguments = (carry, rows, problem.inputs, problem.labels, 0, 0)
        began = time.perf_counter()
        program = _compiled(problem.recipe, *_signature(arguments))
        seconds = time.perf_counter() - began
        self._prepared = (problem, carry, rows, program)
        return seconds

    def play(self, problem: Problem, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[Moment]:
        if self._prepared is None or self._prepared[0] is not problem:
            self.prepare(problem)
        assert self._prepared is not None
        _, carry, rows, program = self._prepared

        def advance(carry: Carry, start: int, stop: int) -> Carry:
            return program(carry, rows, problem.inputs, problem.labels, start, stop)

        done = 0
        chunk = _FIRST_CHUNK
        for stop in stops:
            while done < stop:
                until = min(stop, done + chunk)
                began = time.perf_counter()
                after = advance(carry, done, until)
                if not all_finite(after.weights):
                    yield _first_divergence(advance, carry, done, until)
                    return
                if until - done == chunk and time.perf_counter() - began < _CHUNK_SECONDS:
                    chunk *= 2
                carry, done = after, until
                progress(done)
            yield Moment(done, carry.weights)


def _first_divergence(advance: Callable[[Carry, int, int], Carry], carry: Carry, done: int, until: int) -> Moment:
    """The first step after `done` whose weights are not finite, by bisection: from there on they never are again."""
    while until - done > 1:
        middle = done + max(1, (until - done + 1) // 4 * 2)  # whole pairs up to the last, see `_by_twos`
        after = advance(carry, done, middle)
        if all_finite(after.weights):
            carry, done = after, middle
        else:
            until = middle
    return Moment(until, advance(carry, done, until).weights, diverged=True)


def _start(problem: Problem, layout: Plan) -> Carry:
    rule, weights = problem.recipe.rule, problem.start
    slots = None
    if layout.num_slots:
        slots = jax.tree.map(
            lambda leaf: jnp.zeros((layout.num_slots, *leaf.shape), leaf.dtype).at[layout.start_slot].set(leaf), weights
        )
    return Carry(weights, rule.update.init(weights), rule.per_gradient.init(weights), slots)


def _signature(arguments: Any) -> tuple[Any, tuple[tuple[tuple[int, ...], Any], ...]]:
    """The structure, shapes and types of the program's arguments, as something hashable."""
    leaves, structure = jax.tree.flatten(arguments)
    return structure, tuple((jnp.shape(leaf), jnp.result_type(leaf)) for leaf in leaves)


def _blank(shape: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)  # type: ignore[no-untyped-call]


@cache
def _compiled(recipe: Recipe, structure: Any, leaves: tuple[tuple[tuple[int, ...], Any], ...]) -> Callable[..., Carry]:
    shapes = jax.tree.unflatten(structure, [_blank(*leaf) for leaf in leaves])
    program: Callable[..., Carry] = jax.jit(_loop(recipe)).lower(*shapes).compile()
    return program


def _at(index: jax.Array) -> Callable[[jax.Array], jax.Array]:
    """The rows of an array at indices that the plan made, and which need no check."""
    return lambda array: array.at[index].get(mode=_IN_BOUNDS)


def _loop(recipe: Recipe) -> Callable[..., Carry]:
    network, rule = recipe.network, recipe.rule

    def advance(carry: Carry, rows: Rows, inputs: jax.Array, labels: jax.Array, start: int, stop: int) -> Carry:
        def evaluate(u: Any, carry: Carry, row: Rows, i: Any) -> tuple[Parameters, Any]:
            """The i-th gradient of row u, after its per-gradient transformation."""
            read = carry.weights if carry.slots is None else jax.tree.map(_at(row.slot[i]), carry.slots)
            x, y = _at(row.samples[i])(inputs), _at(row.samples[i])(labels)
            gradient = jax.grad(lambda weights: loss(network, weights, x, y))(read)
            scaled, state = rule.per_gradient.update(
                gradient,
                carry.gradient_state,
                carry.weights,
                learner=row.learner[i],
                read=read,
                staleness=row.staleness[i],
                step=u,
                share=row.coefficient[i],
            )
            return scaled, state

        def mean(u: Any, carry: Carry, row: Rows) -> tuple[Parameters, Any]:
            evaluations = row.slot.shape[0]
            if evaluations == 1:
                return evaluate(u, carry, row, 0)

            def add(i: Any, accumulated: tuple[Parameters, Any]) -> tuple[Parameters, Any]:
                total, state = accumulated
                coefficient = row.coefficient[i]
                gradient, after = evaluate(u, carry._replace(gradient_state=state), row, i)
                # What fills a row up has coefficient 0, and must not move the state either.
                state = jax.tree.map(lambda new, old: jnp.where(coefficient > 0, new, old), after, state)
                return jax.tree.map(lambda t, g: t + g * coefficient, total, gradient), state

            zeros = jax.tree.map(jnp.zeros_like, carry.weights)
            result: tuple[Parameters, Any] = jax.lax.fori_loop(0, evaluations, add, (zeros, carry.gradient_state))
            return result

        def step(u: Any, carry: Carry) -> Carry:
            row = Rows(*(column[u] for column in rows))
            gradient, gradient_state = mean(u, carry, row)
            update, state = rule.update.update(gradient, carry.state, carry.weights, factor=row.factor)
            weights = optax.apply_updates(carry.weights, update)
            slots = carry.slots
            if slots is not None:
                slots = jax.tree.map(lambda leaf, new: leaf.at[row.keep].set(new, mode=_IN_BOUNDS), slots, weights)
            return Carry(weights, state, gradient_state, slots)

        return _by_twos(start, stop, step, carry)

    return advance


def _by_twos(start: int, stop: int, step: Callable[[Any, Carry], Carry], carry: Carry) -> Carry:
    """Steps `start` to `stop` in order, two to an iteration and perhaps one left over.

    Within an iteration XLA updates the carry in place; one step an iteration costs it a copy, 13 % on the smallest models.
    The two forms may round differently, so callers cut a run into even numbers of steps wherever the cut must not show.
    """

    def two(pair: Any, carry: Carry) -> Carry:
        return step(start + 2 * pair + 1, step(start + 2 * pair, carry))

    pairs = (stop - start) // 2
    carry = jax.lax.fori_loop(0, pairs, two, carry)
    final: Carry = jax.lax.fori_loop(start + 2 * pairs, stop, step, carry)
    return final

"""The compiled loops over a plan's steps.

The current weights and the optimizer's state ride in the loop's carry; only the versions that learners still compute on sit in
slots. The loop's bounds are arguments, so evaluations in between cost no compilation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from simasgd.learning.chain.plan import Plan, padded, rounded
from simasgd.learning.models.build import Parameters
from simasgd.learning.problem.gradients import gradient_function
from simasgd.learning.problem.problem import Problem
from simasgd.learning.problem.recipe import Recipe
from simasgd.learning.rules import Rule

_IN_BOUNDS = "promise_in_bounds"
AXIS = "devices"

Advance = Callable[..., Any]
"""advance(carry, rows, inputs, labels, start, stop) -> the carry after steps `start` to `stop`"""


class Memory(NamedTuple):
    """What goes from gradient to gradient: the state of the first stage, and the learners' own copies of the weights, with a
    leading axis of learners on each leaf (None where they have none)."""

    state: Any
    copies: Parameters | None


class Carry(NamedTuple):
    """What the loop takes from step to step. `slots` has a leading axis of slots on each leaf, or is None without any. `sent`
    is what learners are sent of the weights where that is something else and no slot has it, and None otherwise."""

    weights: Parameters
    state: Any
    memory: Memory
    slots: Parameters | None
    sent: Parameters | None


class Rows(NamedTuple):
    """A plan's columns on the device; None where all that it could say is the same for all.

    samples, codes (how they are augmented), share (of each sample in the mean): (E, B). slot (E, L): where the weights to read
    are. staleness, learner, coefficient: (E,). ahead: (E,), whether to read the learner's copy of them; local: (E,), the
    schedule's factor for that copy's step. last: (E,), whether a message ends with it. first (U + 1,): step u applies
    evaluations first[u] to first[u + 1], its u-th if None. factor (U,): of the schedule. keep (U,): the slot that the new
    weights go to. wave (V + 1,): wave v is steps wave[v] to wave[v + 1].
    """

    samples: Any
    codes: Any
    share: Any
    slot: Any
    staleness: Any
    learner: Any
    coefficient: Any
    ahead: Any
    local: Any
    last: Any
    first: Any
    factor: Any
    keep: Any
    wave: Any


def rows_of(plan: Plan, problem: Problem) -> Rows:
    """The columns of a plan filled in with a problem's samples, NumPy arrays."""
    of = plan.evaluations
    evaluations, steps = rounded(plan.num_evaluations), rounded(plan.num_steps)
    tape, mini_batch = problem.tape, problem.tape.mini_batch

    def column(values: npt.NDArray[Any], size: int, dtype: Any) -> npt.NDArray[Any]:
        return padded(values, size, dtype)

    def sampled(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return column(values[of.place].reshape(plan.num_evaluations, plan.fused * mini_batch), evaluations, np.int32)

    share = None
    if of.real is not None:
        of_gradients = of.real / of.real.sum(axis=1, keepdims=True)
        share = column(np.repeat(of_gradients / mini_batch, mini_batch, axis=1), evaluations, problem.dtype)
    return Rows(
        samples=sampled(problem.batches),
        codes=None if problem.codes is None else sampled(problem.codes),
        share=share,
        slot=column(plan.slot[of.timestamp], evaluations, np.int32) if plan.num_slots else None,
        staleness=column(of.staleness, evaluations, np.int32),
        learner=column(of.learner, evaluations, np.int32),
        coefficient=column(of.coefficient, evaluations, problem.dtype),
        ahead=None if of.ahead is None else column(of.ahead, evaluations, np.bool_),
        local=None if of.ahead is None else column(problem.local_factors[of.place[:, 0]], evaluations, problem.dtype),
        last=column(tape.last[of.place[:, 0]], evaluations, np.bool_) if problem.recipe.setting.sums else None,
        first=None if plan.one_each else _last_repeated(plan.first, steps + 1),
        factor=column(problem.factors, steps, problem.dtype),
        keep=column(plan.slot[1:], steps, np.int32) if plan.num_slots else None,
        wave=None if plan.waves is None else _last_repeated(plan.waves.step, rounded(len(plan.waves.step))),
    )


def _last_repeated(values: npt.NDArray[Any], size: int) -> npt.NDArray[np.int32]:
    return np.concatenate([values, np.full(size - len(values), values[-1])]).astype(np.int32)


def keeps_sent(plan: Plan, rule: Rule) -> bool:
    """Whether what learners are sent of the current weights is carried beside them."""
    return rule.look is not None and not plan.num_slots


def start_of(plan: Plan, problem: Problem) -> Carry:
    """The carry before the first step."""
    rule, weights = problem.recipe.rule, problem.start
    slots = None
    if plan.num_slots:
        place = int(plan.slot[0])
        slots = jax.tree.map(lambda leaf: jnp.zeros((plan.num_slots, *leaf.shape), leaf.dtype).at[place].set(leaf), weights)
    sent = weights if keeps_sent(plan, rule) else None
    copies = None
    if plan.num_copies:
        copies = jax.tree.map(lambda leaf: jnp.zeros((plan.num_copies, *leaf.shape), leaf.dtype), weights)
    memory = Memory(rule.per_gradient.init(weights), copies)
    return Carry(weights, rule.update.init(weights), memory, slots, sent)


class _Steps:
    """The parts that the loops are made of."""

    def __init__(self, recipe: Recipe, mesh: Mesh | None) -> None:
        self._rule = recipe.rule
        self._objective = recipe.task.objective
        self._gradient_of = gradient_function(recipe)
        self._mesh = mesh

    def spread(self, array: jax.Array) -> jax.Array:
        """An array with its leading axis over the devices, where that can be parted evenly."""
        if self._mesh is None or array.shape[0] % self._mesh.size:
            return array
        parted: jax.Array = jax.lax.with_sharding_constraint(array, NamedSharding(self._mesh, PartitionSpec(AXIS)))
        return parted

    def read(self, carry: Carry, rows: Rows, e: Any) -> Parameters:
        """The weights that evaluation e reads."""
        version, copies = self._version(carry, rows, e), carry.memory.copies
        if copies is None:
            return version
        is_own, own = at(e)(rows.ahead), jax.tree.map(at(at(e)(rows.learner)), copies)
        return jax.tree.map(lambda mine, theirs: jnp.where(is_own, mine, theirs), own, version)

    def _version(self, carry: Carry, rows: Rows, e: Any) -> Parameters:
        if carry.slots is None:
            return carry.weights if carry.sent is None else carry.sent
        places = at(e)(rows.slot)
        if places.shape[0] == 1:
            return jax.tree.map(at(places[0]), carry.slots)
        layers = self._objective.layers(carry.weights)
        return jax.tree.map(lambda leaf, layer: at(places[layer])(leaf), carry.slots, layers)

    def gradient(self, weights: Parameters, rows: Rows, e: Any, inputs: jax.Array, labels: jax.Array) -> Parameters:
        """The gradient of evaluation e on `weights`."""
        chosen = at(e)(rows.samples)
        codes, share = (None if column is None else at(e)(column) for column in (rows.codes, rows.share))
        return self._gradient_of(weights, at(chosen)(inputs), at(chosen)(labels), codes, share)

    def transformed(
        self, gradient: Parameters, read: Parameters, carry: Carry, rows: Rows, u: Any, e: Any
    ) -> tuple[Parameters, Memory]:
        """The gradient of evaluation e after its per-gradient transformation in step u, and what remains of it."""
        memory = carry.memory
        result, state = self._rule.per_gradient.update(
            gradient,
            memory.state,
            carry.weights,
            learner=at(e)(rows.learner),
            read=read,
            staleness=at(e)(rows.staleness),
            step=u,
            share=at(e)(rows.coefficient),
            last=True if rows.last is None else at(e)(rows.last),
        )
        copies = memory.copies
        if copies is not None:
            learner, own = at(e)(rows.learner), self._rule.local(gradient, read, at(e)(rows.local))
            copies = jax.tree.map(lambda leaf, new: leaf.at[learner].set(new, mode=_IN_BOUNDS), copies, own)
        return result, Memory(state, copies)

    def step(self, u: Any, carry: Carry, rows: Rows, evaluate: Callable[[Carry, Any], tuple[Parameters, Memory]]) -> Carry:
        """Step u, with evaluate(carry, e) for the gradient of evaluation e and what remains of it."""
        if rows.first is None:
            gradient, memory = evaluate(carry, u)
        else:

            def add(e: Any, accumulated: tuple[Parameters, Memory]) -> tuple[Parameters, Memory]:
                total, memory = accumulated
                coefficient = at(e)(rows.coefficient)
                gradient, memory = evaluate(carry._replace(memory=memory), e)
                return jax.tree.map(lambda t, g: t + g * coefficient, total, gradient), memory

            zeros = jax.tree.map(jnp.zeros_like, carry.weights)
            begin, end = at(u)(rows.first), at(u + 1)(rows.first)
            gradient, memory = jax.lax.fori_loop(begin, end, add, (zeros, carry.memory))
        update, state = self._rule.update.update(gradient, carry.state, carry.weights, factor=at(u)(rows.factor))
        weights = optax.apply_updates(carry.weights, update)
        look, slots = self._rule.look, carry.slots
        sent = weights if look is None else look(weights, memory.state, at(u)(rows.factor))
        if slots is not None:
            keep = at(u)(rows.keep)
            slots = jax.tree.map(lambda leaf, new: leaf.at[keep].set(new, mode=_IN_BOUNDS), slots, sent)
        return Carry(weights, state, memory, slots, None if carry.sent is None else sent)


def one_by_one(recipe: Recipe, mesh: Mesh | None = None) -> Advance:
    """A loop in which every evaluation reads its weights when its turn comes."""
    parts = _Steps(recipe, mesh)

    def advance(carry: Carry, rows: Rows, inputs: jax.Array, labels: jax.Array, start: Any, stop: Any) -> Carry:
        def step(u: Any, carry: Carry) -> Carry:
            def evaluate(carry: Carry, e: Any) -> tuple[Parameters, Memory]:
                read = parts.read(carry, rows, e)
                return parts.transformed(parts.gradient(read, rows, e, inputs, labels), read, carry, rows, u, e)

            return parts.step(u, carry, rows, evaluate)

        return _by_twos(start, stop, step, carry)

    return advance


def in_waves(recipe: Recipe, width: int, mesh: Mesh | None = None) -> Advance:
    """A loop in which the gradients of a wave are computed at once, and then its steps made in order. `start` is the first
    step of a wave, and `width` the greatest number of evaluations in one."""
    parts = _Steps(recipe, mesh)

    def advance(carry: Carry, rows: Rows, inputs: jax.Array, labels: jax.Array, start: Any, stop: Any) -> Carry:
        def wave(v: Any, carry: Carry) -> Carry:
            begin, end = at(v)(rows.wave), jnp.minimum(at(v + 1)(rows.wave), jnp.asarray(stop, jnp.int32))
            first = begin if rows.first is None else at(begin)(rows.first)
            members = jnp.minimum(first + jnp.arange(width, dtype=jnp.int32), rows.samples.shape[0] - 1)
            reads = jax.tree.map(parts.spread, jax.vmap(lambda e: parts.read(carry, rows, e))(members))
            gradients = jax.vmap(lambda read, e: parts.gradient(read, rows, e, inputs, labels))(reads, members)

            def step(u: Any, carry: Carry) -> Carry:
                def evaluate(carry: Carry, e: Any) -> tuple[Parameters, Memory]:
                    gradient, read = jax.tree.map(at(e - first), (gradients, reads))
                    return parts.transformed(gradient, read, carry, rows, u, e)

                return parts.step(u, carry, rows, evaluate)

            done: Carry = jax.lax.fori_loop(begin, end, step, carry)
            return done

        waves = jnp.searchsorted(rows.wave, jnp.stack([start, stop]), side="left")
        result: Carry = jax.lax.fori_loop(waves[0], waves[1], wave, carry)
        return result

    return advance


def at(index: Any) -> Callable[[jax.Array], jax.Array]:
    """The rows of an array at indices that the plan made, and which need no check."""
    return lambda array: array.at[index].get(mode=_IN_BOUNDS)


def _by_twos(start: Any, stop: Any, step: Callable[[Any, Carry], Carry], carry: Carry) -> Carry:
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

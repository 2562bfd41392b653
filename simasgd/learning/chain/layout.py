"""The layout of a tape with one chain of weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.sharding import Mesh
from jaxtyping import Array, Float

from simasgd.learning.chain.in_waves import in_waves
from simasgd.learning.chain.loop import ChainCarry, ChainColumns, GradientMemory, one_by_one
from simasgd.learning.chain.plan import ChainPlan, plan_chain
from simasgd.learning.chain.reference import play_reference
from simasgd.learning.layout.abstract import AbstractLayout, Advance, MemberColumns, numbers_on_device, product_columns
from simasgd.learning.layout.columns import Lengths, Values, bounds_column, column, first_rows, in_slots, pad
from simasgd.learning.layout.costs import DeviceCosts
from simasgd.learning.layout.moment import Moment
from simasgd.learning.layout.packing import Packed, Packing
from simasgd.learning.layout.sizes import ByteSizes, describe_mini_batch
from simasgd.learning.layout.waves import WaveShape
from simasgd.learning.layout.work import count_work
from simasgd.learning.models.network import Parameters
from simasgd.learning.problem.problem import Problem
from simasgd.learning.problem.recipe import Recipe
from simasgd.learning.problem.snapshot import Snapshot
from simasgd.learning.problem.task import Frame, SampleType
from simasgd.tape.arrays import Floats
from simasgd.tape.tape import Tape


@final
@dataclass(frozen=True, eq=False)
class ChainLayout(AbstractLayout):
    """A layout that carries the current weights, and keeps older versions in slots.

    An older version is kept while learners compute on it.
    """

    plan: ChainPlan
    lengths: Lengths

    @classmethod
    def lay_out(cls, recipe: Recipe, tape: Tape, sample: SampleType, stops: Sequence[int], costs: DeviceCosts) -> ChainLayout:
        plan = plan_chain(tape, costs, lambda: count_work(recipe, sample), recipe.rule.linear, stops)
        return cls(plan, _lengths(plan))

    def stretched(self, factor: float) -> ChainLayout:
        return replace(self, lengths=_lengths(self.plan, factor))

    @staticmethod
    def play_reference(problem: Problem, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[Moment]:
        return play_reference(problem, stops, progress)

    @staticmethod
    def loop(frame: Frame, shape: WaveShape | None, mesh: Mesh | None) -> Advance:
        return one_by_one(frame) if shape is None else in_waves(frame, shape, mesh)

    @property
    def slot_contents(self) -> str:
        return "versions of the weights"

    @property
    def fused(self) -> int:
        return self.plan.fused

    def samples(self, problem: Problem) -> npt.NDArray[np.int32]:
        return self._of_samples(problem.batches)

    def member_columns(self, problem: Problem, samples: npt.NDArray[np.int32]) -> MemberColumns:
        evaluations = self.plan.evaluations
        local_factor = None
        if evaluations.reads_copy is not None:
            local_factor = self._of_evaluations(problem.local_factors[evaluations.gradients[:, 0]], problem.dtype)
        return MemberColumns(
            samples=jnp.asarray(samples),
            codes=None if problem.codes is None else jnp.asarray(self._of_samples(problem.codes)),
            factor=column(problem.factors, self.lengths.steps, problem.dtype),
            local_factor=local_factor,
            rule=numbers_on_device(problem.recipe.rule, problem.dtype),
            product=product_columns(problem.recipe.rule, self.plan.waves, problem.dtype),
        )

    def shared_columns(self, problem: Problem) -> ChainColumns:
        plan, tape, evaluations = self.plan, problem.tape, self.plan.evaluations
        steps = self.lengths.steps
        share = self._shares(problem)
        ends_message = None
        if problem.recipe.setting.sums:
            ends_message = self._of_evaluations(tape.last[evaluations.gradients[:, 0]], np.bool_)
        reads_copy = None if evaluations.reads_copy is None else self._of_evaluations(evaluations.reads_copy, np.bool_)
        return ChainColumns(
            share=share,
            slot=self._of_evaluations(plan.slot[evaluations.timestamp], np.int32) if plan.num_slots else None,
            staleness=self._of_evaluations(evaluations.staleness, np.int32),
            learner=self._of_evaluations(evaluations.learner, np.int32),
            coefficient=self._of_evaluations(self._coefficients(problem), problem.dtype),
            reads_copy=reads_copy,
            ends_message=ends_message,
            first=None if plan.one_each and problem.rates is None else bounds_column(plan.first, steps + 1),
            keep=column(plan.slot[1:], steps, np.int32) if plan.num_slots else None,
            past=jnp.int32(tape.past.updates) if tape.past.updates else None,
            wave=None if plan.waves is None else bounds_column(plan.waves.step, self.lengths.bounds),
        )

    def own_until(self, own: MemberColumns, steps: int) -> MemberColumns:
        evaluations = int(self.first[steps])
        return own._replace(
            samples=first_rows(own.samples, evaluations),
            codes=first_rows(own.codes, evaluations),
            factor=first_rows(own.factor, steps),
            local_factor=first_rows(own.local_factor, evaluations),
        )

    def shared_until(self, shared: ChainColumns, steps: int) -> ChainColumns:
        of_evaluations = ("share", "slot", "staleness", "learner", "coefficient", "reads_copy", "ends_message")
        rows = dict.fromkeys(of_evaluations, int(self.first[steps])) | {"first": steps + 1, "keep": steps}
        rows["wave"] = 0 if self.waves is None else self.waves.until(steps) + 1
        columns = {name: values for name, values in shared._asdict().items() if name != "past"}
        return shared._replace(**{name: first_rows(values, rows[name]) for name, values in columns.items()})

    def start(self, problem: Problem) -> ChainCarry:
        plan, rule, weights, before = self.plan, problem.recipe.rule, problem.start, problem.before
        state = rule.update.init(weights) if before is None else before.optimizer
        memory_state = rule.per_gradient.init(weights) if before is None else before.memory
        received = weights
        if before is not None and rule.look is not None:
            received = rule.look(weights, memory_state, jnp.asarray(problem.factors[:1].sum()))
        slots: Parameters | Packed | None = None
        if plan.num_slots:
            kept = received if plan.waves is None else Packing(received).pack(received)
            slots = in_slots(kept, plan.num_slots, int(plan.slot[0]))
        copies = None
        if plan.num_copies:
            copies = jax.tree.map(lambda leaf: jnp.zeros((plan.num_copies, *leaf.shape), leaf.dtype), weights)
        sent = received if self._carries_sent(problem.recipe) else None
        return ChainCarry(weights, state, GradientMemory(memory_state, copies), slots, sent)

    def trained(self, carry: ChainCarry) -> Parameters:
        return carry.weights

    def evaluated(self, recipe: Recipe, carry: ChainCarry, steps: int) -> tuple[Parameters, Float[Array, ""] | None]:
        return carry.weights, None

    def snapshot(self, recipe: Recipe, carry: ChainCarry, steps: int) -> Snapshot:
        return Snapshot(carry.weights, carry.state, carry.memory.state)

    def bytes_needed(
        self, recipe: Recipe, dtype: np.dtype[np.floating], mini_batch: int, members: int = 1
    ) -> Mapping[str, int]:
        plan, sizes = self.plan, ByteSizes.of(recipe, dtype)
        number, weights = sizes.number, sizes.weights
        sent = weights if self._carries_sent(recipe) else 0
        # Two of a gradient alone. In a wave: weights read, gradients, transformed gradients; weights made.
        gradients = 2 if plan.waves is None else 3 * plan.waves.shape.width + 2 * plan.waves.shape.depth
        evaluations, layers = self.lengths.evaluations, plan.evaluations.timestamp.shape[1]
        samples = evaluations * plan.fused * mini_batch
        flags = (1 if plan.num_copies else 0) + (1 if recipe.setting.sums else 0)
        of_evaluation = 8 + number + (4 * layers if plan.num_slots else 0) + flags
        of_step = number + (4 if plan.num_slots else 0)
        of_copy = number if plan.num_copies else 0
        of_member = sizes.sample * samples + of_copy * evaluations + of_step * self.lengths.steps
        weighs = plan.weighs_samples or (recipe.weighs_learners and plan.fused > 1)
        shares = number * samples if weighs else 0
        return {
            # Three copies: the initial ones, and those before and after a call of the loop. The
            # earlier ones are needed, since a call in which weights overflow is repeated.
            "weights and optimizer": members * 3 * (weights + sizes.state + sizes.memory + sent),
            "versions in flight": members * 3 * plan.num_slots * weights,
            "learners' copies": members * 3 * plan.num_copies * weights,
            "gradients": members * gradients * weights,
            "mini-batches": members * of_member + shares + of_evaluation * evaluations,
        }

    def describe(self, tape: Tape, recipe: Recipe) -> list[str]:
        plan = self.plan
        joined, size = plan.fused * tape.mini_batch, describe_mini_batch(tape)
        lines = [
            f"tape         {tape.num_steps:,} updates of {tape.num_gradients:,} gradients, mini-batches of {size}",
            f"evaluations  {plan.num_evaluations:,} of up to {joined} samples ({_describe_fusing(plan.fused, recipe)})",
            f"versions     {plan.num_slots} kept besides the current weights"
            if plan.num_slots
            else "versions     only the current weights",
        ]
        if plan.num_copies:
            lines.append(f"copies       {plan.num_copies}, which learners step by themselves")
        if plan.waves is None:
            lines.append(f"order        one by one, the fastest on a {jax.default_backend().upper()}")
        else:
            way = "steps are one product" if recipe.rule.is_product else "steps follow in order"
            lines.append(f"order        {plan.waves.described(plan.num_evaluations)}; {way}")
        return lines

    def _shares(self, problem: Problem) -> jax.Array | None:
        """Return the coefficient of each sample in the mean over its evaluation; None if all are equal."""
        evaluations, size = self.plan.evaluations, problem.tape.mini_batch
        if evaluations.real is None and problem.shares is None and (problem.rates is None or self.plan.fused == 1):
            return None
        weights = self._weights(problem)
        of_gradients = weights / weights.sum(axis=1, keepdims=True)
        if problem.shares is None:
            return self._of_evaluations(np.repeat(of_gradients / size, size, axis=1), problem.dtype)
        of_samples = of_gradients[:, :, None] * problem.shares[evaluations.gradients]
        return self._of_evaluations(of_samples.reshape(len(of_samples), -1), problem.dtype)

    def _weights(self, problem: Problem) -> Float[Floats, "E f"]:
        """Return the weight of each gradient of an evaluation; 0 for those that only fill up the shape."""
        evaluations = self.plan.evaluations
        real = np.ones(evaluations.gradients.shape) if evaluations.real is None else evaluations.real.astype(np.float64)
        return real if problem.rates is None else real * problem.rates[evaluations.gradients]

    def _coefficients(self, problem: Problem) -> Float[Floats, " E"]:
        """Return the coefficient of each evaluation in the mean of its step, the learners' factors included."""
        evaluations = self.plan.evaluations
        if problem.rates is None:
            return evaluations.coefficient
        number = self.plan.fused if evaluations.real is None else evaluations.real.sum(axis=1)
        coefficients: Floats = evaluations.coefficient * self._weights(problem).sum(axis=1) / number
        return coefficients

    def _of_samples(self, values: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Rearrange values of gradients' samples (G, µ) for evaluations (E, f·µ), and pad them."""
        plan = self.plan
        joined = values[plan.evaluations.gradients].reshape(plan.num_evaluations, plan.fused * values.shape[1])
        return pad(joined, self.lengths.evaluations, np.int32)

    def _of_evaluations(self, values: Values, dtype: npt.DTypeLike) -> jax.Array:
        return column(values, self.lengths.evaluations, dtype)

    def _carries_sent(self, recipe: Recipe) -> bool:
        """Return whether the carry holds the current weights as learners receive them."""
        return recipe.rule.look is not None and not self.plan.num_slots


def _lengths(plan: ChainPlan, factor: float = 1.0) -> Lengths:
    """Return the lengths of the columns of a plan that is so many times as long."""
    bounds = 0 if plan.waves is None else len(plan.waves.step)
    return Lengths.of(factor * plan.num_evaluations, factor * plan.num_steps, factor * bounds)


def _describe_fusing(fused: int, recipe: Recipe) -> str:
    if fused > 1:
        return f"up to {fused} gradients of one version are one mini-batch"
    return "no two gradients are one" if recipe.rule.linear else "the rule needs each gradient by itself"

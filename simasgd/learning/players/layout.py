"""The two forms of a plan, and of the loop that runs it: one chain of weights, or a model for every learner."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh

from simasgd.learning.chain import loop
from simasgd.learning.chain.loop import Advance
from simasgd.learning.chain.plan import Plan, Waves
from simasgd.learning.mixing import loop as mixing_loop
from simasgd.learning.mixing.plan import MixingPlan
from simasgd.learning.models.build import Parameters
from simasgd.learning.problem.problem import Problem
from simasgd.learning.problem.recipe import Recipe


class Form(NamedTuple):
    """What a machine does with a plan.

    rows(problem) are its columns with that problem's samples, start(problem) the carry before the first step. loop(recipe,
    width, mesh), a function of a module, is the loop, with waves of that width if it is given. looked_at(recipe, carry, steps)
    is what is evaluated after so many steps, and how far learners with models of their own are from each other. watched(carry)
    is what must stay finite.
    """

    rows: Callable[[Problem], Any]
    start: Callable[[Problem], Any]
    loop: Callable[[Recipe, int | None, Mesh | None], Advance]
    looked_at: Callable[[Recipe, Any, int], tuple[Parameters, jax.Array | None]]
    watched: Callable[[Any], Any]
    waves: Waves | None


@singledispatch
def form_of(plan: object) -> Form:
    """The form of a plan."""
    raise TypeError(f"no form of {plan!r}")


@form_of.register
def _(plan: Plan) -> Form:
    return Form(
        rows=lambda problem: loop.rows_of(plan, problem),
        start=lambda problem: loop.start_of(plan, problem),
        loop=_chain,
        looked_at=lambda recipe, carry, steps: (carry.weights, None),
        watched=lambda carry: carry.weights,
        waves=plan.waves,
    )


@form_of.register
def _(plan: MixingPlan) -> Form:
    return Form(
        rows=lambda problem: mixing_loop.rows_of(plan, problem),
        start=lambda problem: mixing_loop.start_of(plan, problem),
        loop=mixing_loop.in_turn,
        looked_at=lambda recipe, carry, steps: mixing_loop.looked_at(plan, recipe, carry, steps),
        watched=lambda carry: carry.models,
        waves=None,
    )


def _chain(recipe: Recipe, width: int | None, mesh: Mesh | None) -> Advance:
    return loop.one_by_one(recipe, mesh) if width is None else loop.in_waves(recipe, width, mesh)

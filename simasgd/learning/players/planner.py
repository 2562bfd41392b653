"""The choice of a layout for a tape."""

from __future__ import annotations

from collections.abc import Sequence

import jax

from simasgd.learning.chain.layout import ChainLayout
from simasgd.learning.layout.abstract import AbstractLayout
from simasgd.learning.layout.costs import ACCELERATOR, CPU, DeviceCosts
from simasgd.learning.mixing.layout import MixingLayout
from simasgd.learning.problem.recipe import Recipe
from simasgd.learning.problem.task import SampleType
from simasgd.tape.tape import Tape


def layout_type(tape: Tape) -> type[AbstractLayout]:
    """Return the kind of layout that a tape needs."""
    return ChainLayout if tape.mixing is None else MixingLayout


def lay_out(
    recipe: Recipe, tape: Tape, sample: SampleType, stops: Sequence[int], costs: DeviceCosts | None = None, members: int = 1
) -> AbstractLayout:
    """Return the layout of a tape, for the device that JAX computes on unless `costs` are given.

    `members` is the number of runs in one loop.
    """
    chosen = (device_costs() if costs is None else costs).for_members(members)
    return layout_type(tape).lay_out(recipe, tape, sample, stops, chosen)


def device_costs() -> DeviceCosts:
    """Return the costs of the device that JAX computes on."""
    return CPU if jax.default_backend() == "cpu" else ACCELERATOR

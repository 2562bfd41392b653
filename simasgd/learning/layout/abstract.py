"""The interface between a layout and the compiled player."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.sharding import Mesh
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, Int32, PyTree, Shaped

from simasgd.learning.layout.costs import DeviceCosts
from simasgd.learning.layout.moment import Moment
from simasgd.learning.layout.waves import Waves, WaveShape
from simasgd.learning.models.network import Parameters
from simasgd.learning.problem.problem import Problem
from simasgd.learning.problem.recipe import Recipe
from simasgd.learning.problem.snapshot import Snapshot
from simasgd.learning.problem.task import Frame, SampleType
from simasgd.learning.rules import Rule
from simasgd.learning.rules.linear import momentum_columns
from simasgd.tape.arrays import Ints
from simasgd.tape.tape import Tape

AXIS = "devices"
"""The name of the only axis of a mesh of devices."""

Carry: TypeAlias = PyTree
"""The carry of a loop: each step receives it and returns it changed. Each kind of layout has its own."""
SharedColumns: TypeAlias = PyTree
"""The columns that are equal for all runs of one tape. Each kind of layout has its own."""
Shared = TypeVar("Shared")


class ProductColumns(NamedTuple):
    """The coefficients of SGD's momentum in waves of up to D steps, which are one product.

    Their arguments are numbers of steps.
    """

    velocity: Float[Array, " D+1"]
    """The coefficient of a mean gradient, or of an earlier velocity, in the velocity d steps later, at index d."""
    direction: Float[Array, " D"]
    """The coefficient of a mean gradient in the direction of the step d steps later, at index d."""
    along: Float[Array, " D"]
    """The coefficient of the velocity before the wave in the direction of each step."""


def product_columns(rule: Rule, waves: Waves | None, dtype: DTypeLike) -> ProductColumns | None:
    """Return the coefficients of a rule's momentum on the device; None unless these waves are products."""
    if waves is None or not rule.is_product:
        return None
    assert rule.sgd is not None
    return ProductColumns(*(jnp.asarray(values, dtype) for values in momentum_columns(rule.sgd, waves.shape.depth)))


def numbers_on_device(rule: Rule, dtype: DTypeLike) -> Rule:
    """Return a rule with its numbers on the device."""
    placed: Rule = jax.tree.map(lambda number: jnp.asarray(number, dtype), rule)
    return placed


class MemberColumns(NamedTuple):
    """The columns that each run of a group has of its own, and its update rule.

    The group has one tape, with E evaluations of B samples and F updates of an optimizer.
    """

    samples: Int32[Array, "E B"]
    """The indices of the training samples."""
    codes: Int32[Array, "E B"] | None
    """The augmentation code of each sample; None without augmentation."""
    factor: Float[Array, " F"]
    """The schedule's factor of each update of an optimizer."""
    local_factor: Float[Array, " E"] | None
    """The schedule's factor of the step of a learner's own copy of the weights.

    It is None without copies.
    """
    rule: Rule
    """The rule, with its numbers on the device."""
    product: ProductColumns | None
    """None unless waves are products."""


class Rows(NamedTuple, Generic[Shared]):
    """All columns of a plan on the device."""

    own: MemberColumns
    shared: Shared


class Advance(Protocol):
    """A loop: returns the carry after steps `start` to `stop`, of the carry before them.

    Indices of samples refer to `inputs` and `labels`.
    """

    def __call__(
        self,
        carry: Carry,
        rows: Rows[SharedColumns],
        inputs: Shaped[Array, "samples features"],
        labels: Shaped[Array, " samples"],
        start: Int[Array, ""] | int,
        stop: Int[Array, ""] | int,
        /,
    ) -> Carry: ...


class Plan(Protocol):
    """The part of a plan that both kinds of layout have; `AbstractLayout` documents it."""

    @property
    def num_slots(self) -> int: ...

    @property
    def first(self) -> Shaped[Ints, " U+1"]: ...

    @property
    def waves(self) -> Waves | None: ...


class AbstractLayout(abc.ABC):
    """The arrangement of one tape on the device.

    It says where each value is kept, and has the loop that computes it.
    """

    plan: Plan
    """The steps and slots of the tape, before it is on the device."""

    @classmethod
    @abc.abstractmethod
    def lay_out(
        cls, recipe: Recipe, tape: Tape, sample: SampleType, stops: Sequence[int], costs: DeviceCosts
    ) -> AbstractLayout:
        """Return the layout of a tape that is fastest on a device of these costs.

        `stops` are the steps after which the weights will be evaluated.
        """

    @abc.abstractmethod
    def stretched(self, factor: float) -> AbstractLayout:
        """Return this layout with columns as long as those of a tape that is `factor` times as long.

        It shapes a program for such a tape, but has no more rows than before.
        """

    @staticmethod
    @abc.abstractmethod
    def play_reference(problem: Problem, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[Moment]:
        """Play a problem one row of the tape at a time, as `AbstractPlayer.play` says.

        No layout is needed.
        """

    @staticmethod
    @abc.abstractmethod
    def loop(frame: Frame, shape: WaveShape | None, mesh: Mesh | None) -> Advance:
        """Return the loop, with waves of at most this shape; one by one if None."""

    @property
    def num_slots(self) -> int:
        """The number of slots for models, or for versions of the weights."""
        return self.plan.num_slots

    @property
    @abc.abstractmethod
    def slot_contents(self) -> str:
        """The plural noun that a message uses for the contents of slots."""

    @property
    def first(self) -> Shaped[Ints, " U+1"]:
        """The bounds of the evaluations of each step.

        Step u has evaluations `first[u]` to `first[u + 1]`.
        """
        return self.plan.first

    @property
    def waves(self) -> Waves | None:
        """The waves; None if evaluations are computed one by one."""
        return self.plan.waves

    @property
    @abc.abstractmethod
    def fused(self) -> int:
        """The greatest number of gradients that are one evaluation."""

    @property
    def num_steps(self) -> int:
        """U, the number of steps of the tape."""
        return len(self.first) - 1

    @abc.abstractmethod
    def samples(self, problem: Problem) -> Int32[npt.NDArray[np.int32], "E B"]:
        """Return the indices of a problem's training samples."""

    @abc.abstractmethod
    def member_columns(self, problem: Problem, samples: Int32[npt.NDArray[np.int32], "E B"]) -> MemberColumns:
        """Return the columns of one problem of a group; `samples` are its samples' indices."""

    @abc.abstractmethod
    def shared_columns(self, problem: Problem) -> SharedColumns:
        """Return the columns that all problems of a group share; `problem` is any of the group."""

    @abc.abstractmethod
    def own_until(self, own: MemberColumns, steps: int) -> MemberColumns:
        """Return the rows of a problem's columns that the first steps use."""

    @abc.abstractmethod
    def shared_until(self, shared: SharedColumns, steps: int) -> SharedColumns:
        """Return the rows of the shared columns that the first steps use.

        A row may name a later step, such as the last that needs a model. It then names step `steps`: what
        comes after the first steps does not show.
        """

    @abc.abstractmethod
    def start(self, problem: Problem) -> Carry:
        """Return the carry before the first step."""

    @abc.abstractmethod
    def trained(self, carry: Carry) -> PyTree:
        """Return all weights in a carry that must stay finite."""

    @abc.abstractmethod
    def evaluated(self, recipe: Recipe, carry: Carry, steps: int) -> tuple[Parameters, Float[Array, ""] | None]:
        """Return the weights to evaluate and the consensus distance, as `Moment` has them."""

    @abc.abstractmethod
    def snapshot(self, recipe: Recipe, carry: Carry, steps: int) -> Snapshot:
        """Return what a replay needs to go on after `steps` steps, as `Moment.take_snapshot` does."""

    @abc.abstractmethod
    def bytes_needed(
        self, recipe: Recipe, dtype: np.dtype[np.floating], mini_batch: int, members: int = 1
    ) -> Mapping[str, int]:
        """Return the bytes that a replay of `members` runs needs on the device, by purpose.

        The data set and the intermediate values of a gradient are not included.
        """

    @abc.abstractmethod
    def describe(self, tape: Tape, recipe: Recipe) -> list[str]:
        """Return a description of the layout, one line for each property."""

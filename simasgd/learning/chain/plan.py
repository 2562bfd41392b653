"""The plan of a tape with one chain of weights, for one compiled loop.

A plan says which gradients are one evaluation, which evaluations are computed together, and where
versions of the weights are kept. It needs NumPy only and no data, so that it can be looked at
before anything is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from jaxtyping import Shaped

from simasgd.learning.layout.costs import DeviceCosts, Work
from simasgd.learning.layout.slots import assign_slots
from simasgd.learning.layout.waves import Waves, plan_waves
from simasgd.tape.arrays import Floats, Ints
from simasgd.tape.tape import Tape

Bools: TypeAlias = npt.NDArray[np.bool_]


class Evaluations(NamedTuple):
    """The E evaluations of a plan, one a row.

    An evaluation computes up to f gradients of the tape as one, on their joined mini-batches.
    """

    gradients: Shaped[Ints, "E f"]
    """The gradient rows of the tape that it computes."""
    real: Shaped[Bools, "E f"] | None
    """False where a gradient row only fills up the shape; None if none does."""
    timestamp: Shaped[Ints, "E L"]
    """The version of the weights that it reads for each layer.

    There is one column (L = 1) if all layers have the same version.
    """
    staleness: Shaped[Ints, " E"]
    """The staleness of its first gradient, in updates."""
    learner: Shaped[Ints, " E"]
    """The learner of its first gradient."""
    reads_copy: Shaped[Bools, " E"] | None
    """Whether it reads its learner's own copy of the weights; None if no learner has one."""
    coefficient: Shaped[Floats, " E"]
    """Its coefficient in the mean of its step."""


@dataclass(frozen=True, eq=False)
class ChainPlan:
    """The arrangement of the evaluations and the steps of a tape.

    Step u of the U steps applies evaluations `first[u]` to `first[u + 1]`.
    """

    evaluations: Evaluations
    first: Shaped[Ints, " U+1"]
    slot: Shaped[Ints, " U+1"]
    """The slot of each version of the weights. The last slot is never read."""
    num_slots: int
    """0 if every gradient is computed on the current weights."""
    num_copies: int
    """The number of learners that step copies of their own."""
    waves: Waves | None
    """None if evaluations are computed one by one."""
    weighs_samples: bool
    """Whether the samples of an evaluation differ in their coefficients."""

    @property
    def num_steps(self) -> int:
        """U, the number of steps."""
        return len(self.first) - 1

    @property
    def num_evaluations(self) -> int:
        """E, the number of evaluations."""
        return len(self.evaluations.gradients)

    @property
    def fused(self) -> int:
        """f, the most gradients of the tape that an evaluation computes."""
        fused: int = self.evaluations.gradients.shape[1]
        return fused

    @cached_property
    def one_each(self) -> bool:
        """Whether every step applies one evaluation with coefficient 1, and needs no inner loop.

        XLA updates learners' copies in place within an inner loop only, so with copies there always
        is one. Without it a gradient takes 4.2 times as long as one of async, with it 1.6 times.
        """
        alone = self.num_evaluations == self.num_steps and (np.diff(self.first) == 1).all()
        return bool(alone and (self.evaluations.coefficient == 1.0).all()) and not self.num_copies


def plan_chain(
    tape: Tape, costs: DeviceCosts, work: Callable[[], Work], linear: bool = True, stops: Sequence[int] = ()
) -> ChainPlan:
    """Return the plan of a tape.

    If the rule is `linear`, gradients of a step that read one version of the weights are computed
    as one mini-batch. One affine map transforms them, and the mean of their means is the mean over
    all their samples. Waves end at the `stops`.

    work() returns the work of a gradient. It is called only where that decides.
    """
    evaluations, first = _evaluations(tape, costs, work, linear)
    newest = evaluations.timestamp.max(axis=1)
    step = np.repeat(np.arange(tape.num_steps), np.diff(first))
    waves = None
    if costs.has_waves and tape.ahead is None:  # each gradient of a copy needs the one before
        of_step = np.maximum.reduceat(newest, first[:-1]) if tape.num_steps else newest
        waves = plan_waves(of_step, first, evaluations.gradients.shape[1] * tape.mini_batch, costs, work(), stops)
    if waves is not None:  # a wave reads all its weights when it begins
        starts = np.repeat(waves.step[:-1], np.diff(waves.step))
        slot, num_slots = assign_slots(tape.num_steps, evaluations.timestamp, starts[step])
    elif (step == evaluations.timestamp.min(axis=1)).all():
        slot, num_slots = np.zeros(tape.num_steps + 1, np.int64), 0
    else:
        slot, num_slots = assign_slots(tape.num_steps, evaluations.timestamp, step)
    num_copies = 0 if tape.ahead is None else int(tape.learner.max()) + 1
    weighs_samples = evaluations.real is not None or tape.sizes is not None
    return ChainPlan(evaluations, first, slot, num_slots, num_copies, waves, weighs_samples)


def _evaluations(
    tape: Tape, costs: DeviceCosts, work: Callable[[], Work], linear: bool
) -> tuple[Evaluations, Shaped[Ints, " U+1"]]:
    counts = np.diff(tape.offsets)
    if linear and tape.layers is None and tape.ahead is None:
        order, sizes = _groups(tape)
    else:
        order, sizes = np.arange(tape.num_gradients), np.ones(tape.num_gradients, np.int64)
    most = max(1, costs.most_samples // tape.mini_batch)
    fused = _gradients_an_evaluation(sizes, tape.mini_batch, most, lambda: costs.overhead(work()))
    pieces = -(-sizes // fused)
    group = np.repeat(np.arange(len(sizes)), pieces)
    piece = np.arange(len(group)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begin = (np.cumsum(sizes) - sizes)[group] + piece * fused
    size = np.minimum(fused, sizes[group] - piece * fused)
    inside = np.arange(fused) < size[:, None]
    gradients = order[np.where(inside, begin[:, None] + np.arange(fused), begin[:, None])]
    leader = gradients[:, 0]
    step = tape.step[leader]
    evaluations = Evaluations(
        gradients=gradients,
        real=None if inside.all() else inside,
        timestamp=tape.timestamp[leader, None] if tape.layers is None else tape.layers[leader],
        staleness=tape.staleness[leader],
        learner=tape.learner[leader],
        reads_copy=None if tape.ahead is None else tape.ahead[leader] > 0,
        coefficient=size / counts[step] * (1 if tape.summed is None else tape.summed[step]),
    )
    return evaluations, np.concatenate([[0], np.cumsum(np.bincount(step, minlength=tape.num_steps))])


def _groups(tape: Tape) -> tuple[Ints, Ints]:
    """Return the gradient rows ordered by groups, and the sizes of the groups.

    The gradients of a step that read one version of the weights are a group. Groups are in order of
    their first row.
    """
    key = tape.step * (tape.num_steps + 1) + tape.timestamp
    _, first, inverse, counts = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    by_first = np.argsort(first, kind="stable")
    rank = np.empty(len(by_first), np.int64)
    rank[by_first] = np.arange(len(by_first))
    return np.argsort(rank[inverse], kind="stable"), counts[by_first]


def _gradients_an_evaluation(sizes: Ints, mini_batch: int, most: int, overhead: Callable[[], float]) -> int:
    """Return how many gradients an evaluation should compute, at most `most`.

    Groups of these sizes then cost least.
    """
    values, numbers = np.unique(sizes, return_counts=True)
    if len(values) <= 1 and values.max(initial=1) <= most:
        return int(values.max(initial=1))
    most = min(most, int(values[-1]))
    candidates = np.unique(np.concatenate([values[values <= most], 2 ** np.arange(most.bit_length()), [most]]))
    evaluations = (-(-values // candidates[:, None]) * numbers).sum(axis=1)
    costs = evaluations * (overhead() + candidates * mini_batch)
    return int(candidates[costs.argmin()])

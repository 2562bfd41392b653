"""The tape: what was computed from what, and when. Nothing else passes between the cluster and the learning.

The cluster writes rows, and the players read columns. The tape is in single-assignment form. Weights number 0 are the
initial ones. *Step* u makes weights number u + 1 from weights number u and the gradients in its row. A *gradient* row names
the weights it was computed on, its learner, and the mini-batch of that learner. Staleness and the other columns that follow
from these are derived here, once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np
import numpy.typing as npt

from simasgd.tape.arrays import Floats, Ints
from simasgd.tape.mixing import Mixing

if TYPE_CHECKING:
    from jaxtyping import Bool, Float64, Int64


class Weights(NamedTuple):
    """A handle on the parameters: their timestamp, which is the number of updates that made them. Never an array.

    If the layers differ in age, `layers` has the timestamp of each layer, and `timestamp` is the smallest. If `ahead` is h,
    the weights are a learner's own copy of that version, stepped by the learner's last h gradients.
    """

    timestamp: int
    layers: tuple[int, ...] = ()
    ahead: int = 0


class Gradient(NamedTuple):
    """A handle on one gradient. `timestamp`, `layers` and `ahead` are those of the weights it was computed on."""

    learner: int
    batch: int
    """The learner's mini-batch, counted from 0."""
    timestamp: int
    read_at: float
    """When the learner had the weights (s)."""
    computed_at: float
    """When the gradient was computed (s)."""
    layers: tuple[int, ...] = ()
    ahead: int = 0


make_gradient: Callable[[tuple[int, int, int, float, float, tuple[int, ...], int]], Gradient]
make_gradient = partial(tuple.__new__, Gradient)  # twice as fast as Gradient
"""Make a gradient of its fields, in their order."""
make_weights: Callable[[tuple[int, tuple[int, ...], int]], Weights]
make_weights = partial(tuple.__new__, Weights)
"""Make weights of their fields, in their order."""


class Past(NamedTuple):
    """The work of a run's earlier parts, before a tape began, and the number of rows that hand over their last models."""

    samples: int = 0
    updates: int = 0
    seconds: float = 0.0
    rows: int = 0
    """The first rows of the tape, one for each holder of a model: each makes the model that its holder had."""
    mean_staleness: float | None = None
    """The mean staleness of the first part, which holds for all parts where a rule needs one; None on the first tape."""


NOTHING = Past()
"""The work before the first part: none."""


@final
@dataclass(frozen=True, eq=False)
class Tape:
    """The applied gradients and the steps that applied them: G gradient rows, U step rows, L layers.

    Gradient rows are in the order in which the server took them. Step u applied gradient rows `offsets[u]` to
    `offsets[u + 1]` with equal coefficients.
    """

    mini_batch: int
    """Number of samples of a gradient; the greatest where learners differ."""
    learner: Int64[Ints, " G"]
    batch: Int64[Ints, " G"]
    """The gradient's mini-batch, counted from 0 for each learner."""
    timestamp: Int64[Ints, " G"]
    """Number of the weights (or of the model, with `mixing`) that the gradient was computed on."""
    read_at: Float64[Floats, " G"]
    """When the learner had the weights (s)."""
    computed_at: Float64[Floats, " G"]
    """When the gradient was computed (s)."""
    stepped_at: Float64[Floats, " U"]
    """When the step was made (s)."""
    offsets: Int64[Ints, " U+1"]
    layers: Int64[Ints, "G L"] | None = None
    """Timestamp of each layer's weights, from the input to the output; `timestamp` is the smallest of a row. None: the layers
    never differ."""
    ahead: Int64[Ints, " G"] | None = None
    """h: the gradient was computed on weights `timestamp` after plain SGD steps with the learner's h mini-batches before
    `batch`, which are in earlier rows. None: 0 everywhere."""
    summed: Int64[Ints, " U"] | None = None
    """Number of gradients in each message: the coefficients of a step of c gradients are `summed`/c, so the mean is over
    messages. None: 1 everywhere."""
    mini_batches: Int64[Ints, " learners"] | None = None
    """Number of samples of a gradient of each learner. None: `mini_batch` for all."""
    mixing: Mixing | None = None
    """The models that each row is made from, if learners have models of their own. A row then applies one gradient or none."""
    past: Past = NOTHING
    """The work before the tape. Its times and the numbers of its weights begin at 0."""

    @property
    def num_gradients(self) -> int:
        """G, the number of applied gradients."""
        return len(self.learner)

    @property
    def num_steps(self) -> int:
        """U, the number of steps."""
        return len(self.stepped_at)

    @cached_property
    def step(self) -> Int64[Ints, " G"]:
        """The step that applied each gradient."""
        return np.repeat(np.arange(self.num_steps), np.diff(self.offsets))

    @cached_property
    def last(self) -> Bool[npt.NDArray[np.bool_], " G"]:
        """Whether a message ends with this gradient: true everywhere unless messages are sums."""
        if self.summed is None:
            return np.ones(self.num_gradients, np.bool_)
        done = np.arange(1, self.num_gradients + 1) - self.offsets[self.step]  # of its step
        ends: npt.NDArray[np.bool_] = done % self.summed[self.step] == 0
        return ends

    @cached_property
    def staleness(self) -> Int64[Ints, " G"]:
        """σ (or τ): the number of *other* updates between reading the weights and applying the gradient.

        Step u applies its gradients to weights number u, so a lone learner has staleness 0 (arXiv:1509.04210, A1.2). If the
        layers differ in age, the staleness is that of the oldest. Updates with gradients that a learner's own copy already
        has do not count. With models of learners' own, the staleness is the number of changes of the learner's model.
        """
        if self.mixing is not None:
            return self.mixing.changes_between(self.learner, self.timestamp, self.step)
        late = self.step - self.timestamp
        return late if self.ahead is None else late - self._own_updates(self.ahead)

    def _own_updates(self, ahead: Int64[Ints, " G"]) -> Int64[Ints, " G"]:
        """Count for each gradient the earlier updates whose gradients the learner's copy already contained."""
        found = np.zeros(self.num_gradients, np.int64)
        for learner in np.unique(self.learner[ahead > 0]).tolist():
            rows = np.flatnonzero(self.learner == learner)
            updates = np.cumsum(np.diff(self.step[rows], prepend=self.step[rows[0]]) > 0)  # different ones so far
            found[rows] = updates - updates[np.arange(len(rows)) - ahead[rows]]
        return found

    @cached_property
    def layer_staleness(self) -> Int64[Ints, "G L"] | None:
        """The staleness of each layer of each gradient; None if the layers never differ."""
        return None if self.layers is None else self.step[:, None] - self.layers

    @cached_property
    def updates_before(self) -> Int64[Ints, " U+1"]:
        """Updates by gradients before each step, and after the last one, those of earlier parts included."""
        return self.past.updates + (np.arange(self.num_steps + 1) if self.mixing is None else self.offsets)

    @cached_property
    def samples_before(self) -> Int64[Ints, " U+1"]:
        """Samples applied before each step, and after the last one, those of earlier parts included."""
        if self.sizes is None:
            return self.past.samples + self.offsets * self.mini_batch
        return self.past.samples + np.concatenate([[0], np.cumsum(self.sizes)])[self.offsets]

    @cached_property
    def sizes(self) -> Int64[Ints, " G"] | None:
        """The number of samples of each gradient; None where it is `mini_batch` for all."""
        return None if self.mini_batches is None else self.mini_batches[self.learner]

    def times_of_first(self, gradients: int) -> Floats:
        """Return the times (s) of the steps that applied each of the first gradients, of all if there are fewer."""
        steps = int(np.searchsorted(self.offsets, gradients, side="left"))
        return np.repeat(self.stepped_at[:steps], np.diff(self.offsets[: steps + 1]))[:gradients]

    def first_step_after(self, samples: Sequence[float]) -> Ints:
        """Return the smallest number of steps that applies at least each of these numbers of samples; U + 1 if none does."""
        return np.searchsorted(self.samples_before, np.asarray(samples), side="left")


def staleness_counts(staleness: npt.ArrayLike) -> Counter[int]:
    """Count how often each staleness occurs."""
    values, counts = np.unique(np.asarray(staleness), return_counts=True)
    return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))

"""The tape: what was computed from what, and when. It is all that passes between the cluster and the learning.

The cluster writes it (rows in), the players read it (columns out). It is in single-assignment form: weights number 0 are
the initial ones, and *step* u makes weights number u + 1 from weights number u and the gradients listed in its row. A
*gradient* row names the weights it was computed on, its learner and which of that learner's mini-batches it used. Staleness
and the other columns that follow from these are derived here, once.
"""

from __future__ import annotations

import abc
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, final

import numpy as np
import numpy.typing as npt

from simasgd.mixing import NONE, Mixing, MixingRecorder, Row, ages

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Weights(NamedTuple):
    """A handle on the parameters: their timestamp, which is the number of updates that made them. Never an array.

    Where its layers differ in age, `layers` has the timestamp of each and `timestamp` is the least of them. If `ahead` is h,
    it is a learner's own copy of that version, stepped by its last h gradients.
    """

    timestamp: int
    layers: tuple[int, ...] = ()
    ahead: int = 0


class Gradient(NamedTuple):
    """A handle on one gradient: who computed it, from which mini-batch of its own, on which weights, and when (s). Its
    `timestamp`, `layers` and `ahead` are those of the weights."""

    learner: int
    batch: int
    timestamp: int
    read_at: float
    computed_at: float
    layers: tuple[int, ...] = ()
    ahead: int = 0


@final
@dataclass(frozen=True, eq=False)
class Tape:
    """The applied gradients and the steps that applied them.

    Gradient rows, in the order in which the server took them, shape (G,): `learner`, `batch` (this is the learner's
    batch-th mini-batch, from 0), `timestamp` (of the weights it was computed on), `read_at` and `computed_at` (s).
    Step rows, shape (U,): `stepped_at` (s); step u applied gradient rows `offsets[u]` to `offsets[u + 1]` with equal
    coefficients, so `offsets` has shape (U + 1,).

    Where some gradients read layers of different ages, `layers` has the timestamps of the weights that each layer was taken
    from, shape (G, L), from the input to the output; `timestamp` is then the least in each row. Else it is None.

    Where learners step copies of their own, `ahead` is h, shape (G,): gradient row g was computed on weights number
    `timestamp[g]` after plain SGD steps with the learner's h mini-batches before `batch[g]`, all of which are in earlier rows.
    Where messages are sums of several gradients, `summed` is how many, shape (U,): the coefficients of a step of c gradients
    are `summed[u]`/c, so that the mean is over messages. Both are None where they say nothing.

    Where learners have models of their own, `mixing` says what each row makes from which models, and `timestamp` is the number
    of the model that a gradient was computed on. A row, a step of the tape, then applies one gradient or none.
    """

    mini_batch: int
    learner: Ints
    batch: Ints
    timestamp: Ints
    read_at: Floats
    computed_at: Floats
    stepped_at: Floats
    offsets: Ints
    layers: Ints | None = None
    ahead: Ints | None = None
    summed: Ints | None = None
    mixing: Mixing | None = None

    @property
    def num_gradients(self) -> int:
        return len(self.learner)

    @property
    def num_steps(self) -> int:
        return len(self.stepped_at)

    @cached_property
    def step(self) -> Ints:
        """The step that applied each gradient, shape (G,)."""
        return np.repeat(np.arange(self.num_steps), np.diff(self.offsets))

    @cached_property
    def last(self) -> npt.NDArray[np.bool_]:
        """Whether a message ends with this gradient, shape (G,): with every one of them, unless messages are sums."""
        if self.summed is None:
            return np.ones(self.num_gradients, np.bool_)
        done = np.arange(1, self.num_gradients + 1) - self.offsets[self.step]  # of its step
        ends: npt.NDArray[np.bool_] = done % self.summed[self.step] == 0
        return ends

    @cached_property
    def staleness(self) -> Ints:
        """σ (or τ): the number of *other* updates between reading the weights and applying the gradient, shape (G,).

        Weights number u are current when step u applies its gradients, so a lone learner has 0 (arXiv:1509.04210, A1.2). Where
        the layers differ it is the greatest of theirs; a learner's own copy has its own gradients, so updates with these are
        no others. Of models of learners' own it is the number of times that the learner's changed in between.
        """
        if self.mixing is not None:
            return self.mixing.changes_between(self.learner, self.timestamp, self.step)
        late = self.step - self.timestamp
        return late if self.ahead is None else late - self._own_updates(self.ahead)

    def _own_updates(self, ahead: Ints) -> Ints:
        """The updates before each gradient's own step that applied what its learner's copy was stepped by, shape (G,)."""
        found = np.zeros(self.num_gradients, np.int64)
        for learner in np.unique(self.learner[ahead > 0]).tolist():
            rows = np.flatnonzero(self.learner == learner)
            updates = np.cumsum(np.diff(self.step[rows], prepend=self.step[rows[0]]) > 0)  # different ones so far
            found[rows] = updates - updates[np.arange(len(rows)) - ahead[rows]]
        return found

    @cached_property
    def layer_staleness(self) -> Ints | None:
        """The staleness of each layer of each gradient, shape (G, L); None where the layers never differ."""
        return None if self.layers is None else self.step[:, None] - self.layers

    @cached_property
    def updates_before(self) -> Ints:
        """Updates that were made by gradients before each step, and after the last one: shape (U + 1,)."""
        return np.arange(self.num_steps + 1) if self.mixing is None else self.offsets

    @cached_property
    def samples_before(self) -> Ints:
        """Samples applied before each step, and after the last one: shape (U + 1,)."""
        return self.offsets * self.mini_batch

    def first_step_after(self, samples: Sequence[float]) -> Ints:
        """The least number of steps after which at least `samples` have been applied (U + 1 where they never are)."""
        return np.searchsorted(self.samples_before, np.asarray(samples), side="left")


def staleness_counts(staleness: npt.ArrayLike) -> Counter[int]:
    """How often each staleness occurs."""
    values, counts = np.unique(np.asarray(staleness), return_counts=True)
    return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))


class AbstractRecorder(abc.ABC):
    """What is kept of the rows that the cluster writes."""

    @abc.abstractmethod
    def step(self, time: float, timestamp: int, gradients: Sequence[Gradient], summed: int = 1) -> None:
        """Weights number `timestamp` + 1 are made at `time` (s) from number `timestamp` and `gradients`, whose messages are
        sums of `summed`."""

    @abc.abstractmethod
    def models(self, learners: int, has_centre: bool) -> None:
        """Learners have models of their own, and there is one more in the centre or not; `row` takes the place of `step`."""

    @abc.abstractmethod
    def row(self, time: float, row: Row, gradient: Gradient | None, staleness: int) -> None:
        """The next model is made at `time` (s), with a gradient of that staleness if there is one."""

    @abc.abstractmethod
    def hold(self, rows: int, holder: int, model: int) -> None:
        """When so many rows have been made, `holder` has come to hold a model."""

    @abc.abstractmethod
    def age_counts(self) -> Counter[int]:
        """How often each age of what was mixed into a model occurred (`simasgd.mixing.Row`)."""

    @abc.abstractmethod
    def staleness_counts(self) -> Counter[int]:
        """How often each staleness occurred among the applied gradients."""


@final
class SummaryRecorder(AbstractRecorder):
    """Keeps how often each staleness occurred, so its memory does not grow with the gradients."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._own: dict[int, tuple[int, int]] = {}  # a learner's last step, and its own updates since it pulled
        self._ages: Counter[int] = Counter()

    def models(self, learners: int, has_centre: bool) -> None:
        pass

    def row(self, time: float, row: Row, gradient: Gradient | None, staleness: int) -> None:
        if gradient is not None:
            self._counts[staleness] += 1
        if row.age != NONE:
            self._ages[row.age] += 1

    def hold(self, rows: int, holder: int, model: int) -> None:
        pass

    def age_counts(self) -> Counter[int]:
        return Counter(dict(sorted(self._ages.items())))

    def step(self, time: float, timestamp: int, gradients: Sequence[Gradient], summed: int = 1) -> None:
        counts, own = self._counts, self._own
        for gradient in gradients:
            late = timestamp - gradient.timestamp
            if gradient.ahead:
                before, updates = own[gradient.learner]
                updates += before < timestamp
                own[gradient.learner] = (timestamp, updates)
                late -= updates
            else:
                own[gradient.learner] = (timestamp, 0)
            counts[late] += 1

    def staleness_counts(self) -> Counter[int]:
        return Counter(dict(sorted(self._counts.items())))


@final
class TapeRecorder(AbstractRecorder):
    """Keeps every row, 40 bytes a gradient and 16 a step; and 8 bytes for each layer where a gradient's differ, for the steps
    of its learner's copy, and of a sum, and for the number of such a row."""

    def __init__(self) -> None:
        self._learner, self._batch, self._timestamp = array("q"), array("q"), array("q")
        self._read_at, self._computed_at = array("d"), array("d")
        self._stepped_at, self._offsets = array("d"), array("q", [0])
        self._layered, self._layers = array("q"), array("q")  # the rows whose layers differ, and their timestamps
        self._stepped, self._ahead = array("q"), array("q")  # the rows of copies that were stepped, and by how many
        self._summing, self._summed = array("q"), array("q")  # the steps of sums, and of how many
        self._mixing: MixingRecorder | None = None

    def step(self, time: float, timestamp: int, gradients: Sequence[Gradient], summed: int = 1) -> None:
        for learner, batch, read, read_at, computed_at, layers, ahead in gradients:
            if ahead:
                self._stepped.append(len(self._learner))
                self._ahead.append(ahead)
            if layers:
                self._layered.append(len(self._learner))
                self._layers.extend(layers)
            self._learner.append(learner)
            self._batch.append(batch)
            self._timestamp.append(read)
            self._read_at.append(read_at)
            self._computed_at.append(computed_at)
        if summed != 1:
            self._summing.append(len(self._stepped_at))
            self._summed.append(summed)
        self._stepped_at.append(time)
        self._offsets.append(len(self._learner))

    def models(self, learners: int, has_centre: bool) -> None:
        self._mixing = MixingRecorder(learners, has_centre)

    def row(self, time: float, row: Row, gradient: Gradient | None, staleness: int) -> None:
        assert self._mixing is not None
        self.step(time, row.base, () if gradient is None else (gradient,))
        self._mixing.row(row)

    def hold(self, rows: int, holder: int, model: int) -> None:
        assert self._mixing is not None
        self._mixing.hold(rows, holder, model)

    def age_counts(self) -> Counter[int]:
        return Counter() if self._mixing is None else ages(self._mixing.columns().age)

    def staleness_counts(self) -> Counter[int]:
        return staleness_counts(self.tape(mini_batch=1).staleness)

    def tape(self, mini_batch: int) -> Tape:
        return Tape(
            mini_batch=mini_batch,
            learner=_column(self._learner, np.int64),
            batch=_column(self._batch, np.int64),
            timestamp=_column(self._timestamp, np.int64),
            read_at=_column(self._read_at, np.float64),
            computed_at=_column(self._computed_at, np.float64),
            stepped_at=_column(self._stepped_at, np.float64),
            offsets=_column(self._offsets, np.int64),
            layers=self._layer_columns(),
            ahead=_sparse(self._stepped, self._ahead, len(self._learner), 0),
            summed=_sparse(self._summing, self._summed, len(self._stepped_at), 1),
            mixing=None if self._mixing is None else self._mixing.columns(),
        )

    def _layer_columns(self) -> Ints | None:
        """The timestamps of all layers in every row, shape (G, L); None where no row has any."""
        if not self._layered:
            return None
        layered, own = np.array(self._layered), np.array(self._layers).reshape(len(self._layered), -1)
        columns = np.repeat(np.array(self._timestamp)[:, None], own.shape[1], axis=1)
        columns[layered] = own
        columns.flags.writeable = False
        return columns


def _sparse(rows: array[int], values: array[int], size: int, elsewhere: int) -> Ints | None:
    """A column with these values in these rows and one value elsewhere; None where there are no such rows."""
    if not rows:
        return None
    column = np.full(size, elsewhere)
    column[np.array(rows)] = np.array(values)
    column.flags.writeable = False
    return column


def _column(values: array[Any], dtype: type[np.generic]) -> npt.NDArray[Any]:
    """A read-only copy, so that recording may go on."""
    column = np.array(values, dtype=dtype)
    column.flags.writeable = False
    return column

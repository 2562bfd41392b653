"""Recorders: the cluster writes the rows of a tape, or their summary, through one of these."""

from __future__ import annotations

import abc
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, chain, islice, repeat
from operator import itemgetter, sub
from typing import Any, NamedTuple, TypeVar, final

import numpy as np
import numpy.typing as npt

from simasgd.tape.arrays import Floats, Ints
from simasgd.tape.mixing import NONE, MixingRecorder, Row, ages
from simasgd.tape.tape import Gradient, Tape, staleness_counts

_BLOCK = 512  # steps and gradients that are taken in together
_LEARNER, _READ, _AHEAD = (itemgetter(Gradient._fields.index(name)) for name in ("learner", "timestamp", "ahead"))
Item = TypeVar("Item")


class AbstractRecorder(abc.ABC):
    """Keeps the rows that the cluster writes, or a summary of them."""

    @abc.abstractmethod
    def step(self, time: float, timestamp: int, gradients: Sequence[Gradient], summed: int = 1) -> None:
        """Record a step at `time` (s): it makes weights number `timestamp` + 1 from number `timestamp` and `gradients`.

        Each message is the sum of `summed` gradients.
        """

    @abc.abstractmethod
    def models(self, learners: int, has_centre: bool) -> None:
        """Expect models of the learners' own, and of the centre if there is one. Then `row` replaces `step`."""

    @abc.abstractmethod
    def row(self, time: float, row: Row, gradient: Gradient | None, staleness: int) -> None:
        """Record the next model, made at `time` (s). If it uses a gradient, `staleness` is that gradient's."""

    @abc.abstractmethod
    def hold(self, rows: int, holder: int, model: int) -> None:
        """Record that `holder` holds a model from the time when `rows` rows have been made."""

    @abc.abstractmethod
    def age_counts(self) -> Counter[int]:
        """Count how often each age of a mixed-in model occurred (`simasgd.tape.mixing.Row`)."""

    @abc.abstractmethod
    def staleness_counts(self) -> Counter[int]:
        """Count how often each staleness occurred among the applied gradients."""

    @abc.abstractmethod
    def applied_of(self, learners: int) -> list[int]:
        """Count the applied gradients of each of so many learners."""


class StepBlock(NamedTuple):
    """The columns of some steps, and their gradients."""

    time: list[float]
    timestamp: list[int]
    summed: list[int]
    sizes: list[int]
    """The number of gradients of each step."""
    gradients: list[Gradient]

    def column(self, get: Callable[[Gradient], Item]) -> Iterator[Item]:
        """Return a column of gradients."""
        return map(get, self.gradients)

    def of_gradients(self, column: list[Item]) -> Iterable[Item]:
        """Return a column of steps as a column of gradients."""
        if self.sizes.count(1) == len(column):
            return column
        return chain.from_iterable(map(repeat, column, self.sizes))


class _AbstractBlockRecorder(AbstractRecorder):
    """A recorder that keeps the last steps as they are, and takes them in a block at a time."""

    def __init__(self) -> None:
        self._steps: list[Any] = []  # the arguments of `step`, one step after the other: slices of the list are columns
        self._held = 0  # steps and gradients in this list

    def step(self, time: float, timestamp: int, gradients: Sequence[Gradient], summed: int = 1) -> None:
        self._steps += time, timestamp, gradients, summed
        self._held = held = self._held + len(gradients) + 1
        if held >= _BLOCK:
            self._take_in_all()

    def _take_in_all(self) -> None:
        """Take in all steps so far."""
        if self._steps:
            time, timestamp, gradients, summed = (self._steps[place::4] for place in range(4))
            self._steps, self._held = [], 0
            self._take_in(StepBlock(time, timestamp, summed, [*map(len, gradients)], [*chain.from_iterable(gradients)]))

    @abc.abstractmethod
    def _take_in(self, block: StepBlock) -> None:
        """Take in the next steps."""


@final
class SummaryRecorder(_AbstractBlockRecorder):
    """Counts how often each staleness occurs, so its memory does not grow with the gradients.

    `first_times` are the times (s) of the first gradients, of at least as many as it is told to note,
    in the order in which they were applied.
    """

    def __init__(self, noting: int = 0) -> None:
        super().__init__()
        self._noting = noting
        self._times = array("d")
        self._counts: Counter[int] = Counter()
        self._last: dict[int, int] = {}  # a learner's last step
        self._own: dict[int, int] = {}  # its own updates since it pulled, if learners step copies
        self._applied: Counter[int] = Counter()  # by learner
        self._ages: Counter[int] = Counter()

    def models(self, learners: int, has_centre: bool) -> None:
        pass

    def row(self, time: float, row: Row, gradient: Gradient | None, staleness: int) -> None:
        if gradient is not None:
            self._counts[staleness] += 1
            self._applied[gradient.learner] += 1
            if len(self._times) < self._noting:
                self._times.append(time)
        if row.age != NONE:
            self._ages[row.age] += 1

    def hold(self, rows: int, holder: int, model: int) -> None:
        pass

    def age_counts(self) -> Counter[int]:
        return Counter(dict(sorted(self._ages.items())))

    def _take_in(self, block: StepBlock) -> None:
        self._applied.update(block.column(_LEARNER))
        if len(self._times) < self._noting:
            self._times.extend(block.of_gradients(block.time))
        if self._own or any(block.column(_AHEAD)):
            self._counts.update(self._late_of_copies(block))
        else:
            self._counts.update(map(sub, block.of_gradients(block.timestamp), block.column(_READ)))
            self._last.update(zip(block.column(_LEARNER), block.of_gradients(block.timestamp)))  # noqa: B905  # as long as each other

    def _late_of_copies(self, block: StepBlock) -> Iterator[int]:
        """Return the staleness of each gradient where learners step copies of their own."""
        columns = block.column(_LEARNER), block.of_gradients(block.timestamp), block.column(_READ), block.column(_AHEAD)
        for learner, timestamp, read, ahead in zip(*columns, strict=True):
            updates = 0
            if ahead:
                updates = self._own.get(learner, 0) + (self._last[learner] < timestamp)
            self._own[learner], self._last[learner] = updates, timestamp
            yield timestamp - read - updates

    def first_times(self) -> Floats:
        """Return the times (s) of the first gradients."""
        self._take_in_all()
        return np.array(self._times)

    def staleness_counts(self) -> Counter[int]:
        self._take_in_all()
        return Counter(dict(sorted(self._counts.items())))

    def applied_of(self, learners: int) -> list[int]:
        self._take_in_all()
        return [self._applied[learner] for learner in range(learners)]


@final
class TapeRecorder(_AbstractBlockRecorder):
    """Keeps every row: 40 bytes a gradient and 16 bytes a step.

    A gradient needs 8 bytes more for each layer if its layers differ in age, and 16 if its learner's copy was stepped. A step
    of summed messages needs 16 more.
    """

    def __init__(self) -> None:
        super().__init__()
        self._learner, self._batch, self._timestamp = array("q"), array("q"), array("q")
        self._read_at, self._computed_at = array("d"), array("d")
        self._stepped_at, self._offsets = array("d"), array("q", [0])
        self._layered, self._layers = array("q"), array("q")  # the rows whose layers differ, and their timestamps
        self._stepped, self._ahead = array("q"), array("q")  # the rows of copies that were stepped, and by how many
        self._summing, self._summed = array("q"), array("q")  # the steps of sums, and of how many
        self._mixing: MixingRecorder | None = None

    def _take_in(self, block: StepBlock) -> None:
        first_gradient, first_step = len(self._learner), len(self._stepped_at)
        if block.gradients:
            learner, batch, read, read_at, computed_at, layers, ahead = zip(*block.gradients, strict=True)
            if any(ahead):
                _keep_some(self._stepped, self._ahead, first_gradient, ahead, 0)
            if any(layers):
                for row, own in enumerate(layers, first_gradient):
                    if own:
                        self._layered.append(row)
                        self._layers.extend(own)
            self._learner.extend(learner)
            self._batch.extend(batch)
            self._timestamp.extend(read)
            self._read_at.extend(read_at)
            self._computed_at.extend(computed_at)
        if max(block.summed) > 1:
            _keep_some(self._summing, self._summed, first_step, block.summed, 1)
        self._stepped_at.extend(block.time)
        self._offsets.extend(islice(accumulate(block.sizes, initial=first_gradient), 1, None))

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

    def applied_of(self, learners: int) -> list[int]:
        self._take_in_all()
        counts: list[int] = np.bincount(np.array(self._learner), minlength=learners).tolist()
        return counts

    def tape(self, mini_batch: int | Sequence[int]) -> Tape:
        """Return the tape so far, for mini-batches of this many samples, of all learners or of each."""
        self._take_in_all()
        return Tape(
            mini_batch=mini_batch if isinstance(mini_batch, int) else max(mini_batch),
            mini_batches=None if isinstance(mini_batch, int) else np.array(mini_batch),
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
        """Return the timestamps of all layers in every row, shape (G, L); None if no row has layers that differ."""
        if not self._layered:
            return None
        layered, own = np.array(self._layered), np.array(self._layers).reshape(len(self._layered), -1)
        columns = np.repeat(np.array(self._timestamp)[:, None], own.shape[1], axis=1)
        columns[layered] = own
        columns.flags.writeable = False
        return columns


def _keep_some(rows: array[int], kept: array[int], first: int, values: Sequence[int], usual: int) -> None:
    """Add those of a column's next values that are not the usual one, and their rows, of which `first` is the first."""
    for row, value in enumerate(values, first):
        if value != usual:
            rows.append(row)
            kept.append(value)


def _sparse(rows: array[int], values: array[int], size: int, elsewhere: int) -> Ints | None:
    """Return a column with these values in these rows and one value elsewhere; None if there are no such rows."""
    if not rows:
        return None
    column = np.full(size, elsewhere)
    column[np.array(rows)] = np.array(values)
    column.flags.writeable = False
    return column


def _column(values: array[Any], dtype: type[np.generic]) -> npt.NDArray[Any]:
    """Return a read-only copy, so that recording can continue."""
    column = np.array(values, dtype=dtype)
    column.flags.writeable = False
    return column

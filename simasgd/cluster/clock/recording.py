"""The recording of a run: the rows of the tape, samples of the bytes sent, and the stop."""

from __future__ import annotations

import abc
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol as Structural
from typing import final

from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.sizes import MiniBatch
from simasgd.cluster.clock.trail import START
from simasgd.tape.mixing import NONE, Row
from simasgd.tape.recorder import AbstractRecorder
from simasgd.tape.tape import Gradient

_REPORT_EVERY = 8192  # gradients between two calls of `progress`
# Reading the network's counts takes some 3 µs a learner, and a gradient some 10 µs, so this slows the clock by 1 %.
_NOTE_EVERY = 32  # gradients of each learner between two notes of the bytes sent
_MOST_NOTES = 1000


@dataclass(frozen=True)
class Limit:
    """Where a run stops: at the first update that reaches one of the numbers, or at the time (s)."""

    gradients: int | None = None
    updates: int | None = None
    seconds: float | None = None
    samples: int | None = None


class ReportProgress(Structural):
    """Called now and then with the numbers of applied gradients and of updates, and the simulated seconds."""

    def __call__(self, gradients: int, updates: int, seconds: float) -> None: ...


@final
class ByteSamples:
    """Samples of the bytes sent so far, at evenly spaced updates.

    A longer run takes them farther apart, because the memory of a summary must not grow with the
    gradients.
    """

    def __init__(self, sent: Callable[[], float], learners: int) -> None:
        self._every = _NOTE_EVERY * learners
        self.due = self._every  # the number of gradients at which to note next
        self._sent = sent
        self._updates, self._bytes = array("q", [0]), array("d", [0.0])

    def take(self, gradients: int, updates: int) -> None:
        """Take a sample now."""
        self._updates.append(updates)
        self._bytes.append(self._sent())
        if len(self._updates) > _MOST_NOTES:
            self._updates, self._bytes = self._updates[::2], self._bytes[::2]
            self._every *= 2
        self.due = gradients + self._every

    def until(self, updates: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Return updates and bytes up to the last update, for which all bytes sent until the stop count."""
        before = sum(1 for noted in self._updates if noted < updates)
        if not before:
            return (0,), (0.0,)
        return (*self._updates[:before], updates), (*self._bytes[:before], self._sent())


class AbstractRecording(abc.ABC):
    """Passes rows to the recorder until the limit is reached, and stops the clock then."""

    def __init__(
        self, recorder: AbstractRecorder, limit: Limit, done: Signal, progress: ReportProgress | None, byte_samples: ByteSamples
    ) -> None:
        self.gradients = 0
        self.updates = 0
        self.late = 0  # gradients of updates after the stop, at its instant
        self.time = 0.0  # of the last update
        self.trail = START  # of the last row of models
        self.byte_samples = byte_samples
        self._rows = 0  # of models
        self._recorder = recorder
        self._step = recorder.step
        self._most_gradients = limit.gradients if limit.gradients is not None else float("inf")
        self._most_updates = limit.updates if limit.updates is not None else -1  # a number that is never reached
        self._done = done
        self._is_over = False
        self._progress = progress
        self._report_at = _REPORT_EVERY
        self._look_at = 0.0  # the number of gradients at which there is more to do than to count
        self._look_ahead()

    def stop(self, *, is_idle: bool = False) -> None:
        """End the run; `is_idle` says whether nothing else is left to happen. Afterwards nothing more is recorded."""
        if not self._is_over:
            self._is_over = True
            self._done.fire(is_idle)

    @abc.abstractmethod
    def write(self, time: float, timestamp: int, gradients: Sequence[Gradient], summed: int) -> None:
        """Record that the server's weights number `timestamp` + 1 are made."""

    def models(self, learners: int, has_centre: bool) -> None:
        """Tell the recorder that learners have models of their own."""
        self._recorder.models(learners, has_centre)

    @abc.abstractmethod
    def row(self, time: float, row: Row, gradient: Gradient | None = None, staleness: int = 0) -> int:
        """Record that a model is made; return its number, or NONE after the stop."""

    def applied_of(self, learners: int) -> list[int]:
        """Count the applied gradients of each of so many learners."""
        return self._recorder.applied_of(learners)

    def hold(self, holder: int, model: int) -> None:
        """Record that `holder` holds that model from now on."""
        if model != NONE:
            self._recorder.hold(self._rows, holder, model)

    def _applied(self, time: float, gradients: int) -> None:
        self.gradients += gradients
        self.updates += 1
        self.time = time
        if self.gradients >= self._look_at or self.updates == self._most_updates:
            self._look(time)

    def _look(self, time: float) -> None:
        """Stop at the limit, sample the bytes and report the progress, whatever is due."""
        if self.gradients >= self._most_gradients or self.updates == self._most_updates:
            self.stop()
        if self.gradients >= self.byte_samples.due:
            self.byte_samples.take(self.gradients, self.updates)
        if self.gradients >= self._report_at:
            self._report_at = self.gradients + _REPORT_EVERY
            if self._progress is not None:
                self._progress(self.gradients, self.updates, time)
        self._look_ahead()

    def _look_ahead(self) -> None:
        self._look_at = min(self._most_gradients, self.byte_samples.due, self._report_at)


@final
class Recording(AbstractRecording):
    """A recording that counts gradients, which all have equally many samples."""

    def write(self, time: float, timestamp: int, gradients: Sequence[Gradient], summed: int) -> None:
        if self._is_over:
            self.late += len(gradients)
            return  # consequences of the last update at the very instant of the stop
        self._step(time, timestamp, gradients, summed)
        # As `_applied`, without a call, because this happens at every gradient.
        self.gradients = applied = self.gradients + len(gradients)
        self.updates = updates = self.updates + 1
        self.time = time
        if applied >= self._look_at or updates == self._most_updates:
            self._look(time)

    def row(self, time: float, row: Row, gradient: Gradient | None = None, staleness: int = 0) -> int:
        if self._is_over:
            self.late += gradient is not None
            return NONE
        self._recorder.row(time, row, gradient, staleness)
        self._rows = made = self._rows + 1
        if gradient is not None:
            self._applied(time, 1)
        return made


@final
class SampleRecording(AbstractRecording):
    """A recording that counts samples, too; `sizes` has the samples of a gradient of each learner."""

    def __init__(
        self,
        recorder: AbstractRecorder,
        limit: Limit,
        done: Signal,
        progress: ReportProgress | None,
        byte_samples: ByteSamples,
        sizes: Sequence[int],
    ) -> None:
        super().__init__(recorder, limit, done, progress, byte_samples)
        self._sizes = sizes
        self._left = limit.samples if limit.samples is not None else float("inf")

    def write(self, time: float, timestamp: int, gradients: Sequence[Gradient], summed: int) -> None:
        if self._is_over:
            self.late += len(gradients)
            return
        self._recorder.step(time, timestamp, gradients, summed)
        self._left -= sum(self._sizes[gradient.learner] for gradient in gradients)
        self._applied(time, len(gradients))
        self._stop_at_the_limit()

    def row(self, time: float, row: Row, gradient: Gradient | None = None, staleness: int = 0) -> int:
        if self._is_over:
            self.late += gradient is not None
            return NONE
        self._recorder.row(time, row, gradient, staleness)
        self._rows += 1
        if gradient is not None:
            self._left -= self._sizes[gradient.learner]
            self._applied(time, 1)
            self._stop_at_the_limit()
        return self._rows

    def _stop_at_the_limit(self) -> None:
        if self._left <= 0:
            self.stop()


def make_recording(
    recorder: AbstractRecorder,
    limit: Limit,
    done: Signal,
    progress: ReportProgress | None,
    byte_samples: ByteSamples,
    mini_batch: MiniBatch,
) -> AbstractRecording:
    """Make the recording of a run whose gradients have so many samples."""
    if isinstance(mini_batch, int):
        return Recording(recorder, limit, done, progress, byte_samples)
    return SampleRecording(recorder, limit, done, progress, byte_samples, mini_batch)

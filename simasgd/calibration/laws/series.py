"""The compute times of a log as a series for each learner: of one mini-batch size, without warm-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from simasgd.calibration.laws.sample_time import SampleTime, fit_sample_time
from simasgd.calibration.laws.standard_errors import Estimate
from simasgd.errors import UsageError
from simasgd.operations.log import OperationLog
from simasgd.tape.arrays import Floats

_LEAST = 20  # mini-batches
_RANGE = (1e-12, 1e12)  # of the mean time (s)
_WARM_UP = 3.0  # times the median


@final
@dataclass(frozen=True)
class Series:
    """Compute times of M learners in order, for mini-batches of the usual size."""

    learners: tuple[str, ...]
    """Names of the M learners, which have at least two mini-batches each."""
    times: tuple[Floats, ...]
    """Of each learner (s)."""
    starts: tuple[Floats, ...]
    """When each mini-batch began (s); one after the other where the log does not say."""
    sample_time: SampleTime
    warm_up: Estimate | None
    """Mean time of the mini-batches that count as warm-up (s); None if there are none."""
    remarks: tuple[str, ...]

    @property
    def size(self) -> int:
        return sum(len(one) for one in self.times)

    @property
    def mean(self) -> float:
        """The mean of all times (s)."""
        return sum(float(np.sum(one)) for one in self.times) / self.size

    def take(self, most: int, least: int = 500) -> Series:
        """Return the first mini-batches of some learners, about `most` in all, at least `least` of each learner."""
        step = max(-(-len(self.times) * least // most), 1)
        each = max(most // len(self.times[::step]), 2)
        return Series(
            self.learners[::step],
            tuple(one[:each] for one in self.times[::step]),
            tuple(one[:each] for one in self.starts[::step]),
            self.sample_time,
            self.warm_up,
            self.remarks,
        )

    @property
    def gaps(self) -> tuple[Floats, ...]:
        """Times from the end of a mini-batch to the start of the next one (s), one fewer than times."""
        return tuple(np.maximum(np.diff(start) - one[:-1], 0.0) for start, one in zip(self.starts, self.times, strict=True))


def read_series(log: OperationLog) -> Series:
    """Return the compute times of a log. Raises UsageError where there are too few."""
    rows = log.rows("compute")
    none = int(np.sum(log.seconds[rows] <= 0.0))
    rows = rows[log.seconds[rows] > 0.0]
    if len(rows) < _LEAST:
        noun = "computation" if len(rows) == 1 else "computations"
        raise UsageError(f"the log has {len(rows)} {noun} that took time; a law needs at least {_LEAST}")
    mean = float(np.mean(log.seconds[rows]))
    if not _RANGE[0] <= mean <= _RANGE[1]:
        raise UsageError(
            f"a computation of the log takes {mean:.3g} s on average; expected {_RANGE[0]:g} s to {_RANGE[1]:g} s (is the unit "
            "in the column's name right?)"
        )
    remarks = []
    if none:
        remarks.append(f"{none:,} {'computation' if none == 1 else 'computations'} took no time, and are left out.")
    sizes = None if log.mini_batch is None else log.mini_batch[rows]
    sample_time, seconds, said = fit_sample_time(sizes, log.seconds[rows])
    remarks += said
    if log.start is None:
        remarks.append("The log does not say when mini-batches began. They are taken as one after the other.")
    ends = np.flatnonzero(np.diff(log.learner[rows])) + 1
    names, times, starts, warm, alone = [], [], [], [], []
    parts = np.split(np.arange(len(rows)), ends)
    cuts = [_count_warm_up(seconds[part]) if len(part) > 1 else 0 for part in parts]
    # Learners warm up together. If fewer than half begin slowly, a slow spell was going on.
    is_warm_up = 2 * sum(cut > 0 for cut in cuts) >= sum(len(part) > 1 for part in parts)
    for part, count in zip(parts, cuts, strict=True):
        name = log.learners[int(log.learner[rows[part[0]]])]
        if len(part) < 2:
            alone.append(name)
            continue
        own, cut = seconds[part], count if is_warm_up else 0
        warm.append(own[:cut])
        names.append(name)
        times.append(own[cut:])
        raw = log.seconds[rows[part]]
        starts.append((np.concatenate([[0.0], np.cumsum(raw[:-1])]) if log.start is None else log.start[rows[part]])[cut:])
    if not times:
        raise UsageError("every learner has one computation only; a law needs several of one learner")
    if alone:
        shown = ", ".join(alone[:5]) + (", …" if len(alone) > 5 else "")
        remarks.append(f"{len(alone)} {'learner has' if len(alone) == 1 else 'learners have'} one computation only: {shown}.")
    slow = np.concatenate(warm)
    if len(slow):
        many = f"{len(slow):,} mini-batch{'' if len(slow) == 1 else 'es'} at the start"
        remarks.append(f"{many} took over {_WARM_UP:g} times the median: warm-up, which is not in the profile.")
    _say_repeated(times, remarks)
    warm_up = Estimate.mean_of(slow) if len(slow) else None
    return Series(tuple(names), tuple(times), tuple(starts), sample_time, warm_up, tuple(remarks))


def _count_warm_up(times: Floats) -> int:
    """Count the first mini-batches that are far slower than the median, at most a twentieth of all."""
    most = max(len(times) // 20, 1 if len(times) >= 10 else 0)
    slow = times[: most + 1] > _WARM_UP * float(np.median(times))
    return int(np.argmin(slow)) if not slow.all() else 0


def _say_repeated(times: Sequence[Floats], remarks: list[str]) -> None:
    equal = sum(int(np.sum(one[1:] == one[:-1])) for one in times)
    share = equal / max(sum(len(one) - 1 for one in times), 1)
    if 0.05 < share < 1.0:
        remarks.append(
            f"{share:.0%} of successive times are equal: the log was sampled and held, rounded, or averaged. "
            "Single mini-batches may vary more than it shows."
        )

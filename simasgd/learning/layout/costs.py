"""The costs of gradient evaluations on a kind of device. A plan groups gradients by these costs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped

from simasgd.tape.arrays import Ints

_PASSES = 6  # the weights are read twice, their gradient, the optimizer's state and the new weights written and read
_COPIES_IN_WAVE = 3  # of the weights for each evaluation: those read, the gradient, and those that a step makes


class Work(NamedTuple):
    """The work of one gradient."""

    weight_bytes: int
    operations: float
    """Floating-point operations of one sample."""


class DeviceCosts(NamedTuple):
    """The costs of a kind of device.

    An evaluation computes the gradient on one mini-batch. Besides the operations on its samples, it
    costs some passes over the weights. A call costs `launch` seconds more, whether it computes one
    evaluation or all of a wave.
    """

    launch: float
    """Seconds."""
    bytes_per_second: float
    operations_per_second: float
    most_samples: int
    """The largest mini-batch that several gradients are joined to, and the most samples of a wave.

    A single gradient, or a single step, may have more.
    """
    most_in_wave: int
    """The most evaluations on different weights that are computed at once.

    It is 1 where one by one is faster.
    """
    most_bytes_in_wave: float
    """The most memory of the weights and gradients of a wave."""

    def for_members(self, members: int) -> DeviceCosts:
        """Return the costs of one of several runs in one loop, which share what a wave may have."""
        if not self.has_waves:
            return self
        most_samples = max(1, self.most_samples // members)
        return self._replace(most_samples=most_samples, most_bytes_in_wave=self.most_bytes_in_wave / members)

    @property
    def has_waves(self) -> bool:
        """Whether evaluations on different weights are computed at once."""
        return self.most_in_wave > 1

    def overhead(self, work: Work) -> float:
        """Return an evaluation's fixed cost in samples, without that of its wave if there are waves."""
        launch = 0.0 if self.has_waves else self.launch
        return (launch + _PASSES * work.weight_bytes / self.bytes_per_second) * self.operations_per_second / work.operations

    def widest_wave(self, work: Work, samples: int) -> int:
        """Return the most evaluations of `samples` samples each that a wave may have."""
        of_memory = self.most_bytes_in_wave / max(1, _COPIES_IN_WAVE * work.weight_bytes)
        return max(1, int(min(self.most_in_wave, self.most_samples // samples, of_memory)))

    def best_width(self, work: Work, samples: int, sizes: Shaped[Ints, " V"]) -> int:
        """Return the width at which waves of these sizes cost least, parted where they are larger.

        All waves are filled up to the width, so one that few waves need costs more than it saves.
        """
        numbers, counts = np.unique(sizes, return_counts=True)
        call = self.launch * self.operations_per_second / work.operations
        waves = (-(-numbers // numbers[:, None]) * counts).sum(axis=1)
        return int(numbers[(waves * (call + numbers * (self.overhead(work) + samples))).argmin()])


# Fitted on two cores (DESIGN.md): 5 µs and 0.2 µs a sample for 2,410 weights, about 70 µs and 6 µs
# for 109,386. A batch of products of matrices that all differ is no faster than one product after
# the other.
CPU = DeviceCosts(5e-6, 30e9, 60e9, most_samples=1024, most_in_wave=1, most_bytes_in_wave=0.0)
# Fitted on one NVIDIA H200 to Rudra's CIFAR-10 network of 89,578 weights, in float32
# (benchmarks/RESULTS.md): 300 µs a wave with its steps, 2.9 µs an evaluation, and 3.5 µs a sample of
# 70 million operations. The limits are chosen: with these costs a wave of 8,192 samples gains less
# than a tenth from more, and its layers' outputs take gigabytes.
ACCELERATOR = DeviceCosts(300e-6, 0.75e12, 20e12, most_samples=8192, most_in_wave=256, most_bytes_in_wave=8e9)

"""The costs of gradient evaluations on a kind of device. A plan groups gradients by these costs."""

from __future__ import annotations

from typing import NamedTuple

_PASSES = 6  # the weights are read twice, their gradient, the optimizer's state and the new weights written and read


class DeviceCosts(NamedTuple):
    """The costs of a kind of device.

    An evaluation computes the gradient on one mini-batch. Besides the operations on its samples, it
    costs `launch` seconds and some passes over the weights.
    """

    launch: float
    """Seconds."""
    bytes_per_second: float
    operations_per_second: float
    most_samples: int
    """The largest mini-batch that several gradients are joined to.

    A single gradient may have a larger one.
    """
    most_in_wave: int
    """The most evaluations on different weights that are computed at once.

    It is 1 where one by one is faster.
    """

    def overhead(self, weight_bytes: int, operations: float) -> float:
        """Return an evaluation's fixed cost in samples.

        A sample takes `operations` floating-point operations.
        """
        return (self.launch + _PASSES * weight_bytes / self.bytes_per_second) * self.operations_per_second / operations


# Fitted on two cores (DESIGN.md): 5 µs and 0.2 µs a sample for 2,410 weights, about 70 µs and 6 µs
# for 109,386. A batch of products of matrices that all differ is no faster than one product after
# the other.
CPU = DeviceCosts(5e-6, 30e9, 60e9, most_samples=1024, most_in_wave=1)
# Not measured but estimated from data sheets. An accelerator is idle unless thousands of samples
# are under way.
ACCELERATOR = DeviceCosts(200e-6, 1e12, 10e12, most_samples=8192, most_in_wave=64)

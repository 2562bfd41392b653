"""The interface of collective operations among p ranks.

A rank does one operation after another, and the rounds of an operation one after another. A message
starts when *both* its ends have reached its round. The receiver must have a buffer for it: MPI does
this for large messages (a rendezvous), and NCCL because its buffers are bounded. A rank reaches the
next round when its messages of this round have arrived, out and in. So a rank never has two
messages under way in one direction, and ranks may be several rounds apart.

A *join* is one call for all the operations of a sequence, such as the buckets of a gradient. The
sequence repeats, and a rank may join again before it has finished the last join. Every operation
gives each rank a part of all other ranks' inputs. So no rank finishes a join before the last rank
has reached its last operation.

A rank forecasts when the inputs of the first operations will be ready. It provides the last input
by a call, not by a forecast. So a rank finishes a join after everything that the ranks did before
they provided their last input, even if that took no time, or less time than the clock resolves late
in a run.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import NamedTuple

from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.trail import Trail

OnFirst = Callable[[int, Trail], None]
"""Called with the number of a join and the present trail when the first rank has finished the join."""


class Done(NamedTuple):
    """The value of a rank's signal when the rank has finished a join."""

    trail: Trail
    """The trail of that instant."""
    started: float
    """(s) When the last rank reached the last operation: a rank waits before that time, and messages move after it."""


class AbstractOperations(abc.ABC):
    """The operations of one group of ranks.

    `keeps_logs` says whether they enter into a rank's activity log what it does while it waits.
    """

    keeps_logs = False

    @abc.abstractmethod
    def join(self, rank: int, trail: Trail) -> Signal:
        """Begin the rank's next join.

        `trail` is the present trail. The rank computes from now on until its inputs are ready. The
        signal happens when the rank has finished the join; its value is `Done`.
        """

    @abc.abstractmethod
    def forecast(self, rank: int, times: Sequence[float]) -> None:
        """Say when (s) the inputs of the next operations in the rank's latest join will be ready; no time is in the past."""

    @abc.abstractmethod
    def provide(self, rank: int) -> None:
        """Provide the input of the last operation in the rank's latest join now."""

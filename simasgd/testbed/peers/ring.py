"""A ring's all-reduce: learners first add up parts of a vector, and then forward the sums."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, final

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.floating[Any]]


@final
class RingExchange:
    """Learner `rank` of `size` sends to the next one, 2·(size − 1) parts of 1/size of the vector.

    Source: Patarasuk and Yuan 2009, as in `simasgd.scenario.cluster.collective.RingCollective`.

    `send(round, part)` sends to the next learner, and `receive(round)` waits for the part of the learner before.
    """

    def __init__(self, rank: int, size: int, send: Callable[[int, Vector], None], receive: Callable[[int], Vector]) -> None:
        self._rank, self._size = rank, size
        self._send, self._receive = send, receive

    def total(self, vector: Vector) -> Vector:
        """Return the sum of the vectors of all learners, the same bit for bit on all of them; shape (N,) as `vector`."""
        rank, size = self._rank, self._size
        bounds = [len(vector) * number // size for number in range(size + 1)]
        parts = [vector[begin:end] for begin, end in pairwise(bounds)]
        for number in range(size - 1):
            self._send(number, parts[(rank - number) % size])
            into = (rank - number - 1) % size
            parts[into] = parts[into] + self._receive(number)
        for number in range(size - 1):
            self._send(size - 1 + number, parts[(rank + 1 - number) % size])
            parts[(rank - number) % size] = self._receive(size - 1 + number)
        return np.concatenate(parts)

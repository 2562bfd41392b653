"""The steps at which a loop may be left and entered again."""

from __future__ import annotations

from typing import final

import numpy as np
from jaxtyping import Shaped

from simasgd.tape.arrays import Ints


@final
class Entries:
    """The steps at which a loop may be left and entered again, so that the division does not show.

    A loop takes its steps (or its waves) by blocks, and what is left over one by one. Both forms may
    round differently. So a loop is entered at cuts, and after whole blocks from the last cut on. The
    blocks are then the same, however long the chunks are and wherever a walk was continued.
    """

    def __init__(self, bounds: Shaped[Ints, " V+1"], cuts: Shaped[Ints, " C"], block: int) -> None:
        """Take the `bounds` of waves (or all steps), the `cuts` among them, and the number of these in a block."""
        self._cuts = np.unique(np.append(0, cuts))
        number = np.arange(len(bounds))
        of_cuts = np.searchsorted(bounds, self._cuts)
        since = number - of_cuts[np.searchsorted(of_cuts, number, side="right") - 1]
        self._steps = bounds[since % block == 0]

    def before(self, stop: int) -> int:
        """Return the last entry at or before `stop`."""
        return int(self._steps[np.searchsorted(self._steps, stop, side="right") - 1])

    def end_of_chunk(self, done: int, chunk: int, stop: int) -> int:
        """Return an entry about `chunk` steps after `done`, `stop` and the next cut at most.

        Both `done` and `stop` are entries.
        """
        ahead = self._cuts[np.searchsorted(self._cuts, done, side="right") :]
        until = min(done + chunk, stop, *ahead[:1].tolist())
        following = np.searchsorted(self._steps, done, side="right")
        return int(self._steps[max(following, np.searchsorted(self._steps, until, side="right") - 1)])

    def between(self, done: int, until: int) -> int | None:
        """Return an entry in the middle between two steps, or None if there is none."""
        first, last = np.searchsorted(self._steps, done, side="right"), np.searchsorted(self._steps, until, side="left")
        return int(self._steps[(first + last) // 2]) if first < last else None

    def until(self, stop: int) -> Ints:
        """Return the entries up to `stop`."""
        until: Ints = self._steps[self._steps <= stop]
        return until

"""The `record` section: what a run keeps besides its scalar results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, final

from simasgd.scenario.learning.learning import Learning
from simasgd.scenario.vocabulary.section import Flag, Inconsistency, Section


@final
class Record(Section):
    """The records that a run keeps besides its scalar results."""

    kind: Literal["summary", "updates", "timeline"] = "updates"
    """`summary`: no table of gradients; without learning the memory does not grow with them.
    `updates`: a table of every applied gradient. `timeline`: also every activity of every learner,
    server and link."""
    weights: Flag = False
    """Whether the last weights are kept, with the optimizer's state, in `weights.npz`. `simasgd run
    --continue` goes on from them."""

    def inconsistencies(self, learning: Learning | None) -> Iterator[Inconsistency]:
        """Yield the mistakes in values that are valid one by one."""
        if self.weights and learning is None:
            yield Inconsistency(("weights",), "nothing is learned without a learning section; remove this key")

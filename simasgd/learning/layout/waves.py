"""Waves: gradients that are computed at once."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Shaped

from simasgd.tape.arrays import Ints


class Waves(NamedTuple):
    """Evaluations that are computed at once; all weights that they read exist when the wave begins.

    A wave is a stretch of whole steps: wave v has steps `step[v]` to `step[v + 1]`.
    """

    step: Shaped[Ints, " V+1"]
    width: int
    """The greatest number of evaluations in a wave."""

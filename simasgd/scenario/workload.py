"""The `workload` and `stop` sections: the work of a learner, and the end of a run."""

from __future__ import annotations

from typing import Annotated, final

from pydantic import Field

from simasgd.scenario.learning.compression import Compression, NoCompression
from simasgd.scenario.vocabulary.section import Count, Number, Section
from simasgd.scenario.vocabulary.units import Bytes, Seconds


@final
class Workload(Section):
    """The work of a learner between two messages."""

    mini_batch: Count
    """µ, the number of samples per gradient."""
    payload: Bytes | None = None
    """Size of a gradient, and of the weights, on the network. The size of the model if absent."""
    compression: Compression = NoCompression()
    """Compression of the gradients that learners send."""
    samples_per_epoch: Count | None = None
    """Number of samples in an epoch. The data's number of training samples if absent."""


@final
class Stop(Section):
    """The end of the run: the first update that reaches a limit, or the time, whichever comes first.

    At least one must be given.
    """

    epochs: Annotated[Number, Field(gt=0.0, le=1e9)] | None = None
    """Epochs, counted in applied samples."""
    gradients: Count | None = None
    """Number of applied gradients."""
    updates: Count | None = None
    """Number of updates."""
    simulated_time: Seconds | None = None
    """Simulated time, greater than 0."""

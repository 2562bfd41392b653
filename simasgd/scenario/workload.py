"""The `workload` and `stop` sections: the work of a learner, and the end of a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, final

from pydantic import Field, Tag

from simasgd.scenario.cluster.members import AbstractMemberLaw
from simasgd.scenario.learning.compression import Compression, NoCompression
from simasgd.scenario.learning.learning import Learning
from simasgd.scenario.vocabulary.section import LIST, MAPPING, NUMBER, Count, Inconsistency, Number, OneOrSeveral, Section
from simasgd.scenario.vocabulary.units import Bytes, Seconds


@final
class MiniBatches(AbstractMemberLaw):
    """A law of the learners' mini-batches, rounded to whole samples; a learner keeps its size for the whole run."""

    mean: Annotated[Number, Field(gt=0.0, le=1e9)]
    """Mean over many learners, in samples, before rounding. Every learner has at least one sample."""

    def inconsistencies(self) -> Iterator[Inconsistency]:
        yield from self.law_inconsistencies("with one mini_batch instead of a law")


@final
class Workload(Section):
    """The work of a learner between two messages."""

    mini_batch: Annotated[
        Annotated[Count, Tag(NUMBER)] | Annotated[tuple[Count, ...], Tag(LIST)] | Annotated[MiniBatches, Tag(MAPPING)],
        OneOrSeveral,
        Field(examples=[128, [64, 32], {"mean": 64, "distribution": "lognormal", "cv": 0.5}]),
    ]
    """µ, the number of samples per gradient: one for all learners, a list of λ numbers, or a law. A
    gradient is the mean over its own samples, and every gradient has equal weight in an update."""
    payload: Bytes | None = None
    """Size of a gradient, and of the weights, on the network. The size of the model if absent."""
    compression: Compression = NoCompression.by_default()
    """Compression of the gradients that learners send."""
    samples_per_epoch: Annotated[Count, Field(examples=[50_000])] | None = None
    """Number of samples in an epoch. The data's number of training samples if absent."""

    def inconsistencies(self, learners: int) -> Iterator[Inconsistency]:
        """Yield the mistakes in the work of so many learners."""
        if isinstance(self.mini_batch, MiniBatches):
            yield from (one.within("mini_batch") for one in self.mini_batch.inconsistencies())
        elif isinstance(self.mini_batch, tuple) and len(self.mini_batch) != learners:
            message = f"there are {len(self.mini_batch)} sizes of mini-batches for {learners} learners"
            yield Inconsistency(("mini_batch",), message)


@final
class Stop(Section):
    """The end of the run: the first update that reaches a limit, or the time, whichever comes first.

    At least one must be given.
    """

    epochs: Annotated[Number, Field(gt=0.0, le=1e9, examples=[10])] | None = None
    """Epochs, counted in applied samples."""
    gradients: Annotated[Count, Field(examples=[1000])] | None = None
    """Number of applied gradients."""
    updates: Annotated[Count, Field(examples=[1000])] | None = None
    """Number of updates."""
    simulated_time: Annotated[Seconds | None, Field(examples=["10 s"])] = None
    """Simulated time, greater than 0."""
    test_error: Annotated[Number, Field(ge=0.0, le=1.0, examples=[0.05])] | None = None
    """Test error, a fraction: the run is cut at the first evaluation at or below it. The initial
    weights do not count. Another limit is needed as a bound; see `learning.evaluate`, too."""
    continued: Annotated[
        tuple[Annotated[Number, Field(gt=0.0, le=1e9)], ...], Field(max_length=100, examples=[[5], [5, 10]])
    ] = ()
    """Further parts, each as long as its number of epochs. A part begins with the weights at the end
    of the one before, on a cluster that starts anew. The other limits, but `test_error`, are those of the
    first part."""

    def inconsistencies(self, learning: Learning | None) -> Iterator[Inconsistency]:
        """Yield the mistakes in values that are valid one by one."""
        bounds = (self.epochs, self.gradients, self.updates, self.simulated_time)
        if all(bound is None for bound in bounds):
            message = "no limit given; set epochs, gradients, updates or simulated_time"
            if self.test_error is not None:
                message = "a test error may never be reached; set epochs, gradients, updates or simulated_time, too"
            yield Inconsistency((), message)
        if self.simulated_time == 0.0:
            yield Inconsistency(("simulated_time",), "must be greater than 0: at 0 nothing would happen")
        if self.test_error is not None and learning is None:
            yield Inconsistency(("test_error",), "nothing is learned without a learning section; remove this limit")
        elif self.test_error is not None and learning is not None and learning.data.shape.label != "class":
            message = f"the labels of {learning.data.kind} are not classes, so there is no test error; remove this limit"
            yield Inconsistency(("test_error",), message)

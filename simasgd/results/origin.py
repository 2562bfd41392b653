"""The origin of a run's times: a simulated clock, the log of a real system, or real processes."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.results.json_files import Items, Stored
from simasgd.results.quantities import Amount, WholeNumber
from simasgd.scenario.vocabulary.names import join_words

RunOrigin = Literal["simulated", "measured"]


@final
class LogFile(Stored):
    """A file of a log: its name, and the SHA-256 digest of its content in hexadecimal digits."""

    name: str
    digest: str


@final
class Seam(Stored):
    """The end of a part of a run that was continued: what had been done by then.

    `mean_staleness` (updates) is that of all gradients applied by then.
    """

    samples: WholeNumber
    updates: WholeNumber
    epochs: Amount
    simulated_seconds: Amount
    mean_staleness: Amount | None

    def sentence(self) -> str:
        """Return a remark for readers of the results."""
        return (
            f"Continued after epoch {self.epochs:.4g} ({self.simulated_seconds:.4g} s, {self.updates:,} updates): the cluster "
            "began anew with the weights kept, and gradients under way were lost"
        )


@final
class MeasuredLog(Stored):
    """The log that a measured run was imported from.

    `has_scenario` says whether the user named a scenario that describes the system; otherwise the
    protocol is unknown. `lacks` lists what the log does not tell, and `remarks` how it was read.
    """

    files: Items[LogFile]
    has_scenario: bool
    lacks: Items[str]
    remarks: Items[str]

    def note(self) -> str:
        """Return sentences for the readers of the results."""
        names = ", ".join(f"{file.name} (sha256 {file.digest[:12]}…)" for file in self.files)
        lacks = f" The log does not tell {join_words(self.lacks)}." if self.lacks else ""
        remarks = "".join(f" {remark}." for remark in self.remarks)
        return f"Measured, not simulated: times, updates and staleness come from the log {names}.{lacks}{remarks}"


@final
class RecordedMachine(Stored):
    """A machine that a run was recorded on: its processor, the cores, and the version of Python."""

    cpu: str
    cores: WholeNumber
    python: str

    def __str__(self) -> str:
        cores = "1 core" if self.cores == 1 else f"{self.cores:,} cores"
        return f"{self.cpu}, {cores}, Python {self.python}"


@final
class RecordedSystem(Stored):
    """The real processes that ran a scenario, and how far the recording can be trusted.

    `pace` is `paced` if a mini-batch took the time that the scenario's law drew for it, and `free`
    if it took what the machine needed. `overruns` counts mini-batches whose gradient took longer
    than the time drawn, and `largest_excess` is the longest such excess (s). `clock_bound` is the
    largest error (s) of the machines' clocks against each other, 0 on one machine.
    `weights_difference` is ‖Δw‖/‖w‖ of the final weights and those of the compiled player on the
    recorded tape; null where it was not compared. `padding_bytes` are those of `payload_bytes`, the
    bytes of a message, that the model does not fill.
    """

    engine: str
    engine_version: str
    machines: Annotated[Items[RecordedMachine], Field(min_length=1)]
    processes: WholeNumber
    pace: Literal["paced", "free"]
    overruns: WholeNumber
    largest_excess: Amount
    clock_bound: Amount
    weights_difference: Amount | None
    payload_bytes: Amount
    padding_bytes: Amount

    def sentences(self) -> tuple[str, ...]:
        """Return what the readers of the results should know, a sentence each."""
        found = [f"Recorded by {self.describe_engine()} with {self.processes:,} processes on {self.describe_machines()}"]
        if self.pace == "free":
            found.append("Mini-batches took the time that the machine needed")
        elif self.overruns:
            count = "1 took" if self.overruns == 1 else f"{self.overruns:,} took"
            found.append(f"Each mini-batch had a time drawn for it; {count} longer, by at most {self.largest_excess:.3g} s")
        else:
            found.append("Each mini-batch had a time drawn for it, and none took longer")
        if self.clock_bound > 0.0:
            found.append(f"The machines' clocks agree within {self.clock_bound:.3g} s")
        padded = f", {self.padding_bytes:,.0f} of which are padding" if self.padding_bytes else ""
        found.append(f"A message of weights has {self.payload_bytes:,.0f} bytes{padded}")
        if self.weights_difference is not None:
            found.append(
                "The final weights differ from those of the compiled player on the recorded tape by "
                f"{self.weights_difference:.1e} of their norm"
            )
        return tuple(found)

    def describe_engine(self) -> str:
        """Return the engine and its version."""
        return f"{self.engine} {self.engine_version}"

    def describe_machines(self) -> str:
        """Return the number of machines, and the different ones."""
        counts = Counter(map(str, self.machines))
        if len(self.machines) == 1:
            return f"one machine ({self.machines[0]})"
        kinds = "; ".join(kind if len(counts) == 1 else f"{count} × {kind}" for kind, count in counts.items())
        return f"{len(self.machines):,} machines ({'each ' if len(counts) == 1 else ''}{kinds})"

    def note(self) -> str:
        """Return sentences for the readers of the results."""
        return " ".join(f"{sentence}." for sentence in ("Measured, not simulated", *self.sentences()))

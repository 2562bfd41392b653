"""Which part of a learner's cycle makes a simulation too fast or too slow, and which keys of the scenario change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from simasgd.calibration.laws.standard_errors import write_quantity
from simasgd.validation.forms import Phase, PhaseTimes
from simasgd.validation.measures import OTHER, REST

_NAMED = 0.02
"""The least part of the measured cycle by which a phase may differ and be named."""
_MOST = 0.5
_MESSAGES = "cluster.network, cluster.server.bandwidth or workload.payload"
_CAUSES = {
    "compute": ("computing", "cluster.compute (simasgd fit measures it from the log)"),
    "push": ("pushing", _MESSAGES),
    "pull": ("pulling", _MESSAGES),
    "wait": ("waiting", "cluster.server.update or the protocol"),
    "idle": ("idle time", "the protocol or cluster.faults"),
    "step": ("the optimizer's step", "cluster.costs.step"),
    "mix": ("mixing models", "cluster.costs.mixing"),
    "copy": ("copying messages", "cluster.costs.per_message and copy_bandwidth"),
    "launch": ("starting collective operations", "cluster.costs.collective_start"),
    REST: ("the time between computations", "cluster.network, cluster.server or cluster.costs"),
    OTHER: ("time that no row of the log names", ""),
}
"""Of each phase: its name in a sentence, and the keys that change it."""


@final
@dataclass(frozen=True)
class Part:
    """A part of a learner's cycle, in seconds for each mini-batch."""

    name: str
    measured: float
    simulated: float

    @property
    def difference(self) -> float:
        return self.simulated - self.measured


def divide_cycle(phases: Sequence[Phase]) -> list[Part]:
    """Return the parts of a learner's cycle that both runs tell apart; none where a run does not tell its phases.

    Where the log names all of a learner's time, an activity that a run lacks took none of it. Where the log leaves some
    unnamed, the activities of both runs are compared only if they are the same. Otherwise the cycle has two parts,
    computing and the rest.
    """
    known = {phase.name: phase for phase in phases}
    if "compute" not in known or REST not in known:
        return []
    names = [name for name in known if name != REST]
    activities = [known[name] for name in names if name != OTHER]
    if OTHER in known and not all(phase.measured and phase.simulated for phase in activities):
        names = ["compute", REST]
    return [Part(name, _mean(known[name].measured), _mean(known[name].simulated)) for name in names]


def name_cause(phases: Sequence[Phase], rate_error: float | None) -> str:
    """Return sentences on the part of a learner's cycle that differs most, and on what to change; "" without phases.

    Args:
        rate_error: of the gradients per second; None where it does not have to be explained.
    """
    parts = divide_cycle(phases)
    measured = sum(part.measured for part in parts)
    if not measured:
        return ""
    worst = max(parts, key=lambda part: abs(part.difference))
    if abs(worst.difference) < _NAMED * measured:
        return f"No phase of a learner's cycle is off by {100 * _NAMED:.0f} % of the cycle."
    name, keys = _CAUSES[worst.name]
    whole = sum(part.difference for part in parts)
    explains = rate_error is not None and rate_error * whole < 0 and worst.difference / whole >= _MOST
    begin = f"Most of the error is {name}" if explains else f"Of a learner's cycle, {name} differs most"
    times = f"{_write(worst.simulated)} for each mini-batch, measured {_write(worst.measured)}"
    return f"{begin}: {times}." + (f" To come closer, change {keys}." if keys else "")


def _mean(times: PhaseTimes | None) -> float:
    return 0.0 if times is None else times.mean


def _write(seconds: float) -> str:
    return write_quantity(seconds, "s")

"""A measured system beside its simulation: both are measured in the same way, and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np

import simasgd
from simasgd.assembly import assemble
from simasgd.errors import UsageError
from simasgd.measured.contents import digest_log
from simasgd.measured.importing import build_run
from simasgd.measured.scenario import require_agreement
from simasgd.operations.reading import read_log
from simasgd.protocols import LocalSgd
from simasgd.results.origin import LogFile
from simasgd.results.run import Run
from simasgd.scenario.record import Record
from simasgd.scenario.schema import Scenario
from simasgd.scenario.workload import Stop
from simasgd.storage.files import RUN, digest
from simasgd.tape.arrays import Ints
from simasgd.timing import ReportPart, simulate_timing
from simasgd.validation.forms import FORMAT, Phase, QuantityPair, StalenessDistance, Validation
from simasgd.validation.measures import OTHER, REST, Counted, Measures, measure
from simasgd.validation.observation import Observation, observe_log, observe_run
from simasgd.validation.verdict import state_verdict

MOST_GRADIENTS = 100_000
"""The simulation computes as many gradients as were measured, but no more than this."""


@final
@dataclass(frozen=True, eq=False)
class MeasuredSystem:
    """A measured system: what was observed, the files it comes from, and the timing of the scenario that describes it."""

    observation: Observation
    files: tuple[LogFile, ...]
    remarks: tuple[str, ...]
    scenario: Scenario
    has_variants: bool = False
    """Whether the scenario has variants, which are left out."""


def load_measured(paths: Sequence[Path], scenario: Scenario | None) -> MeasuredSystem:
    """Read a measured system from the folder of an imported or recorded run, or from the files of a log.

    Raises UsageError where there is no scenario that describes it, and the errors of the reading.
    """
    measured = _load(paths, scenario)
    return replace(measured, has_variants=scenario is not None and bool(scenario.variants))


def _load(paths: Sequence[Path], scenario: Scenario | None) -> MeasuredSystem:
    first = paths[0]
    if first.is_dir():
        if len(paths) > 1:
            raise UsageError(f"{first}: a folder stands alone; expected one measured run, or the files of one log")
        run = Run.load(first)
        if not run.summary.is_measured:
            raise UsageError(f"{first / RUN}: the run was simulated; expected a run that was imported or recorded, or a log")
        own = run.scenario if run.summary.has_scenario else None
        chosen = _require_scenario(first, scenario or own)
        return MeasuredSystem(observe_run(run), *_describe_source(run, first), chosen)
    files = tuple(LogFile(name=path.name, digest=digest_log(path)) for path in paths)
    chosen = _require_scenario(first, scenario)
    log = read_log(paths)
    if len(log.rows("update")) and not chosen.protocol.has_own_models:
        run = build_run(log, files, chosen)
        assert run.summary.log is not None
        return MeasuredSystem(observe_run(run), files, run.summary.log.remarks, chosen)
    require_agreement(log, chosen)
    remarks = [
        *log.remarks,
        "The log has no updates. So computed gradients count, and each learner's clock begins with its first row",
    ]
    if log.start is None:
        remarks.append("The log does not tell when operations start. So a learner's rows follow each other without gaps")
    return MeasuredSystem(
        observe_log(log, chosen.cluster.learners), files, tuple(remark.rstrip(".") for remark in remarks), chosen
    )


def _describe_source(run: Run, folder: Path) -> tuple[tuple[LogFile, ...], tuple[str, ...]]:
    """Return the files that a measured run comes from, and remarks on how it was measured."""
    log, recorded = run.summary.log, run.summary.recorded
    if log is not None:
        return log.files, log.remarks
    assert recorded is not None
    return (LogFile(name=f"{folder.resolve().name}/{RUN}", digest=digest(folder / RUN)),), recorded.sentences()


def _require_scenario(path: Path, scenario: Scenario | None) -> Scenario:
    if scenario is None:
        raise UsageError(f"{path}: no scenario describes the measured system; name one: simasgd validate {path.name} SCENARIO")
    return _without_learning(scenario)


def _without_learning(scenario: Scenario) -> Scenario:
    """Return the timing of a scenario alone, without its variants."""
    filled = {"payload": scenario.payload, "samples_per_epoch": scenario.samples_per_epoch}
    workload = scenario.workload.model_copy(update=filled)
    return scenario.model_copy(update={"learning": None, "workload": workload, "variants": {}})


def validate(measured: MeasuredSystem, command: str, progress: ReportPart) -> Validation:
    """Simulate as much as was measured, at each of the seeds of the system's scenario, and compare.

    Raises UsageError if the learners are not as many, and the errors of `simasgd.simulate`.
    """
    real, scenario = measured.observation, measured.scenario
    if real.learners != scenario.cluster.learners:
        found, wanted = real.learners, scenario.cluster.learners
        raise UsageError(
            f"{scenario.name}: the measured system has {found} learners, the scenario {wanted}; try learners={found}"
        )
    round_size = scenario.protocol.steps if isinstance(scenario.protocol, LocalSgd) else 1
    counted: Counted = "applied" if real.applied_at is not None and not scenario.protocol.has_own_models else "computed"
    reporting = real.reporting if counted == "computed" else []
    if counted == "computed":
        real = real.of_learners(reporting)
    done_at = real.applied_at if counted == "applied" else real.computed_at
    if done_at is None or not len(done_at):
        raise UsageError(f"{scenario.name}: the log does not tell when gradients were {counted}")
    whole = -(-len(done_at) * scenario.cluster.learners // len(reporting)) if reporting else len(done_at)
    amount = min(whole, MOST_GRADIENTS)
    singles = list(scenario.repeated())
    simulated = []
    for number, single in enumerate(singles):
        ours = _simulate(single, amount, _Part(progress, number, len(singles)).report)
        simulated.append(measure(ours.of_learners(reporting) if reporting else ours, counted, round_size))
    measures = measure(real, counted, round_size)
    return compare(
        measures,
        simulated,
        {
            "format": FORMAT,
            "name": scenario.name,
            "version": simasgd.__version__,
            "command": command,
            "measured_files": measured.files,
            "scenario_hash": scenario.hash(),
            "protocol": scenario.protocol.kind,
            "learners": scenario.cluster.learners,
            "seeds": tuple(single.seed for single in singles),
            "counted": counted,
            "remarks": _list_remarks(measured, whole, amount, len(reporting), measures),
        },
    )


@final
@dataclass(frozen=True)
class _Part:
    """The progress of run `number` of `total`."""

    progress: ReportPart
    number: int
    total: int

    def report(self, phase: str, fraction: float) -> None:
        self.progress(phase, (self.number + fraction) / self.total)


def _simulate(scenario: Scenario, gradients: int, progress: ReportPart) -> Observation:
    chosen = scenario.model_copy(update={"stop": Stop(gradients=gradients), "record": Record(kind="timeline")})
    timing = simulate_timing(chosen, progress)
    return observe_run(assemble(chosen, timing, None, timing.seconds))


def _list_remarks(measured: MeasuredSystem, whole: int, amount: int, reporting: int, measures: Measures) -> tuple[str, ...]:
    remarks = [*measured.remarks, *(["The variants of the scenario are left out"] if measured.has_variants else [])]
    learners = measured.scenario.cluster.learners
    if reporting and reporting < learners:
        remarks.append(
            f"{reporting:,} of {learners:,} learners report; they are compared with the simulated ones of their numbers"
        )
    if amount < whole:
        remarks.append(f"{whole:,} gradients were measured, and {amount:,} simulated")
    if measures.rate_halves is None:
        steady = measures.state.steady_gradients
        many = f"{steady:,} gradient{'' if steady == 1 else 's'}"
        remarks.append(f"Only {many} were measured after the warm-up, too few to say what the measured halves differ")
    return tuple(remarks)


def compare(real: Measures, simulated: Sequence[Measures], about: dict[str, Any]) -> Validation:
    """Compare the measures of a system with those of its simulation at one or more seeds, which are averaged."""
    rate = _pair(real.rate, [one.rate for one in simulated], real.rate_halves)
    updates = _pair(real.updates_rate, [one.updates_rate for one in simulated], real.updates_halves)
    barrier = _pair(real.barrier, [one.barrier for one in simulated], real.barrier_halves)
    phases = _compare_phases(real, simulated)
    staleness = _compare_staleness(real.staleness, [one.staleness for one in simulated])
    has_barrier = barrier.measured is not None and barrier.simulated is not None
    return Validation(
        **about,
        verdict=state_verdict(rate, about["counted"], phases, staleness, barrier if has_barrier else None),
        measured_state=real.state,
        simulated_state=simulated[0].state,
        rate=rate,
        updates_rate=updates if updates.measured is not None else None,
        whole_rate=_pair(real.whole_rate, [one.whole_rate for one in simulated], None),
        learner_phases=phases,
        staleness=staleness,
        barrier=barrier if has_barrier else None,
        measured_curve=real.curve,
        simulated_curve=simulated[0].curve,
        lacks=_list_lacking(real, simulated[0], staleness is not None, has_barrier),
    )


def _pair(measured: float | None, simulated: Sequence[float | None], halves: float | None) -> QuantityPair:
    known = [value for value in simulated if value is not None]
    mean = sum(known) / len(known) if known else None
    error = mean / measured - 1.0 if mean is not None and measured else None
    return QuantityPair(measured=measured, simulated=mean, error=error, halves=halves)


def _compare_phases(real: Measures, simulated: Sequence[Measures]) -> tuple[Phase, ...]:
    """Compare the seconds of each activity; of several seeds the first one's quantiles and shares are taken."""
    ours = simulated[0].phases
    names = [name for name in dict.fromkeys([*real.phases, *ours]) if name not in (OTHER, REST)]
    names += [name for name in (OTHER, REST) if name in real.phases or name in ours]
    found = []
    for name in names:
        measured, one = real.phases.get(name), ours.get(name)
        error = one.mean / measured.mean - 1.0 if one is not None and measured is not None and measured.mean > 0.0 else None
        found.append(Phase(name=name, measured=measured, simulated=one, error=error))
    return tuple(found)


def _compare_staleness(real: Ints | None, simulated: Sequence[Ints | None]) -> StalenessDistance | None:
    known = [one for one in simulated if one is not None and len(one)]
    if real is None or len(real) < 2 or not known:
        return None
    ours = np.concatenate(known)
    size = int(max(real.max(), ours.max())) + 1
    measured, counts = np.bincount(real, minlength=size), np.bincount(ours, minlength=size)
    half = len(real) // 2
    first, second = np.bincount(real[:half], minlength=size), np.bincount(real[half:], minlength=size)
    return StalenessDistance(
        measured=tuple(np.trim_zeros(measured, "b").tolist()),
        simulated=tuple(np.trim_zeros(counts, "b").tolist()),
        measured_mean=float(real.mean()),
        simulated_mean=float(ours.mean()),
        total_variation=total_variation(measured, counts),
        halves=total_variation(first, second),
    )


def total_variation(first: Ints, second: Ints) -> float:
    """Return the total variation distance of two distributions, given as counts of the same values."""
    distance = 0.5 * np.abs(first / first.sum() - second / second.sum()).sum()
    return float(min(1.0, distance))


def _list_lacking(real: Measures, ours: Measures, has_staleness: bool, has_barrier: bool) -> tuple[str, ...]:
    found = [] if real.phases else ["what learners do between updates"]
    found += [] if has_staleness else ["staleness"]
    if not has_barrier:
        why = real.no_barrier or f"in the simulation {ours.no_barrier}"
        found.append(f"the cost of barriers, because {why}")
    return tuple(found)

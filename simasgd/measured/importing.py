"""From the log of a real system to a run: its tables, its tape and, if it learns, what it learns."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from simasgd.assembly import find_divergence, update_table, wall_seconds
from simasgd.cluster.clock.sizes import mini_batch_sizes, size_of_each
from simasgd.errors import UsageError
from simasgd.measured.clock_order import set_clocks
from simasgd.measured.contents import digest_log
from simasgd.measured.counts import GradientCounts, count_gradients
from simasgd.measured.scenario import describe_system, number_learners, with_end
from simasgd.measured.times import (
    Intervals,
    LearnerTimes,
    build_timeline,
    cut_intervals,
    find_intervals,
    server_busy,
    sum_times,
)
from simasgd.measured.updates import LoggedUpdates, read_updates
from simasgd.operations.log import OperationLog
from simasgd.operations.reading import read_log
from simasgd.results import summary as form
from simasgd.results.distributions import StalenessCounts
from simasgd.results.kept.weights import hold_weights
from simasgd.results.origin import LogFile, MeasuredLog
from simasgd.results.quantities import COST_TIMES, TIMES
from simasgd.results.run import Run
from simasgd.results.summary import Summary
from simasgd.results.summary_parts import identify, judge, measure_throughput
from simasgd.results.tables import GRADIENTS
from simasgd.scenario.record import Record
from simasgd.scenario.schema import Scenario
from simasgd.simulator import replay
from simasgd.tape.tape import staleness_counts
from simasgd.timing import ReportPart

if TYPE_CHECKING:
    from simasgd.learning.train import Learned


def import_log(
    files: Sequence[Path],
    scenario: Scenario | None = None,
    *,
    name: str | None = None,
    overrides: Sequence[str] = (),
    progress: ReportPart = lambda phase, fraction: None,
) -> Run:
    """Make a run of a real system's log.

    A scenario with learning is replayed: the players compute the gradients that the system's learners computed, on the
    weights that they read. Raises UsageError where the log cannot be (file and line), contradicts the scenario, or does
    not tell what is needed; and the errors of `simasgd.simulate`.
    """
    digests = tuple(LogFile(name=file.name, digest=digest_log(file)) for file in files)
    return build_run(read_log(files), digests, scenario, name=name, overrides=overrides, progress=progress)


def build_run(
    log: OperationLog,
    files: tuple[LogFile, ...],
    scenario: Scenario | None = None,
    *,
    name: str | None = None,
    overrides: Sequence[str] = (),
    progress: ReportPart = lambda phase, fraction: None,
) -> Run:
    """Make a run of a log that has been read from these files; see `import_log`."""
    began = time.perf_counter()
    chosen, knows_protocol = describe_system(log, scenario, name, overrides)
    if chosen.protocol.has_own_models:
        raise UsageError(
            f"under {chosen.protocol.kind} learners have models of their own, and a log's versions count the updates of one "
            "model; `simasgd validate` compares the times of such a system"
        )
    learners = chosen.cluster.learners
    numbers = number_learners(log, learners)
    mini_batch = mini_batch_sizes(chosen.workload, learners, chosen.cluster_seed)
    updates, moves = set_clocks(log, read_updates(log, numbers, mini_batch), learners)
    chosen = with_end(chosen, updates.tape.num_steps)
    intervals = find_intervals(log, numbers, moves)
    begin, end = find_extent(log, updates, intervals)
    intervals = None if intervals is None else cut_intervals(intervals, begin, end)
    tape = updates.tape
    tape = replace(tape, read_at=tape.read_at - begin, computed_at=tape.computed_at - begin, stepped_at=tape.stepped_at - begin)
    times = sum_times(log, numbers, learners, intervals, end - begin)
    has_timeline = intervals is not None and bool(len(intervals.learner))
    chosen = chosen.model_copy(
        update={"record": Record(kind="timeline" if has_timeline else "updates", weights=chosen.record.weights)}
    )
    learned = None
    if chosen.learning is not None:
        _require_whole(updates, chosen)
        learned = replay(chosen, tape, progress=progress)
    about = MeasuredLog(
        files=files,
        has_scenario=knows_protocol,
        lacks=tuple(list_lacking(log, updates, times)),
        remarks=tuple(remark.rstrip(".") for remark in (*log.remarks, *_describe_absent(log, learners), *updates.remarks)),
    )
    counts = count_gradients(log, numbers, tape, learners)
    evaluations = None if learned is None else learned.evaluations.assign(bytes=np.nan)
    weights = None if learned is None else learned.weights
    seconds = time.perf_counter() - began
    summary = _summarize(chosen, updates, times, counts, log, about, end - begin, learned, evaluations, seconds)
    return Run(
        scenario=chosen,
        summary=summary,
        learners=_learner_table(times, counts, size_of_each(mini_batch, learners)),
        updates=update_table(tape),
        evaluations=evaluations,
        timeline=build_timeline(intervals, log, begin, end) if intervals is not None and has_timeline else None,
        read_weights=hold_weights(weights),
    )


def find_extent(log: OperationLog, updates: LoggedUpdates, intervals: Intervals | None) -> tuple[float, float]:
    """Return when the run begins and ends (s on the server's clock): the row `run`, else the first and the last time."""
    assert log.start is not None
    whole = log.rows("run")
    if len(whole):
        row = int(whole[0])
        if len(whole) > 1:
            raise UsageError(f"{log.place(int(whole[1]))}: a second row of the operation run; expected one, for the whole log")
        found = float(log.start[row]), float(log.start[row] + log.seconds[row])
        latest = float(updates.tape.stepped_at[-1])
        if latest > found[1] or float(updates.tape.stepped_at[0]) < found[0]:
            raise UsageError(
                f"{log.place(row)}: the run lasts from {found[0]:.15g} s to {found[1]:.15g} s, but updates are made from "
                f"{updates.tape.stepped_at[0]:.15g} s to {latest:.15g} s"
            )
        return found
    tape = updates.tape
    moments = [tape.read_at, tape.computed_at, tape.stepped_at]
    if intervals is not None:
        moments += [intervals.start, intervals.end]
    rows = log.rows("update")
    every = np.concatenate([*moments, log.start[rows]])
    return float(np.nanmin(every)), float(np.nanmax(every))


def _describe_absent(log: OperationLog, learners: int) -> list[str]:
    """Return a remark if the scenario has learners without a row in the log."""
    absent = learners - len(log.learners)
    return [f"{absent:,} of the scenario's {learners:,} learners have no row in the log"] if absent else []


def _require_whole(updates: LoggedUpdates, scenario: Scenario) -> None:
    """Raise UsageError if the tape cannot be replayed from the initial weights."""
    if updates.begins_late:
        oldest = int(updates.tape.timestamp.min()) + updates.first_version
        raise UsageError(
            f"the log begins with version {updates.first_version + 1:,}, but a gradient was computed on version {oldest:,}, "
            "which "
            f"is not in the log; so {scenario.name} cannot be learned from it. Leave out its learning: learning=null"
        )


def list_lacking(log: OperationLog, updates: LoggedUpdates, times: LearnerTimes) -> list[str]:
    """List in words what a log does not tell of a run."""
    found = []
    if not times.covered:
        absent = [name for name in TIMES if name not in times.seconds]
        found.append(f"how long learners {', '.join(absent)}" if len(absent) < len(TIMES) else "what learners do")
    if not len(log.rows("compute")):
        found.append("how many gradients were computed")
    if np.isnan(updates.tape.computed_at).any() or np.isnan(updates.tape.read_at).any():
        found.append("when gradients were computed and weights were read")
    if log.bytes is None or np.isnan(log.bytes).all():
        found.append("bytes")
    return [*found, "faults", "the load of links", "the critical path"]


def _summarize(
    scenario: Scenario,
    updates: LoggedUpdates,
    times: LearnerTimes,
    counts: GradientCounts,
    log: OperationLog,
    about: MeasuredLog,
    whole: float,
    learned: Learned | None,
    evaluations: pd.DataFrame | None,
    seconds: float,
) -> Summary:
    tape = updates.tape
    applied = tape.num_gradients
    samples = int(tape.samples_before[-1])
    # A log tells the server's updates, and not the copies that it makes of messages.
    busy = None if scenario.cluster.costs.copies else server_busy(log, whole)
    return Summary(
        **identify(scenario),
        **judge(scenario, evaluations, find_divergence(learned), hung=False, applied=applied),
        origin="measured",
        log=about,
        recorded=None,
        mini_batch=tape.mini_batch if tape.mini_batches is None else None,
        protocol=scenario.protocol.kind if about.has_scenario else "unknown",
        architecture=scenario.cluster.architecture.kind if about.has_scenario else "unknown",
        simulated_seconds=whole,
        gradients=counts.totals(),
        learner_gradients=counts.ranges(),
        target=None,
        updates=tape.num_steps,
        stopped_by="log",
        hang=None,
        samples=samples,
        epochs=samples / scenario.samples_per_epoch if scenario.samples_per_epoch else None,
        gradients_per_simulated_second=applied / (whole or 1.0),
        **measure_throughput(
            samples=samples, seconds=whole, hung=False, lone=None, learner_seconds=scenario.cluster.learners * whole
        ),
        learner_time=times.fractions(whole),
        threads={},
        overlap=times.overlap(whole),
        critical_path=None,
        servers=() if busy is None else (form.ServerLoad(name="server", busy=busy, mean_queue=None),),
        links=(),
        bytes=_count_bytes(log),
        faults=None,
        clock_events=None,
        what_if=None,
        lock_step=None,
        seams=(),
        warnings=(),
        staleness=StalenessCounts.of(staleness_counts(tape.staleness)),
        mixing=None,
        note=" ".join(filter(None, (about.note(), "" if learned is None else learned.note))),
        wall=wall_seconds(
            seconds - (0.0 if learned is None else learned.compile_seconds + learned.replay_seconds), learned, seconds
        ),
    )


def _count_bytes(log: OperationLog) -> form.ByteTotals | None:
    if log.bytes is None:
        return None
    rows = np.concatenate([log.rows("push"), log.rows("pull"), log.rows("collective")])
    known = log.bytes[rows][~np.isnan(log.bytes[rows])]
    if not len(known):
        return None
    return form.ByteTotals(sent=float(known.sum()), received=None, lost=None, in_flight=None)


def _learner_table(times: LearnerTimes, counts: GradientCounts, sizes: Sequence[int]) -> pd.DataFrame:
    """Return the table of learners, as in `Run.learners`; NaN for what the log does not tell."""
    learners = len(sizes)
    absent = np.full(learners, 0.0 if times.covered else np.nan)
    gradients = {name: counts.column(name, learners) for name in GRADIENTS}
    told = [name for name in COST_TIMES if name in times.seconds]
    columns = {name: times.seconds.get(name, absent) for name in (*TIMES, *told)}
    return pd.DataFrame({"learner": range(learners), "mini_batch": sizes, "bandwidth": np.nan, **gradients, **columns})

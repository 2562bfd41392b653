"""The results of a run, assembled from the simulated clock and from what was learned."""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import ValidationError

from simasgd.cluster.clock.activity import ALL
from simasgd.cluster.clock.log import ACTIVITIES, Spans
from simasgd.cluster.clock.sizes import mini_batch_sizes, size_of_each
from simasgd.cluster.clock.trail import COST_PARTS, LOST_PARTS, PARTS
from simasgd.cluster.network.bandwidths import bandwidths
from simasgd.cluster.result import ClockResult
from simasgd.cluster.throughput import lone_rate, present_seconds
from simasgd.cluster.trace_notes import describe_traces
from simasgd.errors import RunFailed
from simasgd.results import distributions as counts
from simasgd.results import summary as form
from simasgd.results.kept.weights import hold_weights
from simasgd.results.origin import RecordedSystem
from simasgd.results.run import Run
from simasgd.results.summary import Summary
from simasgd.results.summary_parts import identify, judge, measure_overlap, measure_throughput
from simasgd.scenario.free_messages import describe_free_messages
from simasgd.scenario.schema import Scenario
from simasgd.tape.tape import Tape
from simasgd.timing import Timing

if TYPE_CHECKING:
    from simasgd.learning.train import Learned


def assemble(
    scenario: Scenario,
    timing: Timing,
    learned: Learned | None,
    seconds: float,
    recorded: RecordedSystem | None = None,
) -> Run:
    """Assemble a run that took `seconds` of real time; `learned` is None for timing only.

    A measured run names the system that `recorded` it, and its timing is what was measured: there
    is no critical path, and the bandwidths of interfaces are not known.

    Raises RunFailed if a number is out of its range.
    """
    try:
        return _assemble(scenario, timing, learned, seconds, recorded)
    except ValidationError as error:  # a task of a user may return anything
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunFailed(f"{scenario.name}: the results are not valid: {where}: {first['msg']}") from error


def _assemble(
    scenario: Scenario,
    timing: Timing,
    learned: Learned | None,
    seconds: float,
    recorded: RecordedSystem | None,
) -> Run:
    clock, tape = timing.clock, timing.tape
    evaluations = None if learned is None else with_bytes(learned.evaluations, timing)
    learners = learner_table(scenario, clock)
    return Run(
        scenario=scenario,
        summary=summarize(scenario, timing, learned, evaluations, seconds, recorded),
        learners=learners if recorded is None else learners.assign(bandwidth=np.nan),
        updates=update_table(tape) if tape is not None and scenario.record.kind != "summary" else None,
        evaluations=evaluations,
        timeline=timeline(clock.spans) if clock.spans is not None else None,
        read_weights=hold_weights(None if learned is None else learned.weights),
    )


def summarize(
    scenario: Scenario,
    timing: Timing,
    learned: Learned | None,
    evaluations: pd.DataFrame | None,
    seconds: float,
    recorded: RecordedSystem | None,
) -> Summary:
    """Summarize a run. What a faster cluster would do is not known yet."""
    clock, samples = timing.clock, _applied_samples(scenario, timing.clock)
    target, is_reached = scenario.stop.test_error, learned is not None and learned.cut is not None
    free = describe_free_messages(scenario) if recorded is None else ()
    notes = (recorded.note() if recorded is not None else "", learned.note if learned is not None else "")
    return Summary(
        **identify(scenario),
        **judge(scenario, evaluations, find_divergence(learned), hung=clock.hang is not None, applied=clock.gradients_applied),
        origin="simulated" if recorded is None else "measured",
        log=None,
        recorded=recorded,
        mini_batch=_common_mini_batch(scenario),
        protocol=scenario.protocol.kind,
        architecture=scenario.cluster.architecture.kind,
        simulated_seconds=clock.simulated_seconds,
        gradients=_gradients(clock),
        learner_gradients=_learner_gradients(clock),
        updates=clock.updates,
        stopped_by=_stopped_by(scenario, clock, is_reached=is_reached, is_recorded=recorded is not None),
        target=None if target is None else form.ErrorTarget(test_error=target, reached=is_reached),
        hang=None if clock.hang is None else form.HangPoint(at=clock.hang.at, reason=clock.hang.reason),
        samples=samples,
        epochs=samples / scenario.samples_per_epoch if scenario.samples_per_epoch else None,
        gradients_per_simulated_second=clock.gradients_applied / (clock.simulated_seconds or 1.0),
        **measure_throughput(
            samples=samples,
            seconds=clock.simulated_seconds,
            hung=clock.hang is not None,
            lone=None if recorded is not None and recorded.pace == "free" else lone_rate(scenario),
            learner_seconds=present_seconds(clock, scenario.cluster.learners),
        ),
        learner_time=_fractions(clock.learner_seconds, clock.simulated_seconds),
        threads={name: _fractions(spent, clock.simulated_seconds) for name, spent in clock.thread_seconds.items()},
        overlap=measure_overlap(_total_seconds(clock)),
        critical_path=_critical_path(clock) if recorded is None else None,
        servers=tuple(form.ServerLoad(name=s.name, busy=s.busy, mean_queue=s.mean_queue) for s in clock.servers),
        links=tuple(form.LinkLoad(**link._asdict()) for link in clock.links),
        bytes=_bytes(clock),
        faults=_faults(clock),
        clock_events=clock.events if recorded is None else None,
        what_if=None,
        lock_step=None,
        seams=(),
        warnings=(*describe_traces(scenario.cluster, clock.learner_gradients.computed, clock.left), *free),
        staleness=counts.StalenessCounts.of(timing.staleness),
        mixing=counts.AgeCounts.of(timing.ages) if scenario.protocol.has_own_models else None,
        note=" ".join(filter(None, notes)),
        wall=wall_seconds(timing.seconds, learned, seconds),
    )


def find_divergence(learned: Learned | None) -> form.DivergencePoint | None:
    """Return the first update whose weights are not finite, as run.json holds it."""
    point = None if learned is None else learned.divergence
    return None if point is None else form.DivergencePoint(update=point.update, epoch=point.epoch)


def wall_seconds(simulate: float, learned: Learned | None, total: float) -> form.WallSeconds:
    """Return the real seconds of a run; `simulate` are those of its clock, or of what takes the clock's place."""
    return form.WallSeconds(
        simulate=simulate,
        compile=0.0 if learned is None else learned.compile_seconds,
        replay=0.0 if learned is None else learned.replay_seconds,
        total=total,
    )


def _critical_path(clock: ClockResult) -> counts.PathSeconds:
    return counts.PathSeconds(**dict(zip((*PARTS, *COST_PARTS, *LOST_PARTS), clock.critical_path, strict=False)))


def _sizes(scenario: Scenario) -> Sequence[int]:
    """Return the number of samples in a mini-batch of each learner."""
    learners = scenario.cluster.learners
    return size_of_each(mini_batch_sizes(scenario.workload, learners, scenario.cluster_seed), learners)


def _common_mini_batch(scenario: Scenario) -> int | None:
    sizes = _sizes(scenario)
    return sizes[0] if min(sizes) == max(sizes) else None


def _applied_samples(scenario: Scenario, clock: ClockResult) -> int:
    return sum(map(mul, _sizes(scenario), clock.learner_gradients.applied))


def _gradients(clock: ClockResult) -> counts.GradientTotals:
    return counts.GradientTotals(
        computed=clock.gradients_computed,
        applied=clock.gradients_applied,
        dropped=clock.gradients_dropped,
        cancelled=clock.gradients_cancelled,
        lost=clock.gradients_lost,
        in_flight=clock.gradients_in_flight,
    )


def _learner_gradients(clock: ClockResult) -> counts.GradientRanges:
    return counts.GradientRanges(
        **{name: counts.CountRange.of(each) for name, each in clock.learner_gradients._asdict().items()}
    )


def _bytes(clock: ClockResult) -> form.ByteTotals:
    sent, received, lost = clock.bytes
    # The sums are rounded: with nothing in flight their difference may be a tiny negative number.
    return form.ByteTotals(sent=sent, received=received, lost=lost, in_flight=max(0.0, sent - received - lost))


def _faults(clock: ClockResult) -> form.FaultTotals:
    found = clock.fault_counts
    return form.FaultTotals(
        crashes=found.crashes,
        rejoins=found.rejoins,
        down=found.down_seconds,
        barrier_timeouts=found.barrier_timeouts,
        members_dropped=found.members_dropped,
        messages_lost=found.messages_lost,
        server_paused=found.server_paused,
    )


def _total_seconds(clock: ClockResult) -> dict[str, float]:
    """Return the seconds of the compute threads in each activity."""
    totals = np.asarray(clock.learner_seconds).sum(axis=0).tolist()
    return {activity.name.lower(): spent for activity, spent in zip(ALL, totals, strict=False)}


def _fractions(seconds: Sequence[Sequence[float]], whole: float) -> counts.TimeFractions:
    """Return the fraction of the time that each activity took, averaged over the learners."""
    spent = np.asarray(seconds).sum(axis=0) / ((whole or 1.0) * len(seconds))
    return counts.TimeFractions(**{activity.name.lower(): float(part) for activity, part in zip(ALL, spent, strict=False)})


def _stopped_by(scenario: Scenario, clock: ClockResult, *, is_reached: bool, is_recorded: bool) -> str:
    """Return the key of `stop` that ended the run, "hang", or "interrupt" for a recording that reached no limit.

    `is_reached` says whether its test error was reached.
    """
    stop, applied = scenario.stop, clock.gradients_applied
    if clock.hang is not None and (stop.simulated_time is None or clock.simulated_seconds < stop.simulated_time):
        return "hang"
    if is_reached:
        return "test_error"
    if stop.updates is not None and clock.updates >= stop.updates:
        return "updates"
    if stop.gradients is not None and applied >= stop.gradients:
        return "gradients"
    if scenario.samples_to_stop is not None and _applied_samples(scenario, clock) >= scenario.samples_to_stop:
        return "epochs"
    if is_recorded and (stop.simulated_time is None or clock.simulated_seconds < stop.simulated_time):
        return "interrupt"
    return "simulated_time"


def learner_table(scenario: Scenario, clock: ClockResult) -> pd.DataFrame:
    """Return the table of learners, as in `Run.learners`."""
    cluster = scenario.cluster
    of_nodes = np.array(bandwidths(cluster, scenario.cluster_seed))
    of_learners = np.repeat(of_nodes, cluster.learners_per_node)[: cluster.learners]
    seconds = np.asarray(clock.learner_seconds)
    columns = {activity.name.lower(): of_all for activity, of_all in zip(ALL, seconds.T, strict=False)}
    return pd.DataFrame(
        {
            "learner": range(len(seconds)),
            "mini_batch": _sizes(scenario),
            "bandwidth": np.where(np.isinf(of_learners), np.nan, of_learners),
            **clock.learner_gradients._asdict(),
            **columns,
        }
    )


def update_table(tape: Tape) -> pd.DataFrame:
    """Return the table of applied gradients, as in `Run.updates`."""
    table = pd.DataFrame(
        {
            "time": tape.stepped_at[tape.step],
            "timestamp": tape.step + 1,
            "learner": tape.learner,
            "batch": tape.batch,
            "staleness": tape.staleness,
            "read_at": tape.read_at,
            "computed_at": tape.computed_at,
        }
    )
    if tape.ahead is not None:
        table["read"], table["ahead"] = tape.timestamp, tape.ahead
    if tape.summed is not None:
        table["summed"] = tape.summed[tape.step]
    return table


def with_bytes(evaluations: pd.DataFrame, timing: Timing) -> pd.DataFrame:
    """Add the number of bytes that had been sent when the evaluated weights were made."""
    clock, past = timing.clock, 0 if timing.tape is None else timing.tape.past.updates
    return evaluations.assign(bytes=np.interp(evaluations["updates"] - past, clock.sampled_updates, clock.sampled_bytes))


def timeline(spans: Spans) -> pd.DataFrame:
    """Return the time line, as in `Run.timeline`."""
    tracks = pd.DataFrame(spans.tracks, columns=["group", "name"])
    return pd.DataFrame(
        {
            "group": pd.Categorical(tracks["group"].to_numpy()[spans.track]),
            "track": pd.Categorical(tracks["name"].to_numpy()[spans.track], categories=tracks["name"].unique()),
            "activity": pd.Categorical.from_codes(spans.activity, categories=list(ACTIVITIES)),
            "start": spans.start,
            "end": spans.end,
            "learner": spans.learner,
        }
    )

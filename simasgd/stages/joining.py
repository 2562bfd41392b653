"""The whole run that the parts of a continued run make: tables joined, counts added, times counted on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from simasgd.protocols import AbstractPeerProtocol
from simasgd.results import summary as form
from simasgd.results.distributions import (
    AbstractHistogram,
    AgeCounts,
    CountRange,
    GradientRanges,
    GradientTotals,
    PathSeconds,
    StalenessCounts,
    TimeFractions,
)
from simasgd.results.kept.weights import hold_weights
from simasgd.results.origin import Seam
from simasgd.results.quantities import COST_TIMES, TIMES
from simasgd.results.run import Run
from simasgd.results.summary import Summary
from simasgd.results.summary_parts import identify, judge, measure_overlap, measure_throughput
from simasgd.results.tables import GRADIENTS
from simasgd.scenario.schema import Scenario
from simasgd.stages.parts import ended_for_good, seam_of


def as_whole(run: Run, scenario: Scenario) -> Run:
    """Return a run of earlier parts, after which none follows, as the run of the whole scenario."""
    weights = run.weights if scenario.record.weights else None
    sentences = (*(seam.sentence() for seam in run.summary.seams), f"Not continued: {ended_for_good(run)}")
    update = {**identify(scenario), "what_if": None, "lock_step": None, "warnings": sentences}
    summary = run.summary.model_copy(update=update)
    return replace(run, scenario=scenario, summary=summary, read_weights=hold_weights(weights))


def join(first: Run, second: Run, scenario: Scenario) -> Run:
    """Return the whole run of a scenario: its earlier parts, and its last part."""
    seam = seam_of(first)
    learners = _add_learners(first.learners, second.learners)
    evaluations = _join_evaluations(first, second, seam)
    weights = second.weights if scenario.record.weights else None
    return Run(
        scenario=scenario,
        summary=_join_summaries(scenario, first, second, seam, learners, evaluations),
        learners=learners,
        updates=_join_updates(first, second, seam),
        evaluations=evaluations,
        timeline=_joined([first.timeline, _shifted(second.timeline, ("start", "end"), seam.simulated_seconds)]),
        read_weights=hold_weights(weights),
    )


def _add_learners(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Add counts and seconds; the size of a mini-batch and the bandwidth stay."""
    counted = [name for name in second if name in (*GRADIENTS, *TIMES, *COST_TIMES)]
    return second.assign(**{name: first[name] + second[name] for name in counted})


def _join_updates(first: Run, second: Run, seam: Seam) -> pd.DataFrame | None:
    before, after = first.updates, second.updates
    if before is None or after is None:
        return None
    moved = _shifted(after, ("time", "read_at", "computed_at"), seam.simulated_seconds)
    assert moved is not None
    holders, protocol = 0, first.scenario.protocol
    if protocol.has_own_models:  # the part's first models are those of the part before, and no new ones
        has_centre = isinstance(protocol, AbstractPeerProtocol) and protocol.has_centre
        holders = first.scenario.cluster.learners + has_centre
    made = int(before["timestamp"].max()) - holders if len(before) else -holders
    columns = {name: moved[name] + made for name in ("timestamp", "read") if name in moved}
    return _joined([before, moved.assign(**columns)])


def _join_evaluations(first: Run, second: Run, seam: Seam) -> pd.DataFrame | None:
    """Join the evaluations, without the second one of the weights at the seam."""
    before, after = first.evaluations, second.evaluations
    if before is None or after is None:
        return None
    sent = 0.0 if first.summary.bytes is None else first.summary.bytes.sent
    rest = after[after["updates"] > seam.updates]
    return _joined([before, rest.assign(bytes=rest["bytes"] + sent)])


def _shifted(table: pd.DataFrame | None, columns: Sequence[str], seconds: float) -> pd.DataFrame | None:
    return None if table is None else table.assign(**{name: table[name] + seconds for name in columns})


def _joined(tables: Sequence[pd.DataFrame | None]) -> pd.DataFrame | None:
    present = [table for table in tables if table is not None]
    if len(present) < len(tables):
        return None
    whole = pd.concat(present, ignore_index=True)
    for name in whole:  # texts of a few kinds are kept as such
        if all(isinstance(table[name].dtype, pd.CategoricalDtype) for table in present) and whole[name].dtype == object:
            categories = dict.fromkeys(text for table in present for text in table[name].cat.categories)
            whole[name] = pd.Categorical(whole[name], categories=list(categories))
    return whole


def _join_summaries(
    scenario: Scenario,
    first: Run,
    second: Run,
    seam: Seam,
    learners: pd.DataFrame,
    evaluations: pd.DataFrame | None,
) -> Summary:
    one, two = first.summary, second.summary
    seconds, applied = one.simulated_seconds + two.simulated_seconds, one.gradients.applied + two.gradients.applied
    samples = one.samples + two.samples
    hang = None if two.hang is None else two.hang.model_copy(update={"at": two.hang.at + one.simulated_seconds})
    seams = (*one.seams, seam)

    def share(of_one: float, of_two: float) -> float:
        """Return a fraction of the whole time, or a mean over it."""
        return (of_one * one.simulated_seconds + of_two * two.simulated_seconds) / (seconds or 1.0)

    update: dict[str, Any] = {
        **identify(scenario),
        **judge(scenario, evaluations, two.diverged, hung=hang is not None, applied=applied),
        "simulated_seconds": seconds,
        "gradients": GradientTotals(**_added(one.gradients, two.gradients)),
        "learner_gradients": GradientRanges(**{name: CountRange.of(learners[name].astype(int).tolist()) for name in GRADIENTS}),
        "updates": one.updates + two.updates,
        "stopped_by": two.stopped_by if two.stopped_by in ("hang", "test_error") else "epochs",
        "hang": hang,
        "samples": samples,
        "epochs": None if scenario.samples_per_epoch is None else samples / scenario.samples_per_epoch,
        "gradients_per_simulated_second": applied / (seconds or 1.0),
        **measure_throughput(
            samples=samples,
            seconds=seconds,
            hung=hang is not None,
            lone=two.lone_samples_per_simulated_second,
            learner_seconds=3600.0 * (one.learner_hours + two.learner_hours),
        ),
        "learner_time": _join_fractions(one.learner_time, two.learner_time, share),
        "threads": {name: _join_fractions(one.threads[name], times, share) for name, times in two.threads.items()},
        "overlap": measure_overlap(_total_seconds(learners)),
        "critical_path": _join_paths(one.critical_path, two.critical_path),
        "servers": tuple(_join_loads(pair, share) for pair in zip(one.servers, two.servers, strict=True)),
        "links": tuple(_join_loads(pair, share) for pair in zip(one.links, two.links, strict=True)),
        "bytes": None if one.bytes is None or two.bytes is None else form.ByteTotals(**_added(one.bytes, two.bytes)),
        "faults": None if one.faults is None or two.faults is None else form.FaultTotals(**_added(one.faults, two.faults)),
        "clock_events": None if one.clock_events is None or two.clock_events is None else one.clock_events + two.clock_events,
        "what_if": None,
        "lock_step": None,
        "warnings": tuple(each.sentence() for each in seams),
        "seams": seams,
        "staleness": StalenessCounts.of(_counts([one.staleness, two.staleness])),
        "mixing": None if one.mixing is None or two.mixing is None else AgeCounts.of(_counts([one.mixing, two.mixing])),
        "wall": form.WallSeconds(**_added(one.wall, two.wall)),
    }
    return two.model_copy(update=update)


def _added(one: Any, two: Any) -> dict[str, Any]:
    """Return the sums of all numbers of two forms."""
    before: Mapping[str, Any] = one.model_dump()
    return {name: before[name] + value for name, value in two.model_dump().items()}


def _join_fractions(one: TimeFractions, two: TimeFractions, share: Any) -> TimeFractions:
    of_one, of_two = one.model_dump(), two.model_dump()
    names = dict.fromkeys((*of_one, *of_two))
    return TimeFractions(**{name: share(of_one.get(name) or 0.0, of_two.get(name) or 0.0) for name in names})


def _join_paths(one: PathSeconds | None, two: PathSeconds | None) -> PathSeconds | None:
    if one is None or two is None:
        return None
    of_one, of_two = one.model_dump(), two.model_dump()
    names = dict.fromkeys((*of_one, *of_two))
    return PathSeconds(**{name: of_one.get(name, 0.0) + of_two.get(name, 0.0) for name in names})


def _join_loads(pair: tuple[Any, Any], share: Any) -> Any:
    """Return the load of a server or a link over both parts."""
    one, two = pair
    queue = None if two.mean_queue is None else share(one.mean_queue, two.mean_queue)
    update = {"busy": share(one.busy, two.busy), "mean_queue": queue}
    if isinstance(two, form.LinkLoad):
        update["bytes"] = one.bytes + two.bytes
    return two.model_copy(update=update)


def _total_seconds(learners: pd.DataFrame) -> dict[str, float]:
    """Return the seconds of the compute threads in each activity."""
    return {name: float(learners[name].sum()) for name in (*TIMES, *COST_TIMES) if name in learners}


def _counts(histograms: Iterable[AbstractHistogram]) -> Counter[int]:
    counts: Counter[int] = Counter()
    for one in histograms:
        counts.update({value: number for value, number in enumerate(one.histogram) if number})
    return Counter(dict(sorted(counts.items())))

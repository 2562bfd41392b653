"""The parts of a run that was continued, and the whole run that they make.

Each part has a clock of its own, which begins at 0. The whole run counts on: samples, updates, times
and mini-batches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from pydantic import ValidationError

from simasgd.errors import UsageError
from simasgd.protocols import AbstractPeerProtocol
from simasgd.results import summary as form
from simasgd.results.distributions import (
    AbstractHistogram,
    AgeCounts,
    CountRange,
    GradientTotals,
    LearnerGradients,
    StalenessCounts,
)
from simasgd.results.kept.weights import hold_weights
from simasgd.results.origin import Seam
from simasgd.results.outcome import Outcome
from simasgd.results.quantities import COST_TIMES, TIMES
from simasgd.results.run import Run
from simasgd.results.summary import Summary
from simasgd.results.summary_parts import identify, judge
from simasgd.results.tables import GRADIENTS
from simasgd.scenario.learning.data import samples_of_epochs
from simasgd.scenario.record import Record
from simasgd.scenario.schema import Scenario
from simasgd.tape.tape import Past
from simasgd.timing import Part


def continued_scenario(scenario: Scenario, epochs: float) -> Scenario:
    """Return a scenario, with its variants, that goes on for so many epochs more. It keeps the last weights, if it learns.

    Raises simasgd.UsageError if it cannot be continued.
    """
    tree = keeping_weights(scenario).model_dump()
    for section in (tree, *tree["variants"].values()):
        section["stop"]["continued"] = (*section["stop"]["continued"], epochs)
    try:
        return Scenario.model_validate(tree)
    except ValidationError as error:
        raise UsageError(f"{scenario.name}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None


def keeping_weights(scenario: Scenario) -> Scenario:
    """Return a scenario, with its variants, that keeps the last weights wherever it learns."""
    record = Record(kind=scenario.record.kind, weights=scenario.learning is not None)
    variants = {name: keeping_weights(variant) for name, variant in scenario.variants.items()}
    return scenario.model_copy(update={"record": record, "variants": variants})


def without_last_part(scenario: Scenario) -> Scenario:
    """Return the scenario of a run without its last part, which keeps its weights for that part."""
    stop = scenario.stop.model_copy(update={"continued": scenario.stop.continued[:-1]})
    return keeping_weights(scenario).model_copy(update={"stop": stop})


def plan_part(run: Run, scenario: Scenario) -> Part:
    """Return the last part of a scenario, which goes on from a run of its earlier parts."""
    summary, stop = run.summary, scenario.stop
    assert scenario.samples_per_epoch is not None
    seams = [*summary.seams, _seam(run)]
    goal = seams[0].samples
    if scenario.samples_to_stop is not None and goal >= scenario.samples_to_stop:
        goal = scenario.samples_to_stop  # the last update may have gone beyond it
    goal += sum(samples_of_epochs(epochs, scenario.samples_per_epoch) for epochs in stop.continued)
    return Part(
        number=len(seams),
        samples=max(1, goal - summary.samples),
        past=Past(summary.samples, summary.updates, summary.simulated_seconds),
        computed=tuple(run.learners["computed"].astype(int).tolist()),
    )


def require_end(run: Run) -> None:
    """Raise simasgd.UsageError if a run has no end that another part could go on from."""
    if run.summary.is_measured:
        raise UsageError(f"{run.summary.name}: the run was measured, and only a simulated run can be continued")
    if reason := ended_for_good(run):
        raise UsageError(f"{run.summary.name}: {reason}")
    if run.scenario.learning is not None and run.weights is None:
        raise UsageError(f"{run.summary.name}: the run kept no weights; run it with record.weights=true")


def ended_for_good(run: Run) -> str:
    """Return why no part can follow a run; "" if one can."""
    summary = run.summary
    if summary.outcome in _PAST_TENSE:
        why = f" ({summary.reason})" if summary.reason else ""
        return f"the run {_PAST_TENSE[summary.outcome]}{why}, so there is nothing to continue"
    if summary.target is not None and summary.target.reached:
        return f"the run reached its test error {summary.target.test_error:g}; to go on, run it without stop.test_error"
    return ""


_PAST_TENSE = {Outcome.HUNG: "hung", Outcome.DIVERGED: "diverged", Outcome.APPLIED_NOTHING: "applied nothing"}


def _seam(run: Run) -> Seam:
    summary, per_epoch = run.summary, run.scenario.samples_per_epoch
    assert per_epoch is not None
    return Seam(
        samples=summary.samples,
        updates=summary.updates,
        epochs=summary.samples / per_epoch,
        simulated_seconds=summary.simulated_seconds,
    )


def as_whole(run: Run, scenario: Scenario) -> Run:
    """Return a run of earlier parts, after which none follows, as the run of the whole scenario."""
    weights = run.weights if scenario.record.weights else None
    summary = run.summary.model_copy(update=dict(identify(scenario)))
    return replace(run, scenario=scenario, summary=summary, read_weights=hold_weights(weights))


def join(first: Run, second: Run, scenario: Scenario) -> Run:
    """Return the whole run of a scenario: its earlier parts, and its last part."""
    seam = _seam(first)
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
        "learner_gradients": LearnerGradients(
            **{name: CountRange.of(learners[name].astype(int).tolist()) for name in GRADIENTS}
        ),
        "updates": one.updates + two.updates,
        "stopped_by": two.stopped_by if two.stopped_by in ("hang", "test_error") else "epochs",
        "hang": hang,
        "samples": samples,
        "epochs": None if scenario.samples_per_epoch is None else samples / scenario.samples_per_epoch,
        "gradients_per_simulated_second": applied / (seconds or 1.0),
        "learner_time": _join_fractions(one.learner_time, two.learner_time, share),
        "threads": {name: _join_fractions(one.threads[name], times, share) for name, times in two.threads.items()},
        "overlap": _overlap(learners),
        "critical_path": _join_paths(one.critical_path, two.critical_path),
        "servers": tuple(_join_loads(pair, share) for pair in zip(one.servers, two.servers, strict=True)),
        "links": tuple(_join_loads(pair, share) for pair in zip(one.links, two.links, strict=True)),
        "bytes": None if one.bytes is None or two.bytes is None else form.ByteTotals(**_added(one.bytes, two.bytes)),
        "faults": None if one.faults is None or two.faults is None else form.FaultTotals(**_added(one.faults, two.faults)),
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


def _join_fractions(one: form.TimeFractions, two: form.TimeFractions, share: Any) -> form.TimeFractions:
    of_one, of_two = one.model_dump(), two.model_dump()
    names = dict.fromkeys((*of_one, *of_two))
    return form.TimeFractions(**{name: share(of_one.get(name) or 0.0, of_two.get(name) or 0.0) for name in names})


def _join_paths(one: form.PathSeconds | None, two: form.PathSeconds | None) -> form.PathSeconds | None:
    if one is None or two is None:
        return None
    of_one, of_two = one.model_dump(), two.model_dump()
    names = dict.fromkeys((*of_one, *of_two))
    return form.PathSeconds(**{name: of_one.get(name, 0.0) + of_two.get(name, 0.0) for name in names})


def _join_loads(pair: tuple[Any, Any], share: Any) -> Any:
    """Return the load of a server or a link over both parts."""
    one, two = pair
    queue = None if two.mean_queue is None else share(one.mean_queue, two.mean_queue)
    update = {"busy": share(one.busy, two.busy), "mean_queue": queue}
    if isinstance(two, form.LinkLoad):
        update["bytes"] = one.bytes + two.bytes
    return two.model_copy(update=update)


def _overlap(learners: pd.DataFrame) -> float | None:
    """Return computing as a fraction of the compute threads' time that is not idle; None if there is no such time."""
    working = float(sum(learners[name].sum() for name in (*TIMES, *COST_TIMES) if name in learners and name != "idle"))
    return float(learners["compute"].sum()) / working if working > 0.0 else None


def _counts(histograms: Iterable[AbstractHistogram]) -> Counter[int]:
    counts: Counter[int] = Counter()
    for one in histograms:
        counts.update({value: number for value, number in enumerate(one.histogram) if number})
    return Counter(dict(sorted(counts.items())))

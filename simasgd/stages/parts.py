"""The parts of a run that is continued: which runs can go on, and where the next part begins.

Each part has a clock of its own, which begins at 0. The whole run counts on: samples, updates, times
and mini-batches.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from simasgd.errors import UsageError
from simasgd.results.origin import Seam
from simasgd.results.outcome import Outcome
from simasgd.results.run import Run
from simasgd.results.study import Study
from simasgd.scenario.learning.data import samples_of_epochs
from simasgd.scenario.record import Record
from simasgd.scenario.schema import Scenario
from simasgd.stages.progress import ShareOfWork
from simasgd.tape.tape import Past
from simasgd.timing import LaterPart


def continued_scenario(scenario: Scenario, epochs: float) -> Scenario:
    """Return a scenario, with its variants, that goes on for `epochs` more epochs. It keeps the last weights, if it learns.

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


def fraction_before(scenario: Scenario) -> float:
    """Return how much of the work of a scenario that is continued its earlier parts are, by their epochs.

    A first part whose epochs are not known counts as much as the second.
    """
    *earlier, last = scenario.stop.continued
    first = scenario.stop.epochs if scenario.stop.epochs is not None else scenario.stop.continued[0]
    return 1.0 - last / (first + sum(earlier) + last)


def share_of_first(scenario: Scenario, share: ShareOfWork) -> ShareOfWork:
    """Return the share of the first part of a scenario, of the share of all its parts."""
    while scenario.stop.continued:
        share, _ = share.split(fraction_before(scenario))
        scenario = without_last_part(scenario)
    return share


def plan_part(run: Run, scenario: Scenario) -> LaterPart:
    """Return the last part of a scenario, which goes on from a run of its earlier parts."""
    summary, stop = run.summary, scenario.stop
    assert scenario.samples_per_epoch is not None
    seams = [*summary.seams, seam_of(run)]
    goal = seams[0].samples
    if scenario.samples_to_stop is not None and goal >= scenario.samples_to_stop:
        goal = scenario.samples_to_stop  # the last update may have gone beyond it
    goal += sum(samples_of_epochs(epochs, scenario.samples_per_epoch) for epochs in stop.continued)
    return LaterPart(
        number=len(seams),
        samples=max(1, goal - summary.samples),
        past=Past(summary.samples, summary.updates, summary.simulated_seconds, mean_staleness=seams[0].mean_staleness),
        computed=tuple(run.learners["computed"].astype(int).tolist()),
    )


_KEEP = "run it with record.weights=true"


def require_end(run: Run) -> None:
    """Raise simasgd.UsageError if a run has no end that another part could go on from."""
    if reason := _find_obstacle(run, _KEEP) or ended_for_good(run):
        raise UsageError(f"{run.summary.name}: {reason}")


def require_ends(study: Study, advice: str = _KEEP) -> None:
    """Raise simasgd.UsageError if a run of a study cannot go on though it should, or if none can.

    Runs that ended for good stay as they are beside others that go on. The message about a run
    without weights ends with the `advice`.
    """
    ended = []
    for whose, run in _name_runs(study):
        if reason := _find_obstacle(run, advice):
            raise UsageError(f"{whose}: {reason}")
        ended.append(ended_for_good(run))
    if all(ended):
        others = f", and none of the other {len(ended) - 1} runs can go on" if len(ended) > 1 else ""
        raise UsageError(f"{next(_name_runs(study))[0]}: {ended[0]}{others}")


def _name_runs(study: Study) -> Iterator[tuple[str, Run]]:
    """Yield each run with a name that says the variant and the seed where there are several."""
    for variant, runs in study.runs.items():
        for run in runs:
            seed = f"seed {run.seed}" if len(runs) > 1 else ""
            yield ", ".join(filter(None, (study.scenario.name, variant and f"variant {variant}", seed))), run


def _find_obstacle(run: Run, advice: str) -> str:
    """Return what a run lacks that another part would need; "" if nothing, or if it ended for good."""
    if run.summary.is_measured:
        return "the run was measured, and only a simulated run can be continued"
    if run.scenario.learning is not None and run.weights is None and not ended_for_good(run):
        return f"the run kept no weights, so it cannot go on; {advice}"
    return ""


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


def seam_of(run: Run) -> Seam:
    """Return the seam at the end of a run."""
    summary, per_epoch = run.summary, run.scenario.samples_per_epoch
    assert per_epoch is not None
    return Seam(
        samples=summary.samples,
        updates=summary.updates,
        epochs=summary.samples / per_epoch,
        simulated_seconds=summary.simulated_seconds,
        mean_staleness=summary.staleness.mean,
    )

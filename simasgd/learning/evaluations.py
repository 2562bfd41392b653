"""The evaluation of weights on the test set, as a player makes them, until the runs have ended."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from simasgd.learning.layout.moment import Moment
from simasgd.learning.players.checkpoint import AbstractCheckpoint
from simasgd.learning.players.results import Divergence, Evaluation, GroupResults
from simasgd.learning.problem.keeping import keep
from simasgd.learning.problem.problem import Problem
from simasgd.results.kept.weights import KeptWeights
from simasgd.scenario.schema import Scenario


def evaluate_moments(
    moments: Iterable[Sequence[Moment | None]],
    problems: Sequence[Problem],
    scenario: Scenario,
    begin: int,
    stop: int | None,
    checkpoint: AbstractCheckpoint,
) -> dict[int, KeptWeights]:
    """Evaluate the weights at each stop, into the checkpoint's results, until all problems have ended.

    Return the last weights of each problem if `scenario`, the first of the group, keeps them. The
    tape begins after `begin` steps, and `stop` is the last one; None if that is not known yet.
    """
    assert scenario.learning is not None
    assert scenario.samples_per_epoch is not None
    target = scenario.stop.test_error
    ended: set[int] = set()
    last: dict[int, KeptWeights] = {}
    for number, moment_of_each in enumerate(moments):
        if not number:  # the walk may go on from a checkpoint
            ended = find_ended(checkpoint.results, len(problems), begin, target)
        for member, moment in enumerate(moment_of_each):
            if moment is None or member in ended:
                continue
            error = _add_moment(checkpoint, moment, member, problems[member], scenario.samples_per_epoch)
            is_reached = moment.steps > begin and _is_reached(error, target)
            if moment.diverged or is_reached:
                ended.add(member)
            if scenario.record.weights and not moment.diverged and (is_reached or moment.steps == stop):
                last[member] = keep(moment.take_snapshot(), problems[member].recipe, scenario.learning.model)
        if len(ended) == len(problems):
            break
    return last


def find_cut(evaluations: Mapping[int, Evaluation], begin: int, target: float | None) -> int | None:
    """Return the number of steps at the first evaluation that reaches the target; None if none does.

    The weights with which a tape begins, after `begin` steps, do not count.
    """
    return min(
        (steps for steps, found in evaluations.items() if steps > begin and _is_reached(found.error, target)), default=None
    )


def find_ended(results: GroupResults, members: int, begin: int, target: float | None) -> set[int]:
    """Return the members of a group that have reached the target or diverged, on a tape that begins after `begin` steps."""
    return {
        member
        for member in range(members)
        if results.divergence_of(member) is not None or find_cut(results.evaluations_of(member), begin, target) is not None
    }


def _is_reached(error: float | None, target: float | None) -> bool:
    """Return whether a test error is at or below the target."""
    return error is not None and target is not None and error <= target


def _add_moment(
    checkpoint: AbstractCheckpoint, moment: Moment, member: int, problem: Problem, samples_per_epoch: int
) -> float | None:
    """Add the evaluation of a moment, or its divergence, to the results; return its test error, if it has one."""
    if moment.diverged:
        update = int(problem.tape.updates_before[moment.steps])
        epoch = int(problem.tape.samples_before[moment.steps]) / samples_per_epoch
        checkpoint.add_divergence(Divergence(member, update, epoch))
        return None
    loss, error = problem.evaluate(moment.weights)
    distance = None if moment.distance is None else _finite_or_none(moment.distance)
    checkpoint.add_evaluation(Evaluation(member, moment.steps, _finite_or_none(loss), error, distance))
    return error


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None

"""From a search to its findings: who leads, who ties, and who would lead on another cluster."""

from __future__ import annotations

import math
from collections.abc import Sequence

from simasgd.advising import findings as form
from simasgd.advising.aims import Aim, SearchStage, price
from simasgd.advising.candidate_runs import predict_epochs
from simasgd.advising.candidates import Candidate
from simasgd.advising.pace import SamplePace, measure_paces
from simasgd.advising.race import LEAST_SEEDS
from simasgd.advising.search import Search
from simasgd.advising.worlds import HERE, in_world, list_worlds
from simasgd.results.json_files import finite
from simasgd.results.summary import Speedup
from simasgd.scenario.schema import Scenario
from simasgd.what_if.answers import what_if
from simasgd.what_if.question import Question

_MOST_CONTENDERS = 12
_SANE = 10.0
"""A forecast of more than this, in multiples of the epochs that a candidate may take, is dropped."""


def list_answers(search: Search) -> list[form.AimAnswer]:
    """Return the answer for each aim; none if nobody reached the target."""
    return [answer for aim in Aim if (answer := _answer(search, aim)) is not None]


def _answer(search: Search, aim: Aim) -> form.AimAnswer | None:
    finalists = search.finalists.get(aim, [])
    if not finalists:
        return None
    whole = [seed for seed in search.seeds if all(seed in search.courses[one.number] for one in search.racing[aim])]
    sure = [one for one in finalists if search.paid.costs(one, whole, aim) is not None]
    leader = min(sure or search.racing[aim][:1], key=lambda one: (search.paid.mean_log(one, whole, aim), one.number))
    rivals = [_compare(search, one, leader, aim, whole) for one in finalists if one is not leader]
    seeds = [seed for seed in whole if search.paid.cost(leader, seed, aim) is not None]
    courses = [search.courses[leader.number][seed] for seed in seeds]
    return form.AimAnswer(
        aim=aim,
        leader=leader.number,
        confidence=_judge(search, bool(sure), len(whole), rivals),
        seconds=tuple(course.seconds or 0.0 for course in courses),
        learner_hours=tuple(course.hours or 0.0 for course in courses),
        epochs=tuple(course.reached or 0.0 for course in courses),
        spacing=max(course.spacing for course in courses),
        rivals=tuple(rivals),
    )


def _compare(search: Search, one: Candidate, leader: Candidate, aim: Aim, shared: Sequence[int]) -> form.RunnerUp:
    seeds = [seed for seed in shared if all(seed in search.courses[each.number] for each in (one, leader))]
    both = [seed for seed in seeds if all(search.paid.cost(each, seed, aim) is not None for each in (one, leader))]
    mine, best = search.paid.costs(one, both, aim), search.paid.costs(leader, both, aim)
    missed = len(both) < len(seeds) and any(search.paid.cost(one, seed, aim) is None for seed in seeds)
    paid = tuple(cost for seed in seeds if (cost := search.paid.cost(one, seed, aim)) is not None)
    if not mine or not best:
        return form.RunnerUp(number=one.number, verdict="missed", ratio=None, low=None, high=None, seeds=len(seeds), costs=paid)
    ratio = search.compare(mine, best, aim)
    verdict: form.Verdict = "missed" if missed else "more" if ratio.is_more else "tie" if ratio.is_tie else "unsure"
    is_known = len(both) >= LEAST_SEEDS
    return form.RunnerUp(
        number=one.number,
        verdict=verdict,
        ratio=finite(ratio.mean),
        low=finite(ratio.low) if is_known else None,
        high=finite(ratio.high) if is_known else None,
        seeds=len(both),
        costs=paid,
    )


def _judge(search: Search, is_sure: bool, seeds: int, rivals: Sequence[form.RunnerUp]) -> form.Confidence:
    if not is_sure:
        return "fickle"
    if seeds < min(LEAST_SEEDS, len(search.seeds)) or any(stage is SearchStage.OPEN for stage in search.stages.values()):
        return "open"
    verdicts = {rival.verdict for rival in rivals}
    if not verdicts & {"tie", "unsure"}:
        return "clear"
    if search.is_cut or seeds < LEAST_SEEDS:
        return "open"
    return "unsure" if "unsure" in verdicts else "tie"


def list_rows(search: Search) -> list[form.CandidateRow]:
    """Return a row for each candidate."""
    return [_describe(search, one) for one in search.candidates]


def _describe(search: Search, one: Candidate) -> form.CandidateRow:
    course, pace = search.first(one), one.pace
    reached = [found for found in search.courses[one.number].values() if found.reached is not None]
    is_known = course is not None and course.reached is not None
    epochs = None if course is None else finite(predict_epochs(course, search.target, search.power))
    epochs = _mean([found.reached for found in reached]) if is_known else epochs
    is_far = epochs is not None and epochs > _SANE * search.most
    epochs = None if is_far else epochs
    foretold = {aim: None if is_far else finite(search.foretell(one, aim)) for aim in Aim}
    size = one.scenario.workload.mini_batch
    return form.CandidateRow(
        number=one.number,
        variant=one.variant,
        protocol=one.scenario.protocol.kind,
        architecture=one.scenario.cluster.architecture.kind,
        learners=one.learners,
        mini_batch=size if isinstance(size, int) else None,
        learning_rate=one.rate,
        rule=one.rule,
        values=one.values,
        seconds_per_epoch=finite(pace.seconds_per_epoch),
        seconds_per_epoch_low=finite(pace.low),
        seconds_per_epoch_high=finite(pace.high),
        staleness=pace.staleness,
        samples_per_update=pace.samples_per_update,
        stage=str(search.stages[one.number]),
        problem=pace.problem or ("" if course is None else course.failure),
        epochs=None if course is None else course.epochs,
        score=None if course is None or not course.scores else course.scores[-1][1],
        epochs_to_target=epochs,
        seconds=_mean([found.seconds for found in reached]) if is_known else foretold[Aim.SOONEST],
        learner_hours=_mean([found.hours for found in reached]) if is_known else foretold[Aim.CHEAPEST],
        foretold=course is not None and course.reached is None and epochs is not None,
        seeds=len(search.courses[one.number]),
        folder="" if course is None else course.folder,
    )


def _mean(numbers: Sequence[float | None]) -> float | None:
    """Return the mean of those that are known; None if none is."""
    known = [number for number in numbers if number is not None]
    return math.fsum(known) / len(known) if known else None


def list_worlds_found(search: Search, answers: Sequence[form.AimAnswer], base: Scenario) -> list[form.BestElsewhere]:
    """Return who would be best on this cluster and in each of the other worlds, for each aim that has an answer."""
    contenders = _choose_contenders(search, answers)
    found = []
    worlds = {HERE: [one.pace for one in contenders]} | {
        name: measure_paces([in_world(one.scenario, change) for one in contenders])
        for name, change in list_worlds(base).items()
    }
    for name, paces in worlds.items():
        for answer in answers:
            world = _place(name, answer.aim, answer, search, list(zip(contenders, paces, strict=True)))
            if world is not None:
                found.append(world)
    return found


def _choose_contenders(search: Search, answers: Sequence[form.AimAnswer]) -> list[Candidate]:
    """Return the leaders, their rivals, and of each variant the best of those whose costs are known or foretold."""
    chosen = {answer.leader: search.candidates[answer.leader] for answer in answers}
    here = [
        {number: price(search.candidates[number], epochs, answer.aim) for number, epochs in list_epochs(search, answer).items()}
        for answer in answers
    ]
    for answer, costs in zip(answers, here, strict=True):
        chosen |= {rival.number: search.candidates[rival.number] for rival in answer.rivals if rival.number in costs}
    for answer, costs in zip(answers, here, strict=True):
        variants: set[str] = set()
        for number in sorted(costs.keys() - {answer.leader}, key=lambda number, costs=costs: (costs[number], number)):  # type: ignore[misc]
            one = search.candidates[number]
            if one.variant not in variants and len(chosen) < _MOST_CONTENDERS:
                variants.add(one.variant)
                chosen.setdefault(number, one)
    return list(chosen.values())


def list_epochs(search: Search, answer: form.AimAnswer) -> dict[int, float]:
    """Return the epochs that candidates need: the leader's mean over its seeds, and its multiples for the others.

    The factor of a finalist is the ratio of their epochs over the seeds that both have. That of another candidate is the ratio
    at the first seed. A finalist that missed the target at a seed is left out. A candidate may come out better than the leader
    on this very cluster. Then a finalist counts as equal to the leader, and any other is left out: the rows of other clusters
    must show what those change.
    """
    leader = search.candidates[answer.leader]
    mean = math.fsum(answer.epochs) / len(answer.epochs)
    best = price(leader, mean, answer.aim)
    courses = search.courses[leader.number]
    factors = {one.number: _foretell_epochs(search, one) / _foretell_epochs(search, leader) for one in search.candidates}
    found = {number: mean * factor for number, factor in factors.items() if factor < math.inf}
    found = {number: epochs for number, epochs in found.items() if price(search.candidates[number], epochs, answer.aim) >= best}
    for rival in answer.rivals:
        found.pop(rival.number, None)
        one, theirs = search.candidates[rival.number], search.courses[rival.number]
        both = [(theirs[seed].reached, course.reached) for seed, course in courses.items() if seed in theirs]
        pairs = [(its, own) for its, own in both if its and own]
        if pairs and rival.verdict != "missed":
            factor = math.fsum(its for its, _ in pairs) / math.fsum(own for _, own in pairs)
            found[one.number] = max(mean * factor, best / price(one, 1.0, answer.aim))
    return {**found, leader.number: mean}


def _foretell_epochs(search: Search, one: Candidate) -> float:
    course = search.first(one)
    return math.inf if course is None else predict_epochs(course, search.target, search.power)


def _place(
    name: str, aim: Aim, answer: form.AimAnswer, search: Search, paces: Sequence[tuple[Candidate, SamplePace]]
) -> form.BestElsewhere | None:
    needed = list_epochs(search, answer)
    costs = {
        one.number: tuple(price(one, needed[one.number], aim, end) for end in (pace.seconds_per_epoch, pace.low, pace.high))
        for one, pace in paces
        if not pace.problem and one.number in needed
    }
    if not costs:
        return None
    best = min(costs, key=lambda number: (costs[number][0], number))
    stays = costs.get(answer.leader)
    changes = best != answer.leader and (stays is None or costs[best][2] < stays[1])
    leader = best if changes else answer.leader
    return form.BestElsewhere(
        world=name,
        aim=aim,
        leader=leader,
        costs=costs[leader][0],
        stays=None if stays is None else stays[0],
        changes=changes,
    )


def find_bottleneck(search: Search, answers: Sequence[form.AimAnswer]) -> tuple[Speedup, ...]:
    """Return what a faster network, server or node would bring the soonest candidate."""
    leader = next((answer.leader for answer in answers if answer.aim == Aim.SOONEST), None)
    if leader is None:
        return ()
    one = search.candidates[leader]
    course = search.first(one)
    if course is None:
        return ()
    return what_if(one.scenario, Question.of(one.scenario, course.gradients)).rows or ()

"""The verdict of a search in sentences: page, terminal and advice.json have the same."""

from __future__ import annotations

import math
from collections import Counter

from simasgd.advising.aims import Aim, SearchStage
from simasgd.advising.findings import AimAnswer, BestElsewhere, CandidateRow, Findings, RunnerUp
from simasgd.advising.race import NARROW
from simasgd.advising.search import CLOSE, HOPE
from simasgd.advising.worlds import HERE
from simasgd.report.advice.wording import (
    format_cost,
    format_target,
    list_costs,
    name_candidate,
    say_candidate,
    say_interval,
    say_mean,
    say_range,
)
from simasgd.report.facts.formats import (
    capitalise,
    format_duration,
    format_epochs,
    format_factor,
    format_number,
    format_percent,
    format_share,
    list_some,
    spell_count,
    use_plain_spaces,
)
from simasgd.what_if.chance import is_gain

_COARSE = 0.2
_MOST_NAMED = 3


def state_headline(found: Findings) -> str:
    """Return the first sentence: what to use, or that nothing reaches the target."""
    answer, target = found.find_answer(Aim.SOONEST), format_target(found)
    if answer is None and found.effort.is_cut:
        return f"Not decided yet: no candidate has reached {target} within the budget of {found.effort.budget}."
    if answer is None:
        return f"No candidate reaches {target} within {format_epochs(found.most_epochs)}."
    leader = say_candidate(found.candidates[answer.leader], found)
    cost = f"{say_mean(answer)} of simulated time"
    seeds = spell_count(len(answer.seconds), "seed")
    match answer.confidence:
        case "clear":
            return f"Use {leader}: this reaches {target} soonest, after {cost}."
        case "tie":
            ties = spell_count(sum(one.verdict == "tie" for one in answer.rivals), "other candidate is", "other candidates are")
            return f"Use {leader}: this reaches {target} after {cost}; {ties} as soon."
        case "unsure":
            return f"Use {leader}: this reaches {target} soonest in the mean, after {cost}, but {seeds} are too few to be sure."
        case "open":
            return f"Not decided yet: so far {leader} is the soonest to {target}, after {cost}."
        case _:
            return f"No candidate reaches {target} at every seed; the soonest where it does is {leader}, after {cost}."


def list_answers(found: Findings) -> list[str]:
    """Return the sentences right after the first: what it costs, how sure it is, and what is cheapest."""
    return [*_explain_nothing(found), *(sentence for answer in found.answers for sentence in _explain(answer, found))]


def list_grounds(found: Findings) -> list[str]:
    """Return what the answers rest on: the intervals, what would change the answers, and what may be wrong."""
    ratios = [sentence for answer in found.answers if (sentence := _give_ratios(answer, found))]
    if ratios:
        ratios.append(
            "Each of these ratios is the geometric mean of the ratios at each seed, so the ratio of the two means may differ."
        )
    return [*ratios, *_name_bottleneck(found), *_say_worlds(found), *_say_effort(found), *_admit(found)]


def list_reasons(found: Findings) -> list[str]:
    """Return all sentences after the first."""
    return [*list_answers(found), *list_grounds(found)]


def state_verdict(found: Findings) -> str:
    """Return all sentences with plain spaces."""
    return use_plain_spaces(" ".join([state_headline(found), *list_reasons(found)]))


def _explain_nothing(found: Findings) -> list[str]:
    if found.answers:
        return []
    scored = [row for row in found.candidates if row.score is not None]
    if not scored:
        return []
    nearest = min(scored, key=lambda row: (row.score, row.number))
    assert nearest.score is not None
    assert nearest.epochs is not None
    is_error = found.target.quantity == "test_error"
    score = format_percent(nearest.score) if is_error else format_number(nearest.score)
    return [f"The nearest, {say_candidate(nearest, found)}, has {score} after {format_epochs(nearest.epochs)}."]


def _explain(answer: AimAnswer, found: Findings) -> list[str]:
    """Return what the leader costs, and who may be as good."""
    soonest = found.find_answer(Aim.SOONEST)
    assert soonest is not None
    others = _name_others(answer, found)
    if answer.aim is Aim.SOONEST:
        seeds = spell_count(len(answer.seconds), "seed")
        around = say_range(answer.seconds, format_duration)
        several = len(answer.seconds) > 1
        mean = f"That is the mean of {seeds}, {around}, at a cost of" if several else "That is one seed, at a cost of"
        return [f"{mean} {say_mean(answer, Aim.CHEAPEST)}.", *others]
    leader = say_candidate(found.candidates[answer.leader], found)
    kind = {
        "clear": "",
        "tie": ", in a tie",
        "unsure": " in the mean",
        "open": " so far",
        "fickle": " where it reaches the target",
    }[answer.confidence]
    if answer.leader == soonest.leader:
        return [f"{capitalise(leader)} is also the cheapest{kind}.", *others]
    return [f"The cheapest{kind} is {leader}: {say_mean(answer)}, after {say_mean(answer, Aim.SOONEST)}.", *others]


def _name_others(answer: AimAnswer, found: Findings) -> list[str]:
    """Say who is as good, of whom the seeds cannot tell, or who is next."""
    if answer.confidence not in ("tie", "unsure"):
        return [_say_next(answer, found)]
    what, verb = ("soon", "take longer") if answer.aim == Aim.SOONEST else ("cheap", "cost more")
    sentences = []
    if ties := _list_rivals(answer, "tie", found):
        sentences.append(f"As {what}, within {format_factor(NARROW)}: {'; '.join(ties)}.")
    if unsure := _list_rivals(answer, "unsure", found):
        many = capitalise(spell_count(len(answer.seconds), "seed"))
        sentences.append(f"{many} cannot show that these {verb}: {'; '.join(unsure)}.")
    return sentences


def _list_rivals(answer: AimAnswer, verdict: str, found: Findings) -> list[str]:
    return [name_candidate(found.candidates[one.number], found) for one in answer.rivals if one.verdict == verdict]


def _say_next(answer: AimAnswer, found: Findings) -> str:
    """Say how much more the nearest rival costs, or that nobody came close."""
    known = _list_known(answer)
    if not known:
        missed = [say_candidate(found.candidates[one.number], found) for one in answer.rivals]
        also = f" {capitalise(list_some(missed, _MOST_NAMED))} missed the target at a seed." if missed else ""
        what = "as soon" if answer.aim == Aim.SOONEST else "as cheap"
        return f"No other candidate came within {format_factor(CLOSE)} of being {what}.{also}"
    nearest = min(known, key=lambda rival: (rival.ratio, rival.number))
    return f"The next, {say_candidate(found.candidates[nearest.number], found)}, {_say_ratio(nearest, answer.aim)}."


def _list_known(answer: AimAnswer) -> list[RunnerUp]:
    return [rival for rival in answer.rivals if rival.ratio is not None and rival.verdict != "missed"]


def _say_ratio(rival: RunnerUp, aim: Aim) -> str:
    assert rival.ratio is not None
    ratio = format_factor(rival.ratio)
    return f"takes {ratio} as long" if aim == Aim.SOONEST else f"costs {ratio} as much"


def _give_ratios(answer: AimAnswer, found: Findings) -> str:
    """Return by how much the rivals of a leader cost more, with intervals."""
    known = _list_known(answer)
    if not known:
        return ""
    leader = name_candidate(found.candidates[answer.leader], found)
    parts = [
        f"{name_candidate(found.candidates[one.number], found)} {_say_ratio(one, answer.aim)}{say_interval(one)}"
        for one in known
    ]
    return f"Beside {leader}, the {answer.aim}: {'; '.join(parts)}."


def _name_bottleneck(found: Findings) -> list[str]:
    gains = [(row.speedup, row.change, row.factor, row.standard_error) for row in found.bottleneck if row.speedup is not None]
    if not gains:
        return []
    gain, part, factor, error = max(gains, key=lambda row: (is_gain(row[0], row[3]), row[0]))
    if not is_gain(gain, error):
        return ["No single part of the cluster, twice as fast, makes the soonest candidate clearly faster."]
    times = "twice" if factor == 2 else f"{factor} times"
    return [
        f"The next bottleneck of {_name_soonest(found)} is the {part}: with one that is {times} as fast, the candidate would "
        f"be {format_factor(gain)} as fast."
    ]


def _name_soonest(found: Findings) -> str:
    answer = found.find_answer(Aim.SOONEST)
    assert answer is not None
    return f"the soonest ({name_candidate(found.candidates[answer.leader], found)})"


def _say_worlds(found: Findings) -> list[str]:
    """Say on which other clusters the soonest candidate would be another one, and on which it stays."""
    worlds = [world for world in found.worlds if world.aim == Aim.SOONEST and world.world != HERE]
    soonest = found.find_answer(Aim.SOONEST)
    if soonest is None:
        return []
    changed = [world for world in worlds if world.changes]
    stays = [world.world for world in worlds if not world.changes]
    sentences = [_say_change(world, found) for world in changed]
    if stays:
        others = " or ".join(filter(None, (", ".join(stays[:-1]), stays[-1])))
        still = "still be the soonest" if changed else "also be the soonest"
        sentences.append(
            f"By timing alone, {name_candidate(found.candidates[soonest.leader], found)} would {still} with {others}."
        )
    return sentences


def _say_change(world: BestElsewhere, found: Findings) -> str:
    name = say_candidate(found.candidates[world.leader], found)
    instead = "" if world.stays is None else f" instead of {format_cost(world.stays, world.aim)}"
    return f"With {world.world}, {name} would be the soonest: {format_cost(world.costs, world.aim)}{instead}, by timing alone."


def _say_effort(found: Findings) -> list[str]:
    effort = found.effort
    share = effort.learned_epochs / effort.grid_epochs
    return [
        f"The search learned {format_epochs(effort.learned_epochs)} in {effort.runs:,} runs: {format_share(share)} of what a "
        f"grid of its {effort.candidates:,} candidates would need at most "
        f"({effort.grid_runs:,} runs of {format_epochs(found.most_epochs)})."
    ]


def _count_hopeful(found: Findings) -> str:
    """Say of how many that were left behind the forecast is below what a leader takes, by either aim."""
    bars = {answer.aim: math.fsum(list_costs(answer)) / len(list_costs(answer)) for answer in found.answers}

    def is_hopeful(row: CandidateRow) -> bool:
        costs = {Aim.SOONEST: row.seconds, Aim.CHEAPEST: row.learner_hours}
        return any((cost := costs[aim]) is not None and cost < bar for aim, bar in bars.items())

    many = sum(row.stage == str(SearchStage.BEHIND) and is_hopeful(row) for row in found.candidates)
    if not many:
        return ""
    few = "The forecast of one of them is" if many == 1 else f"The forecasts of {many} of them are"
    return f" {few} below the mean of the soonest or of the cheapest, so one may have been dropped by chance."


def _admit(found: Findings) -> list[str]:
    """Say what could still be wrong: candidates that were left behind, and a budget that ended the search."""
    many = Counter(row.stage for row in found.candidates)
    sentences = []
    if count := sum(bool(row.problem) and not row.folder and row.stage != str(SearchStage.PROBLEM) for row in found.candidates):
        failed = capitalise(spell_count(count, "candidate"))
        sentences.append(f"{failed} failed (advice.json says why); run again with --retry-failed to try them again.")
    if count := sum(row.stage == str(SearchStage.BOUND) and row.epochs is None for row in found.candidates):
        sentences.append(
            f"{capitalise(spell_count(count, 'candidate was', 'candidates were'))} excluded by timing alone, without learning; "
            f"one that needs fewer than {format_number(HOPE)} of the fewest epochs that any took is lost that way."
        )
    if count := sum(row.stage == str(SearchStage.BOUND) and row.epochs is not None for row in found.candidates):
        sentences.append(
            f"{capitalise(spell_count(count, 'candidate was', 'candidates were'))} excluded while learning, as the epochs "
            "learned without reaching the target already cost more than the best does in the mean. These epochs are of the "
            "first seed, so one that is unlucky there may be lost by chance."
        )
    if count := many[str(SearchStage.BEHIND)]:
        sentences.append(
            f"{capitalise(spell_count(count, 'candidate was', 'candidates were'))} left behind by what the first epochs "
            f"foretold; one that learns slowly first and wins later is lost that way.{_count_hopeful(found)}"
        )
    coarse = max((answer.spacing / min(answer.epochs) for answer in found.answers), default=0.0)
    if coarse > _COARSE:
        sentences.append(
            f"Evaluations are far apart for this target, up to {format_share(min(coarse, 1.0))} of the epochs to it: a smaller "
            "learning.evaluate tells candidates apart that are a tie now."
        )
    if found.effort.is_cut:
        left = many[str(SearchStage.OPEN)]
        still = f"; {spell_count(left, 'candidate is', 'candidates are')} not decided" if left else ""
        sentences.append(f"The budget ({found.effort.budget}) ended the search{still}. A larger one goes on from here.")
    return sentences

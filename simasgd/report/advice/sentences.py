"""The verdict of a search in sentences: page, terminal and advice.json have the same."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from simasgd.advising.aims import Aim, SearchStage
from simasgd.advising.findings import AimAnswer, BestElsewhere, CandidateRow, Findings, RunnerUp
from simasgd.advising.race import NARROW
from simasgd.advising.search import CLOSE, HOPE
from simasgd.advising.worlds import HERE
from simasgd.report.facts.formats import (
    NBSP,
    capitalise,
    format_duration,
    format_epochs,
    format_factor,
    format_number,
    format_percent,
    format_share,
    join_words,
    list_some,
    spell_count,
    use_plain_spaces,
)
from simasgd.report.facts.spread import Spread
from simasgd.what_if.changes import NO_GAIN

_NAMED = ("cluster.learners", "workload.mini_batch", "learning.optimizer.learning_rate")
_COARSE = 0.2
_MOST_NAMED = 3


def say_candidate(row: CandidateRow, found: Findings) -> str:
    """Return a candidate in words: `async, 16 learners, mini-batches of 4, learning rate 0.02`."""
    return ", ".join(words for words, _ in _parts(row, found))


def name_candidate(row: CandidateRow, found: Findings) -> str:
    """Return a candidate in a table or figure: only what differs between candidates."""
    parts = _parts(row, found)
    differs = [len({_parts(other, found)[place][1] for other in found.candidates}) > 1 for place in range(len(parts))]
    return ", ".join(words for (words, _), is_shown in zip(parts, differs, strict=True) if is_shown) or parts[0][0]


def _parts(row: CandidateRow, found: Findings) -> list[tuple[str, object]]:
    """Return what makes a candidate, in words and as values."""
    others = [
        (f"{key.rpartition('.')[2].replace('_', ' ')} {value}", value)
        for key, value in zip(found.keys, row.values, strict=True)
        if key not in _NAMED
    ]
    size = "mini-batches of their own sizes" if row.mini_batch is None else f"mini-batches of {row.mini_batch:,}"
    rate = f"learning rate {format_number(row.learning_rate)}{' (scaled)' if row.rule == 'scaled' else ''}"
    learners = "one learner" if row.learners == 1 else f"{row.learners:,} learners"
    name = row.variant or row.protocol
    return [(name, name), *others, (learners, row.learners), (size, row.mini_batch), (rate, row.learning_rate)]


def format_cost(amount: float, aim: Aim) -> str:
    """Format simulated seconds, or learner-hours."""
    if aim == Aim.SOONEST:
        return format_duration(amount)
    if amount >= 0.1:
        return f"{format_number(amount)}{NBSP}learner-hours"
    return f"{format_number(3600.0 * amount)}{NBSP}learner-seconds"


def format_target(found: Findings) -> str:
    """Return the target with its name: `5.0 % test error`."""
    value = found.target.value
    return (
        f"{format_percent(value)} test error" if found.target.quantity == "test_error" else f"test loss {format_number(value)}"
    )


def list_costs(answer: AimAnswer, aim: Aim | None = None) -> tuple[float, ...]:
    """Return what the leader of an answer cost at each seed, by the answer's own aim or by another one."""
    return answer.seconds if (aim or answer.aim) == Aim.SOONEST else answer.learner_hours


def say_costs(answer: AimAnswer, aim: Aim | None = None) -> str:
    """Return the mean cost over the seeds with its range: `1.61 s (1.5 s – 1.7 s over three seeds)`."""
    aim = aim or answer.aim
    spread = Spread.of(list_costs(answer, aim))
    assert spread is not None
    low, high = (format_cost(value, aim) for value in (spread.low, spread.high))
    number, _, unit = low.partition(NBSP)
    around = "" if low == high else f"{number if high.endswith(f'{NBSP}{unit}') else low} – {high}"
    many = spell_count(len(answer.seconds), "seed")
    return f"{format_cost(spread.mean, aim)} ({f'{around} over {many}' if around else f'over {many}'})"


def state_headline(found: Findings) -> str:
    """Return the first sentence: what to use, or that nothing reaches the target."""
    answer, target = found.find_answer(Aim.SOONEST), format_target(found)
    if answer is None and found.effort.is_cut:
        return f"Not decided yet: no candidate has reached {target} within the budget of {found.effort.budget}."
    if answer is None:
        return f"No candidate reaches {target} within {format_epochs(found.most_epochs)}."
    leader = say_candidate(found.candidates[answer.leader], found)
    cost = f"{format_duration(math.fsum(answer.seconds) / len(answer.seconds))} of simulated time"
    match answer.confidence:
        case "clear":
            return f"Use {leader}: it reaches {target} soonest, after {cost}."
        case "tie" | "unsure":
            return f"Nobody is clearly the soonest to {target}; use {leader}: {cost}."
        case "open":
            return f"Not decided yet: so far {leader} is the soonest to {target}, after {cost}."
        case _:
            return f"No candidate reaches {target} at every seed; the soonest where it does is {leader}, after {cost}."


def list_reasons(found: Findings) -> list[str]:
    """Return the sentences after the first: how sure it is, what is cheapest, and what would change the answer."""
    sentences = [*_explain_nothing(found), *(sentence for answer in found.answers for sentence in _explain(answer, found))]
    return [*sentences, *_name_bottleneck(found), *_say_worlds(found), *_say_effort(found), *_admit(found)]


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
    aim = answer.aim
    soonest = found.find_answer(Aim.SOONEST)
    assert soonest is not None
    if aim is Aim.SOONEST:
        return [_say_range(answer), *(_say_ties(answer, found) or [_say_rivals(answer, found)])]
    leader = say_candidate(found.candidates[answer.leader], found)
    if answer.leader == soonest.leader:
        first = f"It is {_say_sureness(answer)} the cheapest, too: {say_costs(answer)}.".replace("  ", " ")
    else:
        seconds = say_costs(answer, Aim.SOONEST)
        sureness = capitalise(_say_sureness(answer))
        first = f"{sureness} the cheapest in learner-hours is {leader}: {say_costs(answer)}, after {seconds}."
    return [capitalise(first.strip()), *(_say_ties(answer, found) or [_say_rivals(answer, found)])]


def _say_sureness(answer: AimAnswer) -> str:
    return {"clear": "", "tie": "by a tie", "unsure": "perhaps", "open": "so far", "fickle": "where it reaches the target,"}[
        answer.confidence
    ]


def _say_range(answer: AimAnswer) -> str:
    """Return the range of the soonest candidate's times over the seeds."""
    low, high = min(answer.seconds), max(answer.seconds)
    many = spell_count(len(answer.seconds), "seed")
    ends = "" if format_duration(low) == format_duration(high) else f", {format_duration(low)} – {format_duration(high)}"
    return f"That is a mean over {many}{ends}." if len(answer.seconds) > 1 else "That is one seed."


def _say_ties(answer: AimAnswer, found: Findings) -> list[str]:
    """Say who is as good by a narrow interval, and of whom the seeds cannot tell."""
    if answer.confidence not in ("tie", "unsure"):
        return []
    what, later = ("soon", "later") if answer.aim == Aim.SOONEST else ("cheap", "dearer")
    ties = [say_candidate(found.candidates[one.number], found) for one in answer.rivals if one.verdict == "tie"]
    unsure = [
        f"{say_candidate(found.candidates[one.number], found)}, at {format_factor(one.ratio or 0.0)}{say_interval(one)}"
        for one in answer.rivals
        if one.verdict == "unsure"
    ]
    sentences = []
    if ties:
        sentences.append(f"As {what}, within {format_factor(NARROW)}: {list_some(ties, _MOST_NAMED)}.")
    if unsure:
        many = capitalise(spell_count(len(answer.seconds), "seed"))
        sentences.append(f"{many} cannot show that others are {later}: {'; '.join(unsure[:_MOST_NAMED])}.")
    return sentences


def _say_rivals(answer: AimAnswer, found: Findings) -> str:
    """Say how much more the nearest rival costs, or that nobody came close."""
    what = "as long" if answer.aim == Aim.SOONEST else "as much"
    verb = "takes" if answer.aim == Aim.SOONEST else "costs"
    known = [rival for rival in answer.rivals if rival.ratio is not None and rival.verdict != "missed"]
    if not known:
        missed = [say_candidate(found.candidates[one.number], found) for one in answer.rivals]
        also = f" {capitalise(list_some(missed, _MOST_NAMED))} missed the target at a seed." if missed else ""
        return f"No other candidate came within {format_factor(CLOSE)} of that at the first seed.{also}"
    nearest = min(known, key=lambda rival: (rival.ratio, rival.number))
    assert nearest.ratio is not None
    name = say_candidate(found.candidates[nearest.number], found)
    return f"The next, {name}, {verb} {format_factor(nearest.ratio)} {what}{say_interval(nearest)}."


def say_ratio(rival: RunnerUp) -> str:
    """Return a ratio in a table: `1.25× (1.1× – 1.42×)`."""
    if rival.ratio is None:
        return "–"
    ends = "" if rival.low is None or rival.high is None else f" ({format_factor(rival.low)} – {format_factor(rival.high)})"
    return f"{format_factor(rival.ratio)}{ends}"


def say_interval(rival: RunnerUp) -> str:
    """Return the interval of a ratio in brackets, or that there are too few seeds for one."""
    if rival.low is None or rival.high is None:
        return f" ({spell_count(rival.seeds, 'seed')}: too few for an interval)"
    ends = f"{format_factor(rival.low)} – {format_factor(rival.high)}"
    return f" (95{NBSP}% interval {ends} over {spell_count(rival.seeds, 'seed')})"


def _name_bottleneck(found: Findings) -> list[str]:
    gains = [(row.speedup, row.change, row.factor) for row in found.bottleneck if row.speedup is not None]
    if not gains:
        return []
    gain, part, factor = max(gains)
    if gain < NO_GAIN:
        return ["No single part of the cluster, twice as fast, makes the soonest candidate faster."]
    times = "twice" if factor == 2 else f"{factor} times"
    return [f"Its next bottleneck is the {part}: one that is {times} as fast makes it {format_factor(gain)} as fast."]


def _say_worlds(found: Findings) -> list[str]:
    """Say on which other clusters the soonest candidate would be another one, and on which it stays."""
    worlds = [world for world in found.worlds if world.aim == Aim.SOONEST and world.world != HERE]
    changed = [world for world in worlds if world.changes]
    stays = [world.world for world in worlds if not world.changes]
    sentences = [_say_change(world, found) for world in changed]
    if stays:
        others = " or ".join(filter(None, (", ".join(stays[:-1]), stays[-1])))
        sentences.append(f"With {others}, it would {'still ' if changed else ''}be the same by timing alone.")
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


def _admit(found: Findings) -> list[str]:
    """Say what could still be wrong: candidates that were left behind, and a budget that ended the search."""
    many = Counter(row.stage for row in found.candidates)
    sentences = []
    if count := sum(bool(row.problem) and not row.folder and row.stage != str(SearchStage.PROBLEM) for row in found.candidates):
        failed = capitalise(spell_count(count, "candidate"))
        sentences.append(f"{failed} failed (advice.json says why); run again with --retry-failed to try them again.")
    if count := sum(row.stage == str(SearchStage.BOUND) and row.epochs is None for row in found.candidates):
        sentences.append(
            f"{capitalise(spell_count(count, 'candidate is', 'candidates are'))} out by timing alone, if none needs fewer than "
            f"{format_number(HOPE)} of the fewest epochs that any took."
        )
    if count := many[str(SearchStage.BEHIND)]:
        sentences.append(
            f"{capitalise(spell_count(count, 'candidate was', 'candidates were'))} left behind by what the first epochs "
            "foretold; one that learns slowly first and wins later is lost that way."
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


def list_worlds(found: Findings) -> Sequence[str]:
    """Return the names of the other clusters, each once."""
    return list(dict.fromkeys(world.world for world in found.worlds))


def say_stages(found: Findings) -> str:
    """Return how many candidates came how far: `12 behind the others, 3 in the final`."""
    many = Counter(row.stage for row in found.candidates)
    plural = {SearchStage.MISSED: "miss the target", SearchStage.REACHED: "reach the target"}
    counted = [(many[str(stage)], stage) for stage in SearchStage if many[str(stage)]]
    return join_words([f"{count} {stage if count == 1 else plural.get(stage, stage)}" for count, stage in counted])

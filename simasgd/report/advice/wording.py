"""Candidates, costs and ratios of advice in words, for its page and the terminal."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence

from simasgd.advising.aims import Aim, SearchStage
from simasgd.advising.findings import AimAnswer, CandidateRow, Findings, RunnerUp
from simasgd.report.facts.formats import (
    NBSP,
    format_duration,
    format_factor,
    format_learner_time,
    format_number,
    format_percent,
    join_words,
    spell_count,
)

_NAMED = ("cluster.learners", "workload.mini_batch", "learning.optimizer.learning_rate")
STAGES = {
    SearchStage.PROBLEM: "cannot run",
    SearchStage.BOUND: "excluded as too slow or too dear",
    SearchStage.BEHIND: "left behind by halving",
    SearchStage.MISSED: "missed the target",
    SearchStage.REACHED: "reached the target, not in the final",
    SearchStage.BEATEN: "beaten in the final",
    SearchStage.FINALIST: "in the final",
    SearchStage.OPEN: "not decided",
}
"""How far candidates came, in the words of the page and the terminal."""


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


def abbreviate(row: CandidateRow, found: Findings) -> str:
    """Return a short name of a candidate for a figure: `async, λ 4, α₀ 0.02`, with only what differs between candidates."""
    rows = found.candidates
    keys = [place for place, key in enumerate(found.keys) if key not in _NAMED]
    parts: list[tuple[str, set[object]]] = [
        (row.variant or row.protocol, {one.variant or one.protocol for one in rows}),
        *[(row.values[place], set[object](one.values[place] for one in rows)) for place in keys],
        (f"λ{NBSP}{row.learners:,}", {one.learners for one in rows}),
        (f"µ{NBSP}{row.mini_batch}", {one.mini_batch for one in rows}),
        (f"α₀{NBSP}{format_number(row.learning_rate)}", {one.learning_rate for one in rows}),
    ]
    return ", ".join(words for words, values in parts if len(values) > 1) or parts[0][0]


def format_cost(amount: float, aim: Aim) -> str:
    """Format simulated seconds, or learner-hours."""
    return format_duration(amount) if aim == Aim.SOONEST else format_learner_time(amount)


def format_target(found: Findings) -> str:
    """Return the target with its name: `5.0 % test error`."""
    value = found.target.value
    return (
        f"{format_percent(value)} test error" if found.target.quantity == "test_error" else f"test loss {format_number(value)}"
    )


def list_costs(answer: AimAnswer, aim: Aim | None = None) -> tuple[float, ...]:
    """Return what the leader of an answer cost at each seed, by the answer's own aim or by another one."""
    return answer.seconds if (aim or answer.aim) == Aim.SOONEST else answer.learner_hours


def say_mean(answer: AimAnswer, aim: Aim | None = None) -> str:
    """Return what the leader of an answer costs in the mean over the seeds."""
    costs = list_costs(answer, aim)
    return format_cost(math.fsum(costs) / len(costs), aim or answer.aim)


def say_range(costs: Sequence[float], form: Callable[[float], str]) -> str:
    """Return the least and the greatest cost: `426 – 646 ms`; one number if both read the same."""
    low, high = form(min(costs)), form(max(costs))
    if low == high:
        return low
    number, separator, unit = re.split(f"([ {NBSP}]|$)", low, maxsplit=1)
    return f"{number if unit and high.endswith(f'{separator}{unit}') else low} – {high}"


def say_spread(costs: Sequence[float], form: Callable[[float], str]) -> str:
    """Return the mean with its range in brackets: `499 ms (426 – 646 ms)`."""
    mean, around = form(math.fsum(costs) / len(costs)), say_range(costs, form)
    return mean if form(min(costs)) == form(max(costs)) else f"{mean} ({around})"


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
    return f" (95{NBSP}% interval {ends}, {spell_count(rival.seeds, 'seed')})"


def list_worlds(found: Findings) -> Sequence[str]:
    """Return the names of the other clusters, each once."""
    return list(dict.fromkeys(world.world for world in found.worlds))


def say_stages(found: Findings) -> str:
    """Return how many candidates came how far: `12 left behind by halving and 3 in the final`."""
    many = Counter(row.stage for row in found.candidates)
    return join_words([f"{many[str(stage)]} {STAGES[stage]}" for stage in SearchStage if many[str(stage)]])

"""The sections of the page of advice."""

from __future__ import annotations

import math
from collections.abc import Callable

from simasgd.advising.aims import Aim, SearchStage
from simasgd.advising.allowance import ETA
from simasgd.advising.findings import AimAnswer, Findings
from simasgd.advising.race import CONFIDENCE, LEAST_SEEDS
from simasgd.advising.search import CLOSE, FAR, FINALISTS, HOPE
from simasgd.report.advice import figures
from simasgd.report.advice.wording import (
    STAGES,
    abbreviate,
    format_cost,
    list_costs,
    list_worlds,
    name_candidate,
    say_candidate,
    say_ratio,
    say_spread,
)
from simasgd.report.drawing import svg
from simasgd.report.drawing.figures import measure_rows
from simasgd.report.drawing.page_parts import Block, Cell, Column, Panel, Table
from simasgd.report.facts.formats import (
    NBSP,
    capitalise,
    choose_learner_time_unit,
    format_duration,
    format_epochs,
    format_factor,
    format_gain,
    format_number,
    format_share,
    list_some,
)

_MOST_NAMED = 9
"""Up to so many candidates all have their names on the map."""
_TITLES = {Aim.SOONEST: "Simulated time to the target", Aim.CHEAPEST: "Cost to the target"}
CONFIDENCES = {
    "clear": "clear",
    "tie": "a tie",
    "unsure": "not sure: too few seeds",
    "open": "not decided yet",
    "fickle": "misses the target at a seed",
}
METHOD = (
    "Every candidate is timed first, without learning: a short simulation gives its seconds per epoch with a 95 % interval. "
    f"Two probes learn to the target. The best so far learns at {LEAST_SEEDS} seeds, and whoever is best then, too; the mean "
    "of the best is the bar for all others. A candidate is excluded as soon as its seconds per epoch, times the epochs that "
    f"it needs at least, exceed the bar. It needs at least {HOPE:g} of the fewest epochs that any candidate took, and at "
    "least the epochs that it has learned at the first seed. The others learn by successive halving (arXiv:1502.07943, "
    f"arXiv:1603.06560): after each rung of epochs one in {ETA} goes on, by the cost that its curve foretells, and the best "
    f"of each protocol. A candidate that would cost more than {FAR:g} times the bar, even if its curve fell steeply, does "
    f"not go on. Candidates whose mean is within {CLOSE:g} times the bar are finalists, at most {FINALISTS} for each aim. "
    "They learn at the same seeds, until paired differences exclude all but one, or the seeds are used up. All intervals of a "
    f"race hold together at {100 * CONFIDENCE:.0f} % confidence: every pair of finalists after every seed counts."
)


def describe_search(found: Findings) -> list[tuple[str, str]]:
    """Return terms and short texts that say what was searched."""
    effort = found.effort
    share = format_share(effort.learned_epochs / effort.grid_epochs)
    return [
        ("Candidates", f"{effort.candidates:,}"),
        ("Epochs of a candidate", f"at most {format_number(found.most_epochs)}"),
        ("Seeds", f"at most {len(found.seeds)}"),
        ("Learned", f"{format_epochs(effort.learned_epochs)} in {effort.runs:,} runs"),
        ("A full grid", f"up to {format_epochs(effort.grid_epochs)}, of which {share} were learned"),
        ("Budget", effort.budget or "none"),
    ]


def tabulate_answers(found: Findings) -> Table | None:
    """Tabulate the answer for each aim, a row for each; None if there is none."""
    size, unit = choose_learner_time_unit(max((max(answer.learner_hours) for answer in found.answers), default=0.0))
    rows = [
        [
            answer.aim,
            say_candidate(found.candidates[answer.leader], found),
            say_spread(answer.seconds, format_duration),
            say_spread(answer.learner_hours, lambda hours: format_number(hours / size)),
            format_number(math.fsum(answer.epochs) / len(answer.epochs)),
            str(len(answer.seconds)),
            CONFIDENCES[answer.confidence],
        ]
        for answer in found.answers
    ]
    titles = ("", "use", "simulated time", unit, "epochs", "seeds", "how sure")
    return Table.of(titles, rows, words=len(titles)) if rows else None


def lay_out_answers(found: Findings) -> Table | None:
    """Tabulate the answers with a column for each aim, which fits on a narrow screen; None if there is none."""
    table = tabulate_answers(found)
    if table is None:
        return None
    titles, *lines = zip(*([Cell(column.title) for column in table.columns], *table.rows), strict=True)
    return Table([Column(cell.text) for cell in titles], [list(line) for line in lines])


_VERDICTS = {
    "more": "costs more",
    "tie": "a tie",
    "unsure": "not shown to cost more",
    "missed": "misses the target at a seed",
}
"""What a comparison with the leader says."""


def build_advice_blocks(found: Findings) -> list[Block]:
    """Build the sections: finalists, candidates on a map, and what would change the answer."""
    races = [_build_race(answer, found) for answer in found.answers if answer.rivals]
    blocks = [*races, _build_map(found), _build_worlds(found)]
    return [block for block in blocks if block is not None]


def _build_race(answer: AimAnswer, found: Findings) -> Block:
    aim = answer.aim
    leader = name_candidate(found.candidates[answer.leader], found)
    form, title = _choose_form(answer)
    rows = [[leader, say_spread(list_costs(answer), form), "–", "leads"]]
    drawn = [figures.CostRow(leader, list_costs(answer), leads=True)]
    for rival in answer.rivals:
        name = name_candidate(found.candidates[rival.number], found)
        paid = say_spread(rival.costs, form) if rival.costs else "–"
        rows.append([name, paid, say_ratio(rival), _VERDICTS[rival.verdict]])
        drawn.append(figures.CostRow(name, rival.costs, leads=False))
    label = f"{_TITLES[aim]} of the finalists: {'; '.join(f'{row[0]}: {row[1]}' for row in rows)}."
    figure = svg.draw_inline(
        lambda axes: figures.draw_costs(axes, drawn, is_time=aim is Aim.SOONEST), measure_rows(len(drawn)), f"race-{aim}", label
    )
    return Block(
        id=str(aim),
        nav=capitalise(str(aim)),
        title=f"Who is the {aim}",
        reading=_READING.format(most=FINALISTS, close=format_factor(CLOSE), left_out=_name_left_out(answer, found)),
        panels=[
            Panel(_TITLES[aim], figure),
            Panel(
                "Beside the leader",
                table=Table.of(
                    ("candidate", title, "time ratio" if aim is Aim.SOONEST else "cost ratio", "result"), rows, words=4
                ),
            ),
        ],
        columns=1,
    )


def _choose_form(answer: AimAnswer) -> tuple[Callable[[float], str], str]:
    """Return how a table writes the costs of a race, and the title of their column."""
    if answer.aim is Aim.SOONEST:
        return format_duration, "time"
    greatest = max(max(costs) for costs in (list_costs(answer), *(rival.costs for rival in answer.rivals)) if costs)
    size, unit = choose_learner_time_unit(greatest)
    return lambda hours: format_number(hours / size), unit


_READING = (
    "Finalists are the {most} best at most, with means within {close} of the best when the race began.{left_out} In the "
    "figure a bar is a mean, and a dot is a seed. In the table, costs are means, with the range over the seeds in brackets. "
    "A ratio to the leader is the geometric mean of the ratios at each seed, so it can differ from the ratio of the two means; "
    f"brackets have its 95{NBSP}% interval, and all intervals hold together."
)


def _name_left_out(answer: AimAnswer, found: Findings) -> str:
    """Say who came as close as a finalist, but was one too many; "" if nobody was."""
    finalists = {answer.leader, *(rival.number for rival in answer.rivals)}
    if len(finalists) < FINALISTS:
        return ""
    costs = list_costs(answer)
    limit = CLOSE * math.fsum(costs) / len(costs)
    near = [
        name_candidate(row, found)
        for row in found.candidates
        if row.stage == str(SearchStage.REACHED)
        and row.number not in finalists
        and (cost := row.seconds if answer.aim is Aim.SOONEST else row.learner_hours) is not None
        and cost <= limit
    ]
    if not near:
        return ""
    return f" Also within it, but more than the {FINALISTS}, so not compared over seeds: {list_some(near)}."


def _build_map(found: Findings) -> Block | None:
    """Build the map of all candidates whose epochs are known or foretold."""
    leaders = {answer.leader: str(answer.aim) for answer in reversed(found.answers)}
    known = [row for row in found.candidates if row.seconds_per_epoch is not None and row.epochs_to_target is not None]
    places, best = [], None
    for row in known:
        assert row.seconds_per_epoch is not None
        assert row.epochs_to_target is not None
        role = leaders.get(row.number, "")
        name = abbreviate(row, found) if role or len(known) <= _MOST_NAMED else ""
        label = f"{role}: {name}" if role else name
        place = figures.MapPoint(row.seconds_per_epoch, row.epochs_to_target, row.foretold, label, leads=bool(role))
        places.append(place)
        best = place if role == Aim.SOONEST else best
    if len(places) < 2:
        return None
    label = "Epochs to the target against the simulated time of an epoch; " + "; ".join(
        f"{place.label}: {format_number(place.epochs)} epochs of {format_duration(place.seconds_per_epoch)}"
        for place in places
        if place.label
    )
    figure = svg.draw_inline(lambda axes: figures.draw_map(axes, places, best), 4.2, "map", label)
    unknown = sum(row.epochs is None and row.stage == str(SearchStage.BOUND) for row in found.candidates)
    return Block(
        id="map",
        nav="Candidates",
        title="Quick epochs, or few of them",
        reading="Each dot is a candidate. The time to the target is the product of the two axes, so the dashed line has "
        "the time of the soonest candidate, and candidates below the line would be sooner. Epochs are means over the seeds at "
        f"which a candidate learned to the target: {_count_seeds(found)}. Hollow dots are forecasts from the first epochs at "
        "the first seed."
        + (f" {unknown:,} candidates did not learn, as their timing already excluded them." if unknown else ""),
        panels=[Panel("Candidates", figure), Panel("How far they came", table=_tabulate_stages(found))],
    )


def _count_seeds(found: Findings) -> str:
    """Return at how many seeds candidates learned."""
    most = max((row.seeds for row in found.candidates), default=1)
    return "one seed" if most <= 1 else f"up to {most} seeds for those among the best, and one for the others"


def _tabulate_stages(found: Findings) -> Table:
    rows = [[STAGES[stage], f"{many:,}"] for stage in SearchStage if (many := len(found.list_stage(stage)))]
    return Table.of(("", "candidates"), [*rows, *([["left out", f"{len(found.refused):,}"]] if found.refused else [])])


def _build_worlds(found: Findings) -> Block | None:
    names = list_worlds(found)
    if not names:
        return None
    aims = [answer.aim for answer in found.answers]
    rows = [[name, *(_say_world(name, aim, found) for aim in aims)] for name in names]
    gains = [
        [
            f"{row.change}, twice as fast" if row.factor == 2 else f"{row.change}, {row.factor} times as fast",
            format_gain(row.speedup, row.standard_error),
        ]
        for row in found.bottleneck
        if row.speedup is not None
    ]
    return Block(
        id="changes",
        nav="What would change it",
        title="What would change the answer",
        reading="The candidates that are worth it were timed again on other clusters, without learning. They are assumed to "
        "need as many epochs there as here. A time is the mean of the epochs over the seeds, times the time of an epoch. "
        "The first row is this cluster, computed in the same way. "
        "An answer changes only where intervals of timing do not overlap.",
        panels=[
            Panel("Other clusters", table=Table.of(("with", *aims), rows, words=3)),
            *(
                [Panel("What a faster part would bring the soonest", table=Table.of(("part", "speed-up"), gains))]
                if gains
                else []
            ),
        ],
        columns=1,
    )


def _say_world(name: str, aim: Aim, found: Findings) -> str:
    """Return who would be best in a world: today's answer, or another one."""
    world = next((one for one in found.worlds if one.world == name and one.aim == aim), None)
    if world is None:
        return "–"
    cost = format_cost(world.costs, aim)
    if not world.changes:
        return f"the same: {cost}"
    instead = "" if world.stays is None else f", and today's answer {format_cost(world.stays, aim)}"
    return f"{name_candidate(found.candidates[world.leader], found)}: {cost}{instead}"


def tabulate_refused(found: Findings) -> Table:
    """Tabulate the combinations that were left out, with the first line of each reason."""
    rows = [[row.variant, ", ".join(row.values), row.reason.strip().splitlines()[0]] for row in found.refused]
    return Table.of(("protocol", "values", "why"), rows, words=3)

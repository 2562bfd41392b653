"""The sections of the page of advice."""

from __future__ import annotations

import math

from simasgd.advising.aims import Aim, SearchStage
from simasgd.advising.allowance import ETA
from simasgd.advising.findings import AimAnswer, CandidateRow, Findings
from simasgd.advising.race import CONFIDENCE
from simasgd.advising.search import CLOSE, FAR, HOPE
from simasgd.report.advice import figures
from simasgd.report.advice.sentences import (
    format_cost,
    list_costs,
    list_worlds,
    name_candidate,
    say_candidate,
    say_costs,
    say_ratio,
)
from simasgd.report.drawing import svg
from simasgd.report.drawing.figures import measure_rows
from simasgd.report.drawing.page_parts import Block, Cell, Column, Panel, Table
from simasgd.report.facts.formats import (
    capitalise,
    format_duration,
    format_epochs,
    format_factor,
    format_number,
    format_percent,
    format_share,
    spell_count,
)

_TITLES = {Aim.SOONEST: "Simulated time to the target", Aim.CHEAPEST: "Learner-hours to the target"}
CONFIDENCES = {
    "clear": "clear",
    "tie": "a tie",
    "unsure": "not shown: seeds cannot tell",
    "open": "not decided",
    "fickle": "misses at a seed",
}
METHOD = (
    "Every candidate is timed first, without learning: a short simulation gives its seconds per epoch with a 95 % interval. "
    "Two probes learn to the target, so that there are bounds. A candidate is out as soon as its seconds per epoch, "
    f"times the epochs that it needs at least, exceed the best. It needs at least {HOPE:g} of the fewest epochs that any "
    "candidate took, and at least the epochs that it has learned. The others learn by successive halving (arXiv:1502.07943, "
    f"arXiv:1603.06560): after each rung of epochs one in {ETA} goes on, by the cost that its curve foretells, and the best of "
    f"each protocol. A candidate that would cost more than {FAR:g} times the best, even if its curve fell steeply, does not go "
    f"on. Candidates within {CLOSE:g} times the best learn at further seeds, "
    f"until paired differences exclude all but one, or the seeds are used up. All intervals of a race hold together at "
    f"{100 * CONFIDENCE:.0f} % confidence: every pair of finalists after every seed counts."
)


def describe_search(found: Findings) -> list[tuple[str, str]]:
    """Return terms and short texts that say what was searched."""
    effort = found.effort
    return [
        ("Candidates", f"{effort.candidates:,}"),
        ("Epochs of a candidate", f"at most {format_number(found.most_epochs)}"),
        ("Seeds", f"at most {len(found.seeds)}"),
        ("Learned", f"{format_epochs(effort.learned_epochs)} in {effort.runs:,} runs"),
        ("Of a whole grid", f"{format_share(effort.learned_epochs / effort.grid_epochs)}, or more where runs end early"),
        ("Budget", effort.budget or "none"),
    ]


def tabulate_answers(found: Findings) -> Table | None:
    """Tabulate the answer for each aim; None if there is none."""
    rows = []
    for answer in found.answers:
        row = found.candidates[answer.leader]
        mean = sum(answer.epochs) / len(answer.epochs)
        seconds, hours = (say_costs(answer, aim) for aim in Aim)
        rows.append(
            [answer.aim, say_candidate(row, found), seconds, hours, format_number(mean), CONFIDENCES[answer.confidence]]
        )
    titles = ("", "use", "simulated time", "learner-hours", "epochs", "this is")
    return Table.of(titles, rows, words=len(titles)) if rows else None


def build_advice_blocks(found: Findings) -> list[Block]:
    """Build the sections: finalists, candidates on a map, and what would change the answer."""
    races = [_build_race(answer, found) for answer in found.answers if answer.rivals]
    blocks = [*races, _build_map(found), _build_worlds(found)]
    return [block for block in blocks if block is not None]


def _build_race(answer: AimAnswer, found: Findings) -> Block:
    aim = answer.aim
    leader = name_candidate(found.candidates[answer.leader], found)
    rows = [[leader, say_costs(answer), "leads"]]
    drawn = [figures.CostRow(leader, list_costs(answer), leads=True)]
    for rival in answer.rivals:
        name = name_candidate(found.candidates[rival.number], found)
        verdict = {
            "more": "costs more",
            "tie": "a tie",
            "unsure": "not shown to cost more",
            "missed": "misses the target at a seed",
        }[rival.verdict]
        paid = f"{format_cost(sum(rival.costs) / len(rival.costs), aim)} ({spell_count(len(rival.costs), 'seed')})"
        rows.append([name, paid, f"{verdict}: {say_ratio(rival)}"])
        drawn.append(figures.CostRow(name, rival.costs, leads=False))
    label = f"{_TITLES[aim]} of the finalists: {'; '.join(f'{row[0]}: {row[1]}' for row in rows)}."
    figure = svg.draw_inline(
        lambda axes: figures.draw_costs(axes, drawn, is_time=aim is Aim.SOONEST), measure_rows(len(drawn)), f"race-{aim}", label
    )
    within = f"Finalists are those within {format_factor(CLOSE)} of the best at the first seed."
    return Block(
        id=str(aim),
        nav=capitalise(str(aim)),
        title=f"Who is the {aim}",
        reading=f"{within} Dots are seeds. Ratios to the leader are paired over seeds, with 95 % intervals in "
        "brackets, which hold together.",
        panels=[
            Panel(_TITLES[aim], figure),
            Panel("Against the leader", table=Table.of(("candidate", "mean cost", "against the leader"), rows, words=3)),
        ],
        columns=1,
    )


def _build_map(found: Findings) -> Block | None:
    """Build the map of all candidates whose epochs are known or foretold."""
    leaders = {answer.leader: str(answer.aim) for answer in reversed(found.answers)}
    places, best = [], None
    for row in found.candidates:
        if row.seconds_per_epoch is None or row.epochs_to_target is None:
            continue
        place = figures.MapPoint(row.seconds_per_epoch, row.epochs_to_target, row.foretold, leaders.get(row.number, ""))
        places.append(place)
        best = place if row.number in leaders and leaders[row.number] == Aim.SOONEST else best
    if len(places) < 2:
        return None
    label = "Epochs to the target against the simulated time of an epoch; " + "; ".join(
        f"{place.label}: {format_number(place.epochs)} epochs of {format_duration(place.seconds_per_epoch)}"
        for place in places
        if place.label
    )
    figure = svg.draw_inline(lambda axes: figures.draw_map(axes, places, best), 3.3, "map", label)
    unknown = sum(row.epochs is None and row.stage == str(SearchStage.BOUND) for row in found.candidates)
    return Block(
        id="map",
        nav="Candidates",
        title="Quick epochs, or few of them",
        reading="Each dot is a candidate. The time to the target is the product of the two axes, so the dashed line has "
        "the time of the soonest candidate. A candidate below the line would be sooner. Hollow dots are forecasts from the "
        "first epochs. " + (f"{unknown:,} candidates did not learn, as their timing already excluded them." if unknown else ""),
        panels=[Panel("Candidates", figure), Panel("How far they came", table=_tabulate_stages(found))],
    )


def _tabulate_stages(found: Findings) -> Table:
    rows = [[str(stage), f"{many:,}"] for stage in SearchStage if (many := len(found.list_stage(stage)))]
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
            format_factor(row.speedup),
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
            *([Panel("The next bottleneck of the soonest", table=Table.of(("", "as fast"), gains))] if gains else []),
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


def tabulate_candidates(found: Findings) -> Table:
    """Tabulate every candidate, the soonest first; readers can sort the table on the page."""
    others = [i for i, key in enumerate(found.keys) if key not in ("cluster.learners", "workload.mini_batch")]
    score = "test error" if found.target.quantity == "test_error" else "test loss"
    words = [Column("protocol"), *(Column(found.keys[i].rpartition(".")[2].replace("_", " ")) for i in others)]
    numbers = [
        *("learners", "mini-batch", "learning rate", "time of an epoch", "staleness", "epochs learned", score),
        *("epochs to the target", "time to the target", "learner-hours", "seeds"),
    ]
    columns = [*words, *(Column(title, numeric=True) for title in numbers), Column("how far"), Column("run")]
    in_order = sorted(found.candidates, key=lambda row: (math.inf if row.seconds is None else row.seconds, row.number))
    return Table(columns, [_list_cells(row, others, found) for row in in_order])


def _list_cells(row: CandidateRow, others: list[int], found: Findings) -> list[Cell]:
    mark = "≈\u202f" if row.foretold else ""
    is_error = found.target.quantity == "test_error"
    numbers = [
        (row.learners, format_number),
        (row.mini_batch, format_number),
        (row.learning_rate, format_number),
        (row.seconds_per_epoch, format_duration),
        (row.staleness, format_number),
        (row.epochs, format_number),
        (row.score, format_percent if is_error else format_number),
        (row.epochs_to_target, lambda value: f"{mark}{format_number(value)}"),
        (row.seconds, lambda value: f"{mark}{format_duration(value)}"),
        (row.learner_hours, lambda value: f"{mark}{format_number(value)}"),
        (row.seeds, format_number),
    ]
    cells = [Cell("–", "") if value is None else Cell(form(value), repr(float(value))) for value, form in numbers]
    run = Cell(row.folder.rpartition("/")[2], link=f"{row.folder}/") if row.folder else Cell("–")
    why = row.problem
    if not why and row.stage == str(SearchStage.MISSED) and row.epochs is not None:
        why = f"it did not reach the target in {format_epochs(row.epochs)}"
    is_far = row.score is not None and row.epochs_to_target is None and not row.problem
    cells[7:10] = [Cell("far more", ""), *cells[8:10]] if is_far else cells[7:10]
    problem = f"{row.stage}: {why}" if why else row.stage
    return [Cell(row.variant or row.protocol), *(Cell(row.values[i]) for i in others), *cells, Cell(problem), run]


def tabulate_refused(found: Findings) -> Table:
    """Tabulate the combinations that were left out, with the first line of each reason."""
    rows = [[row.variant, ", ".join(row.values), row.reason.strip().splitlines()[0]] for row in found.refused]
    return Table.of(("protocol", "values", "why"), rows, words=3)

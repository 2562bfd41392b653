"""The sections of the sweep report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from simasgd.report.drawing import svg
from simasgd.report.drawing.page_parts import Block, Panel, Table
from simasgd.report.facts.formats import NBSP, capitalise, format_number, join_words, list_some, spell_count
from simasgd.report.facts.tolerances import ERROR_RATIOS, LEAST_POINTS, LOSS_RATIOS, MOST_POINTS
from simasgd.report.sweep.facts.answer import find_answers
from simasgd.report.sweep.facts.dials import Dial
from simasgd.report.sweep.facts.front import find_front
from simasgd.report.sweep.facts.sweep_facts import (
    ERROR,
    LOSS,
    NAMES,
    SECONDS,
    STALENESS,
    THROUGHPUT,
    TO_TARGET,
    Row,
    SweepFacts,
    describe_target,
    format_quantity,
    list_rows,
    say_setting,
    select,
    varies,
)
from simasgd.report.sweep.figures import draw_trade_off
from simasgd.report.sweep.layout import MOST_PANELS
from simasgd.report.sweep.losses import describe_limit
from simasgd.report.sweep.map_block import build_map
from simasgd.report.sweep.naming import (
    AS_GOOD,
    AXIS_TITLES,
    LOWER,
    MOST_OF_FRONT,
    SOONER,
    TITLES,
    Named,
    name_settings,
    say_panel,
    title_panel,
)
from simasgd.report.sweep.points_table import list_named
from simasgd.report.sweep.quantity_blocks import build_clock, build_quantity
from simasgd.report.sweep.scale_out import build_scale_out
from simasgd.report.sweep.verdict import SweepVerdict
from simasgd.sweeps.roles import Role

_ALWAYS = {
    ERROR: (
        f"A difference of {format_number(100 * ERROR_RATIOS[0])}{NBSP}% of it (or {format_number(100 * LEAST_POINTS)} points) "
        f"never counts, and more than {format_number(100 * ERROR_RATIOS[1])}{NBSP}% (or {format_number(100 * MOST_POINTS)} "
        "points) always does."
    ),
    LOSS: (
        f"A difference of {format_number(100 * LOSS_RATIOS[0])}{NBSP}% of it never counts, and more than "
        f"{format_number(100 * LOSS_RATIOS[1])}{NBSP}% always does."
    ),
}
"""The limits of the differences that count, with several seeds."""
_ONE_SEED = {
    ERROR: (
        f"at most {format_number(100 * ERROR_RATIOS[1])}{NBSP}% above it, or by what chance explains on the test set, but "
        f"{format_number(100 * MOST_POINTS)} points at most"
    ),
    LOSS: f"at most {format_number(100 * LOSS_RATIOS[1])}{NBSP}% above it",
}

_ROLES = {Role.CHOICE: "a choice", Role.WORLD: "the world", Role.CHANCE: "seeds"}


def build_sweep_blocks(verdict: SweepVerdict) -> list[Block]:
    """Build the sections: error against time, the map, and each quantity that varies."""
    facts = verdict.facts
    if verdict.anchor is None:
        return []
    scores = [*([facts.measure] if facts.measure is not None else []), TO_TARGET]
    found = [
        _build_trade_off(verdict),
        build_scale_out(verdict),
        build_map(verdict),
        *(build_quantity(quantity, verdict) for quantity in scores),
        build_clock([*_choose_times(facts), STALENESS], verdict),
    ]
    return [block for block in found if block is not None]


def _choose_times(facts: SweepFacts) -> list[str]:
    """Return the time, unless it hardly varies, and the throughput, unless the time already shows it."""
    takes_time = varies(facts.sound[SECONDS])
    return [*([SECONDS] if takes_time else []), *([] if takes_time and facts.has_same_work else [THROUGHPUT])]


def explain_rules(facts: SweepFacts) -> list[str]:
    """Return by which rules settings are best, which are named beside the best, and which did not learn."""
    if facts.measure is None:
        first = "soonest" if facts.speed == SECONDS else "most samples per simulated second"
        rule = f"Use this: the {first}; of those within the spread over the seeds, the cheapest in learner-hours."
    else:
        rule = (
            f"the lowest mean {NAMES[facts.measure]} counts. {_explain_as_good(facts, facts.measure)} Of these the "
            "soonest is the one to use, and of the soonest the cheapest in learner-hours."
        )
        if facts.has_given_target:
            rule = (
                "of the settings that reach the target at every seed, the first to reach it, and of the first the cheapest in "
                f"learner-hours. Where none reaches it, {rule}"
            )
        rule = f"Use this: {rule}"
    brackets = "Numbers in brackets are the range over the seeds." if facts.repetitions > 1 else ""
    return [*filter(None, (rule, _explain_front(facts), describe_target(facts), describe_limit(facts), brackets))]


def _explain_front(facts: SweepFacts) -> str:
    if facts.measure is None or facts.speed != SECONDS or not varies(facts.sound[SECONDS]):
        return ""
    listed = f" The table lists {MOST_OF_FRONT} of each front at most; the figure below has all."
    many = any(len(answer.front) > MOST_OF_FRONT for answer in find_answers(facts))
    return (
        "The other rows are the front: no setting has both less error and less time. The best compromise has the least "
        f"error × time of it, so half of the time is worth twice the error.{listed if many else ''}"
    )


def _explain_as_good(facts: SweepFacts, measure: str) -> str:
    """Return which settings are as good as the one with the lowest error or loss."""
    if facts.repetitions > 1:
        chance = "Settings that exceed it by at most twice the standard error, of the seeds and the test set, are as good."
        return f"{chance} {_ALWAYS[measure]}"
    return f"Settings {_ONE_SEED[measure]}, are as good: one seed does not tell what chance does."


def say_where(verdict: SweepVerdict) -> str:
    """Return with which values of the other axes the effects of each axis hold, and what the words in them mean."""
    facts = verdict.facts
    if verdict.anchor is None or len(facts.varying) < 2:
        return ""
    clear = "A clear effect is more than the difference that counts above." if facts.measure is not None else ""
    return (
        f"Each line changes one axis. Here means: the others are as in {say_setting(verdict.anchor, facts.varying)}. A case "
        f"elsewhere is another combination of the others. {clear}".rstrip()
    )


def tabulate_best(verdict: SweepVerdict) -> Table:
    """Tabulate the settings to use, and those that are worth naming beside them."""
    return Table.of(*list_named(name_settings(verdict), verdict.facts), words=1 + len(verdict.facts.varying))


def _build_trade_off(verdict: SweepVerdict) -> Block | None:
    """Build error against time, a panel for each part of the world; None if the time does not vary."""
    facts, measure = verdict.facts, verdict.facts.measure
    if measure is None or not has_trade_off(facts):
        return None
    named = name_settings(verdict)
    panels: list[Panel] = []
    for _, answer in verdict.pairs()[:MOST_PANELS]:
        world = facts.name_world(answer.world)
        rows, figure = draw_part(world, named, measure, facts)
        where = say_panel(world, facts)
        front = "; ".join(f"{say_setting(row, facts.choices)}: {_say_point(row, measure)}" for row in find_front(rows, measure))
        label = f"{TITLES[measure]} against simulated time{f' at {where}' if where else ''}. The front: {front}."
        panels.append(
            Panel(title_panel(world, facts) or "All settings", svg.render_inline(figure, f"trade-off-{len(panels)}", label))
        )
    lost = len(facts.settings) - len(facts.sound)
    failures = " Crosses above the figure are settings that did not learn, at their times." if lost else ""
    left = len(verdict.answers) - len(panels)
    more = f" {capitalise(spell_count(left, 'further part'))} of the world are in the tables alone." if left > 0 else ""
    return Block(
        id="trade-off",
        nav="Error against time",
        title=f"{TITLES[measure]} against simulated time",
        reading="Each dot is a setting. No setting lies below or left of the dashed steps: those on them have the lowest "
        f"error for their time. The settings with a label are those of the table above.{failures}{more}",
        panels=panels,
    )


def draw_part(world: Mapping[str, str], named: Sequence[Named], measure: str, facts: SweepFacts) -> tuple[list[Row], Figure]:
    """Return the settings in a part of the world, and the figure of their error against time with the `named` ones."""
    rows = list_rows(select(facts.sound, world).dropna(subset=[measure, SECONDS]))
    here = [one for one in named if all(one.row[key] == value for key, value in world.items())]
    labels = [(one.row, _shorten(one.roles), one.is_best) for one in here if _shorten(one.roles)]
    settings = select(facts.settings, world)
    lost = [float(seconds) for seconds in settings[~settings["sound"]][SECONDS].dropna()]
    return rows, draw_trade_off(rows, labels, measure, AXIS_TITLES[measure], lost)


def _shorten(roles: Sequence[str]) -> str:
    """Return the role that a figure names; that a setting is on the front, its steps show."""
    return next((role for role in roles if role not in (AS_GOOD, SOONER, LOWER)), "")


def has_trade_off(facts: SweepFacts) -> bool:
    """Return whether a figure of error against time tells settings apart."""
    return facts.measure is not None and varies(facts.sound[SECONDS]) and bool(facts.choices)


def _say_point(row: Row, measure: str) -> str:
    return f"{format_quantity(measure, row[measure])} after {format_quantity(SECONDS, row[SECONDS])}"


def _say_role(dial: Dial) -> str:
    given = dial.name_parts(Role.WORLD) if dial.role is Role.CHOICE else []
    mixed = f"; the {join_words(given)} {'is' if len(given) == 1 else 'are'} the world" if given else ""
    return f"{_ROLES[dial.role]}{mixed}"


def describe_axes(facts: SweepFacts) -> list[tuple[str, str]]:
    """Return each axis with its values, and whether it is a choice or the world."""
    listed = [(f"{dial.name} ({_say_role(dial)})", list_some(list(dial.labels.values()), 8)) for dial in facts.dials]
    seeds = facts.points["seed"].nunique()
    return [*listed, ("seeds", str(seeds)), ("points", f"{len(facts.points):,}")]

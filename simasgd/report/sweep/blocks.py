"""The sections of the sweep report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from simasgd.report.drawing import svg
from simasgd.report.drawing.page_parts import Block, Panel, Table
from simasgd.report.facts.formats import NBSP, capitalise, join_words, list_some, spell_count
from simasgd.report.sections.provenance import describe_data, describe_model, describe_stop
from simasgd.report.sweep.drawing.trade_off import LabelledSetting, LostSettings, draw_trade_off
from simasgd.report.sweep.facts.best_setting import BestSetting, find_answers, find_equal_limits
from simasgd.report.sweep.facts.dials import VARIANT, Dial
from simasgd.report.sweep.facts.front import find_front
from simasgd.report.sweep.facts.lost import say_lost
from simasgd.report.sweep.facts.sweep_facts import (
    ERROR,
    NAMES,
    SECONDS,
    STALENESS,
    THROUGHPUT,
    TO_TARGET,
    SettingRow,
    SweepFacts,
    describe_target,
    format_quantity,
    list_rows,
    say_setting,
    say_world,
    select,
    varies,
)
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
    NamedSetting,
    name_settings,
    say_panel,
    title_panel,
)
from simasgd.report.sweep.points_table import list_named
from simasgd.report.sweep.quantity_blocks import build_clock, build_quantity
from simasgd.report.sweep.scale_out import build_scale_out
from simasgd.report.sweep.verdict import SweepVerdict
from simasgd.sweeps.roles import KeyRole

_GIVEN = "given, not chosen"
_MOST_LABELLED = 5
"""Up to so many settings of a panel all have their names in the figure."""
_MOST_LIMITS = 3
"""The most parts of the world of which the limits of equal scores are given."""


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
        alike = "those within the spread over the seeds" if facts.repetitions > 1 else "those as fast"
        rule = f"Use this: the {first}; of {alike}, the cheapest (in learner-hours)."
    else:
        name = NAMES[facts.measure]
        rule = f"of the settings whose {name} counts as equal to the lowest, the soonest; of the soonest, the cheapest"
        if facts.has_given_target:
            rule = (
                "of the settings that reach the target at every seed, the first; of these, the cheapest (in learner-hours). "
                f"Where none reaches it: {rule}"
            )
        rule = f"{rule} (in learner-hours). {_explain_equal(facts, facts.measure)}".rstrip()
        rule = f"Use this: {rule}"
    brackets = "Numbers in brackets are the range over the seeds." if facts.repetitions > 1 else ""
    return [*filter(None, (rule, _explain_front(facts), describe_target(facts), describe_limit(facts), brackets))]


def _explain_front(facts: SweepFacts) -> str:
    if facts.measure is None or facts.speed != SECONDS or not varies(facts.sound[SECONDS]):
        return ""
    listed = f" The table lists {MOST_OF_FRONT} of each front at most; the figure below has all."
    many = any(len(answer.front) > MOST_OF_FRONT for answer in find_answers(facts))
    return (
        f"On the front no other setting has a lower {NAMES[facts.measure]} in as little time. The best compromise has the "
        f"least error × time there.{listed if many else ''}"
    )


def _explain_equal(facts: SweepFacts, measure: str) -> str:
    """Return up to which error or loss a setting counts as equal to the lowest, in the first parts of the world."""
    found = [
        (one, limits) for one in find_answers(facts)[:_MOST_LIMITS] if (limits := find_equal_limits(one, facts)) is not None
    ]
    if not found:
        return ""
    parts = [_say_limits(answer, limits, facts, measure) for answer, limits in found]
    told = f"{capitalise('; '.join(parts))}."
    if facts.repetitions == 1:
        samples = f" and {facts.test_samples:,} test samples" if measure == ERROR and facts.test_samples else ""
        return f"{told} One seed{samples} cannot tell such {'errors' if measure == ERROR else 'losses'} apart."
    between = any(limits[0] != limits[1] for _, limits in found)
    chance = " Between two limits, a difference within twice its standard error counts as equal." if between else ""
    return f"{told}{chance} A higher mean counts as higher, even where the seeds cannot show that it is."


def _say_limits(answer: BestSetting, limits: tuple[float, float], facts: SweepFacts, measure: str) -> str:
    where = f"at {say_world(answer.world, facts)}" if facts.world else "here"
    lowest, low, high = (format_quantity(measure, value) for value in (float(answer.lowest[measure]), *limits))
    never = f", above {high} never" if facts.repetitions > 1 and low != high else ""
    return f"{where} the lowest is {lowest}, and up to {low} counts as equal{never}"


def say_where(verdict: SweepVerdict) -> str:
    """Return with which values of the other axes the effects of each axis hold, and what the words in them mean."""
    facts = verdict.facts
    if verdict.anchor is None or len(facts.varying) < 2:
        return ""
    sentences = [
        "Each line compares the values of one axis. It names the values of the other axes; where it does not, they are as in "
        f"{say_setting(verdict.anchor, facts.varying)}.",
    ]
    if facts.measure is not None:
        chance = ", and more than chance between the seeds: twice its standard error" if facts.repetitions > 1 else ""
        sentences.append(f"A difference of {NAMES[facts.measure]} is clear if it is more than counts as equal{chance}.")
    if len(facts.sound) < len(facts.settings):
        lost = say_lost(facts.settings)
        worse = "is worse than any that did, and " if facts.measure is not None else ""
        sentences.append(f"A setting that {lost} {worse}has no time that counts.")
    return " ".join(sentences)


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
    lost = _list_lost(facts.settings)
    failures = f" The band at the top has those that {say_lost(lost)}, each a cross at its time." if len(lost) else ""
    bars = " Bars are the range over the seeds." if facts.repetitions > 1 else ""
    has_steps = any(len(answer.front) > 1 for _, answer in verdict.pairs()[: len(panels)])
    steps = (
        f" The lower left corners of the dashed steps are the front: no other setting has a lower {NAMES[measure]} in as "
        "little time."
        if has_steps
        else ""
    )
    left = len(verdict.answers) - len(panels)
    more = f" {capitalise(spell_count(left, 'further part'))} of the world are in the tables alone." if left > 0 else ""
    return Block(
        id="trade-off",
        nav="Error against time",
        title=f"{TITLES[measure]} against simulated time",
        reading=f"Each mark is a setting.{bars} Labels have the roles of the table above.{steps}{failures}{more}",
        panels=panels,
    )


def draw_part(
    world: Mapping[str, str], named: Sequence[NamedSetting], measure: str, facts: SweepFacts
) -> tuple[list[SettingRow], Figure]:
    """Return the settings in a part of the world, and the figure of their error against time with the `named` ones.

    Where the settings are few, all have a name and the range over the seeds.
    """
    every = list_rows(facts.sound.dropna(subset=[measure, SECONDS]))
    rows = list_rows(select(facts.sound, world).dropna(subset=[measure, SECONDS]))
    here = [one for one in named if all(one.row[key] == value for key, value in world.items())]
    labels = [LabelledSetting(one.row, _shorten(one.roles), one.is_best) for one in here if _shorten(one.roles)]
    if len(rows) <= _MOST_LABELLED:
        keys = [dial.key for dial in facts.choices]
        known = [[one.row[key] for key in keys] for one in labels]
        rest = [row for row in rows if [row[key] for key in keys] not in known]
        labels = [one._replace(label=f"{one.label}: {say_setting(one.row, facts.choices)}") for one in labels]
        labels += [LabelledSetting(row, say_setting(row, facts.choices), is_best=False) for row in rest]
        labels = [one._replace(label=_keep_together(one.label)) for one in labels]
    lost = _list_lost(select(facts.settings, world))
    figure = draw_trade_off(
        rows, labels, every, measure, AXIS_TITLES[measure], LostSettings(lost[SECONDS].tolist(), say_lost(lost))
    )
    return rows, figure


def _keep_together(label: str) -> str:
    """Return a label that takes a new line only after its role, and between the parts of a setting."""
    return label.replace(" ", NBSP).replace(f":{NBSP}", ": ").replace(f",{NBSP}", ", ")


def _list_lost(settings: pd.DataFrame) -> pd.DataFrame:
    """Return the settings that did not finish or learn and have a time."""
    return settings[~settings["sound"]].dropna(subset=[SECONDS])


def _shorten(roles: Sequence[str]) -> str:
    """Return the role that a figure names; that a setting is on the front, its steps show."""
    return next((role for role in roles if role not in (AS_GOOD, SOONER, LOWER)), "")


def has_trade_off(facts: SweepFacts) -> bool:
    """Return whether a figure of error against time tells settings apart."""
    return facts.measure is not None and varies(facts.sound[SECONDS]) and bool(facts.choices)


def _say_point(row: SettingRow, measure: str) -> str:
    return f"{format_quantity(measure, row[measure])} after {format_quantity(SECONDS, row[SECONDS])}"


def _say_role(dial: Dial) -> str:
    """Return in brackets that the reader has to live with an axis, or with some of its keys; "" if all is a choice."""
    if dial.role is KeyRole.WORLD:
        return f" ({_GIVEN})"
    given = dial.name_parts(KeyRole.WORLD)
    return f" (the {join_words(given)} {'is' if len(given) == 1 else 'are'} {_GIVEN})" if given else ""


def describe_axes(facts: SweepFacts) -> list[tuple[str, str]]:
    """Return each axis with its values, what the reader does not choose, and what each run is."""
    listed = [(f"{dial.name}{_say_role(dial)}", list_some(list(dial.labels.values()), 8)) for dial in facts.dials]
    counts = [("seeds", str(facts.points["seed"].nunique())), ("points", f"{len(facts.points):,}")]
    return [*listed, *counts, *_describe_run(facts)]


def _describe_run(facts: SweepFacts) -> list[tuple[str, str]]:
    """Return the data, the model and the end of each run, of which no axis changes any."""
    scenario, keys = facts.sweep.scenario, [key for axis in facts.sweep.axes for key in axis.keys]
    has_variants = any(dial.key == VARIANT for dial in facts.dials)

    def is_fixed(section: str) -> bool:
        changed = (key for key in keys if f"{key}.".startswith(f"{section}.") or section.startswith(f"{key}."))
        return not has_variants and not any(changed)

    learning = scenario.learning
    found = []
    if learning is not None and is_fixed("learning.data"):
        found.append(("data (training + test)", describe_data(learning)))
        if is_fixed("learning.model"):
            found.append(("model", describe_model(learning)))
    return [*found, *([("each run ends at", describe_stop(scenario))] if is_fixed("stop") else [])]

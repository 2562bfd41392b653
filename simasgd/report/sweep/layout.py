"""Which axes of a sweep a figure shows, and how: along the bottom, as lines, or as panels.

A quantity is never averaged over an axis. An axis that does not move the quantity, or for which no
room is left, stays at its value in the best setting, and the page says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import final

import pandas as pd

from simasgd.report.sweep.facts.dials import Dial
from simasgd.report.sweep.facts.sweep_facts import OF_LEARNING, SHARE, TO_TARGET, SettingRow, SweepFacts, select, varies
from simasgd.sweeps.roles import KeyRole

MOST_LINES = 6
MOST_PANELS = 6


@final
@dataclass(frozen=True, eq=False)
class Layout:
    """The places of the axes in the figures of one quantity.

    `across` is along the bottom, `lines` has a line for each value, and `panels` a figure for each
    combination of values. `still` are axes that do not move the quantity, `held` those without room;
    both are held at the values in `fixed`.
    """

    quantity: str
    across: Dial
    lines: Dial | None
    panels: tuple[Dial, ...]
    still: tuple[Dial, ...]
    held: tuple[Dial, ...]
    fixed: Mapping[str, str]

    def list_panels(self) -> list[dict[str, str]]:
        """Return the values of the panels' axes, one mapping for each panel."""
        keys = [dial.key for dial in self.panels]
        return [dict(zip(keys, values, strict=True)) for values in product(*(dial.values for dial in self.panels))]

    def find_rows(self, facts: SweepFacts, panel: Mapping[str, str]) -> pd.DataFrame:
        """Return the settings of a panel; their `share` is over the axes that do not move the quantity."""
        drawn = select(facts.settings, {**self.fixed, **panel})
        if not self.still:
            return drawn
        still = {dial.key for dial in self.still}
        same = select(facts.settings, {key: value for key, value in {**self.fixed, **panel}.items() if key not in still})
        keys = [dial.key for dial in facts.varying if dial.key not in still]
        if not keys:
            return drawn.assign(**{SHARE: same[SHARE].mean()})
        shares = same.groupby(keys, sort=False)[SHARE].mean().rename("_share")
        return drawn.assign(**{SHARE: drawn[keys].merge(shares, on=keys, how="left")["_share"].to_numpy()})


def lay_out(quantity: str, facts: SweepFacts, anchor: SettingRow, across: Dial | None = None) -> Layout | None:
    """Return the places of the axes for a quantity.

    None if it does not vary along any (or along `across`), or no setting has it where the axes without a place are held.
    """
    moving = [dial for dial in facts.varying if moves(dial, quantity, facts)]
    if not moving or (across is not None and across not in moving):
        return None
    in_order = sorted(moving, key=lambda dial: (dial.axis.numbers is not None, len(dial.values)), reverse=True)
    first = in_order[0] if across is None else across
    rest = [dial for dial in in_order if dial is not first]
    lines = next((dial for dial in rest if len(dial.values) <= MOST_LINES), None)
    panels: list[Dial] = []
    count = 1
    for dial in facts.varying:
        if dial in rest and dial is not lines and count * len(dial.values) <= MOST_PANELS:
            panels.append(dial)
            count *= len(dial.values)
    held = tuple(dial for dial in rest if dial is not lines and dial not in panels)
    still = tuple(dial for dial in facts.varying if dial not in moving)
    fixed = {dial.key: str(anchor[dial.key]) for dial in (*still, *held)}
    if select(facts.usable(quantity), fixed).empty:
        return None
    return Layout(quantity, first, lines, tuple(panels), still, held, fixed)


def split_rest(rest: Sequence[Dial], anchor: SettingRow) -> tuple[list[dict[str, str]], dict[str, str]]:
    """Return a mapping for each panel of these axes, the world first, and the values of the axes without room."""
    panels: list[dict[str, str]] = [{}]
    fixed = {}
    for dial in sorted(rest, key=lambda dial: dial.role is not KeyRole.WORLD):
        if len(panels) * len(dial.values) <= MOST_PANELS:
            panels = [{**values, dial.key: value} for values in panels for value in dial.values]
        else:
            fixed[dial.key] = str(anchor[dial.key])
    return panels, fixed


def moves(dial: Dial, quantity: str, facts: SweepFacts) -> bool:
    """Return whether a quantity changes along an axis, anywhere among the settings that count.

    It also changes where some of these settings have it and others do not, such as the time to a target.
    What is learned changes where some settings finish and learn, and others do not.
    """
    rest = [other.key for other in facts.varying if other is not dial]
    if quantity in OF_LEARNING and quantity in (facts.measure, TO_TARGET) and not facts.usable(quantity).empty:
        outcomes = facts.settings.groupby(rest, sort=False)["sound"].nunique() if rest else [facts.settings["sound"].nunique()]
        if max(outcomes) > 1:
            return True
    known = facts.usable(quantity).index
    counted = facts.settings[facts.settings["sound"] | facts.settings.index.isin(known)]
    groups = [counted] if not rest else [group for _, group in counted.groupby(rest, sort=False)]
    found = [group.loc[group.index.isin(known), quantity] for group in groups]
    return any(varies(some) or 0 < len(some) < len(group) for some, group in zip(found, groups, strict=True))

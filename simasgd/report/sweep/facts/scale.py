"""What more learners do to the score: with the mini-batch µ kept, and with the product µλ kept.

Rudra's authors prescribe the second (arXiv:1509.04210): the mini-batch shrinks as learners are added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from simasgd.report.facts.formats import format_number
from simasgd.report.sweep.facts.effects import choose_tolerance
from simasgd.report.sweep.facts.sweep_facts import NAMES, SECONDS, SettingRow, format_quantity, get_spread


class SizedSetting(NamedTuple):
    """A setting with its number of learners and its mini-batch."""

    learners: float
    mini_batch: float
    row: SettingRow

    @property
    def product(self) -> float:
        """µλ, in samples."""
        return self.learners * self.mini_batch


def state_scale_out(settings: Sequence[SizedSetting], measure: str, test_samples: int | None) -> str:
    """Return what happens from few learners to many, with µλ kept and with µ kept; "" if neither can be kept."""
    kept = max(_list_chains(settings, lambda one: one.product), key=_rank, default=None)
    same = _list_chains(settings, lambda one: one.mini_batch)
    beside = [chain for chain in same if kept is not None and chain[0] == kept[0]] or same
    alone = max(beside, key=_rank, default=None)
    sentences = []
    if kept is not None:
        sentences.append(_state(f"µλ = {format_number(kept[0].product)}", kept, measure, test_samples))
    if alone is not None:
        sentences.append(_state(f"µ = {format_number(alone[0].mini_batch)}", alone, measure, test_samples))
    return " ".join(sentences)


def _list_chains(settings: Sequence[SizedSetting], key: Callable[[SizedSetting], float]) -> list[list[SizedSetting]]:
    """Return the settings of each key from few learners to many, where the learners vary."""
    chains = [sorted(found, key=lambda one: one.learners) for _, found in groupby(sorted(settings, key=key), key)]
    return [chain for chain in chains if chain[-1].learners > chain[0].learners]


def _rank(chain: Sequence[SizedSetting]) -> tuple[float, float]:
    """Return how far the learners of a chain are apart; of equal chains the one with the least product ranks first."""
    return chain[-1].learners / chain[0].learners, -chain[0].product


def _state(held: str, chain: Sequence[SizedSetting], measure: str, test_samples: int | None) -> str:
    first, last = chain[0], chain[-1]
    before, after = (get_spread(one.row, measure) for one in (first, last))
    assert before is not None
    assert after is not None
    is_clear = abs(after.mean - before.mean) > choose_tolerance(measure, test_samples)(before, after)
    effect = "no clear difference" if not is_clear else "it is worse" if after.mean > before.mean else "it is better"
    many = f"{format_number(first.learners)} to {format_number(last.learners)} learners"
    score, seconds = (
        f"from {format_quantity(quantity, first.row[quantity])} to {format_quantity(quantity, last.row[quantity])}"
        for quantity in (measure, SECONDS)
    )
    return f"With {held} kept, {many}: {NAMES[measure]} {score} ({effect}), {NAMES[SECONDS]} {seconds}."

"""The variants that can be best, and the words that every kind of winner shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from simasgd.report.facts.formats import capitalise, format_factor, format_range, list_some
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.tolerances import CLOSE_TIMES
from simasgd.report.facts.variant_facts import VariantFacts

MAX_NAMED = 4
ONE_SEED = " (one seed)"
"""Follows a decision that is close and rests on one seed."""


class Winner(NamedTuple):
    """The best variants: several if they tie, none if no variant learns.

    `than` is the variant that they are compared with, `sooner` the ratio of its time to theirs, and
    `sentence` says all that. `at_target` says whether the times are those to a given target.
    """

    names: tuple[str, ...]
    than: str | None
    sooner: float | None
    sentence: str
    at_target: bool = False


class Scope(NamedTuple):
    """The variants that a winner is chosen from.

    `name` is said before the sentence if the variants are not judged together with all others: "By
    test error". `is_whole` says whether they are all variants of the report.
    """

    name: str = ""
    is_whole: bool = True

    def open(self, sentence: str) -> str:
        """Return a sentence that begins with a variant's name, after the scope."""
        return f"{self.name}: {sentence}" if self.name else sentence

    def say(self, sentence: str) -> str:
        """Return a sentence that begins with a small letter and no name, after the scope."""
        return f"{self.name}: {sentence}" if self.name else capitalise(sentence)

    def say_tie(self, variants: Sequence[VariantFacts]) -> str:
        """Return `All tie`, or the names where the report has other variants, too."""
        if self.is_whole:
            return self.say("all tie")
        return self.open(f"{list_some([variant.title for variant in variants], MAX_NAMED)} tie")


WHOLE = Scope()


def name_best(variants: Sequence[VariantFacts]) -> str:
    """Return, for example, `all-reduce (α₀/τ) is best` or `a and b tie as best`."""
    names = list_some([variant.title for variant in variants], MAX_NAMED)
    return f"{names} {'tie as' if len(variants) > 1 else 'is'} best"


def note_close_times(variants: Sequence[VariantFacts], ratio: float) -> str:
    """Return the note on one seed if a ratio of times is close and no variant has several seeds, else ""."""
    return ONE_SEED if ratio < CLOSE_TIMES and have_one_seed(variants) else ""


def have_one_seed(variants: Sequence[VariantFacts]) -> bool:
    """Return whether no variant has several seeds, so that no range over seeds is known."""
    return all(len(variant.seeds) == 1 for variant in variants)


def add_reference(
    base: VariantFacts, than: VariantFacts, later: Sequence[tuple[VariantFacts, Spread]], best: Sequence[float]
) -> str:
    """Return the ratio to the reference to follow that to the next variant; "" if it is this one, or comes no later.

    `later` are the variants that come later, with their times, and `best` the times of the best.
    """
    seconds = next((spread.mean for variant, spread in later if variant is base and base is not than), None)
    if seconds is None:
        return ""
    return f", and {format_range([seconds / one for one in best], format_factor)} as fast as {base.name}"

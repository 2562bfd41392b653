"""What faults do to a run, in sentences: by the critical path where it limits the run, otherwise by shares of the time."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum

from simasgd.report.facts.formats import (
    capitalise,
    format_factor,
    format_several,
    format_share,
    join_words,
    list_some,
    spell_count,
)
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.critical_path import LOST, find_contradiction

_MAX_NAMED = 3
_LEAST = 0.01
"""Smaller shares are not told in a comparison."""


def describe_effects(variant: VariantFacts) -> str:
    """Return a sentence about the faults of a lone variant; "" if there were none that take time."""
    clauses = _list_clauses(variant)
    share = _sum_path(variant)
    path = f"; faults take {format_share(share)} of the critical path" if clauses and share >= _LEAST else ""
    return f"{capitalise(join_words(clauses))}{path}." if clauses else ""


def compare_effects(variants: Sequence[VariantFacts]) -> list[str]:
    """Return sentences about what faults do to several variants, and about those that are slower than a lone learner."""
    slow = [one for one in variants if one.speedup is not None and one.learners > 1 and one.speedup.mean < 1.0]
    slower = [
        f"{list_some([one.name for one in slow], _MAX_NAMED)} {'are' if len(slow) > 1 else 'is'} slower than one learner alone "
        f"({format_several([one.speedup.mean for one in slow if one.speedup is not None], format_factor)} as fast)."
    ]
    shares = sorted(((share, one) for one in variants if (share := _sum_path(one)) >= _LEAST), key=lambda pair: -pair[0])
    paths = [f"{format_share(share)} under {one.name} ({_explain_path(one)})" for share, one in shares[:_MAX_NAMED]]
    on_path = [f"On the critical path, faults are {join_words(paths)}."] if paths else []
    others = [one for one in variants if not _sum_path(one) and (one.down_share >= _LEAST or one.pause_share >= _LEAST)]
    beside = [f"Under {one.name}, {join_words(_list_clauses(one))}." for one in others[:_MAX_NAMED]]
    return [*(slower if slow else []), *on_path, *beside]


def _list_clauses(variant: VariantFacts) -> list[str]:
    faults, several = variant.faults, len(variant.seeds) > 1
    found = []
    if faults.crashes:
        crashes = spell_count(faults.crashes, "crash", "crashes")
        over = f" over {spell_count(len(variant.seeds), 'seed')}" if several else ""
        keep = "keeps" if faults.crashes == 1 else "keep"
        found.append(f"{crashes}{over} {keep} learners down {format_share(variant.down_share)} of the time")
    if variant.pause_share:
        found.append(f"the server pauses {format_share(variant.pause_share)} of it" if found else _say_pause(variant))
    if faults.messages_lost:
        found.append(f"{spell_count(faults.messages_lost, 'message')} {'gets' if faults.messages_lost == 1 else 'get'} lost")
    return found


def _say_pause(variant: VariantFacts) -> str:
    return f"the server pauses {format_share(variant.pause_share)} of the time"


def _sum_path(variant: VariantFacts) -> float:
    """Return the share of faults in the critical path; 0 if the path does not limit the run."""
    if variant.critical_path is None or find_contradiction(variant) is not None:
        return 0.0
    return fsum(variant.critical_path.get(part, 0.0) for part in LOST)


def _explain_path(variant: VariantFacts) -> str:
    """Return the faults in the critical path, the greatest first."""
    assert variant.critical_path is not None
    shares = sorted(((variant.critical_path.get(part, 0.0), what) for part, what in LOST.items()), reverse=True)
    return join_words([f"{format_share(share)} {what}" for share, what in shares if share >= _LEAST])

"""The section on faults: crashes, lost messages, time-outs, lost gradients and hangs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from simasgd.report.drawing.page_parts import Block, Table
from simasgd.report.facts.formats import count_seeds, format_duration, join_words, spell_count
from simasgd.report.facts.part_facts import HangFact
from simasgd.report.facts.variant_facts import VariantFacts

_COUNTS = ("crashes", "rejoins", "messages_lost", "barrier_timeouts", "members_dropped", "lost", "dropped", "cancelled")
_TITLES = {
    "messages_lost": "messages lost",
    "barrier_timeouts": "barrier time-outs",
    "members_dropped": "members dropped",
    "lost": "gradients lost",
    "dropped": "gradients dropped",
    "cancelled": "gradients cancelled",
}


def describe_hang(variant: VariantFacts) -> str:
    """Return when and why a variant hung, or "" if it did not."""
    if not variant.hangs:
        return ""
    first = min(variant.hangs, key=lambda found: found.at)
    seeds = count_seeds(len(variant.hangs), len(variant.seeds))
    return f"{variant.name} hangs{seeds} {describe_last_update(first)}: {first.reason.rstrip('.')}."


def describe_last_update(hang: HangFact) -> str:
    """Return after which update a run hung: `after its last update at 1.2 s`."""
    return f"after its last update at {format_duration(hang.at)}" if hang.applied else "before its first update"


def build_fault_blocks(variants: Sequence[VariantFacts]) -> list[Block]:
    """Build the section if there was a fault or a hang."""
    troubled = [variant for variant in variants if not variant.faults.is_calm or variant.hangs]
    if not troubled:
        return []
    return [
        Block(
            id="faults",
            nav="Faults",
            title="Faults and lost work",
            reading=" ".join(
                filter(None, (text for variant in troubled for text in (describe_hang(variant), _describe_faults(variant))))
            ),
            table=_tabulate_faults(variants),
            summary="Counts of all faults and lost gradients",
        )
    ]


def _describe_faults(variant: VariantFacts) -> str:
    faults = variant.faults
    events = [
        (faults.crashes, f"{spell_count(faults.crashes or 0, 'crash', 'crashes')}{_describe_rejoins(variant)}"),
        (faults.messages_lost, f"{spell_count(faults.messages_lost or 0, 'lost message')}"),
        (
            faults.barrier_timeouts,
            f"{spell_count(faults.barrier_timeouts or 0, 'barrier time-out')}{_describe_dropped_members(variant)}",
        ),
        (faults.server_paused, f"{format_duration(faults.server_paused or 0.0)} of server pauses"),
    ]
    gradients = [
        (faults.lost, f"{spell_count(faults.lost or 0, 'gradient')} lost"),
        (faults.dropped, f"{spell_count(faults.dropped or 0, 'gradient')} dropped"),
        (faults.cancelled, f"{spell_count(faults.cancelled or 0, 'gradient')} cancelled"),
    ]
    parts = [text for amount, text in (*events, *gradients) if amount]
    if not parts:
        return ""
    seeds = f", over {spell_count(len(variant.seeds), 'seed')}" if len(variant.seeds) > 1 else ""
    return f"{variant.name} has {join_words(parts)}{seeds}."


def _describe_rejoins(variant: VariantFacts) -> str:
    faults = variant.faults
    back = f"{spell_count(faults.rejoins, 'rejoin')}, " if faults.rejoins else "none rejoins, "
    return f" ({back}learners are down for {format_duration(faults.down or 0.0)} in total)"


def _describe_dropped_members(variant: VariantFacts) -> str:
    dropped = variant.faults.members_dropped
    return f" (continuing without {spell_count(dropped, 'member')})" if dropped else ""


def _tabulate_faults(variants: Sequence[VariantFacts]) -> Table:
    has_server = any(variant.has_server for variant in variants)
    pause = ["server paused"] if has_server else []
    titles = ["variant", *(_TITLES.get(key, key) for key in _COUNTS), "learners down", *pause, "hung: last update at"]
    rows = []
    for variant in variants:
        counted = [_show(getattr(variant.faults, key), "{:,}".format) for key in _COUNTS]
        hung = ", ".join(format_duration(found.at) if found.applied else "none" for found in variant.hangs) or "–"
        paused = [_show(variant.faults.server_paused, format_duration)] if has_server else []
        rows.append([variant.name, *counted, _show(variant.faults.down, format_duration), *paused, hung])
    return Table.of(titles, rows)


def _show(amount: Any, form: Callable[[Any], str]) -> str:
    """Return a formatted amount, or a dash if a log does not tell it."""
    return "–" if amount is None else form(amount)

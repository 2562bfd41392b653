"""What went wrong in the runs: crashes, lost messages, barriers that gave up, and runs that hung."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.drawing.page_parts import Block, Table
from simasgd.report.facts.formats import format_duration, join_words, spell_count
from simasgd.report.facts.variant_facts import NO_FAULTS, VariantFacts

_COUNTS = ("crashes", "rejoins", "messages_lost", "barrier_timeouts", "members_dropped", "lost", "dropped", "cancelled")
_TITLES = {
    "messages_lost": "messages lost",
    "barrier_timeouts": "barrier time-outs",
    "members_dropped": "members dropped",
    "lost": "gradients lost",
    "dropped": "gradients dropped",
    "cancelled": "gradients cancelled",
}


def describe_hang(one: VariantFacts) -> str:
    """Where and why a variant's run came to a standstill; "" if none did."""
    if not one.hangs:
        return ""
    first = min(one.hangs, key=lambda found: found.at)
    seeds = "" if len(one.seeds) == 1 else f" ({len(one.hangs)} of {len(one.seeds)} seeds)"
    return f"{one.name} hangs{seeds} after {format_duration(first.at)}: {first.reason.rstrip('.')}."


def build_fault_blocks(variants: Sequence[VariantFacts]) -> list[Block]:
    """The section, if there is anything to say in it."""
    troubled = [one for one in variants if one.faults != NO_FAULTS or one.hangs]
    if not troubled:
        return []
    return [
        Block(
            id="faults",
            nav="Faults",
            title="Faults and lost work",
            reading=" ".join(filter(None, (text for one in troubled for text in (describe_hang(one), _describe_faults(one))))),
            table=_tabulate_faults(variants),
            summary="All of it, counted",
        )
    ]


def _describe_faults(one: VariantFacts) -> str:
    faults = one.faults
    events = [
        (faults.crashes, f"{spell_count(faults.crashes, 'crash', 'crashes')}{_describe_rejoins(one)}"),
        (faults.messages_lost, f"{spell_count(faults.messages_lost, 'lost message')}"),
        (
            faults.barrier_timeouts,
            f"{spell_count(faults.barrier_timeouts, 'barrier time-out')}{_describe_dropped_members(one)}",
        ),
        (faults.server_paused, f"a server that pauses for {format_duration(faults.server_paused)} in all"),
    ]
    gradients = [
        (faults.lost, f"{spell_count(faults.lost, 'gradient')} lost"),
        (faults.dropped, f"{spell_count(faults.dropped, 'gradient')} dropped"),
        (faults.cancelled, f"{spell_count(faults.cancelled, 'gradient')} cancelled"),
    ]
    said = [text for amount, text in (*events, *gradients) if amount]
    if not said:
        return ""
    seeds = f", over {spell_count(len(one.seeds), 'seed')}" if len(one.seeds) > 1 else ""
    return f"{one.name} has {join_words(said)}{seeds}."


def _describe_rejoins(one: VariantFacts) -> str:
    faults = one.faults
    back = f"{spell_count(faults.rejoins, 'rejoin')}, " if faults.rejoins else "nobody comes back, "
    return f" ({back}learners are down for {format_duration(faults.down)} in all)"


def _describe_dropped_members(one: VariantFacts) -> str:
    dropped = one.faults.members_dropped
    return f" (going on without {spell_count(dropped, 'member')})" if dropped else ""


def _tabulate_faults(variants: Sequence[VariantFacts]) -> Table:
    has_server = any(one.has_server for one in variants)
    pause = ["server paused"] if has_server else []
    titles = ["variant", *(_TITLES.get(key, key) for key in _COUNTS), "learners down", *pause, "hung after"]
    rows = []
    for one in variants:
        counted = [f"{getattr(one.faults, key):,}" for key in _COUNTS]
        hung = ", ".join(format_duration(found.at) for found in one.hangs) or "–"
        paused = [format_duration(one.faults.server_paused)] if has_server else []
        rows.append([one.name, *counted, format_duration(one.faults.down), *paused, hung])
    return Table.of(titles, rows)

"""What went wrong in the runs: crashes, lost messages, barriers that gave up, and runs that hung."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.drawing.parts import Block, Table
from simasgd.report.facts.facts import NO_FAULTS, Facts
from simasgd.report.facts.words import count, duration, joined

_COUNTS = ("crashes", "rejoins", "messages_lost", "barrier_timeouts", "members_dropped", "lost", "dropped", "cancelled")
_TITLES = {
    "messages_lost": "messages lost",
    "barrier_timeouts": "barrier time-outs",
    "members_dropped": "members dropped",
    "lost": "gradients lost",
    "dropped": "gradients dropped",
    "cancelled": "gradients cancelled",
}


def hang(one: Facts) -> str:
    """Where and why a variant's run came to a standstill; "" if none did."""
    if not one.hangs:
        return ""
    first = min(one.hangs, key=lambda found: found.at)
    seeds = "" if len(one.seeds) == 1 else f" ({len(one.hangs)} of {len(one.seeds)} seeds)"
    return f"{one.name} hangs{seeds} after {duration(first.at)}: {first.reason.rstrip('.')}."


def fault_blocks(variants: Sequence[Facts]) -> list[Block]:
    """The section, if there is anything to say in it."""
    troubled = [one for one in variants if one.faults != NO_FAULTS or one.hangs]
    if not troubled:
        return []
    return [
        Block(
            id="faults",
            nav="Faults",
            title="Faults and lost work",
            reading=" ".join(filter(None, (text for one in troubled for text in (hang(one), _reading(one))))),
            table=_table(variants),
            summary="All of it, counted",
        )
    ]


def _reading(one: Facts) -> str:
    faults = one.faults
    events = [
        (faults.crashes, f"{count(faults.crashes, 'crash', 'crashes')}{_afterwards(one)}"),
        (faults.messages_lost, f"{count(faults.messages_lost, 'lost message')}"),
        (faults.barrier_timeouts, f"{count(faults.barrier_timeouts, 'barrier time-out')}{_without(one)}"),
        (faults.server_paused, f"a server that pauses for {duration(faults.server_paused)} in all"),
    ]
    gradients = [
        (faults.lost, f"{count(faults.lost, 'gradient')} lost"),
        (faults.dropped, f"{count(faults.dropped, 'gradient')} dropped"),
        (faults.cancelled, f"{count(faults.cancelled, 'gradient')} cancelled"),
    ]
    said = [text for amount, text in (*events, *gradients) if amount]
    if not said:
        return ""
    seeds = f", over {count(len(one.seeds), 'seed')}" if len(one.seeds) > 1 else ""
    return f"{one.name} has {joined(said)}{seeds}."


def _afterwards(one: Facts) -> str:
    faults = one.faults
    back = f"{count(faults.rejoins, 'rejoin')}, " if faults.rejoins else "nobody comes back, "
    return f" ({back}learners are down for {duration(faults.down)} in all)"


def _without(one: Facts) -> str:
    dropped = one.faults.members_dropped
    return f" (going on without {count(dropped, 'member')})" if dropped else ""


def _table(variants: Sequence[Facts]) -> Table:
    has_server = any(one.has_server for one in variants)
    pause = ["server paused"] if has_server else []
    titles = ["variant", *(_TITLES.get(key, key) for key in _COUNTS), "learners down", *pause, "hung after"]
    rows = []
    for one in variants:
        counted = [f"{getattr(one.faults, key):,}" for key in _COUNTS]
        hung = ", ".join(duration(found.at) for found in one.hangs) or "–"
        paused = [duration(one.faults.server_paused)] if has_server else []
        rows.append([one.name, *counted, duration(one.faults.down), *paused, hung])
    return Table.of(titles, rows)

"""What a verdict says of faults, of variants that tie, and of the way to the target."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from simasgd.report.cards import build_cards
from simasgd.report.facts.learning_facts import GoalFact
from simasgd.report.facts.part_facts import FaultFacts, WhatIfFact
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.critical_path import build_path_panels
from simasgd.report.sections.staleness import find_what_lowers
from tests.report.verdict.by_hand import TIMING, facts, said, spread

PATH = {"compute": 0.1, "push": 0.0, "update": 0.0, "pull": 0.0, "down": 0.6, "resend": 0.3, "other": 0.0}
CRASHED = FaultFacts(crashes=5, rejoins=5, down=24.0, messages_lost=9)


def faulty(name: str, **changes: Any) -> VariantFacts:
    """Return a variant of ten seconds whose 30 learners are down for 24 s in all, 8 % of their time."""
    return replace(facts(name, **changes), faults=CRASHED, critical_path=PATH, path_gap="time")


def test_a_lone_run_says_what_its_faults_did() -> None:
    text = said(faulty("hardsync"))
    assert " Five crashes keep learners down 8.0 % of the time and nine messages get lost; " in text
    assert " faults take 90 % of the critical path." in text


def test_a_comparison_says_it_by_the_path_where_that_limits_the_run_and_otherwise_by_the_time() -> None:
    other = replace(faulty("async", seconds=5.0), what_if=(WhatIfFact("node", 2, 1.9, 100, on_path=1.05),))
    text = said(faulty("hardsync"), other)
    assert "On the critical path, faults are 90 % under hardsync (60 % learners that are down and 30 % waiting to send" in text
    assert "Under async, five crashes keep learners down 16 % of the time and nine messages get lost." in text


def test_a_path_that_contradicts_the_speedups_says_so_below_its_figure() -> None:
    gain = WhatIfFact("node", 2, 1.9, 100, on_path=1.35)
    chance = WhatIfFact("node", 2, 1.9, 100, standard_error=0.3, on_path=1.35)
    notes = [
        build_path_panels([("async", replace(faulty("async"), what_if=(row,), path_gap=gap))])[0].note
        for row, gap in ((gain, "time"), (chance, "time"), (gain, None))
    ]
    assert (
        "does not tell what limits the run: a node twice as fast makes the path 1.35× as fast, but the run 1.90×." in notes[0]
    )
    assert not any("does not tell" in note for note in notes[1:])


def test_learners_that_are_down_lower_the_staleness() -> None:
    """Eight learners, down 16 % of the time: 8 · 0.84 − 1 = 5.7 in place of 7."""
    down = replace(facts("async", staleness=spread(5.8)), learners=8, law=7.0, faults=FaultFacts(down=0.16 * 8 * 10.0))
    assert find_what_lowers(down) == "Learners that are down (16\u00a0% of the time)"
    assert find_what_lowers(replace(down, staleness=spread(4.0))).endswith(", messages, updates and waiting")
    assert find_what_lowers(replace(down, faults=FaultFacts())) == "Messages, updates and waiting"
    assert find_what_lowers(replace(down, staleness=spread(6.9))) == ""


def test_the_times_to_the_target_are_compared_too() -> None:
    def on_its_way(name: str, seconds: float, to_target: float) -> VariantFacts:
        return replace(facts(name, seconds=seconds), reach=GoalFact(0.04, 1, spread(to_target)))

    base = on_its_way("hardsync", 10.0, 4.0)
    assert "Their times to 4.0 % test error tie (4.02 s against 4 s)." in said(base, on_its_way("async", 5.0, 4.02))
    assert "But hardsync reaches 4.0 % test error sooner (4 s against 4.9 s)." in said(base, on_its_way("async", 5.0, 4.9))
    assert "async also reaches 4.0 % test error sooner (2 s against 4 s)." in said(base, on_its_way("async", 5.0, 2.0))


def test_of_variants_that_tie_the_dominated_and_the_frugal_are_named() -> None:
    def at_target(name: str, error: float, sent: float) -> VariantFacts:
        return replace(facts(name, error=error), goal=GoalFact(0.08, 1, spread(2.0)), bytes_sent=spread(sent))

    variants = [at_target("a", 0.04, 3e8), at_target("b", 0.064, 2.5e9), facts("c", seconds=20.0)]
    text = said(*variants)
    assert "Over the whole run, b is dominated by a: 6.4 % in 10 s against 4.0 % in 10 s. a sends 300 MB, b 2.5 GB." in text
    assert [card.mark for card in build_cards(variants, [])] == ["ties as best", "ties, but dominated", ""]


def test_the_best_is_compared_with_the_next_and_then_with_the_reference() -> None:
    text = said(facts("hardsync", seconds=40.0), facts("async", seconds=10.0), facts("ssp", seconds=20.0))
    assert text.startswith("async is best by time: 2.00× as fast as ssp, and 4.00× as fast as hardsync; their test errors tie")
    timed = said(
        *(facts(name, seconds=seconds, **TIMING) for name, seconds in (("hardsync", 40.0), ("async", 10.0), ("ssp", 20.0)))
    )
    assert "2.00× as many as ssp, and 4.00× as many as hardsync" in timed

"""Which variants lead a report: the best, and the one that the best is compared with."""

from __future__ import annotations

from simasgd.report.verdict.leading import list_leading
from tests.report.verdict.by_hand import TIMING, facts


def test_the_best_and_the_reference_lead() -> None:
    variants = [facts("slow", seconds=30.0), facts("hardsync", seconds=20.0), facts("best", seconds=10.0)]
    assert list_leading(variants) == ["best", "hardsync"]


def test_the_fastest_leads_where_nothing_is_learned() -> None:
    variants = [facts("slow", seconds=30.0, **TIMING), facts("hardsync", seconds=20.0, **TIMING)]
    fast = facts("fast", seconds=10.0, **TIMING)
    assert list_leading([*variants, fast]) == ["fast", "hardsync"]


def test_nobody_leads_where_nobody_finishes() -> None:
    assert list_leading([facts("hung", seconds=None, **TIMING)]) == []

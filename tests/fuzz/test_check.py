"""The short form of the fuzzer of bad input."""

from __future__ import annotations

from tests.fuzz.check import fuzz


def test_mutated_scenarios_are_fine_or_refused_with_their_place() -> None:
    report = fuzz(200, seed=1)
    assert report.failures == []
    assert min(report.ends["fine"], report.ends["refused"]) > 20

"""The short form of the random simulations."""

from __future__ import annotations

from tests.fuzz.simulate import fuzz


def test_random_simulations_end_and_nothing_gets_lost() -> None:
    report = fuzz(80, 20)
    assert report.ends.total() >= 80
    assert sum(number for end, number in report.ends.items() if end not in ("refused", "ended by hang")) >= 50

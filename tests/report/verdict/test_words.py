"""Numbers in words, and the rules on which the sentences rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simasgd import simulate
from simasgd.report.facts.formats import (
    NBSP,
    format_duration,
    format_factor,
    format_percent,
    format_share,
    join_words,
    spell_count,
)
from simasgd.report.facts.names import describe_setting
from simasgd.report.facts.reference import choose_reference
from tests.build import TIMING, scenario
from tests.report.verdict.by_hand import facts, spread


@pytest.mark.parametrize(
    ("error", "classes", "fails"), [(0.73, 10, True), (0.71, 10, False), (0.71, 2, True), (0.39, 2, False)]
)
def test_failing_is_measured_against_guessing(error: float, classes: int, fails: bool) -> None:
    assert facts("async", error=error, classes=classes).fails is fails


def test_the_reference_is_hardsync_else_the_least_stale_else_the_first() -> None:
    stale, fresh = facts("a", staleness=spread(9.0)), facts("b", staleness=spread(2.0))
    assert choose_reference([stale, fresh, facts("hardsync")]).name == "hardsync"
    assert choose_reference([stale, fresh]).name == "b"
    nothing = [replace(stale, staleness=None), replace(fresh, staleness=None)]
    assert choose_reference(nothing).name == "a"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (format_duration(0.0), "0 s"),
        (format_duration(3e-6), "3 µs"),
        (format_duration(0.918), "918 ms"),
        (format_duration(5.466), "5.47 s"),
        (format_duration(300.0), "5 min"),
        (format_duration(22_392.0), "6.22 h"),
        (format_percent(0.0), "0.0 %"),
        (format_percent(0.0044), "0.44 %"),
        (format_percent(0.9083), "90.8 %"),
        (format_share(0.0049), "0.5 %"),
        (format_share(0.406), "41 %"),
        (format_share(1.0), "100 %"),
        (format_share(0.9997), "> 99.9 %"),
        (format_share(0.0003), "< 0.1 %"),
        (format_factor(1.332), "1.33×"),
        (format_factor(41.7), "41.7×"),
        (join_words(["a"]), "a"),
        (join_words(["a", "b", "c"]), "a, b and c"),
        (spell_count(1, "seed"), "one seed"),
        (spell_count(1400, "seed"), "1,400 seeds"),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert text.replace(NBSP, " ") == expected


@pytest.mark.parametrize(
    ("protocol", "name", "said"),
    [
        ({"kind": "backup-workers", "backups": 3}, "backups", "backup-workers, 3 backups"),
        ({"kind": "backup-workers", "backups": 1}, "b", "backup-workers, 1 backup"),
        ({"kind": "backup-workers", "backups": 2}, "backup-workers-backups2", ""),
        ({"kind": "backup-workers", "backups": 2}, "backup-workers", "2 backups"),
        ({"kind": "n-softsync", "n": 4}, "stale", "4-softsync"),
        ({"kind": "n-softsync", "n": 4}, "n-softsync-n4", ""),
        ("async", "async-slower-rate", ""),
        ({"kind": "ssp", "slack": 2}, "bounded", "ssp, slack 2"),
    ],
)
def test_a_variant_is_what_its_name_does_not_say(protocol: object, name: str, said: str) -> None:
    alone = simulate(scenario(TIMING, {"protocol": protocol, "stop": {"gradients": 20}}))
    assert describe_setting(alone, name) == said

"""The standings and the target of a comparison in sentences."""

from __future__ import annotations

import pytest

from simasgd.report.comparison.blocks import build_comparison_blocks
from simasgd.report.comparison.comparison import MetricComparison
from simasgd.report.comparison.figures import sort_by_reach
from simasgd.report.comparison.standings import describe_front, describe_target
from simasgd.report.facts.formats import format_bytes
from simasgd.report.facts.formats import use_plain_spaces as plain
from simasgd.results.outcome import Outcome
from tests.report.contenders import compared, contender


def list_wins(found: MetricComparison) -> list[list[str]]:
    """Return the rows of the table of the best variants."""
    (block,) = build_comparison_blocks([found])
    tables = dict(block.more)
    return [[plain(cell.text) for cell in row] for row in tables["The best variant by each criterion"].rows]


def test_standings_in_words() -> None:
    found = compared(
        contender("hardsync", [0.03, 0.032], [10.0, 10.2], [6.0, 6.0]),
        contender("async", [0.9, 0.9], [5.0, 5.0], [None, None], failure=Outcome.FAILS),
        contender("aware", [0.06, 0.062], [7.0, 7.2], [7.0, 7.0]),
        contender("late", [0.08, 0.08], [12.0, 12.0], [12.0, None]),
    )
    assert plain(describe_front(found)) == (
        "On the Pareto front of test error and simulated time are aware (6.1 % in 7.1 s) and hardsync (3.1 % in 10.1 s). "
        "async fails to learn and does not compete. late is dominated by hardsync and aware."
    )
    assert plain(describe_target(found)) == (
        "The target is 5.0 % test error, as requested. The times are those of the first evaluation at or below the target."
    )
    assert list_wins(found) == [
        ["final test error", "hardsync", "3.1 %", "2 of 2"],
        ["simulated time", "aware", "7.1 s", "2 of 2"],
        ["time to the target", "hardsync", "6 s", "2 of 2"],
        ["bytes sent", "aware", "35.5 B", "2 of 2"],
        ["epochs to the target", "hardsync", "3", "2 of 2"],
    ]
    assert [one.name for one in sort_by_reach(found.contenders)] == ["hardsync", "aware", "late", "async"]


def test_ties_in_words() -> None:
    found = compared(contender("a", [0.03], [10.0], [None]), contender("b", [0.031], [10.1], [None]))
    assert plain(describe_front(found)) == (
        "On the Pareto front of test error and simulated time are a (3.0 % in 10 s) and b (3.1 % in 10.1 s). "
        "b ties with a in both."
    )
    none = "none: no variant reaches the target at every seed"
    assert [row[:2] for row in list_wins(found)] == [
        ["final test error", "both tie"], ["simulated time", "both tie"], ["time to the target", none],
        ["bytes sent", "both tie"], ["epochs to the target", none],
    ]  # fmt: skip


def test_some_tie_and_some_have_no_rival() -> None:
    two = [contender("a", [0.03], [10.0], [6.0]), contender("b", [0.031], [15.0], [None])]
    rows = list_wins(compared(*two, contender("c", [0.2], [20.0], [None])))
    assert rows[:2] == [["final test error (tie)", "a", "3.0 %", "1 of 1"], ["", "b", "3.1 %", "0 of 1"]]
    assert ["time to the target", "a", "6 s", "no rival"] in rows


def test_nobody_learns() -> None:
    bad = [contender(name, [None], [1.0], failure="diverged") for name in ("a", "b")]
    found = compared(*bad, target=None, given=False)
    assert describe_front(found) == "There is no Pareto front, because no variant learns."
    assert {row[1] for row in list_wins(found)} == {"none: no variant learns"}
    assert describe_target(found) == "No variant learns, so there is no target to reach."


def test_where_the_default_target_comes_from() -> None:
    both = [contender("a", [0.03], [10.0], [4.0], level=0.03), contender("b", [0.05], [9.0], [6.0], level=0.044)]
    said = plain(describe_target(compared(*both, given=False)))
    assert (
        "5.0 % test error, the best value that the second-best variant reaches at every seed (4.4 %), rounded up to 1, 1.2, "
        in said
    )
    alone = [both[0], contender("bad", [0.9], [1.0], [None], level=0.9, failure=Outcome.FAILS)]
    assert "the only variant that learns reaches at every seed (3.0 %)" in plain(describe_target(compared(*alone, given=False)))


@pytest.mark.parametrize(
    ("size", "said"), [(0.0, "0 B"), (999.0, "999 B"), (3.5e5, "350 kB"), (3.03e9, "3.03 GB"), (2e15, "2,000 TB")]
)
def test_bytes_in_words(size: float, said: str) -> None:
    assert plain(format_bytes(size)) == said

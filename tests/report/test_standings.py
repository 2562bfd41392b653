"""The standings and the target of a comparison in sentences."""

from __future__ import annotations

import pytest

from simasgd.report.comparison.standings import describe_front, describe_standings, describe_target
from simasgd.report.facts.formats import format_bytes
from simasgd.report.facts.formats import use_plain_spaces as plain
from simasgd.results.outcome import Outcome
from tests.report.contenders import compared, contender


def test_standings_in_words() -> None:
    found = compared(
        contender("hardsync", [0.03, 0.032], [10.0, 10.2], [6.0, 6.0]),
        contender("async", [0.9, 0.9], [5.0, 5.0], [None, None], failure=Outcome.FAILS),
        contender("aware", [0.06, 0.062], [7.0, 7.2], [7.0, 7.0]),
        contender("late", [0.08, 0.08], [12.0, 12.0], [12.0, None]),
    )
    assert plain(describe_standings(found)) == (
        "On the Pareto front of test error and simulated time are aware (6.1 % in 7.1 s) and hardsync (3.1 % in 10.1 s). "
        "async fails to learn and does not compete. late is dominated by hardsync and aware. "
        "By final test error, hardsync wins (3.1 %), at each of two seeds. "
        "By simulated time, aware wins (7.1 s), at each of two seeds. "
        "By time to the target, hardsync wins (6 s), at each of two seeds. "
        "By bytes sent, aware wins (35.5 B), at each of two seeds. "
        "By epochs to the target, hardsync wins (3 epochs), at each of two seeds."
    )
    assert plain(describe_target(found)).startswith(
        "The target is 5.0 % test error, as requested. hardsync reaches it after 6 s (3 epochs), async never reaches it, "
        "aware reaches it after 7 s (3.5 epochs) and late reaches it after 12 s (6 epochs) at 1 of 2 seeds."
    )


def test_ties_in_words() -> None:
    found = compared(contender("a", [0.03], [10.0], [None]), contender("b", [0.031], [10.1], [None]))
    assert plain(describe_standings(found)) == (
        "Only a (3.0 % in 10 s) is on the Pareto front of test error and simulated time. b is dominated by a. "
        "All competing variants tie by final test error, simulated time and bytes sent. "
        "No variant wins by time to the target and epochs to the target: no variant reaches the target at every seed."
    )


def test_some_tie_and_some_have_no_rival() -> None:
    two = [contender("a", [0.03], [10.0], [6.0]), contender("b", [0.031], [15.0], [None])]
    said = plain(describe_standings(compared(*two, contender("c", [0.2], [20.0], [None]))))
    assert "By final test error, a (3.0 %) and b (3.1 %) tie." in said
    assert "By time to the target, a (6 s) has no rival." in said


def test_nobody_learns() -> None:
    bad = [contender(name, [None], [1.0], failure="diverged") for name in ("a", "b")]
    found = compared(*bad, target=None, given=False)
    assert describe_front(found) == "There is no Pareto front, because no variant learns."
    assert "No variant wins by final test error, simulated time, " in describe_standings(found)
    assert describe_target(found) == "No variant learns, so there is no target to reach."


def test_where_the_default_target_comes_from() -> None:
    both = [contender("a", [0.03], [10.0], [4.0], level=0.03), contender("b", [0.05], [9.0], [6.0], level=0.044)]
    said = plain(describe_target(compared(*both, given=False)))
    assert "5.0 % test error, the best value that the second-best variant reaches at every seed (4.4 %), rounded up." in said
    alone = [both[0], contender("bad", [0.9], [1.0], [None], level=0.9, failure=Outcome.FAILS)]
    assert "the only variant that learns reaches at every seed (3.0 %)" in plain(describe_target(compared(*alone, given=False)))


@pytest.mark.parametrize(
    ("size", "said"), [(0.0, "0 B"), (999.0, "999 B"), (3.5e5, "350 kB"), (3.03e9, "3.03 GB"), (2e15, "2,000 TB")]
)
def test_bytes_in_words(size: float, said: str) -> None:
    assert plain(format_bytes(size)) == said

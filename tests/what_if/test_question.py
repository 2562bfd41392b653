"""What is simulated again for a run: a tenth of its own clock, and what its critical path leaves open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simasgd import simulate, simulator, study
from simasgd.report.facts.variant_facts import collect_facts
from simasgd.results.distributions import PathSeconds
from simasgd.scenario.schema import Scenario
from simasgd.stages.progress import silent
from simasgd.timing import simulate_timing
from simasgd.what_if.answers import what_if
from simasgd.what_if.chance import count_until
from simasgd.what_if.changes import CHANGES, Change
from simasgd.what_if.question import Question, path_is_limit, path_speedups
from tests.build import TIMING, scenario
from tests.protocols.table import ROWS


def cluster(learners: int, **changes: Any) -> Scenario:
    return scenario(TIMING, {"cluster": {"learners": learners, **changes}})


def path(compute: float = 0.0, push: float = 0.0, update: float = 0.0, pull: float = 0.0, other: float = 0.0) -> PathSeconds:
    return PathSeconds(compute=compute, push=push, update=update, pull=pull, other=other)


@pytest.mark.parametrize(
    ("learners", "applied", "gradients", "parts"),
    [
        (30, 400, 400, 3),
        (30, 20_000, 1_000, 3),  # the least
        (30, 90_000, 2_826, 3),  # (90,000 + 180) ÷ 30 − 180
        (30, 1_000_000, 5_000, 3),  # the most
        (10_000, 800_000, 26_000, 1),  # (800,000 + 60,000) ÷ 10 − 60,000
        (10_000, 4_000_000, 30_000, 3),  # three of each learner
        (10_000, 300_000, 0, 0),
        (10_000, 15_000, 0, 0),
        (600, 1_100, 0, 0),  # the least is less than two of each learner, and the run is no longer
        (600, 900, 900, 1),  # the run itself is as short: (40,000 − 30 · 600) ÷ 5 = 4,400 would do, and 400 for two parts
    ],
)
def test_the_simulations_take_a_tenth_of_the_run(learners: int, applied: int, gradients: int, parts: int) -> None:
    asked = Question.of(cluster(learners), applied)
    assert (asked.gradients, len(asked.parts)) == (gradients, parts)
    if gradients > 1_000:
        assert parts * (gradients + 6 * learners) <= (applied + 6 * learners) / 10


SPELLS: dict[str, Any] = {"stragglers": {"slowdown": 8, "mean_normal": "5 s", "mean_slow": "500 ms"}}
"""Slow spells that come and go."""


@pytest.mark.parametrize(
    "changes",
    [
        SPELLS,
        {"faults": {"server_pauses": [{"at": "8 s", "lasting": "500 ms"}]}},
        {"faults": {"crashes": [{"learner": 0, "at": "4 s"}]}},
    ],
)
def test_where_things_happen_at_times_the_whole_run_is_simulated(changes: dict[str, Any]) -> None:
    """Or as much as 80,000 events of three simulations are, of which to make a learner takes 30, and a gradient 5."""
    whole, part = (Question.of(cluster(16, **changes), gradients) for gradients in (3_600, 90_000))
    assert (whole.gradients, whole.at_times) == (3_600, False)
    assert (part.gradients, part.at_times) == ((80_000 // 3 - 480) // 5, True)


def test_what_is_alike_at_all_times_needs_no_whole_run() -> None:
    lasting = {"slowdown": 4, "mean_slow": "forever", "members": [3]}
    assert Question.of(cluster(16, stragglers=lasting), 3_600).gradients == 1_000


def test_the_answer_is_then_the_quotient_of_two_whole_runs() -> None:
    chosen = scenario(TIMING, {"cluster": {"learners": 4, **SPELLS}, "stop": {"gradients": 1_500}})
    run = simulate(chosen)
    rows = what_if(chosen, Question.of_run(chosen, run.summary)).rows or ()
    faster = simulate(chosen.model_copy(update={"cluster": CHANGES["node"](chosen.cluster)}))
    found = {row.change: row for row in rows}["node"]
    assert found.gradients == 1_500
    assert found.speedup == pytest.approx(run.simulated_seconds / faster.simulated_seconds)


def test_a_resumed_study_has_the_same_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How much is simulated again depends on the events of a clock that a resumed study does not simulate."""
    monkeypatch.setattr(simulator, "_WORTH_KEEPING", 0.0)  # seconds
    chosen = scenario(TIMING, {"cluster": SPELLS, "stop": {"gradients": 15_000}})
    first, again = (study(chosen, unfinished=tmp_path).runs[""][0].summary for _ in range(2))
    assert again.wall == first.wall, "it was found"
    assert again.what_if == first.what_if
    assert {row.gradients < 15_000 for row in first.what_if or ()} == {True}


@pytest.mark.parametrize(
    ("gradients", "speedup", "said"),
    [
        (0, None, (1.2, True)),  # the limit is what is known
        (150, 1.5, (1.5, False)),  # messages may change their order
        (200, 1.1, (1.1, False)),
    ],
)
def test_a_report_shows_the_limit_only_of_what_was_not_simulated(
    gradients: int, speedup: float | None, said: tuple[float, bool]
) -> None:
    result = study(scenario(TIMING, {"stop": {"gradients": 200}}))
    (run,) = result.runs[""]
    row = next(row for row in run.summary.what_if or () if row.change == "node")
    row = row.model_copy(update={"gradients": gradients, "speedup": speedup, "path_speedup": 1.2})
    told = replace(run, summary=run.summary.model_copy(update={"what_if": (row,)}))
    (found,) = collect_facts(replace(result, runs={"": [told]}))[0].what_if
    assert (found.speedup, found.is_limit) == said


def test_parts_of_which_the_path_says_enough_are_not_simulated() -> None:
    limits: dict[Change, float] = {"network": 1.3, "server": 1.004, "node": 1.5}
    assert Question.of(cluster(30), 20_000, None, limits).parts == ("node", "network")
    assert Question.of(cluster(10_000), 1_000_000, None, limits).parts == ("node",)


def test_a_short_run_takes_a_bounded_number_of_events() -> None:
    """A gradient that takes 100 events leaves room for (40,000 ÷ 3 − 30 · 30) ÷ 100 of them."""
    asked = Question.of(cluster(30), 2_000, 200_000)
    assert (asked.gradients, len(asked.parts)) == (124, 3)
    assert Question.of(cluster(30), 100_000, 10_000_000).gradients == (1_000_090 // 3 - 900) // 100  # a tenth is more


def test_at_equal_times_both_meet_the_same_spells() -> None:
    """What changes nothing is exactly 1 times as fast, and twice as many gradients in the same time are twice as fast."""
    assert [count_until(np.array([1.0, 1.0, 3.0, 3.0]), at) for at in (0.5, 1.0, 2.0, 3.0, 6.0)] == [1.0, 2.0, 3.0, 4.0, 8.0]
    chosen = scenario(TIMING, {"cluster": SPELLS, "workload": {"payload": 0}, "stop": {"gradients": 12_000}})
    timing = simulate_timing(chosen, silent)
    asked = replace(Question.of(chosen, 12_000, timing.clock.events), gradients=600)
    assert asked.at_times
    assert asked.limits == {}
    found = {row.change: row for row in what_if(chosen, asked, timing.times_of_first(600)).rows or ()}
    assert found["network"].speedup == 1.0
    node = found["node"]
    assert node.seconds is not None
    assert timing.tape is not None
    done = int(np.searchsorted(timing.tape.stepped_at, node.seconds, side="right"))
    assert node.speedup == pytest.approx(600 / done, rel=1 / done)


def find_error_of_faster_nodes(*overrides: str) -> float:
    """Return the standard error of the speed-up by nodes that are twice as fast, of 1,000 gradients of async."""
    usual = ("variants=null", "learning=null", "protocol=async", "learners=8", "cluster.compute.cv=0.5", "repeats=1")
    chosen = Scenario.load("quickstart", *usual, "stop={epochs: null, gradients: 1000}", *overrides)
    asked = Question.of(chosen, 1_000)
    assert (asked.gradients, asked.at_times) == (1_000, False)
    error = next(row.standard_error for row in what_if(chosen, asked).rows or () if row.change == "node")
    assert error is not None
    return error


def test_faults_of_a_whole_run_add_little_chance() -> None:
    """Both runs draw the same numbers whether one learner is away for 1 ms, and both wait 1 s for the server."""
    without = find_error_of_faster_nodes()
    assert find_error_of_faster_nodes("faults.crashes=[{learner: 0, at: 1 ms, down: 1 ms}]") < 2.0 * without
    assert find_error_of_faster_nodes("faults.server_pauses=[{at: 500 ms, lasting: 1 s}]") < 10.0 * without


DISCARDING: dict[str, Any] = {
    "cluster": {"learners": 8, "profile": "p775"},
    "workload": {"payload": "100 MB"},
    "protocol": {"kind": "k-batch-sync", "k": 4},
    "stop": {"gradients": 400},
}


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"cluster": {"learners": 16, "architecture": {"kind": "adv", "fan_out": 4}, "server": {"update": "40 ms"}}}, "node"),
        ({"cluster": {"learners": 8, "network": {"sharing": "fair"}, "server": {"bandwidth": "6 MB/s"}}}, "network"),
        (DISCARDING, "server"),
    ],
)
def test_no_limit_is_told_where_a_run_may_exceed_it(changes: dict[str, Any], part: Change) -> None:
    """Faster nodes put more gradients into an update; on shared links a message waits for those that are not in its chain.

    A faster cluster discards the gradients of other learners.
    """
    chosen = scenario(TIMING, changes)
    summary = simulate(chosen).summary
    assert not path_is_limit(chosen, discards=summary.gradients.dropped > 0)
    assert summary.critical_path is not None
    rows = {row.change: row for row in what_if(chosen, Question.of_run(chosen, summary)).rows or ()}
    assert rows[part].path_speedup is None
    assert (rows[part].speedup or 0.0) > 1.05 * path_speedups(chosen, summary.critical_path)[part]


def test_the_start_is_simulated_too_where_it_may_matter() -> None:
    """Nobody knows the order of events of constant times on fair links: seven simulations in place of three."""
    fair = cluster(30, compute={"distribution": "constant", "cv": None}, network={"sharing": "fair"})
    assert Question.of(fair, 200_000).gradients == (200_000 + 180) // 70 - 180
    assert Question.of(fair, 200_000).asks_start


def test_the_limit_is_the_path_with_half_of_the_part() -> None:
    chosen = cluster(4)
    found = path_speedups(chosen, path(compute=6.0, push=1.0, update=0.5, pull=1.0, other=1.5))
    assert found == pytest.approx({"network": 10 / 9, "server": 10 / 8.75, "node": 10 / 7})
    within = path_speedups(cluster(4, learners_per_node=2), path(compute=6.0, push=1.0, pull=1.0, other=2.0))
    assert within["node"] == pytest.approx(10 / 6)  # messages within a node are the node's
    assert path_speedups(chosen, path()) == {}


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("record", ["summary", "updates"])
def test_the_time_without_a_change_is_that_of_the_run_itself(kind: str, record: str) -> None:
    """And with constant times, whose order no change alters, no part does more than the path allows."""
    changes: Sequence[dict[str, Any]] = (
        {"cluster": {"compute": {"distribution": "constant", "cv": None}, "start": "spread"}},
        {"protocol": ROWS[kind].typical, "record": record, "stop": {"gradients": 120}},
    )
    chosen = scenario(TIMING, *changes)
    timing = simulate_timing(chosen, silent)
    asked = Question.of_run(chosen, simulate(chosen).summary)
    if not asked.parts:
        return
    times = timing.times_of_first(asked.gradients)
    assert times is not None
    answers = what_if(chosen, asked, times)
    assert answers == what_if(chosen, asked)
    assert answers.rows is not None
    for row in answers.rows:
        if row.path_speedup is not None and row.speedup is not None:
            assert row.speedup <= row.path_speedup * 1.03


def test_a_study_says_what_was_not_simulated() -> None:
    """No bytes, no time of updates: only computing is on the path."""
    result = study(scenario(TIMING, {"workload": {"payload": 0}, "stop": {"gradients": 200}}))
    rows = {row.change: row for row in result.runs[""][0].summary.what_if or ()}
    assert [(row.gradients, row.seconds, row.speedup) for name, row in rows.items() if name != "node"] == [(0, None, None)] * 2
    assert rows["network"].path_speedup == pytest.approx(1.0)
    assert rows["node"].speedup == pytest.approx(2.0)

"""Learners whose work ends with their traces."""

from __future__ import annotations

from typing import Any

import pytest

from simasgd import Scenario, ScenarioError, simulate, study
from tests.build import scenario

FREE: dict[str, Any] = {
    "name": "leaving",
    "cluster": {
        "learners": 2,
        "compute": {"distribution": "trace", "measured": [["1 s", "1 s", "1 s"], ["2 s"] * 30], "at_end": "stop"},
        "network": {"latency": 0, "bandwidth": "unlimited"},
        "server": {"bandwidth": "unlimited", "update": 0},
    },
    "workload": {"mini_batch": 1, "payload": "1 B", "samples_per_epoch": 10},
    "protocol": "async",
    "stop": {"simulated_time": "20.5 s"},
    "record": "timeline",
}


def test_the_others_go_on_where_nobody_waits() -> None:
    run = simulate(scenario(FREE))
    assert run.learners["computed"].tolist() == [3, 10]
    assert run.learners["compute"].tolist() == [3.0, 20.5]
    assert run.learners["idle"].tolist() == [17.5, 0.0]
    assert run.outcome == "finished"
    assert run.summary.warnings == ("The trace of one learner ended at 3 s, and its work with it.",)


@pytest.mark.parametrize("protocol", ["hardsync", {"kind": "ssp", "slack": 2}])
def test_who_waits_for_a_learner_that_left_waits_for_ever(protocol: Any) -> None:
    run = simulate(scenario(FREE, {"protocol": protocol, "stop": {"simulated_time": None, "gradients": 40}}))
    assert run.outcome == "hung"
    assert "the traces of these learners ended: 0 (at " in run.summary.reason


@pytest.mark.parametrize("protocol", ["all-reduce", {"kind": "local-sgd", "steps": 1}, "easgd-sync", "gossip-pull", "sgp"])
def test_without_a_server_the_others_go_on(protocol: Any) -> None:
    """Rounds end at 2, 4 and 6 s. Learner 0 leaves at 6 s at the latest, and is given up a second later."""
    run = simulate(scenario(FREE, {"protocol": protocol}))
    assert run.outcome == "finished"
    assert run.learners["computed"].tolist() == [3, 10]
    assert run.summary.faults.members_dropped == 1
    assert run.summary.faults.crashes == 0


def test_a_second_thread_leaves_too() -> None:
    run = simulate(scenario(FREE, {"protocol": "overlap-sgp"}))
    assert run.learners["computed"].tolist() == [3, 10]


def test_a_learner_without_a_server_may_crash_before_its_trace_ends() -> None:
    crash = {"cluster": {"faults": {"crashes": [{"learner": 0, "at": "0.5 s", "down": "1 s"}]}}}
    run = simulate(scenario(FREE, {"protocol": "gossip-pull"}, crash))
    assert run.learners["computed"].tolist()[0] == 2  # the first of its three times was lost
    assert (run.summary.faults.crashes, run.summary.faults.rejoins) == (1, 1)


def test_costs_and_leaving_are_refused_together() -> None:
    with pytest.raises(
        ScenarioError, match=r"compute\.at_end: under all-reduce a trace that stops cannot be combined with costs"
    ):
        scenario(FREE, {"protocol": "all-reduce", "cluster": {"costs": {"step": "1 ms"}}})


def test_a_barrier_can_do_without_it() -> None:
    run = simulate(scenario(FREE, {"protocol": {"kind": "hardsync", "barrier_timeout": "1 s"}}))
    # Rounds end at 2, 4, 6 and, a second after learner 1's gradient, at 9 s. Then the barrier expects learner 1 only.
    assert run.learners["computed"].tolist() == [3, 9]
    assert run.summary.faults.members_dropped == 1


@pytest.mark.parametrize("architecture", ["adv", "adv*"])
def test_what_a_learner_has_begun_to_send_arrives(architecture: str) -> None:
    slow = {"cluster": {"architecture": architecture, "network": {"latency": "300 ms"}}}
    run = simulate(scenario(FREE, slow))
    assert run.learners["computed"].tolist()[0] == 3
    assert run.summary.gradients.lost == 0
    applied = run.updates
    assert applied is not None
    assert (applied["learner"] == 0).sum() == 3


def test_a_crash_after_the_end_changes_nothing_more() -> None:
    crash = {"cluster": {"faults": {"crashes": [{"learner": 0, "at": "5 s", "down": "1 s"}]}}}
    run = simulate(scenario(FREE, crash))
    assert run.learners["computed"].tolist() == [3, 10]
    assert run.summary.faults.rejoins == 1


def test_protocols_under_supervision_leave_too() -> None:
    cancelling = scenario(FREE, {"protocol": {"kind": "k-sync", "k": 1}})
    assert simulate(cancelling).learners["computed"].tolist()[0] <= 3


def notes(compute: dict[str, Any], learners: int = 2, **others: Any) -> tuple[str, ...]:
    changed = scenario(FREE, {"cluster": {"learners": learners, "compute": compute}, **others})
    return tuple(study(Scenario.model_validate(changed.model_dump())).notes)


def test_notes_say_who_replays_what_and_what_was_repeated() -> None:
    law = {"distribution": "trace", "measured": [["1 s", "1 s"], ["1 s"] * 30], "at_end": None}
    found = notes(law)
    assert found == (
        "1 of 2 traces ended before the run did, and was repeated from the beginning; "
        "the most used one gave at least 10 times as many mini-batches as it has values (2).",
    )
    assert notes(law, 1)[0] == "The trace has 2 series for one learner; the last is not used."
    assert notes(law, 3)[0].startswith("The trace has 2 series for 3 learners: learner i replays series i mod 2, each from a")
    assert "continued with random blocks of it (2 values each)" in notes({**law, "at_end": "bootstrap"})[0]


def test_a_note_is_there_once_for_all_variants() -> None:
    law = {"distribution": "trace", "measured": [["1 s"] * 7, ["1 s"] * 7], "at_end": None}
    both = (
        "Both traces ended before the run did, and were repeated from the beginning; "
        "the most used one gave at least 2 times as many mini-batches as it has values (7)."
    )
    variants = {"sync": {"protocol": "hardsync"}, "free": {"protocol": "async"}}
    assert notes(law, stop={"gradients": 30}, variants=variants) == (both,)
    shorter = {**variants, "short": {"stop": {"gradients": 4}}}
    assert notes(law, stop={"gradients": 30}, variants=shorter) == (f"sync, free: {both}",)

"""Without a parameter server: the others go on without a learner that leaves, and it comes back with a model of theirs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simasgd import ScenarioError, simulate
from simasgd.cluster.clock.log import SpanLog
from simasgd.learning.players.compiled import Compiled
from simasgd.learning.players.reference import Reference
from simasgd.tape.mixing import NONE
from tests.build import IS_AT_LENGTH, LINEAR, TIMING, clock, same_tape, scenario
from tests.cluster.invariants import holds
from tests.learning.agreement import final_weights, relative_distance, simulate_problem
from tests.protocols.table import ROWS

PEERS = sorted(kind for kind, row in ROWS.items() if row.serverless)
CONSTANT: dict[str, Any] = {
    "cluster": {
        "learners": 4,
        "compute": {"per_batch": "10 ms", "per_sample": 0, "distribution": "constant"},
        "network": {"latency": "1 ms", "bandwidth": "unlimited"},
        "server": {"bandwidth": "unlimited", "update": 0},
    },
    "workload": {"payload": "1 kB"},
}


def away(*crashes: dict[str, Any], timeout: str = "20 ms") -> dict[str, Any]:
    return {"cluster": {"faults": {"crashes": list(crashes), "member_timeout": timeout}}}


@pytest.mark.parametrize("kind", PEERS)
def test_the_others_finish_the_work_without_one_that_leaves_for_good(kind: str) -> None:
    chosen = scenario(TIMING, CONSTANT, {"protocol": kind}, away({"learner": 2, "at": "105 ms"}))
    clocked, tape = clock(chosen, SpanLog())
    holds(chosen, clocked, tape)
    assert clocked.hang is None
    assert clocked.gradients_applied >= 400
    assert (clocked.fault_counts.crashes, clocked.fault_counts.members_dropped) == (1, 1)
    late = tape.learner[tape.stepped_at[tape.step] > 0.15]
    assert set(late.tolist()) == {0, 1, 3}
    if tape.mixing is not None:
        gone = len(tape.mixing.holders(tape.num_steps)) - tape.mixing.has_centre
        assert gone == 3, "the model that it lost is not evaluated"


@pytest.mark.parametrize("kind", PEERS)
def test_nobody_is_given_up_that_is_back_in_time(kind: str) -> None:
    chosen = scenario(TIMING, CONSTANT, {"protocol": kind}, away({"learner": 2, "at": "105 ms", "down": "15 ms"}))
    clocked, tape = clock(chosen)
    holds(chosen, clocked, tape)
    counts = clocked.fault_counts
    assert (counts.rejoins, counts.members_dropped, counts.barrier_timeouts) == (1, 0, 0)
    assert tape.learner[tape.stepped_at[tape.step] > 0.2].tolist().count(2) > 50


@pytest.mark.parametrize("kind", PEERS)
def test_one_that_comes_back_has_a_model_of_the_others_and_works_on(kind: str) -> None:
    chosen = scenario(TIMING, CONSTANT, {"protocol": kind}, away({"learner": 2, "at": "105 ms", "down": "100 ms"}))
    clocked, tape = clock(chosen)
    holds(chosen, clocked, tape)
    assert clocked.fault_counts.members_dropped == 1
    at = tape.stepped_at[tape.step]
    assert not (tape.learner[(at > 0.13) & (at < 0.205)] == 2).any()
    assert (tape.learner[at > 0.3] == 2).sum() > 30
    mixing = tape.mixing
    if mixing is None:
        return
    rows = np.flatnonzero((mixing.owner == 2) & (mixing.other == NONE) & (np.diff(tape.offsets) == 0)).tolist()
    held = {number: set(mixing.held[mixing.holder == number].tolist()) for number in range(mixing.num_holders)}
    of_others = [row for row in rows if mixing.base[row] in set().union(*held.values()) - held[2]]
    assert len(of_others) == 1, "it takes one model over"
    assert tape.stepped_at[of_others[0]] >= 0.205 + 0.001, "which takes the time of a message"
    first = next(row for row in range(of_others[0] + 1, tape.num_steps) if mixing.step_share[row] and mixing.owner[row] == 2)
    assert mixing.state[first] == 0, "its optimizer begins anew"


def test_local_sgd_by_hand() -> None:
    """Three learners compute 10 ms and average in 4 rounds of 1 ms; two learners need 2 rounds.

    Learner 2 leaves at 33 and is given up at 53, so the third mean is that of two at 55. It is back at 68, while the others
    compute until 77. It waits for their mean at 79, has learner 0's model at 80, and computes until 90.
    """
    changes = {"cluster": {"learners": 3}, "protocol": {"kind": "local-sgd", "steps": 1}, "stop": {"gradients": 15}}
    chosen = scenario(TIMING, CONSTANT, changes, away({"learner": 2, "at": "33 ms", "down": "35 ms"}))
    clocked, tape = clock(chosen)
    at = (tape.stepped_at[tape.step] * 1e3).round(9).tolist()
    assert at == [10, 10, 10, 24, 24, 24, 38, 38, 65, 65, 77, 77, 89, 89, 90]
    assert tape.learner.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 0, 1, 0, 1, 0, 1, 2]
    mixing = tape.mixing
    assert mixing is not None
    (row,) = np.flatnonzero((tape.stepped_at * 1e3).round(9) == 80).tolist()
    assert (mixing.owner[row], mixing.base[row]) == (2, mixing.holders(row)[0])
    counts = clocked.fault_counts
    assert (counts.barrier_timeouts, counts.members_dropped, counts.rejoins) == (1, 1, 1)
    assert counts.down_seconds == pytest.approx(35e-3)


def test_all_reduce_goes_on_with_the_gradients_that_are_there() -> None:
    """As before, with gradients: the third step is made of two gradients, and so are those until learner 2 is back."""
    changes = {"cluster": {"learners": 3}, "protocol": "all-reduce", "stop": {"gradients": None, "updates": 6}}
    chosen = scenario(TIMING, CONSTANT, changes, away({"learner": 2, "at": "33 ms", "down": "35 ms"}))
    _, tape = clock(chosen)
    assert (tape.stepped_at * 1e3).round(9).tolist() == [14, 28, 55, 67, 79, 94]
    assert np.diff(tape.offsets).tolist() == [3, 3, 2, 2, 2, 3]
    assert not tape.staleness.any()


def test_a_gradient_that_was_given_before_its_learner_left_counts_once_all_are_there() -> None:
    """Learner 0 gives its gradient at 10 and leaves at 15. Learner 1, at half speed, gives its own at 20."""
    changes = {"cluster": {"learners": 2, "speeds": [1.0, 0.5]}, "protocol": "all-reduce", "stop": {"gradients": 4}}
    clocked, tape = clock(scenario(TIMING, CONSTANT, changes, away({"learner": 0, "at": "15 ms"})))
    assert (tape.stepped_at * 1e3).round(9).tolist() == [22, 42, 62]
    assert tape.learner.tolist() == [0, 1, 1, 1]
    assert clocked.gradients_dropped == 0
    slow = {"cluster": {"speeds": [1.0, 0.1]}}
    crashes = away({"learner": 0, "at": "15 ms"}, {"learner": 1, "at": "20 ms", "down": "10 ms"}, timeout="5 ms")
    clocked, tape = clock(scenario(TIMING, CONSTANT, changes, slow, crashes))
    assert clocked.gradients_dropped == 1, "both are given up, so its gradient is of no use"
    assert set(tape.learner.tolist()) == {1}


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("kind", PEERS)
def test_both_players_agree_on_weights_where_learners_come_and_go(kind: str) -> None:
    crashes = away({"learner": 2, "at": "55 ms", "down": "40 ms"}, {"learner": 1, "at": "95 ms"}, timeout="5 ms")
    chosen = scenario(
        LINEAR, CONSTANT, {"protocol": kind, "stop": {"gradients": 60}, "learning": {"optimizer": {"momentum": 0.9}}}, crashes
    )
    problem = simulate_problem(chosen)
    stops = [problem.tape.num_steps // 3, problem.tape.num_steps // 2]
    expected = final_weights(Reference(), problem, stops)
    assert relative_distance(final_weights(Compiled(), problem, stops), expected) <= 1e-5
    run = simulate(chosen)
    assert run.summary.faults.crashes == 2
    assert run.test_loss is not None


@settings(max_examples=60 if IS_AT_LENGTH else 12, deadline=None)
@given(data=st.data(), kind=st.sampled_from(PEERS))
def test_nothing_gets_lost_whoever_leaves_and_comes_back(data: st.DataObject, kind: str) -> None:
    learners = data.draw(st.integers(1, 5))
    times = st.sampled_from(["1 ms", "10 ms", "50 ms", "200 ms"])
    changes = {
        "cluster": {
            "learners": learners,
            "seed": data.draw(st.integers(0, 1000)),
            "compute": data.draw(st.sampled_from([{}, {"distribution": "gamma", "cv": 0.5}])),
            "network": {"latency": data.draw(st.sampled_from(["0 s", "1 ms"])), "bandwidth": "1 MB/s"},
            "faults": {
                "crashes": {"mtbf": data.draw(times), "mttr": data.draw(times)},
                "member_timeout": data.draw(st.sampled_from(["0 s", "1 ms", "20 ms"])),
            },
        },
        "protocol": data.draw(ROWS[kind].drawn(learners)),
        "stop": {"gradients": data.draw(st.integers(1, 100)), "simulated_time": "5 s"},
    }
    chosen = scenario(TIMING, CONSTANT, changes)
    clocked, tape = clock(chosen, SpanLog())
    holds(chosen, clocked, tape)
    assert same_tape(tape, clock(chosen)[1])


def test_the_timeout_is_for_protocols_without_a_server() -> None:
    with pytest.raises(ScenarioError, match="async has a parameter server, so learners do not wait for each other"):
        scenario(TIMING, {"cluster": {"faults": {"member_timeout": "1 s"}}})
    assert scenario(TIMING, {"protocol": "sgp"}).cluster.faults.patience == 1.0


@pytest.mark.parametrize("kind", PEERS)
def test_costs_and_learners_that_leave_are_refused_together(kind: str) -> None:
    costs = {"cluster": {"costs": {"per_message": "1 ms"}}}
    with pytest.raises(ScenarioError, match=f"under {kind} learners that leave and come back cannot be combined with costs"):
        scenario(TIMING, {"protocol": kind}, costs, away({"learner": 0, "at": "1 s"}))

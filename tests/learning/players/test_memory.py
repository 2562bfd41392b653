"""Memory is known before it is taken."""

from __future__ import annotations

import time

import pytest

from simasgd import DataMissing, RunFailed, simulate
from simasgd.learning.layout.costs import CPU
from simasgd.learning.players.machine import Machine
from simasgd.learning.players.planner import lay_out
from simasgd.memory import format_bytes
from simasgd.scenario.vocabulary.merge import merge
from simasgd.simulator import describe_plans
from tests.build import LEARNING, LINEAR, scenario
from tests.learning.agreement import IN_WAVES, count_bytes, name_case, simulate_problem

FEDBUFF = {"kind": "fedbuff", "buffer": 2, "local_steps": 2}
CROPPED = merge(LEARNING, {"learning": {"data": {"kind": "digits", "crop": 1}}})


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize(
    ("base", "protocol", "modulation", "device"),
    [
        (LINEAR, "async", "gap-aware", CPU),
        (LINEAR, "hardsync", "gap-aware", IN_WAVES),
        (LINEAR, {"kind": "n-softsync", "n": 1}, "gap-aware", CPU),
        (LINEAR, {"kind": "n-softsync", "n": 1}, "gap-aware", IN_WAVES),
        (LINEAR, "hardsync", "dana-zero", CPU),
        (LINEAR, FEDBUFF, "none", IN_WAVES),
        (CROPPED, {"kind": "n-softsync", "n": 1}, "dana-zero", IN_WAVES),
        (CROPPED, FEDBUFF, "none", CPU),
    ],
    ids=name_case,
)
def test_what_is_stated_is_what_is_taken(base, protocol, modulation, device):
    optimizer = {"kind": "adam", "learning_rate": 0.01}
    chosen = scenario(base, {"protocol": protocol, "learning": {"optimizer": optimizer, "modulation": modulation}})
    problem = simulate_problem(chosen)
    plan = lay_out(problem.recipe, problem.tape, problem.sample, [problem.tape.num_steps], device)
    needed = plan.bytes_needed(problem.recipe, problem.dtype, 4)
    machine = Machine([problem], plan)
    slots = count_bytes(machine.start.slots) if plan.num_slots else 0
    copies = count_bytes(machine.start.memory.copies)
    assert needed["learners' copies"] == 3 * copies
    assert (copies > 0) == (chosen.protocol.kind == "fedbuff")
    assert needed["versions in flight"] == 3 * slots
    assert needed["weights and optimizer"] == 3 * (count_bytes(machine.start) - slots - copies)
    bounds = sum(leaf.nbytes for leaf in (machine._rows.shared.first, machine._rows.shared.wave) if leaf is not None)
    numbers = count_bytes(machine._rows.own.rule)  # a few
    assert needed["mini-batches"] == count_bytes(machine._rows) - bounds - numbers


def test_a_plan_too_large_for_the_machine_is_refused_before_it_is_made():
    """Two thousand versions of 56 million weights are 447 GB."""
    wide = {"model": {"kind": "mlp", "hidden": [745_000]}}
    large = {"learning": wide, "cluster": {"learners": 2_000}, "workload": {"mini_batch": 1}}
    began = time.monotonic()
    with pytest.raises(RunFailed) as caught:
        simulate(scenario(LEARNING, large, {"stop": {"gradients": 4_000}}))
    assert time.monotonic() - began < 120
    message = str(caught.value)
    assert message.startswith("the replay needs 1.3")
    assert "versions of the weights of 224 MB are alive together" in message
    assert "fewer learners" in message


def test_mini_batches_too_many_to_be_drawn_are_refused():
    data = {"kind": "linear-regression", "features": 1, "samples": 10_000_000}
    chosen = scenario(LEARNING, {"workload": {"mini_batch": 10**9}, "learning": {"data": data, "model": "linear"}})
    with pytest.raises(RunFailed, match=r"of memory \(to draw the mini-batches: 400 of 1000000000 samples\)"):
        simulate(chosen)


def test_a_plan_of_a_task_that_is_not_there_is_refused():
    own = {"model": {"kind": "own", "parameters": 10}, "data": {"kind": "own", "samples": 10, "test": 1, "sample": [3]}}
    with pytest.raises(DataMissing, match="give its samples in Python"):
        describe_plans(scenario(LEARNING, {"learning": own}))


def test_a_plan_in_words():
    text = describe_plans(
        scenario(
            LEARNING,
            {
                "variants": {
                    "async": None,
                    "sync": {"protocol": "hardsync"},
                    "timing": {"learning": None, "workload": {"payload": "1 kB"}},
                }
            },
        )
    )
    first, second, third = text.split("\n\n")
    assert first.splitlines()[0] == "async"
    assert "400 updates of 400 gradients, mini-batches of 4" in first
    assert "400 of up to 4 samples (no two gradients are one)" in first
    assert "8 kept besides the current weights" in first
    assert "one by one, the fastest on a CPU" in first
    assert "100 of up to 16 samples (up to 4 gradients of one version are one mini-batch)" in second
    assert "only the current weights" in second
    assert third == "timing\n  timing only: there is nothing to plan"


def test_a_plan_of_runs_at_once_and_of_a_rule_that_is_not_linear():
    chosen = scenario(
        LEARNING, {"cluster": {"seed": 0}, "repeats": 3, "learning": {"modulation": "dana-slim"}, "protocol": "hardsync"}
    )
    text = describe_plans(chosen)
    assert text.startswith("test: 3 runs at once\n")
    assert "400 of up to 4 samples (the rule needs each gradient by itself)" in text


def test_a_plan_says_what_is_left_of_a_momentum_that_counts_asynchrony():
    """A lone learner's gradients are never late, so that all of it is explicit; late by 4 always, 0.9 − 4/5 is."""
    total = {"learning": {"optimizer": {"momentum": {"total": 0.9}}}, "cluster": {"learners": 1}}
    assert "\n  momentum     0.9 explicit, for 0.9 in total at a mean staleness of 0\n" in describe_plans(
        scenario(LEARNING, total)
    )
    late = {"protocol": {"kind": "injected-staleness", "delay": {"distribution": "measured", "measured": [4]}}}
    text = describe_plans(scenario(LEARNING, total, late, {"stop": {"gradients": 100_000}}))
    assert "\n  momentum     0.1 explicit, for 0.9 in total at a mean staleness of 4\n" in text
    assert "momentum  " not in describe_plans(scenario(LEARNING))


def test_bytes_in_words():
    assert [format_bytes(number) for number in (0, 999, 12_345, 7e6, 4.5e11)] == ["0 B", "999 B", "12.3 kB", "7 MB", "450 GB"]

"""Which runs go on, which stay as they are, and what is refused with its reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pandas as pd
import pytest

from simasgd import Run, Task, UsageError, extend, simulate, study
from simasgd.results.outcome import Outcome
from simasgd.stages.parts import continued_scenario, without_last_part
from simasgd.studies.several import choose_variants
from tests.build import LEARNING, LINEAR, TIMING, scenario

EARLY = {"stop": {"gradients": None, "simulated_time": "1 ns"}}


def test_a_run_that_ends_for_good_has_no_further_part() -> None:
    """A scenario in parts, whose first part applies nothing, is a run that applied nothing."""
    run = simulate(scenario(TIMING, {"stop": {"gradients": None, "simulated_time": "1 ns", "continued": [1]}}))
    assert (run.outcome, run.scenario.stop.continued, run.summary.seams) == (Outcome.APPLIED_NOTHING, (1,), ())
    assert run.summary.scenario_hash == run.scenario.hash()


def test_every_seed_goes_on_from_its_own_run() -> None:
    first = study(scenario(TIMING, {"repeats": 3, "stop": {"gradients": 40}}))
    longer = extend(first, 0.1)
    assert [run.seed for run in longer.runs[""]] == [0, 1, 2]
    for run, before in zip(longer.runs[""], first.runs[""], strict=True):
        assert run.updates is not None
        pd.testing.assert_frame_equal(run.updates[:40], before.updates)
    table = longer.table()
    assert table["simulated_seconds_max"][0] > table["simulated_seconds_min"][0]


def test_a_study_goes_on_without_the_runs_that_ended_for_good() -> None:
    """A study of the same scenario has the same runs and notes; the target and a note about the command stay."""
    variants: dict[str, Any] = {"well": {}, "early": EARLY, "late": {"protocol": "hardsync"}}
    base = scenario(TIMING, {"repeats": 2, "variants": variants, "stop": {"gradients": 40}})
    first = study(base)
    longer = extend(replace(first, target=0.2, notes=["about the command", "late: by hand", *first.notes]), 0.1)
    again = study(longer.scenario)
    for variant, runs in longer.runs.items():
        for run, other in zip(runs, again.runs[variant], strict=True):
            assert run.summary.model_dump(exclude={"wall"}) == other.summary.model_dump(exclude={"wall"})
            assert (len(run.summary.seams), run.outcome is Outcome.APPLIED_NOTHING) == (
                (0, True) if variant == "early" else (1, False)
            )
    assert (longer.target, longer.notes[:2]) == (0.2, ("about the command", "late: by hand"))
    assert tuple(longer.notes[2:]) == tuple(again.notes)
    assert "early: Not continued: the run applied nothing, so there is nothing to continue" in longer.notes

    some = choose_variants(longer, ["early", "well"])
    assert [*some.runs] == [*some.scenario.variants] == ["well", "early"]
    assert (some.scenario.name, some.target, some.notes[0]) == ("test-early-well", 0.2, "about the command")
    assert not any("late" in note for note in some.notes)
    with pytest.raises(UsageError, match=r"test-early, seed 0: the run applied nothing.*none of the other 1 runs can go on"):
        extend(choose_variants(first, ["early"]), 0.1)


def test_a_run_that_cannot_go_on_is_refused_with_the_reason() -> None:
    def refused(run: Run, reason: str) -> None:
        with pytest.raises(UsageError, match=reason):
            extend(run, 1)

    base = scenario(TIMING, {"stop": {"gradients": 40}})
    early = scenario(base.resolved(), {"stop": {"gradients": None, "simulated_time": "1 ns"}})
    refused(simulate(early), "the run applied nothing, so there is nothing to continue")
    for key, value in {
        "crashes": [{"learner": 1, "at": "1 h"}],
        "server_pauses": [{"at": "1 h", "lasting": "1 s"}],
        "degraded_links": [{"link": "server", "at": "1 h", "lasting": "1 s", "factor": 0.5}],
    }.items():
        refused(simulate(scenario(base.resolved(), {"cluster": {"faults": {key: value}}})), "it is at fixed times")
    trace = {"compute": {"distribution": "trace", "measured": ["1 ms", "2 ms"], "per_sample": None, "cv": None}}
    refused(simulate(scenario(base.resolved(), {"cluster": trace})), "cannot have a trace")
    assert extend(simulate(base), 0.1).summary.seams[0].updates == 40, "timing alone needs no weights"


@pytest.mark.usefixtures("quickly_compiled")
def test_a_run_without_weights_or_beyond_its_target_is_refused() -> None:
    with pytest.raises(UsageError, match=r"kept no weights, so it cannot go on; run it with record.weights=true"):
        extend(simulate(scenario(LINEAR, {"stop": {"gradients": 40}})), 1)
    few = {"learning": {"model": {"kind": "softmax"}}, "record": {"weights": True}, "stop": {"gradients": 4, "test_error": 1}}
    whole = simulate(scenario(LEARNING, few))
    with pytest.raises(UsageError, match=r"reached its test error 1; to go on, run it without stop.test_error"):
        extend(whole, 1)
    with pytest.raises(UsageError, match="test, variant bare: the run kept no weights"):
        extend(study(scenario(LINEAR, {"stop": {"gradients": 4}, "variants": {"bare": {}}})), 1)
    assert not without_last_part(continued_scenario(scenario(TIMING), 1)).stop.continued


def test_no_work_is_left_unfinished_with_a_task(tmp_path: Path) -> None:
    x = jnp.ones(4)
    task = Task(init=lambda key: jnp.zeros(()), losses=lambda p, x, y: (p * x - y) ** 2, train=(x, x), test=(x, x))
    first = study(scenario(TIMING, {"stop": {"gradients": 4}}))
    with pytest.raises(ValueError, match="a study with a task cannot be resumed"):
        extend(first, 1, task=task, unfinished=tmp_path)

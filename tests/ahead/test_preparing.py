"""What learning begins with while another process simulates its clock."""

from __future__ import annotations

import pytest

from simasgd import simulate
from simasgd.ahead.timings import Timings
from simasgd.learning.problem.evaluation import _evaluator
from simasgd.learning.problem.task import ScenarioTask, frame_of
from simasgd.simulator import preparation_of, run_group
from simasgd.stages.progress import ShareOfWork, silent
from tests.build import LINEAR, TIMING, scenario


@pytest.mark.usefixtures("quickly_compiled")
def test_the_test_is_compiled_once_a_process_and_may_be_before_the_clock() -> None:
    data = {"learning": {"data": {"features": 3}}}
    chosen = scenario(LINEAR, data, {"stop": {"gradients": 40}})
    assert chosen.learning is not None
    task = ScenarioTask(chosen.learning.model, chosen.learning.data)
    evaluator = _evaluator(frame_of(task, chosen.learning.precision))
    programs = []
    with Timings([chosen], lambda scenarios, pace: len(scenarios)) as timings:
        prepare = preparation_of(chosen, None)
        assert prepare is not None
        timing = timings.get(chosen, silent, lambda: programs.append(prepare()))
    assert (programs, evaluator._cache_size()) == ([None], 1)
    (run,) = run_group([chosen], timing, ShareOfWork.unseen())
    assert evaluator._cache_size() == 1
    assert len(run.summary.evaluations) > 1
    assert run.summary.evaluations == simulate(chosen).summary.evaluations


def test_nothing_is_done_before_a_clock_that_this_process_simulates() -> None:
    chosen, asked = scenario(TIMING), []
    assert preparation_of(chosen, None) is None
    for count in (0, 1):
        with Timings([chosen], lambda scenarios, pace, most=count: min(most, len(scenarios))) as timings:
            timings.get(chosen, silent, lambda: asked.append(1))
        assert len(asked) == count

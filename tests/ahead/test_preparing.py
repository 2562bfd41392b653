"""The preparation of learning while another process simulates its clock."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

import numpy as np
import psutil
import pytest

from simasgd import preparation as module
from simasgd import simulate
from simasgd.ahead.helper import Helper
from simasgd.ahead.timings import Timings
from simasgd.learning.layout.costs import CPU, DeviceCosts
from simasgd.learning.players.compiled import Compiled, compile_ahead
from simasgd.learning.players.machine import _compiled as compiled_loops
from simasgd.learning.problem.evaluation import _evaluator
from simasgd.learning.problem.problem import build_problem
from simasgd.learning.problem.task import ScenarioTask, frame_of
from simasgd.preparation import Preparation
from simasgd.scenario.schema import Scenario
from simasgd.simulator import run_group
from simasgd.stages.progress import ShareOfWork, silent
from simasgd.tape.growing import Part, settled_steps
from simasgd.tape.tape import Tape
from simasgd.timing import Sending, simulate_first, simulate_timing
from tests.build import LINEAR, TIMING, scenario
from tests.learning.agreement import IN_WAVES


@pytest.mark.usefixtures("quickly_compiled")
def test_while_another_process_simulates_the_clock_this_one_compiles_all_programs() -> None:
    data = {"learning": {"data": {"features": 3}}}
    chosen = scenario(LINEAR, data, {"stop": {"gradients": 17_000}})
    assert chosen.learning is not None
    task = ScenarioTask(chosen.learning.model, chosen.learning.data)
    evaluator = _evaluator(frame_of(task, chosen.learning.precision))
    programs, made = [], compiled_loops.cache_info().misses
    with Timings([chosen], lambda scenarios, pace: len(scenarios)) as timings:
        prepare = Preparation([chosen], silent)
        timing = timings.get(chosen, silent, lambda helper: programs.append(prepare(helper)))
    assert (programs, evaluator._cache_size(), compiled_loops.cache_info().misses) == ([None], 1, made + 1)
    (run,) = run_group([chosen], timing, ShareOfWork.unseen())
    assert (evaluator._cache_size(), compiled_loops.cache_info().misses) == (1, made + 1)
    assert len(run.summary.evaluations) > 1
    assert run.summary.evaluations == simulate(chosen).summary.evaluations


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize(("protocol", "costs"), [("gossip-pull", CPU), ("hardsync", CPU), ("async", IN_WAVES)])
def test_a_quarter_of_a_tape_tells_the_program_of_the_whole(protocol: str, costs: DeviceCosts) -> None:
    """The columns of the whole are longer."""
    chosen = scenario(LINEAR, {"protocol": protocol, "stop": {"gradients": 17_000}})
    first, fraction = simulate_first(chosen, 4_000)
    whole = simulate_timing(chosen, silent).tape
    assert whole is not None
    assert fraction == pytest.approx(first.num_gradients / whole.num_gradients, rel=1e-3)
    compile_ahead([build_problem(chosen, first)], 1.0 / fraction, costs)
    made = compiled_loops.cache_info().misses
    Compiled(costs).prepare(build_problem(chosen, whole))
    assert compiled_loops.cache_info().misses == made


@pytest.mark.parametrize(("processes", "clocks", "times"), [(0, 1, 0), (1, 1, 1), (1, 2, 0), (2, 2, 1)])
def test_what_is_to_be_done_meanwhile_waits_for_no_clock(processes: int, clocks: int, times: int) -> None:
    """Nothing is done before a clock that this process simulates: another one has the next clock, and there is no third."""
    chosen, asked = [scenario(TIMING, {"seed": seed}) for seed in range(clocks)], []
    with Timings(chosen, lambda scenarios, pace: min(processes, len(scenarios))) as timings:
        timings.get(chosen[0], silent, lambda helper: asked.append(1))
    assert len(asked) == times


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("gradients", [15_000, 17_000])
def test_the_loop_is_compiled_later_where_its_first_part_is_much_of_the_clock_or_of_the_memory(
    gradients: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4,000 gradients are over a quarter of 15,000. Of 17,000 they are less, and here they do not fit."""
    asked = []

    def fail(chosen: Scenario, first: int) -> tuple[Tape, float]:
        asked.append(first)
        raise MemoryError

    monkeypatch.setattr(module, "simulate_first", fail)
    chosen = scenario(LINEAR, {"stop": {"gradients": gradients}})
    made = compiled_loops.cache_info().misses
    with closing(Helper()) as helper:
        helper.begin(chosen)
        Preparation([chosen], silent)(helper)
    assert compiled_loops.cache_info().misses == made
    assert asked == ([4_000] if gradients == 17_000 else [])


@pytest.mark.usefixtures("quickly_compiled")
def test_the_tape_is_replayed_while_it_is_written() -> None:
    """The other process waits after the first part of the tape, until some of it is replayed."""
    chosen = scenario(LINEAR, {"stop": {"gradients": 60_000}})
    told: list[float] = []
    with closing(Helper()) as helper:
        helper.begin(chosen, sends_parts=True)
        while helper._part is None:
            time.sleep(0.01)
        other = psutil.Process(helper._process.pid)
        other.suspend()

        def tell(phase: str, fraction: float) -> None:
            told.append(fraction)
            if len(told) > 10:
                other.resume()

        preparation = Preparation([chosen], tell)
        preparation(helper)
        timing = helper.take(lambda fraction: None)
    assert timing is not None
    assert preparation.early is not None
    assert preparation.early.steps > 5_000
    assert told == sorted(told)
    (run,) = run_group([chosen], timing, ShareOfWork.unseen(), early=preparation.early)
    assert run.summary.evaluations == simulate(chosen).summary.evaluations


@pytest.mark.parametrize("protocol", [{"kind": "n-softsync", "n": 2}, {"kind": "gossip-push"}])
def test_a_tape_is_sent_while_it_is_written(protocol: dict[str, Any]) -> None:
    """Each part is longer than the one before, and is the beginning of the whole."""
    chosen = scenario(LINEAR, {"protocol": protocol, "stop": {"gradients": 60_000}})
    parts: list[Part] = []
    timing = simulate_timing(chosen, silent, sending=Sending(parts.append, first=10_000, growth=2.0))
    assert timing.tape is not None
    sizes = [part.tape.num_gradients for part in parts]
    assert sizes == pytest.approx([16_384, 32_768], abs=20)
    for part in parts:
        assert part.fraction == pytest.approx(part.tape.num_gradients / 60_000, rel=1e-2)
        rows = part.tape.num_steps
        assert np.array_equal(part.tape.offsets, timing.tape.offsets[: rows + 1])
        assert np.array_equal(part.tape.timestamp, timing.tape.timestamp[: part.tape.num_gradients])
        assert 0.9 * rows < settled_steps(part.tape) < rows

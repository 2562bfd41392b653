"""Runs of one tape go through one loop on an accelerator only as far as its memory allows."""

from __future__ import annotations

import math

import jax
import numpy as np
import pytest

from simasgd import simulate
from simasgd.learning.layout.costs import ACCELERATOR, CPU, Work
from simasgd.learning.layout.temporary import gradient_bytes, live_bytes
from simasgd.learning.layout.waves import plan_waves
from simasgd.learning.players.fitting import bytes_of_group, most_that_fit
from simasgd.learning.players.planner import lay_out
from simasgd.learning.problem.gradients import gradient_function
from simasgd.learning.problem.recipe import build_recipe
from simasgd.learning.problem.task import sample_type
from simasgd.scenario.alike import Capacity
from simasgd.simulator import simulate_together
from tests.build import LEARNING, clock, scenario
from tests.protocols.table import ROWS

WIDE = {"learning": {"model": {"kind": "mlp", "hidden": [400]}, "optimizer": {"kind": "adam", "learning_rate": 0.001}}}
SHORT = {"cluster": {"learners": 6, "profile": "p775"}, "stop": {"gradients": 120}}


@pytest.mark.parametrize("kind", ROWS)
def test_a_group_that_is_filled_fits(kind):
    """With Adam's states, for learners' own models too: what the plans need is within what the scenarios promise."""
    chosen = scenario(LEARNING, WIDE, SHORT, {"protocol": ROWS[kind].typical})
    _, tape = clock(chosen)
    recipe = build_recipe(chosen, tape)
    memory = 70e6
    members = Capacity(math.inf, memory).most_together(chosen)
    assert 1 < members < 8, "the memory decides"
    layout = lay_out(recipe, tape, sample_type(chosen), [tape.num_steps], ACCELERATOR, members)
    assert sum(layout.bytes_needed(recipe, np.dtype("float32"), 4, members).values()) <= memory


def test_layers_outputs_count():
    """Thirty learners with mini-batches of 128 images: a wave of one run may have 3,840 samples, of some megabytes each."""
    model, data = "cifar10-rudra", "cifar10"
    chosen = scenario(
        LEARNING,
        {"cluster": {"learners": 30}, "learning": {"model": model, "data": data}},
        {"workload": {"mini_batch": 128}, "stop": {"gradients": 120}},
    )
    _, tape = clock(chosen)
    recipe, sample = build_recipe(chosen, tape), sample_type(chosen)
    alone, together = (lay_out(recipe, tape, sample, [tape.num_steps], ACCELERATOR, members) for members in (1, 8))
    assert (alone.waves.shape.width, together.waves.shape.width) == (30, 8), "eight share 8,192 samples"
    outputs = gradient_bytes(recipe, sample, 128, 1)
    assert outputs == pytest.approx(128 * 2.2e6, rel=0.25), "2.2 MB a sample were measured on an H200"
    of_wave = gradient_bytes(recipe, sample, 128, 64)
    assert of_wave == pytest.approx(64 * outputs, rel=0.001)
    needed = bytes_of_group(together, recipe, chosen, 128, 8)
    assert needed == sum(together.bytes_needed(recipe, np.dtype("float32"), 128, 8).values()) + of_wave
    scenarios = [chosen.with_seed(seed) for seed in range(8)]
    fitting = [most_that_fit(scenarios, tape, None, limit, ACCELERATOR) for limit in (needed, 0.95 * needed)]
    assert fitting == [8, 2], "four share as many samples as eight, two have 60 gradients in place of 64"
    assert most_that_fit(scenarios, tape, None, math.inf) == 8


def test_values_that_live_together_are_counted():
    """XLA, which joins operations, takes hardly more."""
    chosen = scenario(LEARNING, {"workload": {"mini_batch": 64}})
    _, tape = clock(chosen)
    recipe, sample = build_recipe(chosen, tape), sample_type(chosen)
    weights = jax.eval_shape(recipe.task.objective.init, jax.random.key(0))
    parts = [jax.ShapeDtypeStruct((64, *part.shape), part.dtype) for part in sample]
    compiled = jax.jit(lambda w, x, y: gradient_function(recipe.frame)(w, x, y, None)).lower(weights, *parts).compile()
    assert gradient_bytes(recipe, sample, 64, 1) >= 0.8 * compiled.memory_analysis().temp_size_in_bytes
    number = jax.ShapeDtypeStruct((), np.float32)
    assert live_bytes(lambda x: x * 2 + x * 3, number) == 12, "two products and their sum"
    assert live_bytes(jax.jit(lambda x: ((x * 2) * 3) * 4), number) == 8, "one value and the next"


def test_a_wave_has_a_bounded_number_of_steps():
    """Mixtures of models have no gradients that would bound it."""
    nothing = np.zeros(5001, np.int64)
    waves = plan_waves(nothing[1:], nothing, 4, ACCELERATOR, Work(4, 1.0), [])
    assert waves.step.tolist() == [0, 1024, 2048, 3072, 4096, 5000]


@pytest.mark.usefixtures("quickly_compiled")
def test_a_group_too_large_goes_through_several_loops():
    chosen = scenario(LEARNING, {"cluster": {"seed": 1}, "stop": {"gradients": 100}})
    scenarios = [chosen.with_seed(seed) for seed in range(3)]
    _, tape = clock(chosen)
    recipe = build_recipe(chosen, tape)
    layout = lay_out(recipe, tape, sample_type(chosen), [tape.num_steps], CPU)
    two = bytes_of_group(layout, recipe, chosen, 4, 2)
    assert most_that_fit(scenarios, tape, None, two, CPU) == 2
    runs = simulate_together(scenarios, memory=two)
    assert [run.scenario for run in runs] == scenarios
    (last,) = runs[2:]
    assert last.test_error == simulate(scenarios[2]).test_error
    assert len({run.summary.wall.compile for run in runs[:2]} | {last.summary.wall.compile}) == 2, "two loops"

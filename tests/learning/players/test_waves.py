"""Waves, layers of different ages, samples decoded on the way, several devices: all play what the reference does."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from simasgd import simulate
from simasgd.learning.data import examples
from simasgd.learning.data.files import VARIABLE
from simasgd.learning.layout.costs import CPU
from simasgd.learning.players.compiled import Compiled
from simasgd.learning.players.planner import lay_out
from simasgd.learning.players.reference import Reference
from simasgd.learning.problem.problem import build_problem
from tests.build import AT_LENGTH, LEARNING, LINEAR, scenario, thin
from tests.learning.agreement import (
    DOUBLE,
    IN_WAVES,
    PROTOCOLS,
    TOLERANCE,
    farthest,
    final_weights,
    moments,
    name_case,
    relative_distance,
    simulate_problem,
)
from tests.learning.data.images import save_image

pytestmark = pytest.mark.usefixtures("quickly_compiled")

MODULATIONS = ["inverse-staleness", "wu-adaptive-1", "delay-compensation", "dana-dc"]


# A network with every protocol, and five weights with the rules of all kinds.
CASES = [
    *((LINEAR, protocol, modulation) for protocol in PROTOCOLS for modulation in MODULATIONS),
    *((LEARNING, protocol, "inverse-staleness") for protocol in PROTOCOLS),
]


# Each modulation and each protocol, and a network.
ALWAYS = [*((LINEAR, *pair) for pair in zip(PROTOCOLS, MODULATIONS[1:] + MODULATIONS[:1], strict=True)), CASES[-3]]


@pytest.mark.parametrize(
    ("base", "protocol", "modulation"),
    [case if case in ALWAYS else pytest.param(*case, marks=AT_LENGTH) for case in CASES],
    ids=name_case,
)
def test_waves_agree_with_the_reference(base, protocol, modulation):
    chosen = scenario(base, DOUBLE, {"cluster": {"learners": 6}, "protocol": protocol, "learning": {"modulation": modulation}})
    with jax.enable_x64(True):
        problem = simulate_problem(chosen)
        expected, found = (moments(player, problem, [37, 100]) for player in (Reference(), Compiled(IN_WAVES)))
        assert farthest(found, expected) <= TOLERANCE["float64"]


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_divergence_in_the_middle_of_a_wave_is_found_at_its_update():
    explosion = {"boundaries": [0.5], "factor": 1e39}
    chosen = scenario(
        LINEAR,
        {"cluster": {"learners": 6}, "learning": {"schedule": explosion}, "stop": {"gradients": None, "updates": 300}},
    )
    problem = simulate_problem(chosen)
    (half,) = problem.tape.first_step_after([719])
    layout = lay_out(problem.recipe, problem.tape, problem.sample, [300], IN_WAVES)
    assert half + 1 not in layout.waves.step
    (last,) = Compiled(IN_WAVES).play(problem, [300], lambda done: None)
    assert (last.steps, last.diverged) == (half + 1, True)


@pytest.mark.parametrize("modulation", thin(["gap-aware", "none", "inverse-staleness", "dana-zero"], 4))
def test_each_layer_is_read_at_its_own_age(modulation):
    delays = {"protocol": {"kind": "injected-staleness", "delay": [5, {"distribution": "poisson", "mean": 2}, 0]}}
    model = {"kind": "mlp", "hidden": [8, 8]}
    chosen = scenario(
        LEARNING, DOUBLE, delays, {"cluster": {"learners": 1}, "learning": {"model": model, "modulation": modulation}}
    )
    with jax.enable_x64(True):
        problem = simulate_problem(chosen)
        assert problem.tape.layers.shape == (200, 3)
        expected = final_weights(Reference(), problem)
        for device in (CPU, IN_WAVES):
            assert relative_distance(final_weights(Compiled(device), problem), expected) <= TOLERANCE["float64"]
        oldest = dataclasses.replace(problem, tape=dataclasses.replace(problem.tape, layers=None))
        assert relative_distance(final_weights(Compiled(), oldest), expected) > 1e-4, (
            "reading all at the oldest version is something else"
        )


def test_layers_of_one_age_are_that_age():
    learners, model = {"cluster": {"learners": 1}}, {"learning": {"model": {"kind": "mlp", "hidden": [8]}}}
    weights = []
    for delay in (3, [3, 3]):
        protocol = {"protocol": {"kind": "injected-staleness", "delay": delay}}
        with jax.enable_x64(True):
            weights.append(final_weights(Compiled(), simulate_problem(scenario(LEARNING, DOUBLE, learners, model, protocol))))
    assert relative_distance(*weights) == 0.0


def test_augmented_samples_are_the_same_for_both_players():
    chosen = scenario(LEARNING, DOUBLE, {"learning": {"data": {"kind": "digits", "crop": 1, "flip": True}}})
    with jax.enable_x64(True):
        problem = simulate_problem(chosen)
        assert len(np.unique(problem.codes)) == 18, "nine windows, mirrored or not"
        expected = final_weights(Reference(), problem)
        assert relative_distance(final_weights(Compiled(), problem), expected) <= TOLERANCE["float64"]
        plain = dataclasses.replace(problem, codes=np.full_like(problem.codes, 2 * (1 * 3 + 1)))
        untouched = build_problem(scenario(LEARNING, DOUBLE), problem.tape)
        assert relative_distance(final_weights(Compiled(), plain), final_weights(Compiled(), untouched)) <= TOLERANCE["float64"]
        assert relative_distance(final_weights(Compiled(), untouched), expected) > 1e-3


def test_images_that_are_decoded_on_the_way_are_the_same_for_both_players(tmp_path, monkeypatch):
    """A folder of 40 random images, of which a window holds what a few steps want."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    generator = np.random.default_rng(0)
    for part, count in (("train", 40), ("val", 10)):
        for number in range(count):
            label = number % 2
            pixels = np.clip(generator.normal(60 + 120 * label, 30, (8, 8, 3)), 0, 255)
            save_image(tmp_path / f"imagenet/{part}/n0000000{label}/{number:04}.JPEG", pixels)
    monkeypatch.setattr(examples, "_WINDOW_BYTES", 100 * 4 * 192 * 4)
    data = {"kind": "imagenet", "resolution": 8, "classes": 2, "train": 40, "test": 10, "subtract_mean": True, "flip": True}
    chosen = scenario(
        LEARNING,
        {"learning": {"data": data, "precision": "float64", "optimizer": {"learning_rate": 0.1}}, "stop": {"gradients": 330}},
    )
    with jax.enable_x64(True):
        problem = simulate_problem(chosen)
        expected = final_weights(Reference(), problem)
        for device in (CPU, IN_WAVES):
            assert relative_distance(final_weights(Compiled(device), problem, stops=[101]), expected) <= TOLERANCE["float64"]
    run = simulate(chosen)
    assert run.test_error == 0.0 < run.evaluations["test_error"][0]
    nothing = simulate(scenario(LEARNING, {"learning": {"data": data}, "stop": {"gradients": None, "simulated_time": "1 ns"}}))
    assert nothing.summary.updates == 0
    assert nothing.test_error is not None


@AT_LENGTH
def test_several_devices_share_the_work_and_change_nothing_but_rounding():
    """With two forced host devices: mini-batches, waves and members are spread over them."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.learning.players.several_devices"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("devices") == 2
    assert len(found) == 5
    assert max(found.values()) <= TOLERANCE["float64"], found

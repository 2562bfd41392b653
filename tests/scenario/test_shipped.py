"""Every scenario that comes with simasgd runs, on a small scale."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from simasgd import Scenario, simulate
from tests.build import clock

NAMES = sorted(path.stem for path in (Path(__file__).parents[2] / "scenarios").glob("*.yaml"))
GRADIENTS = 200
SMALLER = {"ten-thousand": ["cluster.learners=500"]}
# One of each way to learn. Fashion-MNIST does not come with simasgd, so digits take its place.
LEARNED = [
    ("digits", ""),
    ("dc-asgd", "dc-asgd-a"),
    ("gossip", "easgd"),
    ("injected-staleness", "20-ramp"),
    ("protocols", "fedbuff"),
    ("protocols", "k-batch-sync"),
    ("stability-limit", "delay-3-above"),
]


def load_small(name: str, *overrides: str) -> Scenario:
    short = ["repeats=1", "record=updates", "stop.epochs=null", f"stop.gradients={GRADIENTS}"]
    return Scenario.load(name, *short, *SMALLER.get(name, []), *overrides)


@pytest.mark.parametrize("name", NAMES)
def test_the_clock_of_every_variant_runs(name: str) -> None:
    chosen = load_small(name)
    for variant in chosen.by_variant.values():
        clocked, tape = clock(variant)
        assert clocked.gradients_applied == tape.num_gradients >= GRADIENTS
        assert tape.num_steps > 0
        assert 0 < clocked.simulated_seconds < math.inf


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize(("name", "variant"), LEARNED)
def test_a_variant_learns(name: str, variant: str) -> None:
    chosen = load_small(name)
    assert chosen.learning is not None
    if chosen.learning.data.kind == "fashion-mnist":
        chosen = load_small(name, "learning.data=digits")
    run = simulate(chosen.by_variant[variant])
    assert run.evaluations is not None
    losses = run.evaluations["test_loss"]
    assert len(losses) >= 2
    assert losses.iloc[0] != losses.iloc[-1]

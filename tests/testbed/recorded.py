"""Recording small scenarios, and comparing their weights with the players'."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from simasgd.learning.players.compiled import Compiled
from simasgd.learning.players.player import AbstractPlayer
from simasgd.learning.players.reference import Reference
from simasgd.learning.problem.problem import build_problem
from simasgd.scenario.schema import Scenario
from simasgd.testbed.driver.driver import RecordedRun
from simasgd.testbed.system.parcels import Codec
from tests.build import LINEAR, scenario

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def small(protocol: dict[str, Any], *changes: dict[str, Any]) -> Scenario:
    """Return a scenario of three learners and some 60 gradients of 4 ms."""
    compute = {"per_batch": "4 ms", "per_sample": "0 s", "distribution": "gamma", "cv": 0.5}
    base = {"protocol": protocol, "cluster": {"learners": 3, "compute": compute}, "stop": {"gradients": 60}}
    return scenario(LINEAR, base, *changes)


def weights_of(chosen: Scenario, recorded: RecordedRun, player: AbstractPlayer) -> tuple[Any, Any]:
    """Return the weights that the server ended with and the player's on the recorded tape, as vectors."""
    assert chosen.learning is not None
    tape = recorded.timing.tape
    assert tape is not None
    with jax.enable_x64(chosen.learning.precision == "float64"):
        problem = build_problem(chosen, tape)
        player.prepare(problem)
        *_, last = player.play(problem, [tape.num_steps], lambda done: None)
        real = Codec(problem.start, int(chosen.payload)).unpack(recorded.final)
        return _vector(real), _vector(last.weights)


def check_weights(chosen: Scenario, recorded: RecordedRun) -> None:
    """Check that the server ended with the weights of both players on the recorded tape."""
    assert chosen.learning is not None
    for player in (Compiled(), Reference()):
        real, played = weights_of(chosen, recorded, player)
        difference = np.linalg.norm(real - played) / np.linalg.norm(played)
        assert difference <= TOLERANCE[chosen.learning.precision], difference


def check_conservation(recorded: RecordedRun) -> None:
    """Check that every computed gradient has one fate, for each learner and in sum."""
    clock = recorded.timing.clock
    fates = clock.learner_gradients
    for learner, computed in enumerate(fates.computed):
        counts = [getattr(fates, name)[learner] for name in ("applied", "dropped", "cancelled", "lost", "in_flight")]
        assert min(counts) >= 0
        assert sum(counts) == computed
    assert sum(fates.computed) == clock.gradients_computed
    tape = recorded.timing.tape
    assert tape is not None
    assert clock.gradients_applied == tape.num_gradients
    pairs = list(zip(tape.learner.tolist(), tape.batch.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)


def _vector(tree: Any) -> Any:
    return np.concatenate([np.ravel(np.asarray(leaf)) for leaf in jax.tree.leaves(tree)])

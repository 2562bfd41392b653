"""Helpers for tests that play tapes: pose a scenario's problem, play it to its end, compare weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from simasgd.learning.layout.costs import CPU
from simasgd.learning.players.player import AbstractPlayer
from simasgd.learning.problem.problem import Problem, build_problem
from simasgd.learning.problem.snapshot import Snapshot
from simasgd.scenario.schema import Scenario
from tests.build import clock

PROTOCOLS: list[dict[str, Any]] = [
    {"kind": "hardsync"},
    {"kind": "async"},
    {"kind": "n-softsync", "n": 1},
    {"kind": "n-softsync", "n": 2},
]
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
"""The largest relative distance of the weights of two players that agree."""
IN_WAVES = CPU._replace(most_in_wave=8, most_bytes_in_wave=1e9)
DOUBLE: dict[str, Any] = {"learning": {"precision": "float64"}, "stop": {"gradients": None, "updates": 200}}


def simulate_problem(chosen: Scenario) -> Problem:
    """Simulate the scenario's clock and pose its learning problem on the tape."""
    _, tape = clock(chosen)
    return build_problem(chosen, tape)


def flatten(tree: Any) -> np.ndarray:
    """Return all numbers of a tree of arrays as one vector."""
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def relative_distance(left: Any, right: Any) -> float:
    """Return ‖left − right‖ / ‖right‖ over all parameters of two trees of weights."""
    return float(np.linalg.norm(flatten(left) - flatten(right)) / np.linalg.norm(flatten(right)))


def final_weights(player: AbstractPlayer, problem: Problem, stops: Sequence[int] = ()) -> Any:
    """Play the whole problem, with moments at `stops` besides, and return the last weights."""
    moments = list(player.play(problem, [*stops, problem.tape.num_steps], lambda done: None))
    assert [moment.steps for moment in moments] == [*stops, problem.tape.num_steps]
    return moments[-1].weights


def moments(player: AbstractPlayer, problem: Problem, stops: Sequence[int]) -> list[tuple[Any, Snapshot]]:
    """Play the whole problem; return the weights and the snapshot at each of the stops, and at the end."""
    ends = [*stops, problem.tape.num_steps]
    found = [(moment.steps, moment.weights, moment.take_snapshot()) for moment in player.play(problem, ends, lambda done: None)]
    assert [steps for steps, _, _ in found] == ends
    return [(weights, snapshot) for _, weights, snapshot in found]


def farthest(left: Sequence[tuple[Any, Snapshot]], right: Sequence[tuple[Any, Snapshot]]) -> float:
    """Return the largest relative distance of the weights, or the snapshots, of two players at the same stops."""
    return max(relative_distance(*pair) for both in zip(left, right, strict=True) for pair in zip(*both, strict=True))


def count_bytes(tree: Any) -> int:
    """Return the bytes that the arrays of a tree take."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))


def name_case(case: Any) -> str:
    """Name a test's parameter: a base scenario by its model, everything else by its text."""
    return case["learning"]["model"]["kind"] if isinstance(case, dict) and "learning" in case else str(case)

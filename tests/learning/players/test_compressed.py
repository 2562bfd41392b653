"""Both players agree on compressed gradients."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest

from simasgd.learning.layout.costs import CPU
from simasgd.learning.players.compiled import Compiled, CompiledGroup
from simasgd.learning.players.machine import Machine
from simasgd.learning.players.planner import lay_out
from simasgd.learning.players.reference import Reference
from tests.build import LEARNING, clock, scenario
from tests.learning.agreement import IN_WAVES, count_bytes, final_weights, relative_distance, simulate_problem

pytestmark = pytest.mark.usefixtures("quickly_compiled")

SPECTRUM = [round(0.9**k, 3) for k in range(24)]
BOWL = {
    "learning": {
        "data": {"kind": "noise", "features": 24},
        "model": {"kind": "quadratic", "spectrum": SPECTRUM},
        "precision": "float64",
    },
    "stop": {"gradients": None, "updates": 200},
}
DOWNPOUR = {"kind": "downpour", "n_push": 2}
FEDBUFF = {"kind": "fedbuff", "buffer": 2, "local_steps": 3}
PLAIN_TOP_K = {"kind": "top-k", "fraction": 0.2, "error_feedback": False}
PLAIN_SIGN = {"kind": "sign", "error_feedback": False}
# Every program is compiled, so each kind is here once with sums and once without, with and without feedback.
CASES = [
    *(("async", kind) for kind in ("fp16", {"kind": "top-k", "fraction": 0.2}, {"kind": "qsgd", "bucket": 7}, "sign")),
    *(("hardsync", kind) for kind in ({"kind": "qsgd", "bucket": None}, PLAIN_SIGN)),
    *((DOWNPOUR, kind) for kind in ({"kind": "top-k", "fraction": 0.2}, PLAIN_SIGN)),
    *((FEDBUFF, kind) for kind in ("fp16", PLAIN_TOP_K, "qsgd")),
]


def compressed(compression, *changes):
    return scenario(LEARNING, BOWL, {"workload": {"compression": compression}}, *changes)


def learned(player, *arguments):
    with jax.enable_x64(True):
        return final_weights(player, simulate_problem(compressed(*arguments)))


@pytest.mark.parametrize(("protocol", "compression"), CASES, ids=str)
def test_the_players_agree(protocol, compression):
    with jax.enable_x64(True):
        problem = simulate_problem(compressed(compression, {"protocol": protocol}))
        expected = final_weights(Reference(), problem)
        assert relative_distance(final_weights(Compiled(), problem), expected) <= 1e-10
        assert relative_distance(problem.start, expected) > 0.01, "nothing was learned, so agreement says nothing"


def test_waves_agree_with_the_reference():
    """Sums of gradients that are computed at once, since their learners pull for each."""
    changes = {"protocol": DOWNPOUR, "cluster": {"learners": 6}, "learning": {"modulation": "dana-zero"}}
    with jax.enable_x64(True):
        problem = simulate_problem(compressed("qsgd", changes))
        plan = lay_out(problem.recipe, problem.tape, problem.sample, [200], IN_WAVES)
        assert plan.waves is not None
        assert plan.waves.shape.width > 2
        assert problem.recipe.setting.sums
        assert relative_distance(final_weights(Compiled(IN_WAVES), problem), final_weights(Reference(), problem)) <= 1e-10


def test_runs_played_together_draw_what_they_draw_alone():
    with jax.enable_x64(True):
        problem = simulate_problem(compressed("qsgd"))
        problems = [dataclasses.replace(problem, start=jax.tree.map(lambda w, k=k: w + k, problem.start)) for k in range(2)]
        (moments,) = CompiledGroup().play(problems, [200], lambda done: None)
        for moment, alone in zip(moments, problems, strict=True):
            assert relative_distance(moment.weights, final_weights(Reference(), alone)) <= 1e-10


def test_all_of_the_largest_is_no_compression():
    """Bit for bit, tape and weights, hardsync's one mini-batch for all included."""
    kinds, protocol = ("none", {"kind": "top-k", "fraction": 1}), {"protocol": "hardsync"}
    tapes = [clock(compressed(kind, protocol))[1] for kind in kinds]
    for column in ("learner", "batch", "timestamp", "read_at", "computed_at", "stepped_at", "offsets"):
        assert np.array_equal(getattr(tapes[0], column), getattr(tapes[1], column))
    assert relative_distance(*(learned(Compiled(), kind, protocol) for kind in kinds)) == 0.0


def test_what_is_stated_of_memory_is_what_is_taken():
    chosen = compressed("sign", {"protocol": FEDBUFF})
    with jax.enable_x64(True):
        problem = simulate_problem(chosen)
        plan = lay_out(problem.recipe, problem.tape, problem.sample, [problem.tape.num_steps], CPU)
        needed = plan.bytes_needed(problem.recipe, problem.dtype, 4)
        machine = Machine([problem], plan)
    start, rows = machine.start, machine._rows
    assert needed["weights and optimizer"] == 3 * (
        count_bytes(start) - count_bytes(start.slots) - count_bytes(start.memory.copies)
    )
    assert needed["mini-batches"] == count_bytes(rows) - count_bytes(rows.shared.first) - count_bytes(rows.own.rule)

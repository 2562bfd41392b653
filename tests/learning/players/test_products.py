"""With an accelerator's plan: waves that are products, and waves whose steps follow in order, play as the reference does."""

from __future__ import annotations

from typing import Any

import jax
import pytest

from simasgd.learning.layout.costs import ACCELERATOR
from simasgd.learning.players.compiled import Compiled
from simasgd.learning.players.planner import lay_out
from simasgd.learning.players.reference import Reference
from tests.build import AT_LENGTH, LEARNING, LINEAR, scenario
from tests.learning.agreement import TOLERANCE, farthest, moments, name_case, relative_distance, simulate_problem
from tests.protocols.table import ROWS

pytestmark = pytest.mark.usefixtures("quickly_compiled")

ALONE = [
    "none",
    "inverse-staleness",
    "inverse-mean-staleness",
    {"kind": "sqrt-batch", "reference": 8},
    "polynomial-staleness",
    {"kind": "exponential-staleness", "rate": 0.2},
    {"kind": "staleness-table", "factors": [1, 0.5, 0.8, 0.1]},
    {"kind": "mishchenko", "smoothness": 5.0},
    {"kind": "koloskova", "threshold": 2},
]
OF_ONE_SERVER = ALONE[7:]
OTHERS = ["wu-adaptive-1", "wu-adaptive-2", "gap-aware"]  # linear and of one server, but a step needs the one before
HEAVY, NESTEROV, PLAIN = ({"momentum": 0.9}, {"momentum": 0.8, "nesterov": True}, {"momentum": 0})
ADAM = {"kind": "adam", "learning_rate": 0.005}
SHORT = {
    "cluster": {"learners": 6, "profile": "p775"},
    "learning": {
        "precision": "float64",
        "schedule": {"boundaries": [0.05, 0.1], "factor": 0.5},
        "optimizer": {"learning_rate": 0.02, "weight_decay": 0.01},
    },
    "stop": {"gradients": 240},
    "record": {"weights": True},
}
CASES: list[Any] = [
    (LINEAR, kind, modulation, momentum)
    for momentum in (HEAVY, NESTEROV)
    for modulation in (*ALONE, *OTHERS)
    for kind, row in ROWS.items()
    if not (row.own_models and modulation in (*OF_ONE_SERVER, *OTHERS))
]
CASES += [(LINEAR, kind, "none", optimizer) for optimizer in (ADAM, PLAIN) for kind in ROWS]
CASES += [(LEARNING, kind, "inverse-staleness", HEAVY) for kind in ROWS]
STOPS = [11, 20, 31]
# Products with each kind of momentum and steps in order, of one chain of weights and of learners'
# own models, and a network.
ALWAYS = [
    (LINEAR, "async", "none", PLAIN),
    (LINEAR, "n-softsync", "inverse-staleness", NESTEROV),
    (LINEAR, "async", "none", ADAM),
    (LEARNING, "async", "inverse-staleness", HEAVY),
    (LINEAR, "gossip-push", "none", PLAIN),
    (LINEAR, "local-sgd", "none", HEAVY),
    (LINEAR, "easgd", "none", NESTEROV),
    (LINEAR, "ad-psgd", "none", ADAM),
]


@pytest.mark.parametrize(
    ("base", "kind", "modulation", "optimizer"),
    [case if case in ALWAYS else pytest.param(*case, marks=AT_LENGTH) for case in CASES],
    ids=name_case,
)
def test_an_accelerators_plan_agrees_with_the_reference(base, kind, modulation, optimizer):
    """Evaluations and snapshots in the middle of waves included."""
    chosen = scenario(
        base, SHORT, {"protocol": ROWS[kind].typical, "learning": {"modulation": modulation, "optimizer": optimizer}}
    )
    with jax.enable_x64(True):
        problem = simulate_problem(chosen)
        layout = lay_out(problem.recipe, problem.tape, problem.sample, problem.cuts, ACCELERATOR)
        assert (layout.waves is None) is (problem.tape.ahead is not None)
        assert problem.recipe.rule.is_product is (optimizer is not ADAM and modulation not in OTHERS)
        expected, found = (moments(player, problem, STOPS) for player in (Reference(), Compiled(ACCELERATOR)))
        assert farthest(found, expected) <= TOLERANCE["float64"]
        assert relative_distance(problem.start, expected[-1][0]) > 0.01, "nothing was learned, so agreement says nothing"
        assert layout.waves is None or layout.waves.shape.depth == 1 or not {*STOPS} <= {*layout.waves.step.tolist()}
